"""Files -> serialized records: streams of shards and of raw files, including damaged ones."""

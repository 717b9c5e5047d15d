"""Files -> serialized records: streams of shards and of raw files, damaged ones among them."""

"""What a job learns from its input before it writes: lengths, vocabularies, and whether all records are invalid."""

"""Features of a batch -> dense steps and lengths, from dense, sparse and ragged input."""

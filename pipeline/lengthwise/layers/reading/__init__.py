"""From the features of a batch to dense steps and lengths: dense, sparse and ragged input."""

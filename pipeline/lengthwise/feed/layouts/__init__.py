"""The three sources of batches: both layouts of prepared data, and raw records."""

"""The features and chunks of rows between reading and batching."""

"""What the feed holds between reading and batching: features by key, and chunks of rows."""

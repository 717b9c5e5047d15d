"""Writes rows as shards, and publishes the data set."""

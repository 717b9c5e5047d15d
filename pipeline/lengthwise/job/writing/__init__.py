"""Rows -> shards, and the publication of the data set."""

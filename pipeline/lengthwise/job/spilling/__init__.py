"""Keeps rows on disk: waiting rows, and sorted runs."""

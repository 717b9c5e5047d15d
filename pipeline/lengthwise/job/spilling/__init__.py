"""Rows on disk: rows that wait, and sorted runs."""

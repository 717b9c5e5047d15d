"""Rejects in files."""

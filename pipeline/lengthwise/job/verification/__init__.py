"""Compares prepared data with its manifest."""

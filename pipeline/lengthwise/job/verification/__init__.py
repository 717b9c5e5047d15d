"""Prepared data, checked against its manifest."""

"""Decoded records -> rows: look up, validate, truncate, order, split."""

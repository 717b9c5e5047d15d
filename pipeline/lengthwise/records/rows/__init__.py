"""Decoded records -> rows: look up, validate, cut, order, split."""

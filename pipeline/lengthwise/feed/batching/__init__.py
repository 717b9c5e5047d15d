"""Rows -> batches: windows sorted by length, cut by a budget of padded steps, or packed."""

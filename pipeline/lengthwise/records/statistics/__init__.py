"""Statistics of written values."""

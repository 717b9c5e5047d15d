"""What written values look like."""

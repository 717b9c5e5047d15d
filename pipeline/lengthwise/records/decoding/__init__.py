"""Serialized records -> Arrow lists."""

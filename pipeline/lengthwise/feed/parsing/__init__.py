"""Serialized records -> rows: parse, validate, look up, truncate."""

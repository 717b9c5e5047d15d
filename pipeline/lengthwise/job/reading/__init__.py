"""Reads the raw input: its files, their pieces, and the blocks of a piece."""

"""Arrow and numpy tools for blocks of records."""

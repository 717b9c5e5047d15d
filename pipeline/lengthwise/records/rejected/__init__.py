"""The files of rejected records."""

"""Single records, to inspect them: the first ones of files, and their display."""

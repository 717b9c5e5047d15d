"""Single records to look at: the first ones of files, and how they are shown."""

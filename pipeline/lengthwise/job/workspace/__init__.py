"""The output folder: its lock, its work folder, the names of its files, and what a job resumes from."""

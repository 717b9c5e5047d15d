"""The output folder: its lock, its work folder, the names of its files, and the state from which a job resumes."""

"""Lists the steps of a job, and runs them in worker processes on this machine or with Beam."""

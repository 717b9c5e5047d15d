"""Turns raw TFRecords into a validated, bucketed, padded data set, in worker processes on this machine or with Beam.

    reading ─▶ spilling ─▶ planning ─▶ writing ─▶ manifest
       │           │           │          └ shards, the files next to them, and their publication
       │           │           └ bucket boundaries, and vocabularies that are counted
       │           └ rows wait on disk until both are known
       └ files, and pieces of large ones                  verification  compares a data set with its manifest

`entry_points` runs all of it in order; `data_set_parts` adds parts to a data set; `data_check` only validates.
`running` lists the steps, and runs them in worker processes or with Beam. `workspace` is the output folder while a job
runs. `task_values` are the values that steps pass to each other.
"""

from lengthwise.job.data_set_parts import drop_parts, run_by_plan
from lengthwise.job.entry_points import check, measure_lengths, run

__all__ = ["check", "drop_parts", "measure_lengths", "run", "run_by_plan"]

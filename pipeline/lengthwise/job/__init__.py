"""Raw TFRecords -> a validated, bucketed, padded data set: worker processes on this machine, or a Beam job.

    reading ─▶ spilling ─▶ planning ─▶ writing ─▶ manifest
       │           └ rows wait on disk until buckets are planned
       └ files, and pieces of large ones                  verification  a data set against its manifest

`entry_points` runs all of it in order; `data_set_parts` adds to a data set; `data_check` validates alone. `running` has
what runs the steps: worker processes on this machine, or Beam. `workspace` is the output folder while a job runs.
`task_values` are what the steps hand to each other.
"""

from lengthwise.job.data_set_parts import drop_parts, run_by_plan
from lengthwise.job.entry_points import check, measure_lengths, run

__all__ = ["check", "drop_parts", "measure_lengths", "run", "run_by_plan"]

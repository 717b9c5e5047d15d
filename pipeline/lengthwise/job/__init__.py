"""Raw TFRecords -> a validated, bucketed, padded data set: worker processes on this machine, or a Beam job.

inputs     which files                          workspace  the output folder while the job runs
measure    their lengths, and the plan          runs       sorted rows on disk, waiting for their shard
spill      file -> rows, rejects, counts        shards     rows -> shards
counting   values of vocabularies               counted    what they become
pairs      two lengths in a record              quantile_boundaries  numbers for boundaries
publish    balance, manifest, moving            entry_points  all of it, in order
                                                stages     its stages, and who runs each
local      these steps on this machine          local_workers  the processes that do them        worker  one of them
pipeline   these steps as Beam transforms       runner     who runs them         start      a process that starts fast
hold       the output folder, by one run        abandoned  temporary folders of killed runs
parts      a data set that grows                plan_from  the plan of another data set
removal    of a data set                        fingerprint  what bytes depend on
"""

from lengthwise.job.entry_points import check, measure_lengths, run
from lengthwise.job.parts import drop_parts, run_by_plan

__all__ = ["check", "drop_parts", "measure_lengths", "run", "run_by_plan"]

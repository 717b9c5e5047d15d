"""Raw TFRecords -> a validated, bucketed, padded data set, as one Beam job.

inputs     which files                          workspace  the output folder while the job runs
measure    their lengths, and the plan          runs       sorted rows on disk, waiting for their shard
spill      file -> rows, rejects, counts        shards     rows -> shards
publish    balance, manifest, moving            pipeline   these steps as Beam transforms      runner   who runs them
entry_points  all of it, in order               start      a process that starts fast         worker   one that serves
hold       the output folder, by one run        abandoned  temporary folders of killed runs
processes  workers, watched to their end        parts      a data set that grows
plan_from  the plan of another data set         removal    of a data set         fingerprint  what bytes depend on
"""

from lengthwise.job.entry_points import check, measure_lengths, run
from lengthwise.job.parts import drop_parts, run_by_plan

__all__ = ["check", "drop_parts", "measure_lengths", "run", "run_by_plan"]

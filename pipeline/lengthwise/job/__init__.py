"""Raw TFRecords -> a validated, bucketed, padded data set, as one Beam job.

inputs     which files                          workspace  the output folder while the job runs
measure    their lengths, and the plan          runs       sorted rows on disk, waiting for their shard
spill      file -> rows, rejects, counts        shards     rows -> shards
publish    balance, manifest, moving            pipeline   these steps as Beam transforms      runner   who runs them
job        all of it, in order                  start      a process that starts fast         worker   one that serves
hold       the output folder, by one run           abandoned  temporary folders of killed runs
processes  workers, watched to their end
"""

from lengthwise.job.entry_points import check, measure_lengths, run

__all__ = ["check", "measure_lengths", "run"]

"""The lengths of the input's sequences, measured before buckets are planned. Cached file by file in the work folder."""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from lengthwise import files
from lengthwise.buckets import BucketPlan, LengthHistogram, plan
from lengthwise.config.model import JobConfig
from lengthwise.prepare.model import Input, Job, Measured, Refused
from lengthwise.prepare.reading import Reading
from lengthwise.progress import Reporter
from lengthwise.records.features import LENGTH
from lengthwise.records.framing import Block
from lengthwise.records.lookup import fingerprint64
from lengthwise.records.refine import Refiner, Tally
from lengthwise.rejects import Reject

EXAMPLES = 3
"""How many rejects of one reason and column, and of one file, are kept to show."""


def measure_file(job: Job, source: Input) -> Measured:
    """Reads and validates a file, or the sampled share of its blocks, and counts its sequences by length."""
    done = job.place("measured", f"{source.rank:06d}.json")
    if files.exists(done):
        return Measured.model_validate_json(files.read_bytes(done))
    config = job.config
    refiner = Refiner(job.rules(job.boundaries[-1] if job.boundaries else longest_planned(config)))
    reporter = Reporter(job.progress, f"measure-{source.rank:06d}")
    counts = np.zeros(1, np.int64)
    tally = Tally()
    examples: list[Refused] = []
    reading = Reading(job, source)
    for block in reading.blocks():
        if _is_sampled(source, block, config.buckets.sample):
            refined = refiner.refine(block, source.path)
            tally.add(refined.tally)
            examples = first_examples(examples, refined.rejects)
            found = np.bincount(refined.rows.column(LENGTH).to_numpy(), minlength=len(counts))
            found[: len(counts)] += counts
            counts = found
        reporter.report(reading.consumed, tally.read, tally.rejected.total())
    reporter.report(source.size, tally.read, tally.rejected.total(), final=True)
    lengths = {int(length): int(counts[length]) for length in np.flatnonzero(counts)}
    measured = Measured(rank=source.rank, lengths=lengths, tally=tally, examples=examples)
    files.write_bytes(done, measured.model_dump_json().encode())
    return measured


def first_examples(known: list[Refused], rejects: Iterable[Reject]) -> list[Refused]:
    """`known`, and of each reason and column the first few rejects that it lacks."""
    kept = list(known)
    counts = Counter((one.reason, one.column) for one in kept)
    for reject in rejects:
        if counts[reject.reason, reject.column] < EXAMPLES:
            counts[reject.reason, reject.column] += 1
            kept.append(Refused(**{name: getattr(reject, name) for name in Refused.model_fields}))
    return kept


def longest_planned(config: JobConfig) -> int | None:
    """The last boundary where it is known before the lengths are: `max_length`, rounded up to `multiple_of`."""
    buckets = config.buckets
    if buckets.max_length is None:
        return None
    return -(-buckets.max_length // buckets.multiple_of) * buckets.multiple_of


def add_up(measured: Iterable[Measured]) -> LengthHistogram:
    """The histogram of all files."""
    total: dict[int, int] = {}
    for one in measured:
        for length, count in one.lengths.items():
            total[length] = total.get(length, 0) + count
    return LengthHistogram.from_counts(total)


def unsampled(config: JobConfig) -> JobConfig:
    """The configuration, but that all of the input is measured."""
    return config.model_copy(update={"buckets": config.buckets.model_copy(update={"sample": 1.0})})


def plan_buckets(config: JobConfig, histogram: LengthHistogram) -> BucketPlan:
    """The plan that the configuration asks for.

    Where there is nothing to plan from, one bucket that nothing will be in: the job goes on, to write what it rejects.
    """
    buckets = config.buckets
    if histogram.total == 0:
        return BucketPlan((longest_planned(config) or buckets.multiple_of,))
    return plan(
        histogram,
        count=buckets.count,
        cost=buckets.cost,
        multiple_of=buckets.multiple_of,
        max_length=buckets.max_length,
    )


def _is_sampled(source: Input, block: Block, share: float) -> bool:
    """Whether a block is in the sample: by a hash of what it is, so the same in every run."""
    first = block.indices[0] if block.indices else 0
    return share >= 1 or fingerprint64(f"{source.name}:{first}".encode()) < share * 2**64

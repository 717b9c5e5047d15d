"""The number of workers that this machine runs."""

from lengthwise.cores import usable_cores

# Bytes of input. Worker processes take half a second to start, and a core each: they pay off from this size.
_LEAST_FOR_PROCESSES = 256 * 2**20
_BYTES_PER_WORKER = 64 * 2**20  # of input: a worker has shards to write, even if it has nothing to read


def choose_workers(workers: int | None, pieces: int, size: int) -> tuple[int, str]:
    """The number of workers on this machine, and a line that gives the reason.

    Args:
        workers: the requested number; None for one per core that this process may use, or for a single one if the
            input is small.
        pieces: the number of pieces of the input: if it is small, more workers than pieces would be idle.
        size: the input's bytes.
    """
    is_small = size < _LEAST_FOR_PROCESSES
    requested = workers or (1 if is_small else usable_cores())
    count = min(requested, max(pieces, size // _BYTES_PER_WORKER, 1))
    if count == 1:
        why = ""
        if workers is None and is_small:
            why = f": {size / 2**20:.0f} MiB of input is less than {_LEAST_FOR_PROCESSES >> 20} MiB"
        return 1, f"1 worker in this process{why}"
    why = f"`--workers {workers}`" if workers else f"{size / 2**20:.0f} MiB of input, {usable_cores()} usable cores"
    return count, f"{count} worker processes: {why}"


def embedded_options(workers: int | None) -> list[str]:
    """Options for this number of threads of Beam's embedded runner, which has one by default."""
    return [f"--direct_num_workers={workers}", "--direct_running_mode=multi_threading"] if workers else []

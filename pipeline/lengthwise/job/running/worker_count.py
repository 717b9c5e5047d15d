"""How many workers this machine runs."""

from lengthwise.cores import usable_cores

_PROCESSES_FROM = (
    256 * 2**20
)  # worker processes take half a second to start, and a core each: they pay off from here on
_EACH = 64 * 2**20  # bytes of input for which a worker has shards to write, if it has nothing to read


def choose_workers(workers: int | None, pieces: int, size: int) -> tuple[int, str]:
    """How many workers run here, and a line that says why.

    Args:
        workers: how many are asked for; None for one per core that this process may use, or for one alone where the
            input is small.
        pieces: how many pieces the input has: of a small one, more workers than pieces would idle.
        size: the input's bytes.
    """
    is_small = size < _PROCESSES_FROM
    asked = workers or (1 if is_small else usable_cores())
    count = min(asked, max(pieces, size // _EACH, 1))
    if count == 1:
        why = (
            f": {size / 2**20:.0f} MiB of input is less than {_PROCESSES_FROM >> 20} MiB"
            if workers is None and is_small
            else ""
        )
        return 1, f"1 worker in this process{why}"
    why = f"`--workers {workers}`" if workers else f"{size / 2**20:.0f} MiB of input, {usable_cores()} usable cores"
    return count, f"{count} worker processes: {why}"


def embedded_options(workers: int | None) -> list[str]:
    """Options for as many threads of Beam's embedded runner, which has one by itself."""
    return [f"--direct_num_workers={workers}", "--direct_running_mode=multi_threading"] if workers else []

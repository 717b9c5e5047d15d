"""How many workers this machine runs, and of which kind."""

from lengthwise.cores import usable_cores

_PROCESSES_FROM = 512 * 2**20  # worker processes take seconds to start, and a core each: they pay off from here on
_EACH = 64 * 2**20  # bytes of input for which a worker has shards to write, if it has nothing to read


def embedded_options(workers: int | None, pieces: int, size: int, *, is_free: bool) -> tuple[list[str], str]:
    """Options for the embedded runner, none for one worker in this process, and a line that says what was chosen.

    Args:
        workers: how many; None for one per core that this process may use, or for one alone where the input is small:
            threads wait for each other too often to pay, and processes take longer to start than to work.
        pieces: how many pieces the input has: of a small one, more workers than pieces would idle.
        size: the input's bytes.
        is_free: whether Beam's options leave the choice open.
    """
    is_small = workers is None and is_free and size < _PROCESSES_FROM
    count = 1 if is_small else min(workers or usable_cores(), max(pieces, size // _EACH, 1))
    if count == 1:
        why = f": {size / 2**20:.0f} MiB of input is less than {_PROCESSES_FROM >> 20} MiB" if is_small else ""
        return [], f"1 worker in this process{why}"
    processes = size >= _PROCESSES_FROM
    mode, kind = ("multi_processing", "processes") if processes else ("multi_threading", "threads")
    size_text = f"{size / 2**20:.0f} MiB of input is {'at least' if processes else 'less than'}"
    why = f"Beam's embedded runner, {count} {kind}: {size_text} {_PROCESSES_FROM >> 20} MiB"
    return [f"--direct_num_workers={count}", f"--direct_running_mode={mode}"], why

"""How long the accelerator was idle because the next batch was not ready.

    host         │ wait ──────── b1 ─ dispatch │ wait ─── b2 ─ dispatch │
    accelerator  │ step 0 ─────┐ idle          │ step 1 ──────────────────┐ step 2
                               └─ counts ─┘      does not count

JAX, TensorFlow and CUDA compute asynchronously: while the host waits for a batch, the previous step may still run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def idle_seconds(waits: npt.ArrayLike, begun: Sequence[float], finished: Sequence[float]) -> float:
    """The part of the waits in which all dispatched steps were finished.

    Args:
        waits: `[n, 2]`, seconds: the start and the end of the wait for each batch.
        begun: when each step began on the host, before or after its batch was fetched.
        finished: when each step's results were available, in the same order; unfinished steps are omitted.
    """
    waits = np.asarray(waits, float).reshape(-1, 2)
    if not len(waits):
        return 0.0
    done = np.full(len(begun) + 1, np.inf)
    done[0] = -np.inf
    done[1 : len(finished) + 1] = np.maximum.accumulate(finished) if len(finished) else []
    before = np.maximum(np.searchsorted(np.sort(begun), waits[:, 1]) - 1, 0)  # steps dispatched before it arrived
    return float(np.maximum(waits[:, 1] - np.maximum(waits[:, 0], done[before]), 0).sum())

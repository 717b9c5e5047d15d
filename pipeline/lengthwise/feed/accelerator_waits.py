"""How long the accelerator had nothing to do because the next batch was not there.

    host         │ wait ──────── b1 ─ dispatch │ wait ─── b2 ─ dispatch │
    accelerator  │ step 0 ─────┐ nothing       │ step 1 ──────────────────┐ step 2
                               └─ counts ─┘      counts for nothing

JAX, TensorFlow and CUDA compute in the background: while the host waits for a batch, the step before may still run.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def idle_seconds(waits: npt.ArrayLike, begun: Sequence[float], finished: Sequence[float]) -> float:
    """The part of the waits in which all steps that had been handed to the accelerator were finished.

    Args:
        waits: `[n, 2]`, seconds: from when to when each batch was waited for.
        begun: when each step began on the host, which then fetches its batch, or has it.
        finished: when each step's results were there, in the same order; steps that are not finished are left out.
    """
    waits = np.asarray(waits, float).reshape(-1, 2)
    if not len(waits):
        return 0.0
    done = np.full(len(begun) + 1, np.inf)
    done[0] = -np.inf
    done[1 : len(finished) + 1] = np.maximum.accumulate(finished) if len(finished) else []
    before = np.maximum(np.searchsorted(np.sort(begun), waits[:, 1]) - 1, 0)  # steps handed over before it arrived
    return float(np.maximum(waits[:, 1] - np.maximum(waits[:, 0], done[before]), 0).sum())

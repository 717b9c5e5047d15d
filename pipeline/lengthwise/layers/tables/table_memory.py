"""The memory of embedding tables, checked before it is allocated: a configuration may come from an untrusted source."""

import math
import os
from collections.abc import Mapping

from lengthwise.errors import ConfigError
from lengthwise.layers.planning.layer_plan import EmbeddingTable

_NUMBER_SIZE = 4  # bytes of a float32


def require_memory(tables: Mapping[str, EmbeddingTable]) -> None:
    """Raises ConfigError if the tables are larger than this machine's memory."""
    sizes = {name: math.prod(table.shape) * _NUMBER_SIZE for name, table in tables.items()}
    memory = _memory()
    if memory is None or sum(sizes.values()) <= memory:
        return
    name = max(sizes, key=lambda name: sizes[name])
    raise ConfigError(
        f"embedding tables: expected at most {memory / 2**30:,.0f} GiB, this machine's memory, received "
        f"{sum(sizes.values()) / 2**30:,.0f} GiB, of which {sizes[name] / 2**30:,.0f} GiB in {name!r} of shape "
        f"{list(tables[name].shape)}; hash the ids into fewer buckets, or use a smaller dimension"
    )


def _memory() -> int | None:
    """The machine's memory in bytes; None if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None

"""How much memory embedding tables take: told before it is asked for, since a configuration may come from anyone."""

import os
from collections.abc import Mapping

from lengthwise.errors import ConfigError
from lengthwise.layers.tables.layer_plan import EmbeddingTable

_NUMBER = 4  # bytes of a float32


def require_memory(tables: Mapping[str, EmbeddingTable]) -> None:
    """Raises ConfigError where the tables are larger than this machine's memory."""
    sizes = {name: table.num_buckets * table.spec.dimension * _NUMBER for name, table in tables.items()}
    most = _memory()
    if most is None or sum(sizes.values()) <= most:
        return
    name = max(sizes, key=lambda one: sizes[one])
    table = tables[name]
    raise ConfigError(
        f"embedding tables: expected at most {most / 2**30:,.0f} GiB, this machine's memory, received "
        f"{sum(sizes.values()) / 2**30:,.0f} GiB, of which {sizes[name] / 2**30:,.0f} GiB in {name!r} of shape "
        f"[{table.num_buckets}, {table.spec.dimension}]; hash the ids into fewer buckets, or take a smaller dimension"
    )


def _memory() -> int | None:
    """The machine's memory in bytes; None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None

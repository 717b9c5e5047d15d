"""The meaning of a feature's name. Values do not distinguish a price from an id: both are integers from 0 on."""

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_IDS = {
    *("bin", "bucket", "category", "class", "code", "group", "id", "ids", "idx", "index", "key", "kind", "label"),
    *("level", "status", "token", "tokens", "type", "uid", "uuid"),
}
_TIMES = {
    *("created", "date", "dates", "datetime", "epoch", "t", "time", "times", "timestamp", "timestamps", "ts"),
    *("updated", "when"),
}
_MEASURES = {
    *("age", "ages", "amount", "amounts", "cost", "costs", "count", "counts", "delay", "distance", "duration"),
    *("durations", "elapsed", "height", "price", "prices", "qty", "quantity", "revenue", "score", "scores"),
    *("seconds", "minutes", "hours", "millis", "ms", "temperature", "volume", "weight", "weights", "width"),
}
_PERSONS = (
    *("user", "customer", "member", "account", "visitor", "client", "patient", "player", "viewer", "speaker"),
    *("author", "person", "device", "session"),
)
"""The persons and devices that a record can belong to, the most specific first."""


def words_of(key: str) -> list[str]:
    """`userId_2` as `["user", "id", "2"]`."""
    return [word.lower() for word in _WORD.findall(key)]


def name_of_group(keys: Sequence[str], used_names: Iterable[str]) -> str:
    """A name for a group of these features: their common first words, or the first one's name."""
    places = takewhile(lambda words: len(set(words)) == 1, zip(*map(words_of, keys), strict=False))
    name = "_".join(words[0] for words in places) or re.sub(r"[^A-Za-z0-9_-]+", "_", keys[0]).strip("_") or "group"
    used_names, name, number = set(used_names), name[:48], 2
    while name in used_names:
        name, number = f"{name.removesuffix(f'_{number - 1}')}_{number}", number + 1
    return name


def is_id(key: str) -> bool:
    """Whether a name says that the values are ids."""
    return not _IDS.isdisjoint(words_of(key))


def is_time(key: str) -> bool:
    """Whether a name says that the values are points in time."""
    words = words_of(key)
    return not _TIMES.isdisjoint(words) or words[-1:] == ["at"]


def is_measure(key: str) -> bool:
    """Whether a name says that the values are amounts of something."""
    return not _MEASURES.isdisjoint(words_of(key)) and not is_id(key)


def person_rank(key: str) -> int | None:
    """The rank of a name among those of persons; None if it names none.

    A name with other words than these and `id` does not name a person: `user_agent`, `device_type`, `session_length`.
    """
    words = [word for word in words_of(key) if word not in ("id", "uid", "uuid", "key", "hash", "name")]
    if len(words) == 1:
        singular = words[0].removesuffix("s")
        return _PERSONS.index(singular) if singular in _PERSONS else None
    return 0 if not words and words_of(key)[:1] in (["uid"], ["uuid"]) else None

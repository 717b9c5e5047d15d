"""A small data set, for tests of the job rather than of the values: words by user, of 1 to 12 steps."""

import random

from lengthwise import columns as lw
from records.messages import sequence_example

COLUMNS = (
    lw.sequence_categorical_column_with_hash_bucket("word", 1000),
    lw.sequence_numeric_column("score", default_value=-1.0),
    lw.sequence_numeric_column("pair", shape=(2,)),
    lw.context_column("uid", dtype="int64"),
    lw.context_column("user", dtype="string"),
)


def files(count: int = 5, records: int = 200, seed: int = 0, invalid: float = 0.02) -> dict[str, list[bytes]]:
    """Raw records by file name; `uid` is the number of a record, and each `user` has about ten records."""
    rng = random.Random(seed)
    return {
        f"part-{number}.tfrecord{'.gz' if number % 2 else ''}": [
            make_record(rng, number * records + place, invalid) for place in range(records)
        ]
        for number in range(count)
    }


def make_record(rng: random.Random, uid: int, invalid: float) -> bytes:
    length = rng.randint(1, 12)
    sequences = {
        "word": [f"w{rng.randrange(300)}" for _ in range(length)],
        "score": [rng.random() for _ in range(length if rng.random() >= invalid else length + 1)],
        "pair": [[rng.random(), float(uid)] for _ in range(length)],
    }
    return sequence_example(sequences, {"uid": uid, "user": f"user{rng.randrange(100)}"})

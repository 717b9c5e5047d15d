"""Small generated records like those of well-known data sets and writers."""

import math
import random
import struct
from collections.abc import Callable

from records.messages import example, sequence_example

Make = Callable[[int, random.Random], bytes]


def youtube8m_frames(index: int, rng: random.Random) -> bytes:
    frames = range(rng.randint(3, 20))
    labels = [rng.randrange(3862) for _ in range(rng.randint(1, 5))]
    rgb, audio = ([rng.randbytes(size) for _ in frames] for size in (1024, 128))
    return sequence_example({"rgb": rgb, "audio": audio}, {"id": [b"id%d" % index], "labels": labels})


def audioset(index: int, rng: random.Random) -> bytes:
    """AudioSet, with a feature in addition to the embeddings."""
    frames = range(rng.randint(3, 10))
    context = {"video_id": [b"v%d" % index], "start_time_seconds": [30.0], "labels": [1] * rng.randint(1, 4)}
    vectors = [rng.randbytes(128) for _ in frames]
    return sequence_example({"audio_embedding": vectors, "loudness": [rng.random() for _ in frames]}, context)


def films(index: int, rng: random.Random) -> bytes:
    """Pictures and encoded sound of varying size, and numbers with gaps: NaN, or a step without a number."""
    steps = range(rng.randint(3, 8))
    frames = [b"\xff\xd8\xff\xe0" + rng.randbytes(rng.randint(50, 90)) for _ in steps]
    sound = [rng.randbytes(rng.randint(20, 40)) for _ in steps]
    return sequence_example(
        {"frame": frames, "sound": sound, "level": [rng.choice([[0.5], [0.25], [math.nan], []]) for _ in steps]}
    )


def packed_floats(index: int, rng: random.Random) -> bytes:
    steps = range(rng.randint(3, 8))
    vectors = [struct.pack("<2f", rng.gauss(0, 1), rng.gauss(0, 1)) for _ in steps]
    return sequence_example({"vector": vectors, "kind": [rng.randrange(4) for _ in steps]})


def detection(index: int, rng: random.Random) -> bytes:
    """TensorFlow's Object Detection API: a picture, and as many boxes as it shows, sometimes none."""
    boxes = range(rng.choice([0, 1, 2, 3, 5]))
    return example(
        {
            "image/encoded": [b"\xff\xd8\xff\xe0" + rng.randbytes(rng.randint(50, 90))],
            "image/format": [b"jpeg"],
            "image/height": [480],
            "image/object/bbox/xmin": [rng.random() for _ in boxes],
            "image/object/class/label": [rng.randrange(1, 90) for _ in boxes],
            "image/object/class/text": [rng.choice([b"cat", b"dog"]) for _ in boxes],
        }
    )


def tfds_boxes(index: int, rng: random.Random) -> bytes:
    boxes = rng.randint(1, 6)
    return example(
        {
            "image": [b"\x89PNG\r\n\x1a\n" + rng.randbytes(50)],
            "objects/bbox": [rng.random() for _ in range(4 * boxes)],
            "objects/label": [rng.randrange(80) for _ in range(boxes)],
        }
    )


def waymo(index: int, rng: random.Random) -> bytes:
    """Waymo's motion data: everything has a fixed number of values."""
    return example(
        {
            "scenario/id": [b"%016x" % rng.getrandbits(64)],
            "state/current/x": [rng.random() for _ in range(16)],
            "roadgraph_samples/xyz": [rng.random() for _ in range(600)],
            "roadgraph_samples/type": [rng.randrange(20) for _ in range(200)],
        }
    )


def bert(index: int, rng: random.Random) -> bytes:
    return example(
        {
            "input_ids": [rng.randrange(30000) for _ in range(128)],
            "input_mask": [1] * 128,
            "masked_lm_positions": [rng.randrange(128) for _ in range(20)],
            "next_sentence_labels": [rng.randrange(2)],
        }
    )


def clickstream(index: int, rng: random.Random) -> bytes:
    steps = rng.randint(1, 30)
    start = 1_700_000_000_000 + rng.randrange(10**9)
    return sequence_example(
        {
            "item_id": [rng.randrange(10**12) for _ in range(steps)],
            "category": [rng.choice([b"a", b"b", b"c"]) for _ in range(steps)],
            "ts": sorted((start + rng.randrange(10**7) for _ in range(steps)), reverse=True),
            "price": [rng.randrange(100, 100_000) for _ in range(steps)],
            "action": [rng.randrange(4) for _ in range(steps)],
        },
        {"userId": [index], "device": [rng.choice([b"ios", b"android"])], "bought": [rng.randrange(2)]},
    )


def tweets(index: int, rng: random.Random) -> bytes:
    """Ids that increase like times, in the range of nanoseconds."""
    return sequence_example({"tweet_id": sorted(15 * 10**17 + rng.randrange(10**17) for _ in range(5))})


def spark(index: int, rng: random.Random) -> bytes:
    """Spark's writers put arrays of one dimension into the context."""
    vectors = [[0.5, 0.25] for _ in range(rng.randint(1, 6))]
    return sequence_example({"vector": vectors}, {"label": [1] * rng.randint(1, 4)})


def trajectory(index: int, rng: random.Random) -> bytes:
    """One observation more than there are actions; actions and rewards are one sequence."""
    steps = range(rng.randint(3, 30))
    return sequence_example(
        {
            "action": [rng.randrange(4) for _ in steps],
            "observation": [[0.5, rng.random()] for _ in range(len(steps) + 1)],
            "reward": [rng.random() for _ in steps],
        },
    )


def genres(index: int, rng: random.Random) -> bytes:
    """Several values per step, sometimes none."""
    films = range(rng.randint(1, 8))
    several = [[rng.randrange(18) for _ in range(rng.randint(0, 4))] for _ in films]
    return sequence_example({"film": [rng.randrange(90) for _ in films], "genres": several})


def latin1(index: int, rng: random.Random) -> bytes:
    words = ["café", "naïve", "été", "rue"]
    return sequence_example({"word": [rng.choice(words).encode("latin-1") for _ in range(rng.randint(3, 8))]})


def letters_and_sounds(index: int, rng: random.Random) -> bytes:
    """The letters of a word and its sounds: two sequences."""
    letters = [rng.choice([b"a", b"b", b"c"]) for _ in range(rng.randint(2, 9))]
    sounds = [rng.choice([b"AA", b"B", b"K"]) for _ in range(max(1, len(letters) - rng.randint(0, 3)))]
    return sequence_example({"letters": letters, "sounds": sounds})


def prices_in_the_context(index: int, rng: random.Random) -> bytes:
    """As many numbers in the context as the list has steps, and strings of the whole record."""
    items = [rng.randrange(50) for _ in range(rng.randint(1, 8))]
    tags = [rng.choice([b"new", b"old"]) for _ in range(rng.randint(1, 3))]
    return sequence_example({"item": items}, {"price": [rng.random() for _ in items], "tags": tags})


def labels_and_tokens(index: int, rng: random.Random) -> bytes:
    """Two lengths: the shorter one comes first by name, and has two features."""
    labels = rng.randint(1, 3)
    return example(
        {
            "a_label": [rng.randrange(5) for _ in range(labels)],
            "a_weight": [rng.random() for _ in range(labels)],
            "tokens": [rng.randrange(500) for _ in range(rng.randint(20, 60))],
        }
    )


def half_of_the_records(index: int, rng: random.Random) -> bytes:
    """A list in half of the records, always longer than the two lists that all records have."""
    steps = range(1 + index // 2 % 4)
    extra = {"a_extra": [7] * 9} if index % 2 else {}
    lists = {"event": [rng.choice([b"a", b"b"]) for _ in steps], "time": list(steps)}
    return sequence_example({**extra, **lists})


def alternating_lists(index: int, rng: random.Random) -> bytes:
    """Two lists that are never in the same record: nothing is known about their alignment."""
    key = "a" if index % 3 else "b"
    return sequence_example({key: [rng.randrange(9) for _ in range(rng.randint(1, 5))]})


def sometimes_uneven(index: int, rng: random.Random) -> bytes:
    steps = range(rng.randint(3, 8))
    return sequence_example({"a": list(steps), "b": list(steps)[index % 20 == 0 :]})


def flat_frames(index: int, rng: random.Random) -> bytes:
    return example({"frames": [rng.random() for _ in range(8 * rng.randint(1, 9))], "label": [1]})

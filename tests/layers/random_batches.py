"""Random columns, and random features that fit them."""

import numpy as np
import tensorflow as tf
from hypothesis import strategies as st

from lengthwise import columns as lw

WORDS = ("R", "G", "B", "ü", "y")
NUMBERS = (3, -7, 0, 11)


def random_columns(random, shared=True):
    """Two to five dense columns over distinct features, each kind likely to occur, from a `random.Random`."""
    columns = [_dense(random, f"{random.choice('abcxyz')}{i}") for i in range(random.randint(1, 4))]
    if shared and random.random() < 0.5:
        columns += _shared(random)
    random.shuffle(columns)
    return columns


def random_ranks(random, columns):
    """2 or 3 for each feature key; weights have the rank of their ids."""
    ranks = {}
    for feature in lw.sequence_features(columns):
        ranks[feature.key] = rank = random.choice((2, 3))
        if getattr(feature, "weight_key", None):
            ranks[feature.weight_key] = rank
    return ranks


def _dense(random, key):
    kind = random.choice(("number", "embedding", "embedding", "embedding", "indicator"))
    if kind == "number":
        shape = random.choice(((1,), (1,), (2,), (2, 2)))
        return lw.sequence_numeric_column(key, shape, random.choice((0.0, -1.0)))
    if kind == "indicator":  # the peer has no indicator of weighted ids for sequences
        return lw.indicator_column(random_categorical(random, key, weight_key=None))
    categorical = random_categorical(random, key, random.choice((None, None, f"{key}_w")))
    return lw.embedding_column(
        categorical,
        random.randint(1, 5),
        random.choice(("mean", "sum", "sqrtn")),
        max_norm=random.choice((None, None, 0.3)),
    )


def random_categorical(random, key, weight_key):
    match random.choice(("identity", "default", "hash", "int hash", "words", "oov", "word default", "numbers")):
        case "identity":
            return lw.sequence_categorical_column_with_identity(key, 6, weight_key=weight_key)
        case "default":
            return lw.sequence_categorical_column_with_identity(key, 6, 2, weight_key=weight_key)
        case "hash":
            return lw.sequence_categorical_column_with_hash_bucket(key, 7, weight_key=weight_key)
        case "int hash":
            return lw.sequence_categorical_column_with_hash_bucket(key, 7, "int64", weight_key=weight_key)
        case "words":
            return lw.sequence_categorical_column_with_vocabulary_list(key, WORDS, weight_key=weight_key)
        case "oov":
            return lw.sequence_categorical_column_with_vocabulary_list(
                key, WORDS, num_oov_buckets=3, weight_key=weight_key
            )
        case "word default":
            return lw.sequence_categorical_column_with_vocabulary_list(
                key, WORDS, default_value=1, weight_key=weight_key
            )
        case _:
            return lw.sequence_categorical_column_with_vocabulary_list(key, NUMBERS, weight_key=weight_key)


def _shared(random):
    columns = [
        lw.sequence_categorical_column_with_identity("sh_b", 6),
        lw.sequence_categorical_column_with_identity("sh_a", 6, 0),
    ]
    return lw.shared_embedding_columns(
        columns, random.randint(1, 4), random.choice(("mean", "sum", "sqrtn")), max_norm=random.choice((None, 0.4))
    )


@st.composite
def sparse_batches(draw, columns, ranks):
    """Sparse features of equal lengths, with gaps, empty rows and a T that may exceed the longest row."""
    lengths = draw(st.lists(st.integers(0, 4), max_size=4), label="lengths")
    total = max(lengths, default=0) + draw(st.integers(0, 2), label="spare steps")
    seed = draw(st.integers(0, 2**32 - 1), label="seed of the values")
    random = np.random.default_rng(seed)
    features = {}
    for feature in lw.sequence_features(columns):
        width = feature.num_elements if isinstance(feature, lw.NumericColumn) else None
        places, shape = _places(random, lengths, total, ranks[feature.key], width)
        features[feature.key] = tf.SparseTensor(places, _values(random, feature, len(places)), shape)
        if getattr(feature, "weight_key", None):
            weights = random.choice([0.0, 0.5, 1.0, 2.5, -1.0], len(places)).astype(np.float32)
            features[feature.weight_key] = tf.SparseTensor(places, weights, shape)
    return features


def _places(random, lengths, total, rank, width):
    """Which cells have values: at least one in the last step of each row, any in the others."""
    inner = width or 3
    if rank == 2:
        inner = width or 1
    cells = random.random((len(lengths), total, inner)) < 0.6
    for row, length in enumerate(lengths):
        cells[row, length:] = False
        if length:
            cells[row, length - 1, random.integers(inner)] = True
    if rank == 2:
        cells = cells.reshape(len(lengths), total * inner)
    return np.argwhere(cells).reshape(-1, rank).astype(np.int64), list(cells.shape)


def _values(random, feature, count):
    match feature:
        case lw.NumericColumn():
            return random.normal(size=count).astype(feature.dtype)
        case lw.IdentityColumn() if feature.oov == "default":
            return random.integers(-3, 9, count)
        case lw.IdentityColumn():
            return random.integers(0, 6, count)
        case _ if feature.dtype == "string":
            return random.choice([*WORDS, "", "unknown", "x"], count).astype(object)
        case _:
            return random.choice([*NUMBERS, 5, -1], count).astype(np.int64)

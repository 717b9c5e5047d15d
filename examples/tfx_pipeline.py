"""A TFX pipeline over raw sequence records: from TFRecords to a saved model that serves raw serialized records.

    ImportExampleGen ──▶ StatisticsGen ──▶ SchemaGen
           │
           └───────────▶ SequencePrep ──▶ Trainer (`run_fn`, below) ──▶ model, signature `serving_default`

Run it on generated data. In a second run, every node comes from the cache:

    python examples/tfx_pipeline.py /tmp/clicks
    python examples/tfx_pipeline.py /tmp/clicks --payload example

`tests/tfx` runs this file.
"""

import argparse
import os
import random
from collections.abc import Mapping, Sequence
from typing import Any

GENRES = ("comedy", "crime", "drama", "horror", "western")

CONFIG = """
columns:
  - kind: embedding
    dimension: 4
    categorical_column: {kind: vocabulary, key: genre, vocabulary_list: [comedy, crime, drama, horror, western]}
  - {kind: numeric, key: rating, min_value: 0, max_value: 5}
  - {kind: context, key: liked, dtype: int64}
buckets: {boundaries: [4, 8, 16, 32]}
limits: {rejected_fraction: 0.05}
"""

PAYLOADS = {"sequence_example": "FORMAT_TF_SEQUENCE_EXAMPLE", "example": "FORMAT_TF_EXAMPLE"}


def make_pipeline(
    root: str,
    data: str,
    payload: str = "sequence_example",
    config: str | Mapping[str, Any] = CONFIG,
    beam_pipeline_args: tuple[str, ...] = ("--runner=FnApiRunner", "--sdk_container_image=unused"),
) -> Any:
    """Returns the pipeline over the TFRecords in the folder `data`; artifacts and metadata are written below `root`."""
    from lengthwise.tfx import SequencePrep
    from tfx import v1 as tfx

    example_gen = tfx.components.ImportExampleGen(
        input_base=data, payload_format=getattr(tfx.proto.PayloadFormat, PAYLOADS[payload])
    )
    statistics = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema = tfx.components.SchemaGen(statistics=statistics.outputs["statistics"])
    prep = SequencePrep(examples=example_gen.outputs["examples"], config=config)
    trainer = tfx.components.Trainer(
        module_file=os.path.abspath(__file__),
        examples=prep.outputs["prepared_examples"],
        schema=prep.outputs["prepared_schema"],
        train_args=tfx.proto.TrainArgs(splits=["train"]),
        eval_args=tfx.proto.EvalArgs(splits=["eval"]),
    )
    return tfx.dsl.Pipeline(
        pipeline_name="clicks",
        pipeline_root=os.path.join(root, "artifacts"),
        components=[example_gen, statistics, schema, prep, trainer],
        enable_cache=True,
        metadata_connection_config=tfx.orchestration.metadata.sqlite_metadata_connection_config(
            os.path.join(root, "metadata.sqlite")
        ),
        beam_pipeline_args=list(beam_pipeline_args),
    )


def run_fn(fn_args: Any) -> None:
    """Trains on the prepared batches and saves a model that takes raw serialized records. Called by the Trainer."""
    import lengthwise.tfx as lwx

    model = make_model(lwx.manifest(fn_args).model_columns)
    model.fit(
        lwx.dataset(fn_args, "train", batch_steps=512, labels="liked", seed=7),
        validation_data=lwx.dataset(fn_args, "eval", batch_steps=512, labels="liked"),
        epochs=2,
        verbose=2,
    )
    lwx.save(model, fn_args)


def make_model(columns: Any) -> Any:
    """Returns a recurrent classifier over looked-up ids and numbers."""
    import keras

    import lengthwise as lw

    liked = keras.layers.Dense(1, activation="sigmoid", name="liked")
    model = keras.Sequential([lw.SequenceFeatures(columns), keras.layers.GRU(8), liked])
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model


def write_data(folder: str, payload: str, records: int = 400, seed: int = 0) -> None:
    """Writes one TFRecord file of sequences of random lengths; a few exceed the last boundary."""
    import tensorflow as tf

    os.makedirs(folder, exist_ok=True)
    generator = random.Random(seed)
    make = sequence_example if payload == "sequence_example" else example
    with tf.io.TFRecordWriter(os.path.join(folder, "clicks.tfrecord")) as writer:
        for number in range(records):
            steps = 40 if number % 100 == 99 else generator.randint(1, 32)
            genres = [generator.choice(GENRES) for _ in range(steps)]
            ratings = [generator.uniform(0, 5) for _ in range(steps)]
            writer.write(make(f"user{number}", genres, ratings).SerializeToString())


def sequence_example(user: str, genres: list[str], ratings: list[float]) -> Any:
    """Returns one record as a tf.train.SequenceExample."""
    import tensorflow as tf

    lists = {
        "genre": tf.train.FeatureList(feature=[_strings([genre]) for genre in genres]),
        "rating": tf.train.FeatureList(feature=[_floats([rating]) for rating in ratings]),
    }
    return tf.train.SequenceExample(
        context=tf.train.Features(feature=_context(user, ratings)),
        feature_lists=tf.train.FeatureLists(feature_list=lists),
    )


def example(user: str, genres: list[str], ratings: list[float]) -> Any:
    """Returns the same record as a plain tf.train.Example with features of variable length."""
    import tensorflow as tf

    lists = {"genre": _strings(genres), "rating": _floats(ratings)}
    return tf.train.Example(features=tf.train.Features(feature=lists | _context(user, ratings)))


def _context(user: str, ratings: list[float]) -> dict[str, Any]:
    import tensorflow as tf

    liked = int(sum(ratings) / len(ratings) > 2.5)
    return {"user": _strings([user]), "liked": tf.train.Feature(int64_list=tf.train.Int64List(value=[liked]))}


def _strings(values: list[str]) -> Any:
    import tensorflow as tf

    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode() for value in values]))


def _floats(values: list[float]) -> Any:
    import tensorflow as tf

    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def main(arguments: Sequence[str] | None = None) -> None:
    from tfx import v1 as tfx

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", help="the folder of data, artifacts and metadata")
    parser.add_argument("--payload", choices=sorted(PAYLOADS), default="sequence_example")
    chosen = parser.parse_args(arguments)
    root = os.path.join(os.path.abspath(chosen.root), chosen.payload)
    data = os.path.join(root, "data")
    if not os.path.exists(data):  # ExampleGen's cache treats a rewritten file as new input
        write_data(data, chosen.payload)
    tfx.orchestration.LocalDagRunner().run(make_pipeline(root, data, chosen.payload))


if __name__ == "__main__":
    main()

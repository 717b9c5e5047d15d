"""`lengthwise inspect`: shows the contents of a data set or of raw files."""

import click

from lengthwise_cli import shared_options

EPILOG = """\b
Example:
  lengthwise inspect prepared
  lengthwise inspect prepared --bucket 32 --split train --count 5
  lengthwise inspect prepared --record 1000
  lengthwise inspect raw/part-0.tfrecord.gz --json"""


@click.command("inspect", epilog=EPILOG)
@click.argument("target", metavar="DIR|FILE", type=shared_options.DataSetPath())
@click.option("--count", "-n", type=click.IntRange(min=0), default=3, show_default=True, help="Number of sequences.")
@click.option("--record", type=click.IntRange(min=0), help="Show only this sequence, counted from 0, in full.")
@click.option("--bucket", type=click.IntRange(min=1), help="Only sequences in this boundary's bucket (data sets).")
@click.option("--split", help="Only sequences of this split (data sets).")
@shared_options.max_record_bytes
@shared_options.as_json
def command(
    target: str,
    count: int,
    record: int | None,
    bucket: int | None,
    split: str | None,
    max_record_bytes: int,
    as_json: bool,
) -> None:
    """Show columns, lengths and a few decoded sequences.

    DIR is a prepared data set: ids are shown as the entries of their vocabularies. For a folder of parts, the parts are
    listed. FILE is a TFRecord file of tf.SequenceExample or tf.Example, a pattern or a folder of such files, and needs
    no configuration. With --bucket or --split, --record counts within that bucket or split.
    """
    from lengthwise.errors import ConfigError
    from lengthwise.storage.files import exists, join

    first, most = (0, count) if record is None else (record, 1)
    if exists(join(target, "manifest.json")):
        from lengthwise_cli.inspect_prepared import inspect_prepared

        inspect_prepared(target, first, most, bucket, split, whole=record is not None, as_json=as_json)
        return
    from lengthwise.part_folders import part_folders

    parts = part_folders(target)
    if parts:
        from lengthwise_cli.inspect_prepared import inspect_parts

        inspect_parts(parts, as_json=as_json)
        return
    if bucket is not None or split is not None:
        raise ConfigError("--bucket, --split: expected a prepared data set, a raw file has neither")
    from lengthwise_cli.inspect_raw import inspect_raw

    inspect_raw(target, first, most, max_record_bytes, whole=record is not None, as_json=as_json)

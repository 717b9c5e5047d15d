"""Drafts a configuration from records, and applies it to them."""

import io
from pathlib import Path
from typing import Any

from lengthwise.config import JobConfig, load_config
from lengthwise.draft import draft_config
from lengthwise.records.container.frame_reading import read_blocks
from lengthwise.records.container.frame_writing import frame
from lengthwise.records.rows.block_rows import Refined, Refiner, Rules


def draft(folder: Path, records: list[bytes], **arguments: Any) -> tuple[str, JobConfig]:
    """Returns the YAML drafted from the records, and the configuration; they are also in `job.yaml` of the folder."""
    (folder / "in.tfrecord").write_bytes(frame(records))
    text = draft_config([f"{folder}/in.tfrecord"], **arguments)
    (folder / "job.yaml").write_text(text)
    return text, load_config(f"{folder}/job.yaml")


def refine(config: JobConfig, records: list[bytes]) -> Refined:
    """Returns the rows and rejects of the records, of which none was truncated."""
    [block] = read_blocks(io.BytesIO(frame(records)))
    refined = Refiner(Rules(config.columns, config.inputs.format, config.sequences)).refine(block, "in.tfrecord")
    assert refined.tally.truncated == 0
    return refined

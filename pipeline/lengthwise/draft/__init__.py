"""Drafts a first configuration from a sample of the data.

files ─ record_sample ─> records ─ feature_values, feature_facts ─> facts of each feature
      ─ sequence_alignment ─> sequences ─ column_choice ─> columns, and why ─ yaml_rendering ─> commented YAML
"""

from lengthwise.draft.column_choice import choose_columns
from lengthwise.draft.record_sample import MAX_RECORD_BYTES
from lengthwise.draft.sample_scan import scan_sample
from lengthwise.draft.yaml_rendering import render_draft

__all__ = ["MAX_RECORD_BYTES", "draft_config"]


def draft_config(files: list[str], sample: int = 1000, max_record_bytes: int = MAX_RECORD_BYTES) -> str:
    """Drafts the YAML of a job over raw TFRecord files of tf.SequenceExample or tf.Example: plain, gzip or zlib.

    The draft keeps all data: values outside a drafted vocabulary get a separate id, and no sequence is truncated. A
    feature that no column can read is omitted; records that differ from all others, up to one in a hundred, are
    rejected. The draft lists them, with the reasons.

    Args:
        files: paths, glob patterns or folders; of a folder, all files below it are read.
        sample: the number of records that are read, spread over the files; if small files have fewer, more are read
            from others. At most 128 MiB of records are read.
        max_record_bytes: larger records are skipped; their number is reported.

    Raises:
        ConfigError: the patterns match no file.
        DatasetError: no record can be read, or no feature is a sequence; the message says why, for each.
    """
    sampled = scan_sample(files, sample, max_record_bytes)
    return render_draft(sampled, choose_columns(sampled))

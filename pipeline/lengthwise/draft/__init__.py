"""A first configuration, drafted by looking at data, so that nobody starts from an empty page.

files ─ sample ─> records ─ held ─> columns of values ─ facts ─> what each feature holds
      ─ align ─> which go together ─ choose ─> columns, and why ─ render ─> commented YAML
"""

from lengthwise.draft.column_choice import choose
from lengthwise.draft.record_sample import MAX_RECORD_BYTES
from lengthwise.draft.sample_scan import scan
from lengthwise.draft.yaml_rendering import render

__all__ = ["MAX_RECORD_BYTES", "draft_config"]


def draft_config(files: list[str], sample: int = 1000, max_record_bytes: int = MAX_RECORD_BYTES) -> str:
    """Drafts the YAML of a job over raw TFRecord files, plain, gzip or zlib, of tf.SequenceExample or tf.Example.

    What the draft reads, it reads whole: values outside of a drafted vocabulary get an id of their own, and no sequence
    is cut. A feature that no column can read is left out; records that differ from all others, up to one in a hundred,
    are rejected. The draft says which, and why.

    Args:
        files: paths, glob patterns or folders, of which all files below count.
        sample: how many records are looked at, spread over the files; where small files have fewer, others give more.
            Of large records fewer are looked at, 128 MiB of them.
        max_record_bytes: larger records are not looked at; their number is said.

    Raises:
        ConfigError: the patterns match no file.
        DatasetError: no record can be read, or none holds a sequence; the message says why, feature by feature.
    """
    seen = scan(files, sample, max_record_bytes)
    return render(seen, choose(seen))

"""A first configuration, drafted by looking at data, so that nobody starts from an empty page.

files ─ scan ─> what each feature holds ─ choose ─> columns, and why ─ render ─> commented YAML
"""

from lengthwise.draft.choose import choose
from lengthwise.draft.render import render
from lengthwise.draft.scan import scan

__all__ = ["draft_config"]


def draft_config(files: list[str], sample: int = 1000) -> str:
    """Drafts the YAML of a job over raw TFRecord files, plain or gzip, of tf.SequenceExample or tf.Example.

    Nothing that was seen is rejected under the draft: values outside of a drafted vocabulary get an id of their own,
    and limits are written as comments.

    Args:
        files: paths or glob patterns.
        sample: how many records are looked at, spread over the files; where small files have fewer, others give more.

    Raises:
        ConfigError: the patterns match no file.
        DatasetError: no record can be read, or none holds a sequence.
    """
    seen = scan(files, sample)
    return render(seen, choose(seen))

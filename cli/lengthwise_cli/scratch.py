"""Where a command keeps the parts of its result: a folder that all workers reach, gone afterwards."""

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lengthwise import files
from lengthwise.errors import ConfigError

_FLAG = "--temp_location="


@contextmanager
def scratch_folder(beam_options: Sequence[str]) -> Iterator[str]:
    """A local folder for the embedded runner, else one below Beam's `--temp_location`.

    Raises:
        ConfigError: another runner is named, but no place that its workers reach.
    """
    runners = [option.partition("=")[2] for option in beam_options if option.startswith("--runner=")]
    places = [option.removeprefix(_FLAG) for option in beam_options if option.startswith(_FLAG)]
    if not runners or runners[-1] in ("FnApiRunner", "DirectRunner"):
        with tempfile.TemporaryDirectory(prefix="lengthwise-") as folder:
            yield folder
        return
    if not places:
        raise ConfigError(f"--runner={runners[-1]}: expected --temp_location=... too, a folder that its workers reach")
    folder = files.join(places[-1], f"lengthwise-{uuid.uuid4().hex[:12]}")
    try:
        yield folder
    finally:
        for name in files.list_tree(folder):
            files.remove(files.join(folder, name))

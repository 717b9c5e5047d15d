"""A temporary folder for the parts of a command's result. All workers reach it; it is removed afterwards."""

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lengthwise.errors import ConfigError, NothingRan
from lengthwise.job.running.abandoned_folders import PREFIXES, claimed, remove_abandoned
from lengthwise.job.running.beam_options import is_embedded, option_value, runner_name
from lengthwise.storage import files


@contextmanager
def scratch_folder(beam_options: Sequence[str]) -> Iterator[str]:
    """A local folder for the embedded runner, else one below Beam's `--temp_location`.

    Raises:
        ConfigError: another runner is named, but no `--temp_location`, which its workers reach.
    """
    if is_embedded(beam_options):
        remove_abandoned()
        with tempfile.TemporaryDirectory(prefix=PREFIXES[0]) as folder, claimed(folder):
            yield folder
        return
    location = option_value(beam_options, "temp_location")
    if not location:
        name = runner_name(beam_options)
        raise ConfigError(f"--runner={name}: expected --temp_location=... too, a folder that its workers reach")
    folder = files.join(location, f"lengthwise-{uuid.uuid4().hex[:12]}")
    try:
        yield folder
    except (ConfigError, NothingRan):  # nothing was written, so there is nothing to remove
        raise
    except BaseException:
        files.remove(folder)
        raise
    files.remove(folder)

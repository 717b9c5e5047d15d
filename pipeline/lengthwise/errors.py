"""The exceptions of `lengthwise`, and the exit code that each gives on the command line.

    LengthwiseError
     ├─ ConfigError        2   a YAML field, an argument or a column is invalid
     │   └─ ConfigTypeError    it has a wrong type: also a TypeError, as in TensorFlow
     ├─ DataLimitError     1   the data exceeds the configured limits (too many rejects, damaged files)
     ├─ DatasetError       1   a prepared data set is missing, incomplete, altered or has a newer format
     ├─ EnvironmentFailure 3   disk, permissions, runner, credentials
     ├─ NothingRan         0   a dry run succeeded
     └─ Interrupted      130   stopped by a signal; the same command resumes

Invalid records are not exceptions but values: `lengthwise.reject_reasons.Reject`.
"""

from lengthwise.printable_text import visible_message


class LengthwiseError(Exception):
    """Base of all errors that `lengthwise` raises on purpose. `str(error)` is a message for people."""

    exit_code = 3
    # With any other constructor, `tf.function` raises the error again as its own class, which is not a ValueError.
    __init__ = Exception.__init__

    def __str__(self) -> str:
        """The printable message; several arguments are its lines."""
        return visible_message(*self.args)


class ConfigError(LengthwiseError, ValueError):
    """A configuration or an argument is wrong. The message says what was expected, what was received, what to do."""

    exit_code = 2


class ConfigTypeError(ConfigError, TypeError):
    """An argument or a field of a configuration has a wrong type. It is a ValueError and a TypeError."""


class DataLimitError(LengthwiseError):
    """The data exceeds a limit of the configuration. The report and the rejects are written nevertheless."""

    exit_code = 1


class DatasetError(LengthwiseError):
    """A prepared data set cannot be used as it is: missing, incomplete, altered, or of a newer format."""

    exit_code = 1


class EnvironmentFailure(LengthwiseError):
    """The machine or the runner failed, not the data or the configuration."""

    exit_code = 3


class NothingRan(LengthwiseError):
    """A dry run: the job was built, and its runner found no fault; nothing was read or written."""

    exit_code = 0


class Interrupted(LengthwiseError):
    """A signal stopped the run. Finished work is kept; the same command resumes."""

    exit_code = 130

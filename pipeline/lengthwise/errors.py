"""The exceptions of `lengthwise`, and the exit code that each gives on the command line.

    LengthwiseError
     ├─ ConfigError        2   what was asked for makes no sense: a YAML field, an argument, a column
     │   └─ ConfigTypeError    it is of a wrong type: a TypeError too, as in TensorFlow
     ├─ DataLimitError     1   the data broke the configured limits (too many rejects, damaged files)
     ├─ DatasetError       1   a prepared data set is missing, incomplete, altered or of a newer format
     ├─ EnvironmentFailure 3   disk, permissions, runner, credentials
     ├─ NothingRan         0   a dry run ended well
     └─ Interrupted      130   stopped by a signal; the same command resumes

Bad data is not here: a bad record is a value, `lengthwise.reject_reasons.Reject`.
"""

from lengthwise.printable_text import visible_message


class LengthwiseError(Exception):
    """Base of all errors that `lengthwise` raises on purpose. `str(error)` is a message for people."""

    exit_code = 3
    # Exactly this constructor, or a `tf.function` re-raises the error as one of its own, which is no ValueError.
    __init__ = Exception.__init__

    def __str__(self) -> str:
        """The message, made visible: several arguments are its lines."""
        return visible_message(*self.args)


class ConfigError(LengthwiseError, ValueError):
    """A configuration or an argument is wrong. The message says what was expected, what was received, what to do."""

    exit_code = 2


class ConfigTypeError(ConfigError, TypeError):
    """An argument, or a field of a configuration, is of a wrong type. It is a ValueError and a TypeError."""


class DataLimitError(LengthwiseError):
    """The data broke a limit of the configuration. Report and rejects have been written all the same."""

    exit_code = 1


class DatasetError(LengthwiseError):
    """A prepared data set cannot be used as it stands: missing, incomplete, altered, or of a newer format."""

    exit_code = 1


class EnvironmentFailure(LengthwiseError):
    """The machine or the runner failed, not the data or the configuration."""

    exit_code = 3


class NothingRan(LengthwiseError):
    """A dry run: the job was built, and is sound as far as its runner can tell; nothing was read or written."""

    exit_code = 0


class Interrupted(LengthwiseError):
    """A signal stopped the run. What is done is kept; the same command resumes."""

    exit_code = 130

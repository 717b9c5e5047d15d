"""tfx-bsl's coders between Arrow batches and tf.Example or tf.SequenceExample; the extra `prepare` installs them."""

from lengthwise.errors import EnvironmentFailure

try:
    from tfx_bsl.coders import example_coder, sequence_example_coder
except ModuleNotFoundError as error:
    remedy = 'pip install "lengthwise[prepare]"'
    raise EnvironmentFailure(f"preparing data and reading raw files need tfx-bsl: {remedy}") from error

__all__ = ["example_coder", "sequence_example_coder"]

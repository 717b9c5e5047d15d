"""Options and groups: which options name groups, and which require lengths that are known for a single group only."""

from collections.abc import Mapping

from lengthwise.columns import group_of
from lengthwise.errors import ConfigError
from lengthwise.feed.options.batch_options import BatchOptions
from lengthwise.feed.rows.feed_features import Features


def check_groups(features: Features, options: BatchOptions, *, in_buckets: bool = False) -> None:
    """Raises `ConfigError` if options are incompatible with the groups of the features.

    Args:
        features: of the batches.
        options: see `Options`.
        in_buckets: whether all rows of a batch are of one bucket, so that the T of each group is known.
    """
    groups = [group_of(key) for key in features.length_keys]
    for group in options.group_weights:
        if not group or group not in groups:
            raise ConfigError(
                f"group_weights: expected the names of groups, whose lengths are {', '.join(features.length_keys)}, "
                f"received {group!r}"
            )
    for name in ("crop", "pack"):
        steps = getattr(options, name, None)
        if steps is None:
            continue
        if not features.has_groups and isinstance(steps, Mapping):
            raise ConfigError(f"{name}: expected a number, as no column names a `group`, received {dict(steps)}")
        if features.has_groups:
            _check_names(name, steps, groups)
    for name in ("max_shapes", "largest_first"):
        if features.has_groups and getattr(options, name) and not in_buckets:
            raise ConfigError(
                f"{name}: expected a prepared data set in the layout `example`, received groups with separate lengths, "
                "whose T are known together only for its buckets; prepare the data with output.layout: example, or "
                f"leave {name} out"
            )


def _check_names(option: str, steps: object, groups: list[str]) -> None:
    example = dict.fromkeys(groups, 100)
    if not isinstance(steps, Mapping):
        raise ConfigError(
            f"{option}: expected steps by group, such as {option}={example}, as columns name groups, received {steps}"
        )
    unknown = sorted(steps.keys() - {*groups})
    missing = [group for group in groups if group not in steps] if option == "pack" else []
    if unknown or missing:
        what = "the steps of each group" if option == "pack" else "the names of groups"
        raise ConfigError(f"{option}: expected {what} ({', '.join(groups)}), received {sorted(steps)}")

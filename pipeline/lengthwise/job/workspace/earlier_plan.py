"""Compares a job with an existing data set, and plans a job by the data set's boundaries and vocabularies."""

from collections.abc import Iterable, Iterator, Sequence

from lengthwise.config import Buckets, JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.task_values import Input
from lengthwise.job.workspace.job_fingerprint import describe_config, without_paths
from lengthwise.job.workspace.quantile_boundaries import with_boundaries_of, without_computed_numbers
from lengthwise.job.workspace.vocabulary_files import vocabulary_columns, with_vocabulary_files
from lengthwise.manifest import Manifest
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.value_differences import Difference, brief, differences

_NAMED = 5  # differences in a message
_MAY_DIFFER = ("buckets.", "limits.", "shuffle.", "inputs.compression", "output.")
"""Fields in which data sets of the same plan may differ."""


def describe_changes(manifest: Manifest, config: JobConfig, inputs: Iterable[Input]) -> str:
    """A text about the fields and files in which a job differs from a data set."""
    fields = [f"{path} was {brief(old)}, is {brief(new)}" for path, old, new in _differences(manifest, config)]
    changes = [*fields, *changed_files(manifest, inputs)]
    if not changes:
        return "a vocabulary file, or the version of lengthwise"
    return some_of(changes, _NAMED)


def some_of(texts: Sequence[str], most: int) -> str:
    """The first of some texts, and the number of the others."""
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return "; ".join([*texts[:most], *more])


def changed_files(manifest: Manifest, inputs: Iterable[Input]) -> Iterator[str]:
    """A text for each input file that is new, is missing, or has a different size."""
    old = {source.path: source.bytes for source in manifest.inputs}
    new = {source.path: source.size for source in inputs}
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            yield f"{path} is new"
        elif path not in new:
            yield f"{path} is no longer among the inputs"
        elif old[path] != new[path]:
            yield f"{path} had {old[path]:,} bytes, has {new[path]:,}"


def as_planned_by(config: JobConfig, folder: str, manifest: Manifest, progress: ProgressSink = ignore) -> JobConfig:
    """The job with the boundaries, the quantiles and the vocabularies of an existing data set.

    Args:
        config: the job.
        folder: the data set's folder.
        manifest: the data set's.
        progress: receives a message if the data set's vocabulary replaces a different one of the job.

    Raises:
        ConfigError: the job would turn the same record into different sequences than the data set's job did.
    """
    for path, expected, received in _differences(manifest, config):
        if not path.startswith(_MAY_DIFFER):
            raise ConfigError(
                f"{path}: expected {brief(expected)}, as in {folder}, received {brief(received)}; change it back, or "
                "prepare all data again in a new folder"
            )
    paths = {key: column.vocabulary_file for key, column in vocabulary_columns(manifest.columns).items()}
    columns = with_vocabulary_files(config, lambda column: paths[column.key]).columns
    theirs = vocabulary_columns(columns)
    for key, column in vocabulary_columns(config.columns).items():
        if column.vocabulary_file and column.vocabulary != theirs[key].vocabulary:
            note = f"ids are those of {paths[key]}; {column.vocabulary_file} differs"
            progress(Event("log", message=f"{key}: {note}"))
    columns = tuple(map(with_boundaries_of, columns, manifest.columns))
    bounds = manifest.buckets
    name, given = ("pairs", bounds) if len(bounds[0]) > 1 else ("boundaries", manifest.boundaries)
    buckets = Buckets.model_validate({name: given})
    return config.model_copy(update={"columns": columns, "buckets": buckets})


def _differences(manifest: Manifest, config: JobConfig) -> Iterator[Difference]:
    old = without_computed_numbers(without_paths(manifest.config))
    new = without_computed_numbers(without_paths(describe_config(config)))
    return differences("", old, new)

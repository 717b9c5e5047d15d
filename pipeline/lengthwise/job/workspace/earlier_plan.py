"""A job beside a data set that exists: what differs between the two, and a job that takes the data set's plan."""

from collections.abc import Iterable, Iterator, Sequence

from lengthwise.config import Buckets, JobConfig
from lengthwise.errors import ConfigError
from lengthwise.job.task_values import Input
from lengthwise.job.workspace.job_fingerprint import describe_config, without_paths
from lengthwise.job.workspace.quantile_boundaries import as_asked, boundaries_of
from lengthwise.job.workspace.vocabulary_files import vocabulary_columns, with_vocabulary_files
from lengthwise.manifest import Manifest
from lengthwise.progress import Event, ProgressSink, ignore
from lengthwise.value_differences import Difference, brief, differences

_MOST = 5
_OWN = ("buckets.", "limits.", "shuffle.", "inputs.compression", "output.")
"""Fields in which data sets of one plan may differ."""


def changes(manifest: Manifest, config: JobConfig, inputs: Iterable[Input]) -> str:
    """What a job would change of a data set, by field and file, in words."""
    fields = [f"{path} was {brief(old)}, is {brief(new)}" for path, old, new in _differences(manifest, config)]
    found = [*fields, *changed_files(manifest, inputs)]
    if not found:
        return "a vocabulary file, or the version of lengthwise"
    return some_of(found, _MOST)


def some_of(texts: Sequence[str], most: int) -> str:
    """The first of some texts, and how many more there are."""
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return "; ".join([*texts[:most], *more])


def changed_files(manifest: Manifest, inputs: Iterable[Input]) -> Iterator[str]:
    """Which input files are new, gone, or of another size, in words."""
    old = {source.path: source.bytes for source in manifest.inputs}
    new = {source.path: source.size for source in inputs}
    for path in sorted(old.keys() | new.keys()):
        if path not in old:
            yield f"{path} is new"
        elif path not in new:
            yield f"{path} is not among the inputs any more"
        elif old[path] != new[path]:
            yield f"{path} had {old[path]:,} bytes, has {new[path]:,}"


def as_planned_by(config: JobConfig, folder: str, manifest: Manifest, progress: ProgressSink = ignore) -> JobConfig:
    """The job, with the boundaries, the quantiles and the vocabularies of a data set that exists.

    Args:
        config: the job.
        folder: the data set's folder.
        manifest: the data set's.
        progress: is told where the data set's vocabulary counts instead of another one in the job's file.

    Raises:
        ConfigError: the job makes other sequences of a record than the data set's did, and so no more of the same.
    """
    for path, expected, received in _differences(manifest, config):
        if not path.startswith(_OWN):
            raise ConfigError(
                f"{path}: expected {brief(expected)}, as in {folder}, received {brief(received)}; change it back, or "
                "prepare all data again in a new folder"
            )
    paths = {key: column.vocabulary_file for key, column in vocabulary_columns(manifest.columns).items()}
    columns = with_vocabulary_files(config, lambda column: paths[column.key]).columns
    theirs = vocabulary_columns(columns)
    for key, column in vocabulary_columns(config.columns).items():
        if column.vocabulary_file and column.vocabulary != theirs[key].vocabulary:
            rule = f"ids are those of {paths[key]}; {column.vocabulary_file} differs"
            progress(Event("log", message=f"{key}: {rule}"))
    columns = tuple(map(boundaries_of, columns, manifest.columns))
    bounds = manifest.buckets
    name, given = ("pairs", bounds) if len(bounds[0]) > 1 else ("boundaries", manifest.boundaries)
    buckets = Buckets.model_validate({name: given})
    return config.model_copy(update={"columns": columns, "buckets": buckets})


def _differences(manifest: Manifest, config: JobConfig) -> Iterator[Difference]:
    then, now = (as_asked(without_paths(content)) for content in (manifest.config, describe_config(config)))
    return differences("", then, now)

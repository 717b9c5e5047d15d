"""`open` returns a prepared data set as one object: its columns, its splits, its batches, and the export of models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from lengthwise.columns import ColumnList, groups
from lengthwise.config import JobConfig, Sequences, load_config
from lengthwise.errors import ConfigError, DatasetError
from lengthwise.manifest import Manifest
from lengthwise.prepared_folders import FolderNames, PreparedFolder, PreparedFolders, open_folders

if TYPE_CHECKING:
    import keras

    from lengthwise.feed import Options, ServingFunction
    from lengthwise.padding_side import Padding
    from lengthwise.tensor.tensor_types import Dataset


def open(folders: FolderNames) -> "DataSet":  # noqa: A001 (callers write `lengthwise.open`)
    """Opens a prepared data set. Only manifests are read, and TensorFlow is not imported.

    Args:
        folders: the output of `lengthwise prepare`: a folder, a pattern of folders (`days/2026-*`), or a list of these,
            which are read as one data set. All must have the same columns.

    Raises:
        DatasetError: no complete data set of a known format exists, or two folders differ; the message names the field.
        ConfigError: a pattern matches no prepared folder.

    Example:
        >>> data = lw.open("prepared")
        >>> data.splits
        {'eval': 412, 'train': 3588}
    """
    return DataSet(open_folders(folders))


@dataclass(frozen=True)
class DataSet:
    """A prepared data set, in one folder or in several. Returned by `lengthwise.open`.

    Attributes:
        parts: the folders.
    """

    parts: PreparedFolders

    @property
    def folders(self) -> tuple[str, ...]:
        """The paths of its folders."""
        return self.parts.paths

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """The manifest of each folder."""
        return tuple(part.manifest for part in self.parts.parts)

    @property
    def folder(self) -> str:
        """The path of the only folder. Raises `ConfigError` if there are several."""
        return self._only.path

    @property
    def manifest(self) -> Manifest:
        """The manifest of the only folder. Raises `ConfigError` if there are several."""
        return self._only.manifest

    @property
    def columns(self) -> ColumnList:
        """The columns for a model of this data, by position and by key. Lookups are done, so features are ids.

        Their moments, for `standardize`, are those of the training splits of all folders together.
        """
        return self.parts.model_columns

    @property
    def splits(self) -> Mapping[str, int]:
        """The number of sequences of each split, in all folders."""
        return {split: self.parts.histogram(split).total for split in self.parts.splits}

    def read(
        self,
        split: str = "train",
        *,
        mix: Mapping[str, float] | None = None,
        options: "Options | None" = None,
        **fields: Any,
    ) -> "Dataset":
        """The batches of a split. See `read_prepared`, which also accepts `mix`, and an `Options` or its fields."""
        from lengthwise.feed import read_prepared

        return read_prepared(self.folders, split, mix=mix, options=options, **fields)

    def serving_fn(self, model: "keras.Model", *, padding: "Padding | None" = None) -> "ServingFunction":
        """A function from raw serialized records to the model's predictions. See `lengthwise.serving_fn`.

        Records have the format that the job read; over-long sequences are cut as in the job, if it cut them.

        Raises:
            ConfigError: the jobs of several folders read their records differently.
        """
        from lengthwise.feed import serving_fn

        job = self._job
        return serving_fn(
            model,
            self.parts.first.columns,
            format=job.inputs.format,
            boundaries=self.parts.boundaries if _truncates(job) else None,
            sequences=_of_any_length(job.sequences),
            padding=padding,
        )

    def export(self, model: "keras.Model", folder: str | PathLike[str], *, padding: "Padding | None" = None) -> None:
        """Writes a SavedModel that accepts raw serialized records. See `lengthwise.export`."""
        self.serving_fn(model, padding=padding).export(fspath(folder))

    @property
    def _only(self) -> PreparedFolder:
        if len(self.parts.parts) > 1:
            raise ConfigError(
                f"expected a data set of one folder, this one has {len(self.folders)}: see `folders` and `manifests`"
            )
        return self.parts.parts[0]

    @property
    def _job(self) -> JobConfig:
        """The job whose rules apply to raw records."""
        first, *others = (_job_and_rules(part) for part in self.parts.parts)
        for part, (_, rules) in zip(self.parts.parts[1:], others, strict=True):
            for field, expected in first[1].items():
                if rules[field] != expected:
                    raise ConfigError(
                        f"{part.path}: {field}: expected {expected!r}, as in {self.folders[0]}, received "
                        f"{rules[field]!r}; a model is exported by the rules of one job"
                    )
        return first[0]


def _truncates(job: JobConfig, number: int = 0) -> bool:
    """Whether sequences beyond the last boundary are cut, in the group of this number."""
    names = groups(job.columns)[number : number + 1]
    return any(str(job.sequences.of(group).over_long).startswith("truncate") for group in names)


def _of_any_length(sequences: Sequences) -> Sequences:
    """The rules, except that empty and short sequences are kept."""
    kept = {"empty": "keep", "min_steps": 0}
    by_group = {name: rules.model_copy(update=kept) for name, rules in sequences.groups.items()}
    return sequences.model_copy(update={**kept, "groups": by_group})


def _job_and_rules(folder: PreparedFolder) -> tuple[JobConfig, dict[str, object]]:
    """A folder's job, and its rules by which raw records become sequences, by field."""
    manifest = folder.manifest
    job = JobConfig.model_validate({**manifest.config, "columns": manifest.columns})
    rules: dict[str, object] = {f"sequences.{name}": value for name, value in job.sequences}
    if _truncates(job):
        rules["the last boundary"] = manifest.boundaries[-1]
    if _truncates(job, 1):
        job = job.model_copy(update={"sequences": job.sequences_within(manifest.buckets[-1])})
        rules |= {f"sequences.{name}": value for name, value in job.sequences}
    return job, {"inputs.format": job.inputs.format, **rules}


def prepare(
    config: str | PathLike[str] | Mapping[str, Any] | JobConfig,
    *,
    output: str | PathLike[str] | None = None,
    part: str | None = None,
    like: str | PathLike[str] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
) -> DataSet:
    """Prepares a data set, as `lengthwise prepare` does, and opens it. After an interruption, the same call resumes.

    Args:
        config: the job: a YAML file's path, a mapping of the same fields, or a `JobConfig`.
        output: the data set's folder; by default the configuration's `output.path`.
        part: the name of a part of that data set, such as a date. It is prepared from the input files that no other
            part has, with the boundaries and vocabularies of the others, and only this part is opened.
        like: a prepared data set, whose boundaries and vocabularies are used.
        overwrite: whether a data set that exists in the folder is replaced, once the new one is complete.
        workers: the number of workers on this machine; None for one per core that this process may use.
        runner_options: Beam's options, such as `--runner=DataflowRunner`; none for this machine.

    Raises:
        ConfigError: the configuration, the input's paths, the output folder or the runner's options are wrong.
        DataLimitError: the data exceeds a limit; the rejects are written, the data set is not.
        EnvironmentFailure: disk, permissions or the runner failed.

    Example:
        >>> data = lw.prepare("job.yaml", output="prepared")
        >>> data.splits
        {'eval': 412, 'train': 3588}
    """
    from lengthwise.job import run_by_plan

    job = load_config(config, {"output.path": None if output is None else fspath(output)})
    baseline = None if like is None else fspath(like)
    done = run_by_plan(
        job, part=part, like=baseline, overwrite=overwrite, workers=workers, runner_options=runner_options
    )
    return open(done.path)


def drop(folder: str | PathLike[str], *parts: str, before: str = "") -> list[str]:
    """Removes parts of a data set. A program that is reading them fails.

    Args:
        folder: the folder of the parts.
        parts: names of parts.
        before: parts whose names sort before this one are also removed.

    Returns:
        The folders of the parts that were removed.

    Raises:
        ConfigError: no part has this name.
        EnvironmentFailure: a file cannot be removed.

    Example:
        >>> lw.drop("data", before="2026-11-01")
        ['data/2026-10-30', 'data/2026-10-31']
    """
    from lengthwise.job import drop_parts

    return drop_parts(fspath(folder), parts, before)


def verify(folder: str | PathLike[str]) -> None:
    """Reads a prepared data set completely, and compares it with its manifest: checksums, counts, lengths.

    In a folder of parts, it reads all parts.

    Raises:
        DatasetError: the data set differs from its manifest; the message names each file and its problem.
    """
    from lengthwise.job.verification.data_set_verification import verify_data_set

    faults = verify_data_set(fspath(folder)).faults
    if faults:
        raise DatasetError("\n".join(f"{fault.path}: {fault.problem}" for fault in faults))


def export(
    model: "keras.Model",
    data: DataSet | FolderNames,
    folder: str | PathLike[str],
    *,
    padding: "Padding | None" = None,
) -> None:
    """Writes a SavedModel whose `serving_default` accepts raw serialized records and returns predictions.

    Parsing, lookups, validation and the cutting of over-long sequences are those of the data's preparation. Records
    need only the features that the model's output depends on: no labels, no weights. The SavedModel needs only
    TensorFlow, not `lengthwise`.

    Args:
        model: a Keras model of batches of `data`, on the TensorFlow backend.
        data: its training data: an opened data set, or its folders.
        folder: the folder for the SavedModel.
        padding: the side of a sequence on which its padding is, as in training. None: that of the model's
            `SequenceFeatures`, or `right`.

    Raises:
        ConfigError: the model reads a feature that no column of the data reads, or the jobs of several folders read
            their records differently.

    Example:
        >>> lw.export(model, data, "serving")
        >>> tf.saved_model.load("serving").signatures["serving_default"](records=tf.constant(records))
    """
    opened = data if isinstance(data, DataSet) else open(data)
    opened.export(model, folder, padding=padding)

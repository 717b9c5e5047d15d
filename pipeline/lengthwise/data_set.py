"""`open`: a prepared data set as one value: its columns, its splits, its batches, and the export of its models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from lengthwise.columns import ColumnList
from lengthwise.config import JobConfig, load_config
from lengthwise.errors import DatasetError
from lengthwise.manifest import Manifest, load_manifest

if TYPE_CHECKING:
    from lengthwise.feed import Options


def open(folder: str | PathLike[str]) -> "DataSet":  # noqa: A001 (callers write `lengthwise.open`)
    """Opens a prepared data set. Only its manifest is read, and TensorFlow is not imported.

    Args:
        folder: what `lengthwise prepare` wrote.

    Raises:
        DatasetError: there is no complete data set of a known format.

    Example:
        >>> data = lw.open("prepared")
        >>> data.splits
        {'eval': 412, 'train': 3588}
    """
    folder = fspath(folder)
    return DataSet(folder, load_manifest(folder))


@dataclass(frozen=True)
class DataSet:
    """A prepared data set. Made by `lengthwise.open`.

    Attributes:
        folder: where it is.
        manifest: all that is known of it.
    """

    folder: str
    manifest: Manifest

    @property
    def columns(self) -> ColumnList:
        """The columns for a model of this data, by position and by key. Its look-ups are done, so ids are ids."""
        return self.manifest.model_columns

    @property
    def splits(self) -> Mapping[str, int]:
        """The number of sequences of each split."""
        return {split: sum(self.manifest.lengths[split].values()) for split in self.manifest.splits}

    def read(self, split: str = "train", *, options: "Options | None" = None, **fields: Any) -> Any:
        """The batches of a split. See `read_prepared`: it takes an `Options`, or its fields."""
        from lengthwise.feed import read_prepared

        return read_prepared(self.folder, split, options=options, **fields)

    def serving_fn(self, model: Any) -> Any:
        """A function from raw serialized records to the model's predictions. See `lengthwise.serving_fn`.

        Records are those that the job read, in the same format; over-long ones are cut as in the job, if it cut them.
        """
        from lengthwise.feed import serving_fn

        job, truncates = self._job, self._job.sequences.over_long.startswith("truncate")
        return serving_fn(
            model,
            self.manifest.columns,
            format=job.inputs.format,
            boundaries=self.manifest.boundaries if truncates else None,
            sequences=job.sequences.model_copy(update={"empty": "keep"}),
        )

    def export(self, model: Any, folder: str | PathLike[str]) -> None:
        """Writes a SavedModel that answers raw serialized records. See `lengthwise.export`."""
        self.serving_fn(model).export(fspath(folder))

    @property
    def _job(self) -> JobConfig:
        return JobConfig.model_validate({**self.manifest.config, "columns": self.manifest.columns})


def prepare(
    config: str | PathLike[str] | Mapping[str, Any] | JobConfig,
    *,
    output: str | PathLike[str] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    runner_options: Sequence[str] = (),
) -> DataSet:
    """Prepares a data set, as `lengthwise prepare` does, and opens it. Interrupted, the same call resumes.

    Args:
        config: the job: a YAML file's path, a mapping of the same fields, or a `JobConfig`.
        output: the data set's folder; the configuration's `output.path` if left out.
        overwrite: whether a data set that exists in the folder is replaced, once the new one is complete.
        workers: how many, on this machine; None for one per core that this process may use.
        runner_options: Beam's options, such as `--runner=DataflowRunner`; none for the embedded runner.

    Raises:
        ConfigError: the configuration, the input's paths, the output folder or the runner's options are wrong.
        DataLimitError: the data breaks a limit; the rejects are written, the data set is not.
        EnvironmentFailure: disk, permissions or the runner failed.

    Example:
        >>> data = lw.prepare("job.yaml", output="prepared")
        >>> data.splits
        {'eval': 412, 'train': 3588}
    """
    from lengthwise.job import run

    job = load_config(config, {"output.path": None if output is None else fspath(output)})
    run(job, overwrite=overwrite, workers=workers, runner_options=runner_options)
    return open(job.output.path)


def verify(folder: str | PathLike[str]) -> None:
    """Reads a prepared data set to its last byte, and compares it with its manifest: checksums, counts, lengths.

    Raises:
        DatasetError: something differs; the message names each file and what is wrong with it.
    """
    from lengthwise.job.verify import verify as compare

    faults = compare(fspath(folder)).faults
    if faults:
        raise DatasetError("\n".join(f"{fault.path}: {fault.problem}" for fault in faults))


def export(model: Any, data: DataSet | str | PathLike[str], folder: str | PathLike[str]) -> None:
    """Writes a SavedModel whose `serving_default` takes raw serialized records and gives predictions.

    Parsing, look-ups, validation and the cutting of over-long sequences are those of the data's preparation. Records
    need the features that the model's output depends on, and no others: no labels, no weights. The SavedModel needs
    TensorFlow alone, not `lengthwise`.

    Args:
        model: a Keras model of batches of `data`, on the TensorFlow backend.
        data: what it was trained on: an opened data set, or its folder.
        folder: where the SavedModel is written.

    Raises:
        ConfigError: the model reads a feature that no column of the data reads.

    Example:
        >>> lw.export(model, data, "serving")
        >>> tf.saved_model.load("serving").signatures["serving_default"](records=tf.constant(records))
    """
    opened = data if isinstance(data, DataSet) else open(data)
    opened.export(model, folder)

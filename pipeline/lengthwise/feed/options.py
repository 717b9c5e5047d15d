"""The options that both readers share: one frozen value, checked when it is made."""

from typing import Annotated, Any, Literal, Self, TypedDict, get_args

from pydantic import BeforeValidator, Field, model_validator

from lengthwise.buckets import BucketPlan
from lengthwise.columns.base import Spec
from lengthwise.columns.wording import show
from lengthwise.errors import ConfigError
from lengthwise.feed.cache_options import Cache
from lengthwise.feed.service_options import Service

WINDOW = 24_576


def _keys_or_model(value: Any) -> Any:
    """A tuple of keys, None, or a model, which is callable."""
    if value is None or callable(value):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected a list of keys, or a model, received {show(value)}")
    return tuple(value)


class Options(Spec):
    """How sequences become batches. The readers take these fields as keyword arguments.

    Attributes:
        batch_steps: the most padded steps (rows times T) of a batch: no batch exceeds it. This or `batch_size`.
        batch_size: the number of rows of a batch.
        multiple_of: row counts are multiples of this where `batch_steps` permits, so that replicas and matrix units
            get equal work. A split's or a window's last batch may be smaller.
        over_budget: what becomes of a sequence longer than `batch_steps`: an error, or a batch of its own (`alone`).
        drop_remainder: leaves out the batches that did not get all their rows. In the example layout these are random
            rows of each bucket; elsewhere the shortest of each window.
        max_shapes: the most shapes (rows, T) that batches may have, hence the most programs that XLA compiles. Batches
            that did not get all their rows are then filled up with rows of weight 0, of one padded step (or
            dropped, by `drop_remainder`).
        features: what batches keep: a model, for exactly the features that it reads; or keys, `sequence_length` among
            them if it is wanted; None for all. A functional Keras model whose inputs are a dict must be given no
            others: it takes them by position.
        labels: the key, or keys, of the features that become the labels (one tensor, or a dict of them). Numbers per
            step have the shape `[B, T, 1]`, as the output of `Dense(1)`; ids `[B, T]`.
        sample_weight: the key of the feature that becomes the weights; weights of steps are zero on padding.
        next_step: the key of a sequence of ids whose next step is each step's label.
        shuffle: whether order is random: of shards, of rows across a window, and of batches.
        seed: the same seed gives the same order, and each epoch another one. None: another order each time.
        epochs: how often the data is repeated; None for ever. Block data and raw data have a few batches more or fewer
            in each epoch, and Keras' `fit` leaves out those beyond the number of its first: there, train with `None`
            and `steps_per_epoch`.
        num_shards: into how many parts the data is divided, one for each training worker: a prepared split by records
            (sequences or blocks), give or take one, raw data by files. How many batches they make may differ.
        index: which of these parts is read.
        window: how many rows are shuffled, and sorted by length, together. More pad less and need more memory. None: as
            many as make about a hundred batches, at least 24,576.
        on_damage: what becomes of unreadable files and records: an error that names the file, or they are left out
            (`skip`), and their number is said on standard error: of a shard also how many of its records are missing,
            of a raw file how many of the bytes that it had when the dataset was made. Of a damaged compressed file
            TensorFlow may give fewer records than the job finds: it drops up to 256 KiB before the damage.
        service: reads through a tf.data service: its address, or a `Service`.
        cache: where local copies of remote files are kept: a folder, or a `Cache`. TensorFlow itself reads local files
            and `gs://` alone. So files of `s3://` and `hdfs://` are always copied, of `gs://` where this is given.
        verify: of a prepared data set, whether the bytes of each shard are compared with the manifest's size and
            checksum, in the background, at the first reading of each version of the file in a process. So a shard that
            was replaced by a sound one of as many records is found, too: an error that names it, before its last
            records come, or, with `on_damage="skip"`, a line on standard error. The workers of a tf.data service do
            it where they read, if they are those of `lengthwise serve worker`; of others it is an error. Copies of
            remote files were compared when they were made.
    """

    batch_steps: int | None = Field(default=None, ge=1)
    batch_size: int | None = Field(default=None, ge=1)
    multiple_of: int = Field(default=8, ge=1)
    over_budget: Literal["error", "alone"] = "error"
    drop_remainder: bool = False
    max_shapes: int | None = Field(default=None, ge=1)
    features: Annotated[Any, BeforeValidator(_keys_or_model)] = None
    labels: str | tuple[str, ...] | None = None
    sample_weight: str | None = None
    next_step: str | None = None
    shuffle: bool = True
    seed: int | None = Field(default=0, ge=0, lt=2**31)
    epochs: int | None = Field(default=1, ge=1)
    num_shards: int = Field(default=1, ge=1)
    index: int = Field(default=0, ge=0)
    window: int | None = Field(default=None, ge=1)
    on_damage: Literal["raise", "skip"] = "raise"
    service: Service | str | None = None
    cache: Cache | str | None = None
    verify: bool = False

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        labels = fields.get("labels")
        return {**fields, "labels": tuple(labels)} if isinstance(labels, list) else fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.batch_steps is None) == (self.batch_size is None):
            raise ValueError("expected either batch_steps (padded steps a batch) or batch_size (rows a batch)")
        if self.index >= self.num_shards:
            raise ValueError(f"expected an index below num_shards ({self.num_shards}), received {self.index}")
        if self.labels is not None and self.next_step is not None:
            raise ValueError("expected either labels or next_step: both name the labels")
        if self.sample_weight is not None and not self.has_targets:
            raise ValueError("sample_weight goes with labels or next_step")
        if self.max_shapes is not None and not self.drop_remainder and not self.has_targets:
            raise ValueError(
                "max_shapes fills batches up with rows of weight 0, which needs labels or next_step; "
                "give them, or drop_remainder=True"
            )
        if self.service is not None and self.num_shards > 1:
            raise ValueError("expected either service or num_shards: the service divides the data itself")
        return self

    @property
    def chosen_cache(self) -> Cache | None:
        """The cache that is asked for."""
        return Cache.make(folder=self.cache) if isinstance(self.cache, str) else self.cache

    @property
    def has_targets(self) -> bool:
        return self.labels is not None or self.next_step is not None

    @property
    def fills(self) -> bool:
        """Whether batches are filled up with empty rows."""
        return self.max_shapes is not None and not self.drop_remainder

    def rows(self, steps: int) -> int:
        """How many rows of `steps` steps make a batch."""
        if self.batch_size is not None:
            return self.batch_size
        assert self.batch_steps is not None
        rows = self.batch_steps // max(steps, 1)
        return max(rows - rows % self.multiple_of if rows >= self.multiple_of else rows, 1)


class OptionFields(TypedDict, total=False):
    """The fields of `Options`, as the readers' keyword arguments."""

    batch_steps: int | None
    batch_size: int | None
    multiple_of: int
    over_budget: Literal["error", "alone"]
    drop_remainder: bool
    max_shapes: int | None
    features: Any
    labels: str | tuple[str, ...] | list[str] | None
    sample_weight: str | None
    next_step: str | None
    shuffle: bool
    seed: int | None
    epochs: int | None
    num_shards: int
    index: int
    window: int | None
    on_damage: Literal["raise", "skip"]
    service: Service | str | None
    cache: Cache | str | None
    verify: bool


def checked_boundaries(boundaries: Any) -> tuple[int, ...] | None:
    """The boundaries as a tuple; None stays None.

    Raises:
        ConfigError: there are none, or they are no whole numbers that strictly increase.
    """
    return None if boundaries is None else BucketPlan(boundaries).boundaries


def check_choice(name: str, value: object, kind: Any) -> None:
    """Raises `ConfigError` unless the value is one of a `Literal`'s."""
    if value not in get_args(kind):
        choices = " or ".join(map(repr, get_args(kind)))
        raise ConfigError(f"{name}: expected {choices}, received {value!r}")

"""The options that both readers share: one frozen value, validated when it is created."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from lengthwise.buckets import BucketPlan
from lengthwise.columns import RESERVED_KEY, length_key
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError
from lengthwise.feed.options.batch_options import BatchOptions, StepsOfGroups, steps_of_group
from lengthwise.feed.options.cache_options import Cache
from lengthwise.feed.options.random_crops import cropped_boundaries
from lengthwise.feed.options.service_options import Service

OnDamage = Literal["raise", "skip"]


def _keys_or_model(value: object) -> object:
    """A tuple of keys, None, or a model, which is callable."""
    if value is None or callable(value):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected a list of keys, or a model, received {show(value)}")
    return tuple(value)


class Options(BatchOptions):
    """What is read, and how it becomes batches. The readers accept such a value, or its fields as keyword arguments."""

    features: Annotated[Any, BeforeValidator(_keys_or_model)] = Field(
        default=None,
        description="The features of batches: a model, for exactly the features that it reads; or keys, including "
        "`sequence_length` if needed; None for all. A functional Keras model whose inputs are a dict must get no other "
        "features: it matches them by position.",
    )
    pack: StepsOfGroups | None = Field(
        default=None,
        description="Packs several sequences into each row, of exactly this many steps, for models in which steps "
        "interact only in attention, where `segment_ids` separate the sequences (`lengthwise.SegmentMask`). Batches "
        "have one shape and almost no padding. Features per step are `[B, T]`, with `segment_ids` (1, 2, ... in each "
        "row, 0 on padding) and `positions` (0, 1, ... in each sequence), int32; features per sequence, "
        '`sequence_length` and context features, are `[B, S]`, 0 or "" where a row has fewer. Labels of sequences are '
        "`[B, S, 1]`. Rows that fill no batch wait for those of other windows; the last batch is filled up with empty "
        "rows (or dropped, by `drop_remainder`). Sequences longer than a row are truncated if the data's `over_long` "
        "is a truncation, or by `crop`, and are an error otherwise. With groups, the steps of each by its name, "
        '`{"source": 128, "target": 96}`: a sequence is in one row with all its groups, each of which has '
        "`<group>_segment_ids` and `<group>_positions`.",
    )
    segments: int | None = Field(
        default=None,
        ge=1,
        lt=2**31,
        description="With `pack`, S: the maximum number of sequences of a row. None: four times the average number, "
        "rounded up to a multiple of 8, the same for all splits.",
    )
    labels: str | tuple[str, ...] | None = Field(
        default=None,
        description="The key or keys of the features that become the labels (a tensor, or a dict of tensors). Numbers "
        "per step have the shape `[B, T, 1]`, like the output of `Dense(1)`; ids `[B, T]`.",
    )
    sample_weight: str | None = Field(
        default=None,
        description="The key of the feature that becomes the weights; weights of steps are zero on padding.",
    )
    even_weights: bool = Field(
        default=False,
        description="Scales the weights so that each row (labels of steps: each step with a label) has the same "
        "influence on training, regardless of the size of its batch: Keras' losses are means over each batch. The "
        "weights are about 1 on average.",
    )
    output_mask: bool = Field(
        default=True,
        description="For `even_weights` of steps or of packed rows, whether the model's output has Keras' mask: the "
        "mean is then over real steps or sequences only. Layers pass the mask on, operations such as `+` do not: see "
        "`model(features)._keras_mask`.",
    )
    next_step: str | None = Field(
        default=None, description="The key of a sequence of ids whose next step is each step's label."
    )
    epochs: int | None = Field(
        default=1,
        ge=1,
        description="The number of epochs; None for no end. All epochs have the same number of batches, except block "
        "and raw data with `pack` in several windows, groups, a `mix` of parts of folders, or `drop_remainder` without "
        "`max_shapes`: in these cases, because Keras' `fit` drops batches beyond the number of its first epoch, train "
        "with `None` and `steps_per_epoch=lengthwise.steps_per_epoch(dataset)`.",
    )
    num_shards: int = Field(
        default=1,
        ge=1,
        description="The number of parts into which the data is divided, one for each training worker: a prepared "
        "split by records (sequences or blocks), to within one, raw data by files. Their numbers of batches may "
        "differ.",
    )
    index: int = Field(default=0, ge=0, description="The part that is read.")
    on_damage: OnDamage = Field(
        default="raise",
        description="The handling of unreadable files and records: an error that names the file, or they are skipped "
        "(`skip`), and their number is reported on standard error: for a shard also the number of missing records, for "
        "a raw file the number of missing bytes, compared with the file when the dataset was built. From a damaged "
        "compressed file TensorFlow may yield fewer records than the job: it drops up to 256 KiB before the damage.",
    )
    service: Service | str | None = Field(
        default=None, description="Reads through a tf.data service: its address, or a `Service`."
    )
    cache: Cache | str | None = Field(
        default=None,
        description="Where local copies of remote files are kept: a folder, or a `Cache`. TensorFlow itself reads only "
        "local files and `gs://`. So files of `s3://` and `hdfs://` are always copied, files of `gs://` if this is "
        "given.",
    )
    verify: bool = Field(
        default=False,
        description="For a prepared data set, whether the bytes of each shard are compared with the manifest's size "
        "and checksum, in the background, once per process and version of the file. This also detects a shard that was "
        "replaced by a valid one with the same number of records: an error that names it, before its last records, or, "
        'with `on_damage="skip"`, a line on standard error. Workers of a tf.data service compare the files that they '
        "read, if they were started by `lengthwise serve worker`; with other workers it is an error. Copies of remote "
        "files are compared when they are created.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.index >= self.num_shards:
            raise ValueError(f"expected an index below num_shards ({self.num_shards}), received {self.index}")
        if self.labels is not None and self.next_step is not None:
            raise ValueError("expected either labels or next_step: both define the labels")
        for name in ("sample_weight", "even_weights"):
            if getattr(self, name) and not self.has_targets:
                raise ValueError(f"{name} requires labels or next_step")
        if self.max_shapes is not None and not self.drop_remainder and not self.has_targets:
            raise ValueError(
                "max_shapes fills batches up with rows of weight 0, which needs labels or next_step; "
                "pass them, or drop_remainder=True"
            )
        if self.pack is not None:
            self._check_pack(self.pack, self.row_steps)
        elif self.segments is not None:
            raise ValueError("segments requires pack: it is the maximum number of sequences of a packed row")
        if self.service is not None and self.num_shards > 1:
            raise ValueError("expected either service or num_shards: the service divides the data itself")
        if self.service is not None and self.largest_first:
            raise ValueError(
                "expected either service or largest_first: a service distributes batches as its workers produce them; "
                "leave one out"
            )
        return self

    def _check_pack(self, pack: StepsOfGroups, steps: int) -> None:
        if self.batch_steps is not None and self.batch_steps < steps:
            raise ValueError(f"expected batch_steps of at least pack, {steps}, received {self.batch_steps}")
        crops = {**self.crop} if isinstance(self.crop, Mapping) else {"": self.crop or 1}
        rows = {**pack} if isinstance(pack, Mapping) else {"": pack}
        for group in crops.keys() & rows.keys():
            if crops[group] > rows[group]:
                raise ValueError(
                    f"expected a crop of at most pack, {rows[group]}, the steps of a row, received {crops[group]}"
                )
        if self.padding == "left":
            raise ValueError(
                "expected either pack or padding='left': the padding of packed rows is at their end; leave padding out"
            )
        if self.max_shapes is not None:
            raise ValueError("expected either pack or max_shapes: packed batches have one shape; leave max_shapes out")
        if self.largest_first:
            raise ValueError("expected either pack or largest_first: packed batches have one shape; leave one out")

    def pack_of(self, key: str) -> int:
        """The steps of a packed row for the group whose lengths are in the feature `key`."""
        return steps_of_group(self.pack, key) or 1

    @property
    def row_steps(self) -> int:
        """The steps of a packed row, of all groups, as counted in `batch_steps`; 1 without `pack`."""
        rows = self.pack if isinstance(self.pack, Mapping) else {"": self.pack or 1}
        return int(self.weighed({length_key(group): steps for group, steps in rows.items()}))

    @property
    def chosen_cache(self) -> Cache | None:
        """The cache that the options define."""
        return Cache.make(folder=self.cache) if isinstance(self.cache, str) else self.cache

    @property
    def has_targets(self) -> bool:
        return self.labels is not None or self.next_step is not None


def options_of(options: Options | None, fields: Mapping[str, Any]) -> Options:
    """The options of a reader's arguments: a value, fields, or both, where fields take precedence.

    Raises:
        ConfigError: a field is unknown (the message suggests a similar name) or invalid.
    """
    if options is None:
        return Options.make(**fields)
    if not isinstance(options, Options):
        raise ConfigError(f"options: expected lengthwise.Options(...), received {show(options)}")
    given = {name: getattr(options, name) for name in options.model_fields_set}
    return Options.make(**{**given, **fields})


def checked_boundaries(boundaries: Any) -> tuple[int, ...] | None:
    """The boundaries as a tuple; None stays None.

    Raises:
        ConfigError: they are empty, or not integers that strictly increase.
    """
    return None if boundaries is None else BucketPlan(boundaries).boundaries


def checked_limits(boundaries: Any, options: BatchOptions) -> tuple[int, ...] | None:
    """The values that T may have if the lengths of sequences are not known otherwise.

    Raises:
        ConfigError: the boundaries are invalid, or incompatible with the options.
    """
    limits = checked_boundaries(boundaries)
    if limits is None:
        for name in ("max_shapes", "largest_first"):
            if getattr(options, name):
                raise ConfigError(
                    f"{name}: requires boundaries (of a job: buckets.boundaries), as the lengths of the sequences are "
                    "not known otherwise"
                )
        return None
    shapes = cropped_boundaries(limits, options.crop_of(RESERVED_KEY))
    if options.max_shapes is not None and len(shapes) > options.max_shapes:
        raise ConfigError(
            f"max_shapes: expected at least {len(shapes)}, the number of boundaries, received {options.max_shapes}"
        )
    if options.batch_steps is not None and shapes[-1] > options.batch_steps and options.over_budget == "error":
        raise ConfigError(
            f"batch_steps: expected at least {shapes[-1]}, the last boundary, received {options.batch_steps}"
        )
    return limits


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises `ConfigError` unless the value is one of the choices."""
    if value not in choices:
        raise ConfigError(f"{name}: expected {' or '.join(map(repr, choices))}, received {value!r}")

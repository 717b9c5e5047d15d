"""The options that both readers share: one frozen value, checked when it is made."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator

from lengthwise.buckets import BucketPlan
from lengthwise.columns import RESERVED_KEY, length_key
from lengthwise.columns.field_errors import show
from lengthwise.errors import ConfigError
from lengthwise.feed.options.batch_options import BatchOptions, StepsOfGroups, steps_of_group
from lengthwise.feed.options.cache_options import Cache
from lengthwise.feed.options.random_crops import cropped
from lengthwise.feed.options.service_options import Service


def _keys_or_model(value: Any) -> Any:
    """A tuple of keys, None, or a model, which is callable."""
    if value is None or callable(value):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"expected a list of keys, or a model, received {show(value)}")
    return tuple(value)


class Options(BatchOptions):
    """What is read, and how it becomes batches. The readers take one such value, or its fields as keyword arguments."""

    features: Annotated[Any, BeforeValidator(_keys_or_model)] = Field(
        default=None,
        description="What batches keep: a model, for exactly the features that it reads; or keys, `sequence_length` "
        "among them if it is wanted; None for all. A functional Keras model whose inputs are a dict must be given no "
        "others: it takes them by position.",
    )
    pack: StepsOfGroups | None = Field(
        default=None,
        description="Packs several sequences into each row, of exactly this many steps, for models in which steps "
        "meet in attention alone: `segment_ids` keep sequences apart there (`lengthwise.SegmentMask`). Batches have "
        "one shape and next to no padding. What belongs to a step is `[B, T]`, with `segment_ids` (1, 2, ... in each "
        "row, 0 on padding) and `positions` (0, 1, ... in each sequence), int32; what belongs to a sequence, "
        '`sequence_length` and context features, is `[B, S]`, 0 or "" where a row holds fewer. Labels of sequences are '
        "`[B, S, 1]`. The rows that fill no batch wait for those of other windows; what is left in the end is filled "
        "up with empty rows (or dropped, by `drop_remainder`). Sequences longer than a row are cut where the data's "
        "`over_long` says truncate, or by `crop`, and are an error elsewhere. With groups, the steps of each by its "
        'name, `{"source": 128, "target": 96}`: a sequence is in one row with all its groups, each of which has '
        "`<group>_segment_ids` and `<group>_positions`.",
    )
    segments: int | None = Field(
        default=None,
        ge=1,
        lt=2**31,
        description="With `pack`, the S: how many sequences a row holds at most. None: four times as many as fit on "
        "average, rounded up to 8, the same for all splits.",
    )
    labels: str | tuple[str, ...] | None = Field(
        default=None,
        description="The key, or keys, of the features that become the labels (one tensor, or a dict of them). "
        "Numbers per step have the shape `[B, T, 1]`, as the output of `Dense(1)`; ids `[B, T]`.",
    )
    sample_weight: str | None = Field(
        default=None,
        description="The key of the feature that becomes the weights; weights of steps are zero on padding.",
    )
    even_weights: bool = Field(
        default=False,
        description="Multiplies the weights so that each row (labels of steps: each step with a label) has the same "
        "influence on training, however many share its batch: Keras' losses take each batch's mean. The weights are "
        "about 1 on average.",
    )
    output_mask: bool = Field(
        default=True,
        description="For `even_weights` of steps or of packed rows, whether the model's output carries Keras' mask: "
        "the mean is then over real steps or sequences alone. Layers hand the mask on, operations such as `+` do not: "
        "`model(features)._keras_mask` tells.",
    )
    next_step: str | None = Field(
        default=None, description="The key of a sequence of ids whose next step is each step's label."
    )
    epochs: int | None = Field(
        default=1,
        ge=1,
        description="How often the data is repeated; None for ever. Each time has equally many batches, but for block "
        "and raw data with `pack` in several windows, groups, a `mix` of parts of folders, or `drop_remainder` without "
        "`max_shapes`: there, as Keras' `fit` leaves out what is beyond the number of its first epoch, train with "
        "`None` and `steps_per_epoch=lengthwise.steps_per_epoch(dataset)`.",
    )
    num_shards: int = Field(
        default=1,
        ge=1,
        description="Into how many parts the data is divided, one for each training worker: a prepared split by "
        "records (sequences or blocks), give or take one, raw data by files. How many batches they make may differ.",
    )
    index: int = Field(default=0, ge=0, description="Which of these parts is read.")
    on_damage: Literal["raise", "skip"] = Field(
        default="raise",
        description="What becomes of unreadable files and records: an error that names the file, or they are left out "
        "(`skip`), and their number is said on standard error: of a shard also how many of its records are missing, of "
        "a raw file how many of the bytes that it had when the dataset was made. Of a damaged compressed file "
        "TensorFlow may give fewer records than the job finds: it drops up to 256 KiB before the damage.",
    )
    service: Service | str | None = Field(
        default=None, description="Reads through a tf.data service: its address, or a `Service`."
    )
    cache: Cache | str | None = Field(
        default=None,
        description="Where local copies of remote files are kept: a folder, or a `Cache`. TensorFlow itself reads "
        "local files and `gs://` alone. So files of `s3://` and `hdfs://` are always copied, of `gs://` where this is "
        "given.",
    )
    verify: bool = Field(
        default=False,
        description="Of a prepared data set, whether the bytes of each shard are compared with the manifest's size "
        "and checksum, in the background, at the first reading of each version of the file in a process. So a shard "
        "that was replaced by a sound one of as many records is found, too: an error that names it, before its last "
        'records come, or, with `on_damage="skip"`, a line on standard error. The workers of a tf.data service do it '
        "where they read, if they are those of `lengthwise serve worker`; of others it is an error. Copies of remote "
        "files were compared when they were made.",
    )

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        labels = fields.get("labels")
        return {**fields, "labels": tuple(labels)} if isinstance(labels, list) else fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.index >= self.num_shards:
            raise ValueError(f"expected an index below num_shards ({self.num_shards}), received {self.index}")
        if self.labels is not None and self.next_step is not None:
            raise ValueError("expected either labels or next_step: both name the labels")
        for name in ("sample_weight", "even_weights"):
            if getattr(self, name) and not self.has_targets:
                raise ValueError(f"{name} goes with labels or next_step")
        if self.max_shapes is not None and not self.drop_remainder and not self.has_targets:
            raise ValueError(
                "max_shapes fills batches up with rows of weight 0, which needs labels or next_step; "
                "give them, or drop_remainder=True"
            )
        if self.pack is not None:
            self._check_pack(self.pack, self.row_steps)
        elif self.segments is not None:
            raise ValueError("segments goes with pack: it is how many sequences a packed row holds")
        if self.service is not None and self.num_shards > 1:
            raise ValueError("expected either service or num_shards: the service divides the data itself")
        if self.service is not None and self.largest_first:
            raise ValueError(
                "expected either service or largest_first: a service hands batches out as its workers make them; "
                "leave one out"
            )
        return self

    def _check_pack(self, pack: StepsOfGroups, steps: int) -> None:
        if self.batch_steps is not None and self.batch_steps < steps:
            raise ValueError(f"expected batch_steps of at least pack, {steps}, received {self.batch_steps}")
        crops, rows = ({**one} if isinstance(one, Mapping) else {"": one or 1} for one in (self.crop, pack))
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
        """How many steps of a packed row the group has whose lengths are in the feature `key`."""
        return steps_of_group(self.pack, key) or 1

    @property
    def row_steps(self) -> int:
        """What the steps of a packed row count in `batch_steps`, those of all groups; 1 without `pack`."""
        rows = self.pack if isinstance(self.pack, Mapping) else {"": self.pack or 1}
        return int(self.weighed({length_key(group): steps for group, steps in rows.items()}))

    @property
    def chosen_cache(self) -> Cache | None:
        """The cache that is asked for."""
        return Cache.make(folder=self.cache) if isinstance(self.cache, str) else self.cache

    @property
    def has_targets(self) -> bool:
        return self.labels is not None or self.next_step is not None


def options_of(options: Options | None, fields: Mapping[str, Any]) -> Options:
    """The options that a reader was given: one value, fields, or both, where fields count.

    Raises:
        ConfigError: a field is unknown (the message names the nearest) or wrong.
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
        ConfigError: there are none, or they are no whole numbers that strictly increase.
    """
    return None if boundaries is None else BucketPlan(boundaries).boundaries


def checked_limits(boundaries: Any, options: BatchOptions) -> tuple[int, ...] | None:
    """The values that T may have where nothing else says how long sequences are.

    Raises:
        ConfigError: the boundaries are wrong, or do not go with the options.
    """
    limits = checked_boundaries(boundaries)
    if limits is None:
        needs = "max_shapes" if options.max_shapes is not None else "largest_first" if options.largest_first else None
        if needs is not None:
            raise ConfigError(
                f"{needs}: expected boundaries with it (of a job: buckets.boundaries): nothing else says how long "
                "the sequences are"
            )
        return None
    shapes = cropped(limits, options.crop_of(RESERVED_KEY))
    if options.max_shapes is not None and len(shapes) > options.max_shapes:
        raise ConfigError(
            f"max_shapes: expected at least {len(shapes)}, the number of boundaries, received {options.max_shapes}"
        )
    if options.batch_steps is not None and shapes[-1] > options.batch_steps and options.over_budget == "error":
        raise ConfigError(
            f"batch_steps: expected at least {shapes[-1]}, the last boundary, received {options.batch_steps}"
        )
    return limits


def check_choice(name: str, value: object, kind: Any) -> None:
    """Raises `ConfigError` unless the value is one of a `Literal`'s."""
    if value not in get_args(kind):
        choices = " or ".join(map(repr, get_args(kind)))
        raise ConfigError(f"{name}: expected {choices}, received {value!r}")

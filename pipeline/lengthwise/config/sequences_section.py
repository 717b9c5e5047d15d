"""`sequences`: what a job does with sequences that are empty, too short, too long, or of different lengths."""

from typing import Annotated, Literal

from pydantic import Field

from lengthwise.config.field_types import SORTED, Section, StepCount, StepCountOrZero

OverLong = Literal["reject", "truncate_left", "truncate_right", "window"]
"""What is done with sequences that are longer than the last boundary."""


class GroupRules(Section):
    """Rules for the sequences of one group, if they differ from those for all groups."""

    empty: Literal["keep", "reject"] | None = Field(default=None, description="Replaces `sequences.empty`.")
    min_steps: StepCountOrZero | None = Field(default=None, description="Replaces `sequences.min_steps`.")
    over_long: Literal["reject", "truncate_left", "truncate_right"] | None = Field(
        default=None, description="Replaces `sequences.over_long`."
    )
    mismatch: Literal["reject", "truncate"] | None = Field(default=None, description="Replaces `sequences.mismatch`.")
    max_length: StepCount | None = Field(
        default=None,
        description="The maximum number of steps per sequence of this group; no limit if omitted. Not for the leading "
        "group, whose limit is the last boundary.",
    )


class Sequences(Section):
    """How sequences that are empty, too long, or uneven are handled."""

    empty: Literal["keep", "reject"] = Field(
        default="reject", description="Sequences without steps: kept (length 0, first bucket) or rejected."
    )
    min_steps: StepCountOrZero = Field(
        default=0, description="Sequences with fewer steps are rejected; for those without steps, see `empty`."
    )
    over_long: OverLong = Field(
        default="reject",
        description="Sequences longer than the last boundary: rejected; truncated, dropping their first steps "
        "(`truncate_left`) or their last (`truncate_right`); or split into windows no longer than the last boundary.",
    )
    window_overlap: int = Field(
        default=0, ge=0, lt=2**31, description="The number of steps that a window shares with the previous one."
    )
    mismatch: Literal["reject", "truncate"] = Field(
        default="reject",
        description="Records whose sequence columns differ in length: rejected, or truncated to the shortest.",
    )
    groups: Annotated[dict[str, GroupRules], SORTED] = Field(
        default={}, description="Different rules for some groups, by the names in the columns' `group`."
    )

    def of(self, group: str) -> GroupRules:
        """The rules of a group, with only `max_length` possibly None; `over_long` of a sole group may be `window`."""
        rules = self.groups.get(group, GroupRules())
        names = ("empty", "min_steps", "over_long", "mismatch")
        return rules.model_copy(update={name: getattr(self, name) for name in names if getattr(rules, name) is None})

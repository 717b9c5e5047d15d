"""The counts of a job: the records of each input file, the balance of all records, and the counted vocabularies."""

from pydantic import Field

from lengthwise.manifest.manifest_section import Amount, ManifestSection


class InputFile(ManifestSection):
    """One input file: its path, its size in bytes, and the number of records read from it."""

    path: str
    bytes: Amount
    records: Amount


class Counts(ManifestSection):
    """The balance: `read == written + rejected`, always.

    Attributes:
        read: records of the input, readable or not; the unreadable rest of a damaged file counts as one.
        written: records of which at least one sequence was written.
        rejected: rejected records, by reason.
        sequences: sequences written: more than `written` if over-long ones were split into windows.
        truncated: records cut to the last boundary, or to the shortest of their columns, or both.
        windowed: records split into windows.
        repaired: values outside a vocabulary or a range that were replaced by the missing id, a default or an OOV
            bucket, and steps without a value, which have the missing id, by key.
    """

    read: Amount
    written: Amount
    rejected: dict[str, Amount]
    sequences: Amount
    truncated: Amount = 0
    windowed: Amount = 0
    repaired: dict[str, Amount] = Field(default_factory=dict)


class CountedVocabulary(ManifestSection):
    """The counts of a vocabulary that a job has built from its training split.

    Attributes:
        values: the number of values; of columns that share the vocabulary, of all together.
        distinct: the number of distinct values.
        entries: the number of distinct values that are in the vocabulary.
        covered: the number of values that are in it.
        unfit: the number of values that cannot be a line of a file: empty, with a line break, with a byte order mark
            at the start, or not UTF-8.
    """

    values: Amount
    distinct: Amount
    entries: Amount
    covered: Amount
    unfit: Amount

"""The verdicts of the rules on the records of a block as faults with details."""

from collections.abc import Iterator

import numpy as np

from lengthwise.records.decoding.record_decoder import RecordFault
from lengthwise.rules.record_rules import VALID, Verdicts


def faults_of(verdicts: Verdicts[np.ndarray]) -> Iterator[RecordFault]:
    """The fault of each rejected record. Only rules that records break describe what they received."""
    codes = verdicts.codes
    for code in np.unique(codes[codes != VALID]).tolist():
        rule = verdicts.rules[code]
        broken, splits = rule.broken(), None if rule.splits is None else rule.splits()
        for row in np.flatnonzero(codes == code).tolist():
            entry = row
            if splits is not None:  # the first value, or step, that breaks the rule
                entry = int(splits[row] + broken[splits[row] : splits[row + 1]].argmax())
            yield RecordFault(row, rule.reason, rule.column, rule.describe(entry))

"""The description of a prepared data set: `manifest.json`, written last, so that its presence means "complete".

A manifest depends on the input and the configuration alone: it contains no time, host or number of workers.

    manifest_file ── reads and writes ──▶ manifest_model ── consists of ──▶ shard_entries       the files
                                                                            record_balance      the records
                                                                            feature_statistics  the values
"""

from lengthwise.manifest.feature_statistics import QUANTILES, ColumnStatistics, TrainingStatistics, joint_moments
from lengthwise.manifest.manifest_file import MANIFEST_NAME, load_altered_manifest, load_manifest, without_files
from lengthwise.manifest.manifest_model import FORMAT_VERSION, Compression, Layout, Manifest
from lengthwise.manifest.record_balance import CountedVocabulary, Counts, InputFile
from lengthwise.manifest.shard_entries import Group, GroupSteps, Shard, Totals

__all__ = [
    "FORMAT_VERSION",
    "MANIFEST_NAME",
    "QUANTILES",
    "ColumnStatistics",
    "Compression",
    "CountedVocabulary",
    "Counts",
    "Group",
    "GroupSteps",
    "InputFile",
    "Layout",
    "Manifest",
    "Shard",
    "Totals",
    "TrainingStatistics",
    "joint_moments",
    "load_altered_manifest",
    "load_manifest",
    "without_files",
]

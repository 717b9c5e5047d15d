"""`report.html`: what a prepared data set looks like, for people. And column drift between two data sets.

manifest.json ─┬─> lengths   padding   features   shards   reproduce ─┐      numbers and places, as plain values
rejects/*     ─┴─> rejects                                            ├─> page ─> report.html
another manifest ─> drift (limits, samples, chance, distances) ─> comparison ─┘      templates/*.j2, escaped

Charts are places in percent (`axes`, `charts`), drawn as inline SVG by the templates: one page, no script, no network.
"""

from lengthwise.report.data_set_names import name_of
from lengthwise.report.drift import Drift, compare_manifests, comparison_json
from lengthwise.report.drift_limits import DriftLimits, FeatureLimits, load_limits
from lengthwise.report.report_page import render_report
from lengthwise.report.report_writing import REPORT_NAME, read_examples, write_report

__all__ = [
    "REPORT_NAME",
    "Drift",
    "DriftLimits",
    "FeatureLimits",
    "compare_manifests",
    "comparison_json",
    "load_limits",
    "name_of",
    "read_examples",
    "render_report",
    "write_report",
]

"""`report.html`: a page that shows a prepared data set. And column drift between two data sets.

manifest.json ─┬─> length_charts  pair_charts  padding_tables  feature_cards  shard_sizes  reproduction ─┐
rejects/*     ─┴─> reject_examples                                                                      ├─> report_page
another manifest ─> drift (limits, samples, chance bounds, distances) ─> drift_comparison ───────────────┘

The modules compute numbers and positions as values; the templates (templates/*.j2) escape and draw them. Positions are
percentages of an axis (`chart_axes`), drawn as inline SVG: one page without scripts that needs no network.
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

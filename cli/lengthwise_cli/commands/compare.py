"""`lengthwise compare`: compares a data set with an earlier one."""

from typing import TYPE_CHECKING

import click

from lengthwise_cli import shared_options

if TYPE_CHECKING:
    from lengthwise.report import Drift

EPILOG = """\b
Example:
  lengthwise compare prepared prepared-last-week
  lengthwise compare prepared prepared-last-week --limits drift.yaml --json

\b
drift.yaml overrides these defaults, for all columns or for some:
  false_alarms: 0.01   # maximum probability of a flag for the same source
  distance: 0.1        # Jensen-Shannon distance, of numbers and lengths
  share: 0.05          # difference of one value's shares, of ids and strings
  rate: 0.02           # of missing and of out-of-vocabulary values
  growth: 0.1          # of a range, as a share of it
  columns:
    price: {distance: 0.3}
    session: {ignore: true}"""


@click.command("compare", epilog=EPILOG)
@shared_options.data_set
@click.argument("baseline", type=shared_options.DataSetPath())
@click.option("--limits", metavar="FILE", type=shared_options.path, help="A YAML file of limits, see below.")
@shared_options.quiet
@shared_options.as_json
def command(folder: str, baseline: str, limits: str | None, quiet: bool, as_json: bool) -> None:
    """Compare a data set with an earlier one, and fail if a column moved.

    A column moved if it differs by more than its limit, and by more than chance explains. Exit code 1: at least one
    did. Only manifests are read; `lengthwise report --compare` draws this comparison.
    """
    from lengthwise.errors import DatasetError
    from lengthwise.manifest import load_manifest
    from lengthwise.report import DriftLimits, compare_manifests, comparison_json, load_limits
    from lengthwise_cli.terminal import say, say_json

    for data_set in (folder, baseline):
        shared_options.require_data_set(data_set)
    chosen = DriftLimits() if limits is None else load_limits(limits)
    drifts = compare_manifests(load_manifest(folder), load_manifest(baseline), chosen)
    moved = [drift.key for drift in drifts if drift.flags]
    if as_json:
        say_json(comparison_json(drifts, chosen))
    elif not quiet:
        _show(drifts)
        if not moved:
            say(f"none of {len(drifts)} features moved")
    if moved:
        raise DatasetError(
            f"{folder}: {len(moved)} of {len(drifts)} features moved from {baseline}: {', '.join(moved)}"
        )


def _show(drifts: "list[Drift]") -> None:
    from lengthwise_cli.terminal import say_table

    rows = []
    for drift in drifts:
        distance = "" if drift.distance is None else f"{'' if drift.exact else '≈ '}{drift.distance:.3f}"
        rows.append((drift.key, drift.measure, distance, "; ".join(drift.flags)))
    say_table("", ["feature", "measure", ">distance", "what moved"], rows)

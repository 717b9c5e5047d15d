"""The plots of RESULTS.md, as small SVG files."""

import os
from typing import Any

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "lengthwise", "font.size": 8})

from matplotlib import pyplot as plt  # noqa: E402 (after selecting the backend)

_METADATA = {"Date": None, "Creator": None}


def draw(folder: str, results: dict[str, Any]) -> list[str]:
    """Draws the plots for the available results; returns their names."""
    os.makedirs(folder, exist_ok=True)
    drawn = []
    for name, figure in (("scaling", _scaling), ("stages", _stages)):
        found = results.get(name, {}).get("results")
        if found:
            figure(found).savefig(os.path.join(folder, f"{name}.svg"), metadata=_METADATA)
            plt.close("all")
            drawn.append(name)
    return drawn


def _scaling(found: dict[str, Any]) -> Any:
    rows = -(-len(found) // 4)
    figure, grid = plt.subplots(rows, 4, figsize=(11, 2.5 * rows), squeeze=False, layout="constrained")
    for axes, (name, sizes) in zip(grid.flat, found.items(), strict=False):
        factors = [int(factor) for factor in sizes]
        medians = [one["median"] for one in sizes.values()]
        below = [one["median"] - one["low"] for one in sizes.values()]
        above = [one["high"] - one["median"] for one in sizes.values()]
        axes.errorbar(factors, medians, [below, above], marker="o", markersize=3, linewidth=1)
        axes.plot(factors, [medians[-1] * factor / factors[-1] for factor in factors], "--", color="0.6", linewidth=1)
        axes.set(xscale="log", yscale="log", title=name, xticks=factors, xticklabels=[f"{one}x" for one in factors])
        axes.minorticks_off()
    for axes in list(grid.flat)[len(found) :]:
        axes.set_visible(False)
    figure.supylabel("CPU seconds (dashed: linear)")
    return figure


def _stages(found: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(8, 0.7 + 0.5 * len(found)), layout="constrained")
    names = list(dict.fromkeys(name for shares in found.values() for name in shares["stages"]))
    left = dict.fromkeys(found, 0.0)
    for name in names:
        shares = [one["stages"].get(name, 0.0) for one in found.values()]
        axes.barh(list(found), shares, left=list(left.values()), label=name)
        left = {job: left[job] + share for job, share in zip(found, shares, strict=True)}
    axes.set(xlim=(0, 1), xlabel="share of the CPU time")
    axes.invert_yaxis()
    axes.legend(ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.35), frameon=False)
    return figure

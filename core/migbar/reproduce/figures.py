"""Figures of the reproduced tables, after Fig. 1b and Fig. 3 of the paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from migbar.files import replacing
from migbar.pages import new_figure
from migbar.reproduce.rows import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from migbar.reproduce.generalisation import ScenarioErrors

_COLOURS = ("#1f77b4", "#d9822b", "#2e8b57", "#8a5a9e", "#7f7f7f")


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write a figure as PNG and SVG, each whole or not at all."""
    for suffix in ("png", "svg"):
        with replacing(folder / f"{name}.{suffix}") as temporary:
            figure.savefig(temporary, format=suffix, dpi=200)


def table_s5_figure(rows: Sequence[Row]) -> Figure:
    """Mean absolute errors, published and ours, a group of bars for each model."""
    labels = {
        "published train MAE": "published, training",
        "train MAE": "ours, training",
        "published test MAE": "published, test",
        "test MAE": "ours, test",
        "grouped MAE": "ours, grouped folds",
    }
    columns = [name for name in labels if any(row.get(name) is not None for row in rows)]
    figure, axes = new_figure(7.5, 0.8 + 0.1 * len(rows) * (len(columns) + 1))
    place = np.arange(len(rows))
    high = 0.8 / len(columns)
    for k, (name, colour) in enumerate(zip(columns, _COLOURS, strict=False)):
        values = [row.get(name) for row in rows]
        given = [i for i, value in enumerate(values) if value is not None]
        errors = [rows[i].get(f"{name} se") or 0.0 for i in given]
        axes.barh(
            place[given] + k * high,
            [values[i] for i in given],
            high,
            xerr=errors if any(errors) else None,
            label=labels[name],
            color=colour,
            error_kw={"linewidth": 0.8},
        )
    axes.set_yticks(place + 0.4 - high / 2, [row["model"] for row in rows])
    axes.margins(y=0.01)
    axes.invert_yaxis()
    # SCRATCH-SUB is off by 2.5 eV; the others are to be told apart.
    axes.set_xlim(0, 0.75)
    axes.set_xlabel("mean absolute error (eV); longer bars are cut off")
    axes.legend(frameon=False, loc="lower right", fontsize="small")
    return figure


def dataset_size_figure(rows: Sequence[Row]) -> Figure:
    """Error on training and on unseen paths against the number of paths trained on."""
    unseen = "test MAE" if "test MAE" in rows[0] else "grouped MAE"
    figure, axes = new_figure(5.5, 4.0)
    for name, colour in zip(dict.fromkeys(row["model"] for row in rows), _COLOURS, strict=False):
        own = [row for row in rows if row["model"] == name]
        sizes = [row["paths trained on"] for row in own]
        axes.errorbar(
            sizes,
            [row[unseen] for row in own],
            [row[f"{unseen} se"] for row in own],
            marker="o",
            capsize=3,
            color=colour,
            label=name,
        )
        axes.plot(sizes, [row["train MAE"] for row in own], ":", marker=".", color=colour)
    axes.set_xlabel("paths trained on")
    axes.set_ylabel(f"mean absolute error (eV)\n{unseen.split()[0]} (solid), training (dotted)")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize="small")
    return figure


def scenarios_figure(found: Sequence[ScenarioErrors]) -> Figure:
    """Distributions of the absolute errors on what was held out."""
    models = list(dict.fromkeys(one.model for one in found))
    scenarios = list(dict.fromkeys(one.scenario for one in found))
    figure, axes = new_figure(max(5.0, 1.5 + 1.5 * len(models)), 4.0)
    for one in found:
        if not len(one.error_ev):
            continue
        colour = _COLOURS[scenarios.index(one.scenario)]
        place = models.index(one.model) + (scenarios.index(one.scenario) - 1) * 0.28
        body = axes.violinplot(
            [one.error_ev], [place], widths=0.26, showextrema=False, bw_method=0.2
        )["bodies"][0]
        body.set(facecolor=colour, alpha=0.5)
        first = one.model == models[0]
        axes.hlines(np.median(one.error_ev), place - 0.09, place + 0.09, color=colour, linewidth=2)
        label = f"held-out {one.scenario}" if first else None
        axes.plot(place, one.error_ev.mean(), "o", mfc="white", mec=colour, label=label)
    axes.set_xticks(range(len(models)), models)
    axes.set_ylim(0, 1.5)
    axes.set_ylabel("absolute error (eV), cut off at 1.5\nline: median, circle: mean")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize="small")
    return figure


def pathways_figure(rows: Sequence[Row]) -> Figure:
    """Share of the structures with several paths that are told apart."""
    figure, axes = new_figure(5.5, 0.8 + 0.4 * len(rows))
    axes.barh(
        [row["model"] for row in rows], [row["share"] or 0.0 for row in rows], color=_COLOURS[0]
    )
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    several = rows[0]["structures with several paths"]
    axes.set_xlabel(f"share of {several} structures whose paths are all told apart")
    return figure


def confusion_figure(rows: Sequence[Row]) -> Figure:
    """Confusion matrices, one for each model."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.6 * len(rows) + 0.8, 3.6), layout="constrained")
    for k, row in enumerate(rows):
        axes = figure.add_subplot(1, len(rows), k + 1)
        counts = np.array(
            [
                [row["good as good"], row["good as bad"]],
                [row["bad as good"], row["bad as bad"]],
            ]
        )
        axes.imshow(counts, cmap="Blues", vmin=0, vmax=counts.sum())
        for (i, j), count in np.ndenumerate(counts):
            shade = "white" if count > counts.sum() / 2 else "black"
            axes.text(j, i, str(count), ha="center", va="center", color=shade)
        axes.set_xticks([0, 1], ["good", "bad"])
        axes.set_yticks([0, 1], ["good", "bad"] if k == 0 else ["", ""])
        axes.set_title(row["model"], fontsize="medium")
        axes.set_xlabel("predicted")
        if k == 0:
            axes.set_ylabel("known")
    return figure

"""The report of a training on own data: one HTML page, and its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from migbar.energies import IN_EV, EnergyFormat
from migbar.evaluation import FEWEST_FOR_R2
from migbar.files import write_text
from migbar.pages import ACCENT, INK, new_figure, page, svg, table
from migbar.training.own.judgement import describe
from migbar.wording import with_minus

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Result = Mapping[str, Any]

_NAMES = {
    "model": "the new model",
    "model_where_start": "the new model, on the paths the start can be judged by",
    "start": "the starting model",
    "baseline": "mean barrier of each class",
}


def write_report(path: str | Path, result: Result, energies: EnergyFormat = IN_EV) -> None:
    """Write the report of a run's result (see `migbar.training.own.task.run`) as an HTML file."""
    write_text(path, html_report(result, energies))


def html_report(result: Result, energies: EnergyFormat = IN_EV) -> str:
    """Return a self-contained HTML page, with energies as they are liked."""
    split, options = result["split"], result["options"]
    judged = f"{split['folds']}-fold cross-validation" if split["folds"] else "held-out paths"
    title = f"{result['model']}: a model from own barriers"
    warnings = "".join(f"<li>{escape(text)}</li>" for text in split["warnings"])
    return page(
        title,
        [
            f"<h1>{escape(title)}</h1>",
            f'<p class="lead">{escape(describe(result, energies))}</p>',
            f"<p>Judged by {judged}, split by {escape(options['scheme'])}.</p>",
            f"<ul>{warnings}</ul>" if warnings else "",
            "<h2>Scores</h2>",
            score_table(result, energies),
            '<p class="small">± bootstrap standard error over the paths.</p>',
            "<h2>Predicted and calculated barriers</h2>",
            f"<figure>{svg(parity_figure(result, energies))}</figure>",
            "<h2>On which side of the threshold</h2>",
            _confusion_table(result),
            "<h2>Intervals</h2>",
            f"<p>{escape(calibration_text(result['calibration'], energies))}</p>",
            "<h2>Largest errors</h2>",
            _worst_table(result, energies),
            "<h2>Curves</h2>" if result["curve"] else "",
            f"<figure>{svg(curve_figure(result['curve'], energies))}</figure>"
            if result["curve"]
            else "",
            "<h2>Options</h2>",
            table(("", ""), [(key, str(value)) for key, value in options.items()]),
        ],
    )


def score_table(result: Result, energies: EnergyFormat = IN_EV) -> str:
    """Return the scores as an HTML table."""
    rows = []
    for name, scores in _told(result["scores"]):
        mae, rmse = (
            f"{energies.number(scores[f'{key}_ev'])} ± {energies.number(scores[f'{key}_se_ev'])}"
            for key in ("mae", "rmse")
        )
        r2, accuracy = (_number(scores[key], scores[f"{key}_se"]) for key in ("r2", "accuracy"))
        enough = scores["n"] >= FEWEST_FOR_R2
        rows.append((name, str(scores["n"]), mae, rmse, r2 if enough else "–", accuracy))
    unit = energies.unit
    threshold = f"Right side of {energies.short(result['threshold_ev'])} {unit}"
    return table(("", "Paths", f"MAE ({unit})", f"RMSE ({unit})", "R²", threshold), rows)


def _number(value: float | None, error: float | None) -> str:
    """Write a score; the R² of equal barriers is not defined."""
    return "–" if value is None or error is None else with_minus(f"{value:.3f} ± {error:.3f}")


def _told(by_name: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Leave out what says the same twice."""
    same = by_name.get("model") == by_name.get("model_where_start")
    return [
        (text, by_name[name])
        for name, text in _NAMES.items()
        if name in by_name and not (same and name == "model_where_start")
    ]


def _confusion_table(result: Result) -> str:
    rows = [
        (name, *(str(counts[key]) for key in (
            "good_called_good", "good_called_poor", "poor_called_good", "poor_called_poor",
        )))
        for name, counts in _told(result["confusion"])
    ]  # fmt: skip
    head = ("", "good, called good", "good, called poor", "poor, called good", "poor, called poor")
    return table(head, rows)


def calibration_text(calibration: Mapping[str, float], energies: EnergyFormat = IN_EV) -> str:
    """Say in words how well the intervals hold on the own data."""
    share, nominal = calibration["coverage"], calibration["nominal"]
    error = max(calibration["coverage_se"], 1e-9)
    verdict = "as they should"
    if share < nominal - 2 * error:
        verdict = "too few: the intervals are too narrow for these data"
    elif share > nominal + 2 * error:
        verdict = "more than they should: the intervals are wider than need be"
    return (
        f"{100 * share:.0f} ± {100 * calibration['coverage_se']:.0f} % of the barriers lie in their intervals of "
        "nominally "
        f"{100 * nominal:.0f} %, {verdict}; median width "
        f"{energies.energy(calibration['median_width_ev'], 2)}."
    )


def _worst_table(result: Result, energies: EnergyFormat) -> str:
    parity = result["parity"]
    rows = []
    for i in result["worst"]:
        target, predicted = parity["target_ev"][i], parity["predicted_ev"][i]
        row = parity["row"][i]
        place = parity["file"][i] + (f", row {row}" if row else "")
        rows.append(
            (parity["name"][i], parity["family"][i], parity["ion"][i], energies.number(target),
             energies.number(predicted), energies.number(predicted - target, sign=True), place)
        )  # fmt: skip
    numbers = [f"{name} ({energies.unit})" for name in ("DFT", "Model", "Error")]
    return table(("Path", "Class", "Ion", *numbers, "From"), rows)


def parity_figure(result: Result, energies: EnergyFormat = IN_EV) -> Figure:
    """Return predicted over calculated barriers: the new model with its intervals, and the starting model."""
    parity, scale = result["parity"], energies.scaled(1.0)
    target = np.array(parity["target_ev"], float) * scale
    predicted = np.array(parity["predicted_ev"], float) * scale
    ends = np.array(parity["interval_ev"], float) * scale
    start = np.array([np.nan if v is None else v for v in parity["start_ev"]], float) * scale
    figure, axes = new_figure(5.2, 5.0)
    arms = np.clip([predicted - ends[:, 0], ends[:, 1] - predicted], 0, None)
    axes.errorbar(
        target, predicted, arms, fmt="none", ecolor=ACCENT, alpha=0.25, linewidth=1, zorder=1
    )
    if np.isfinite(start).any():
        axes.plot(target, start, "x", color="#8a94a0", label="starting model", zorder=2)
    axes.plot(target, predicted, "o", color=ACCENT, markersize=5, label="new model", zorder=3)
    top = 1.05 * float(np.nanmax(np.concatenate([target, predicted, start])))
    axes.plot([0, top], [0, top], color=INK, linewidth=1)
    threshold = energies.scaled(result["threshold_ev"])
    axes.axvline(threshold, color=INK, linewidth=0.8, linestyle=":")
    axes.axhline(threshold, color=INK, linewidth=0.8, linestyle=":")
    names = [f"{name} E$_m$ ({energies.unit})" for name in ("DFT-NEB", "predicted")]
    axes.set(xlim=(0, top), ylim=(0, top), xlabel=names[0], ylabel=names[1])
    axes.set_aspect("equal")
    axes.legend(frameon=False, loc="upper left")
    return figure


def curve_figure(curve: Sequence[Mapping[str, Any]], energies: EnergyFormat = IN_EV) -> Figure:
    """Return the errors on training and validation paths over epochs, or over the number of own paths."""
    figure, axes = new_figure(6.4, 3.4)
    first = [point for point in curve if point["fold"] == curve[0]["fold"]]
    done = [point["done"] for point in first]
    for key, label, colour in (
        ("training_ev", "training", "#8a94a0"), ("validation_ev", "validation", ACCENT),
    ):  # fmt: skip
        axes.plot(
            done, [np.nan if v is None else energies.scaled(v) for v in (p[key] for p in first)],
            "o-", color=colour, label=label, markersize=3,
        )  # fmt: skip
    axes.set(xlabel=first[0]["unit"], ylabel=f"mean absolute error ({energies.unit})")
    axes.set_ylim(bottom=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return figure

"""Whether a model made from own data is better than what was there before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import GOOD_CONDUCTOR_EV, Barrier
from migbar.datasets import BandRecord
from migbar.energies import IN_EV, EnergyFormat
from migbar.evaluation import score
from migbar.wording import counted

WORST = 10

FEWEST_TO_TELL = 3
"""Of fewer frameworks (or paths by themselves) no model is called better: the bootstrap finds no standard error in
one (± 0.000 eV), and next to none in two."""

_BOOTSTRAP = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """How two sets of predictions for the same paths differ in mean absolute error.

    Attributes
    ----------
    mae_ev : float
        The first one's error minus the second one's; negative where the first is better.
    mae_se_ev : float
        Standard deviation over bootstrap samples of the paths, both judged on the same sample; or over samples of
        whole groups of paths, where that is more.
    independent : int
        Number of groups; of paths where there are no groups.
    """

    mae_ev: float
    mae_se_ev: float
    independent: int

    @property
    def verdict(self) -> str:
        """``better``, ``unclear`` (within two standard errors, or too few to tell), or ``not_better``."""
        if self.mae_ev >= 0:
            return "not_better"
        clear = -self.mae_ev > 2 * self.mae_se_ev and self.independent >= FEWEST_TO_TELL
        return "better" if clear else "unclear"


def compare(
    targets: NDArray[np.float64],
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    groups: Sequence[Hashable] | None = None,
) -> Difference:
    """Compare two sets of predictions (eV) for the same paths.

    Parameters
    ----------
    targets, first, second : ndarray, shape (n,)
    groups : sequence, optional
        Paths of one group (a framework and its ion) err alike, so that few of them say less than their number.
    """
    change = np.abs(first - targets) - np.abs(second - targets)
    alone = _bootstrap_error(change, np.arange(len(change)))
    if groups is None:
        return Difference(float(change.mean()), alone, len(change))
    number = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    members = np.array([number[group] for group in groups])
    error = max(alone, _bootstrap_error(change, members))
    return Difference(float(change.mean()), error, len(number))


def _bootstrap_error(values: NDArray[np.float64], groups: NDArray[np.int_]) -> float:
    """Return the standard deviation of the mean over samples of groups."""
    sums, counts = np.bincount(groups, values), np.bincount(groups)
    sample = np.random.default_rng(0).integers(0, len(sums), (_BOOTSTRAP, len(sums)))
    return float((sums[sample].sum(axis=1) / counts[sample].sum(axis=1)).std())


def class_means(
    training: Sequence[BandRecord], judged: Sequence[BandRecord]
) -> NDArray[np.float64]:
    """Mean barrier (eV) of the training paths of the same class and ion, else ion, else all of them."""
    sums: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for record in training:
        for key in _keys(record):
            sums[key].append(float(record.target_ev or 0.0))
    return np.array(
        [float(np.mean(next(sums[k] for k in _keys(record) if k in sums))) for record in judged]
    )


def _keys(record: BandRecord) -> list[tuple[str, ...]]:
    ion = record.band.ion
    return [(record.family, ion), (ion,), ()] if record.family else [(ion,), ()]


def coverage(
    targets: NDArray[np.float64], intervals: NDArray[np.float64], level: float
) -> dict[str, Any]:
    """How many of the barriers lie in their intervals.

    Parameters
    ----------
    targets : ndarray, shape (n,)
    intervals : ndarray, shape (n, 2)
    level : float
        Nominal coverage.
    """
    inside = (intervals[:, 0] <= targets) & (targets <= intervals[:, 1])
    share = float(inside.mean())
    return {
        "nominal": level,
        "coverage": share,
        "coverage_se": float(np.sqrt(share * (1 - share) / len(inside))),
        "median_width_ev": float(np.median(np.diff(intervals, axis=1))),
    }


def confusion(
    targets: NDArray[np.float64], predictions: NDArray[np.float64], threshold_ev: float
) -> dict[str, int]:
    """Count the paths on either side of the threshold, by what they are and what the model says."""
    good, called_good = targets <= threshold_ev, predictions <= threshold_ev
    return {
        "good_called_good": int((good & called_good).sum()),
        "good_called_poor": int((good & ~called_good).sum()),
        "poor_called_good": int((~good & called_good).sum()),
        "poor_called_poor": int((~good & ~called_good).sum()),
    }


def judge(
    records: Sequence[BandRecord],
    barriers: Sequence[Barrier],
    baseline: NDArray[np.float64],
    start: NDArray[np.float64],
) -> dict[str, Any]:
    """Judge a model by paths that it has not seen.

    Parameters
    ----------
    records : sequence of BandRecord
    barriers : sequence of Barrier
        Of the model.
    baseline : ndarray, shape (n,)
        Class means in eV.
    start : ndarray, shape (n,)
        What the starting model says, in eV; NaN where it has seen a path.

    Returns
    -------
    dict
        JSON data; see `migbar.training.own.task.run`.
    """
    y = np.array([r.target_ev for r in records], float)
    p = np.array([b.barrier_ev for b in barriers], float)
    intervals = np.array([b.interval_ev for b in barriers], float)
    fair = np.isfinite(start)
    groups = [record.group for record in records]
    told = {"model": (y, p), "baseline": (y, baseline)}
    if fair.any():
        told |= {"start": (y[fair], start[fair]), "model_where_start": (y[fair], p[fair])}
    error = p - y
    worst = np.argsort(-np.abs(error), kind="stable")[:WORST]
    result: dict[str, Any] = {
        "scores": {name: asdict(score(*pair, GOOD_CONDUCTOR_EV)) for name, pair in told.items()},
        "confusion": {name: confusion(*pair, GOOD_CONDUCTOR_EV) for name, pair in told.items()},
        "calibration": coverage(y, intervals, barriers[0].interval_level),
        "against_baseline": asdict(compare(y, p, baseline, groups)),
        "parity": {
            "name": [r.sys_name for r in records],
            "family": [r.family for r in records],
            "ion": [r.band.ion for r in records],
            "target_ev": y.tolist(),
            "predicted_ev": p.tolist(),
            "interval_ev": intervals.tolist(),
            "start_ev": [float(v) if np.isfinite(v) else None for v in start],
            "baseline_ev": baseline.tolist(),
        },
        "worst": [int(i) for i in worst],
        "threshold_ev": GOOD_CONDUCTOR_EV,
    }
    result["verdict"] = "no_start"
    if fair.any():
        judged = [group for group, one in zip(groups, fair, strict=True) if one]
        difference = compare(y[fair], p[fair], start[fair], judged)
        result["against_start"] = asdict(difference)
        result["verdict"] = difference.verdict
    result["verdict_text"] = describe(result)
    result["text"] = LEADS.get(result["verdict"], "Judged").lower()
    return result


LEADS = {
    "better": "Better than what you had",
    "unclear": "Not clearly better than what you had",
    "not_better": "Not better than what you had",
}
"""What the verdicts say."""


def describe(result: Mapping[str, Any], energies: EnergyFormat = IN_EV) -> str:
    """Say in words how good a judged model is, and whether it is better than what there was.

    Parameters
    ----------
    result : mapping
        Of `judge`.
    energies : EnergyFormat
        How energies are written.
    """
    scores = result["scores"]

    def mae(of: Mapping[str, Any]) -> str:
        if of.get("n", of.get("independent")) == 1:  # nothing tells how far one is off by chance
            return energies.energy(of["mae_ev"])
        return f"{energies.number(of['mae_ev'])} ± {energies.energy(of['mae_se_ev'])}"

    own = scores["model"]
    text = f"MAE {mae(own)} on {counted(own['n'], 'path')} that it has not seen."
    if "start" in scores:
        start, same = scores["start"], scores["model_where_start"]
        lead = LEADS[result["verdict"]]
        change = result["against_start"]
        sign = "+" if change["mae_ev"] >= 0 else ""
        text = (
            f"{lead}: MAE {mae(same)} against {mae(start)} of the starting model on the same "
            f"{counted(start['n'], 'path')} (difference {sign}{mae(change)})."
        )
    if result["against_baseline"]["mae_ev"] >= 0:
        text += (
            " It is no better than the mean barrier of each class "
            f"({energies.energy(scores['baseline']['mae_ev'])}): it has learnt nothing of use here."
        )
    return text

"""The paper's tables with the models at hand, beside the published numbers.

Source: Devi, Butler and Sai Gautam (2026), Table S5 and Fig. 3. What was not trained is said to be so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from migbar.barriers import GOOD_CONDUCTOR_EV, Predictor
from migbar.datasets import BandRecord, PublishedPath
from migbar.errors import ModelError
from migbar.evaluation import Scores, evaluate, grouped_folds, held_out, score
from migbar.models.networks.published import TABLE_S5
from migbar.models.store import list_models, load_model
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.reproduce.generalisation import (
    SCENARIOS,
    SEED,
    ScenarioErrors,
    by_dataset_size,
)
from migbar.reproduce.rows import Row
from migbar.training.classical import KINDS
from migbar.training.own import judgement
from migbar.training.validation import targets

APART_EV = 0.01
"""Two paths are told apart if their predictions differ by more than this (eV)."""

NOT_TRAINED = "not trained"


def table_s5(
    training: Sequence[BandRecord],
    test: Sequence[BandRecord] | None = None,
    published: Mapping[str, PublishedPath] | None = None,
    progress: Progress = SILENT,
) -> list[Row]:
    """Score every model of the paper that is at hand, and our own ones.

    RFR and GBR are fitted on the spot where matminer is installed.

    Parameters
    ----------
    training : sequence of BandRecord
        The published training paths: training scores are a memory, not a test.
    test : sequence of BandRecord, optional
        For the test columns, with bootstrap standard errors.
    published : mapping, optional
        Published MACE-NEB barriers of the training paths by ``sys_name``.
    progress : Progress

    Returns
    -------
    list of dict
        A row for each model: published and own R² and MAE (eV), and what there is to say. Grouped scores are
        those on the model's card; of RFR and GBR, of ten folds.
    """
    rows = []
    for name in _names():
        row: Row = {"model": name}
        if name in TABLE_S5:
            paper = TABLE_S5[name]
            row["published train R²"] = paper.train_r2
            row["published train MAE"] = paper.train_mae_ev
            row["published test R²"] = paper.test_r2
            row["published test R² se"] = paper.test_r2_se
            row["published test MAE"] = paper.test_mae_ev
            row["published test MAE se"] = paper.test_mae_se_ev
        if name in KINDS:
            row |= _classical_scores(name, training, test, progress)
        elif name == "MACE-NEB-RELAX":
            row |= _mace_scores(training, published or {})
        else:
            row |= _own_scores(name, training, test, progress)
        rows.append(row)
    return rows


def _columns(name: str, scores: Scores, error: bool = True) -> Row:
    row: Row = {f"{name} R²": scores.r2, f"{name} MAE": scores.mae_ev}
    if error:
        row |= {f"{name} R² se": scores.r2_se, f"{name} MAE se": scores.mae_se_ev}
    return row


def _classical_scores(
    kind: str,
    training: Sequence[BandRecord],
    test: Sequence[BandRecord] | None,
    progress: Progress,
) -> Row:
    from migbar.training.classical import ClassicalError, feature_table, fit_classical

    known = [r for r in training if r.target_ev is not None]
    y = targets(known)
    try:
        x = feature_table(known, progress=progress).values
        seen = [] if test is None else [r for r in test if r.target_ev is not None]
        new = feature_table(seen, progress=progress).values if seen else x[:0]
    except ClassicalError as error:
        return {"note": f"{NOT_TRAINED}: {error}"}
    model = fit_classical(kind, x, y)
    row = _columns("train", score(y, model.predict(x)), error=False)
    groups = [r.group for r in known]
    fold = grouped_folds(groups, min(10, len(set(groups))), SEED)
    unseen = np.empty(len(y))
    for held in held_out(fold):
        check_cancelled(progress)
        unseen[held] = fit_classical(kind, x[~held], y[~held]).predict(x[held])
    row |= _columns("grouped", score(y, unseen))
    if seen:
        truth = [r.target_ev for r in seen]
        row |= _columns("test", score(np.array(truth, float), model.predict(new)))
    return row


def _mace_scores(training: Sequence[BandRecord], published: Mapping[str, PublishedPath]) -> Row:
    pairs = [
        (record.target_ev, published[record.sys_name].mace_neb_relax_ev)
        for record in training
        if record.sys_name in published and record.target_ev is not None
    ]
    given = np.array([pair for pair in pairs if pair[1] is not None], float)
    if not len(given):
        return {"note": "not trained, and no table of published barriers (--table)"}
    return {
        **_columns("train", score(given[:, 0], given[:, 1]), error=False),
        "note": f"nothing is trained: the published barriers of {len(given)} training paths",
    }


def pathways(
    records: Sequence[BandRecord], models: Sequence[Predictor], progress: Progress = SILENT
) -> list[Row]:
    """Count the structures with several paths whose paths a model tells apart (Fig. 3a).

    A structure counts if every pair of its predictions differs by more than `APART_EV`.
    """
    structures: dict[Any, list[int]] = defaultdict(list)
    for k, record in enumerate(records):
        structures[record.structure].append(k)
    several = [paths for paths in structures.values() if len(paths) > 1]
    rows = []
    for model in models:
        barriers = model.predict([record.band for record in records], progress)
        apart = 0
        for paths in several:
            values = sorted(barriers[k].barrier_ev for k in paths)
            gaps = [b - a for a, b in pairwise(values)]
            apart += min(gaps) > APART_EV
        rows.append(
            {
                "model": model.card.name,
                "structures with several paths": len(several),
                f"told apart (every pair > {APART_EV} eV)": apart,
                "share": apart / len(several) if several else None,
            }
        )
    return rows


def confusion(
    records: Sequence[BandRecord],
    models: Sequence[Predictor],
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    progress: Progress = SILENT,
) -> list[Row]:
    """Count good and bad conductors that a model takes for good and bad (Fig. 3d).

    Paths that the model was trained on flatter it; how many there are stands in ``training paths``.
    """
    known = [record for record in records if record.target_ev is not None]
    rows = []
    for model in models:
        barriers = model.predict([record.band for record in known], progress)
        said = np.array([barrier.barrier_ev for barrier in barriers])
        counts = judgement.confusion(targets(known), said, threshold_ev)
        good, missed, taken, poor = counts.values()
        rows.append(
            {
                "model": model.card.name,
                "paths": len(known),
                "training paths": sum(barrier.is_memory for barrier in barriers),
                "good as good": good,
                "good as bad": missed,
                "bad as good": taken,
                "bad as bad": poor,
                "precision of good": _share(good, taken),
                "sensitivity to good": _share(good, missed),
                "accuracy": _share(good + poor, missed + taken),
            }
        )
    return rows


def dataset_size(
    training: Sequence[BandRecord],
    models: Sequence[str],
    test: Sequence[BandRecord] | None = None,
    progress: Progress = SILENT,
) -> list[Row]:
    """Score quick models trained on 100, 200, 400 and all paths (Fig. 3b, S5).

    Unseen are the paths of `test`; where there are none, grouped cross-validation stands in for them.
    """
    unseen = "grouped" if test is None else "test"
    found = by_dataset_size(training, models, test, progress=progress)
    return [
        {
            "model": one.model,
            "paths trained on": one.size,
            **_columns("train", one.train, error=False),
            **_columns(unseen, one.unseen),
        }
        for one in found
    ]


def scenario_rows(found: Sequence[ScenarioErrors]) -> list[Row]:
    """Sum up the absolute errors of the scenarios (Fig. 3c)."""
    return [
        {
            "model": one.model,
            "held out": one.scenario,
            "paths": len(one.error_ev),
            "mean error": float(one.error_ev.mean()) if len(one.error_ev) else None,
            "median error": float(np.median(one.error_ev)) if len(one.error_ev) else None,
            "share below 0.1 eV": float((one.error_ev < 0.1).mean()) if len(one.error_ev) else None,
            "meaning": SCENARIOS[one.scenario],
        }
        for one in found
    ]


def _names() -> list[str]:
    own = [card.name for card in list_models()]
    return [*TABLE_S5, *(name for name in own if name not in TABLE_S5)]


def _own_scores(
    name: str,
    training: Sequence[BandRecord],
    test: Sequence[BandRecord] | None,
    progress: Progress,
) -> Row:
    cards = {card.name for card in list_models()}
    try:
        model = load_model(name) if name in cards else None
    except ModelError:
        model = None
    if model is None:
        return {"note": NOT_TRAINED}
    row = _columns("train", evaluate(training, model, progress=progress).scores, error=False)
    grouped = model.card.scores.get("grouped", {})
    if grouped:
        row["grouped R²"], row["grouped R² se"] = grouped["r2"], grouped["r2_se"]
        row["grouped MAE"], row["grouped MAE se"] = grouped["mae_ev"], grouped["mae_se_ev"]
    if test is not None:
        row |= _columns("test", evaluate(test, model, progress=progress).scores)
    return row


def _share(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None

"""The paper's tables with the models at hand, beside the published numbers.

Source: Devi, Butler and Sai Gautam (2026), Table S5 and Fig. 3. What was not trained is said to be so.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from migbar.barriers import GOOD_CONDUCTOR_EV, Predictor
from migbar.datasets import BandRecord
from migbar.errors import ModelError
from migbar.evaluation import Scores, evaluate
from migbar.models.networks.published import TABLE_S5
from migbar.models.store import list_models, load_model
from migbar.progress import SILENT, Progress

APART_EV = 0.01
"""Two paths are told apart if their predictions differ by more than this (eV)."""

NOT_TRAINED = "not trained"

Row = dict[str, Any]


def table_s5(
    training: Sequence[BandRecord],
    test: Sequence[BandRecord] | None = None,
    progress: Progress = SILENT,
) -> list[Row]:
    """Score every model of the paper that is at hand, and our own ones.

    Parameters
    ----------
    training : sequence of BandRecord
        The published training paths: training scores are a memory, not a test.
    test : sequence of BandRecord, optional
        For the test columns, with bootstrap standard errors.
    progress : Progress

    Returns
    -------
    list of dict
        A row for each model: published and own R² and MAE (eV); grouped scores are those on the model's card.
    """
    rows = []
    for name in _names():
        row: Row = {"model": name}
        published = TABLE_S5.get(name)
        row["published train R²"] = published.train_r2 if published else ""
        row["published train MAE"] = published.train_mae_ev if published else ""
        row["published test R²"] = (
            f"{published.test_r2} ± {published.test_r2_se}" if published else ""
        )
        row["published test MAE"] = (
            f"{published.test_mae_ev} ± {published.test_mae_se_ev}" if published else ""
        )
        rows.append({**row, **_own_scores(name, training, test, progress)})
    return rows


def pathways(
    records: Sequence[BandRecord], models: Sequence[Predictor], progress: Progress = SILENT
) -> list[Row]:
    """Count the structures with several paths whose paths a model tells apart (Fig. 3a).

    A structure counts if every pair of its predictions differs by more than `APART_EV`.
    """
    structures: dict[Any, list[int]] = defaultdict(list)
    for k, record in enumerate(records):
        structures[record.group, record.band.host.composition.formula].append(k)
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
                "share": f"{apart / len(several):.3f}" if several else "",
            }
        )
    return rows


def confusion(
    records: Sequence[BandRecord],
    models: Sequence[Predictor],
    threshold_ev: float = GOOD_CONDUCTOR_EV,
    progress: Progress = SILENT,
) -> list[Row]:
    """Count good and bad conductors that a model takes for good and bad (Fig. 3d)."""
    known = [record for record in records if record.target_ev is not None]
    rows = []
    for model in models:
        barriers = model.predict([record.band for record in known], progress)
        truth = [float(record.target_ev or 0.0) <= threshold_ev for record in known]
        said = [barrier.is_good_conductor(threshold_ev) for barrier in barriers]
        counts = {
            (t, s): sum(a == t and b == s for a, b in zip(truth, said, strict=True))
            for t in (True, False)
            for s in (True, False)
        }
        rows.append(
            {
                "model": model.card.name,
                "good as good": counts[True, True],
                "good as bad": counts[True, False],
                "bad as good": counts[False, True],
                "bad as bad": counts[False, False],
                "precision of good": _share(counts[True, True], counts[False, True]),
                "sensitivity to good": _share(counts[True, True], counts[True, False]),
                "accuracy": _share(
                    counts[True, True] + counts[False, False],
                    counts[True, False] + counts[False, True],
                ),
            }
        )
    return rows


def as_markdown(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(str(row.get(n, "")) for n in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    names = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


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
        return {"train R²": NOT_TRAINED, "train MAE": NOT_TRAINED}
    scores = evaluate(training, model, progress=progress).scores
    row: Row = {"train R²": f"{scores.r2:.3f}", "train MAE": f"{scores.mae_ev:.3f}"}
    grouped = model.card.scores.get("grouped", {})
    if grouped:
        row["grouped R²"] = f"{grouped['r2']:.3f} ± {grouped['r2_se']:.3f}"
        row["grouped MAE"] = f"{grouped['mae_ev']:.3f} ± {grouped['mae_se_ev']:.3f}"
    if test is not None:
        row |= _test_columns(evaluate(test, model, progress=progress).scores)
    return row


def _test_columns(scores: Scores) -> Row:
    return {
        "test R²": f"{scores.r2:.3f} ± {scores.r2_se:.3f}",
        "test MAE": f"{scores.mae_ev:.3f} ± {scores.mae_se_ev:.3f}",
        "test accuracy": f"{scores.accuracy:.3f} ± {scores.accuracy_se:.3f}",
    }


def _share(part: int, rest: int) -> str:
    return f"{part / (part + rest):.3f}" if part + rest else ""

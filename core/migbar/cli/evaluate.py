"""``migbar evaluate``: how good a model is on bands with known barriers."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import Remark
from migbar.cli.common import print_json, progress_bar, remarks_as_json
from migbar.cli.options import THRESHOLD, AsJson, Model, Threshold
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.evaluation import Evaluation
    from migbar.models.relaxed import RelaxedTable

_COLUMNS = (
    "sys_name",
    "target_ev",
    "predicted_ev",
    "interval_low_ev",
    "interval_high_ev",
    "warnings",
)


def evaluate(
    bands: Annotated[
        Path,
        typer.Option(
            help="Bands with known barriers: published JSON, dataset (.parquet), table, NEB folders …"
        ),
    ],
    model: Model = None,
    neb: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of relaxed barriers, as migbar neb --bands writes it: predict with their help."
        ),
    ] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write one row per path here.")
    ] = None,
    threshold: Threshold = THRESHOLD,
    as_json: AsJson = False,
) -> None:
    """Score a model on bands with known barriers: MAE, R², RMSE, accuracy, with bootstrap errors."""
    from migbar.datasets.reading import read_records
    from migbar.evaluation import evaluate as run
    from migbar.files import require_writable, write_text
    from migbar.models.relaxed import kind_taken, read_relaxed
    from migbar.models.store import load_model

    if csv_file is not None:
        require_writable(csv_file)
    predictor = load_model(model)
    records = read_records(bands)
    table = None if neb is None else read_relaxed(neb, kind_taken(predictor))
    relaxed = None if table is None else table.barriers
    with progress_bar() as progress:
        result = run(records, predictor, threshold, progress, relaxed)
    if csv_file is not None:
        write_text(csv_file, _as_csv(result))
    if as_json:
        print_json(
            {
                "model": predictor.card.name,
                "model_version": predictor.card.version,
                **_as_json(result),
                **({} if table is None else {"neb": _neb_as_json(result, table)}),
            }
        )
    else:
        _print(result, threshold, f"{predictor.card.name} {predictor.card.version}")
        if table is not None:
            _print_neb(result, table)


def _as_json(result: Evaluation) -> dict[str, Any]:
    scores = result.scores
    return {
        "n": scores.n,
        "mae_ev": scores.mae_ev,
        "r2": scores.r2,
        "rmse_ev": scores.rmse_ev,
        "accuracy": scores.accuracy,
        "mae_ev_se": scores.mae_se_ev,
        "r2_se": scores.r2_se,
        "rmse_ev_se": scores.rmse_se_ev,
        "accuracy_se": scores.accuracy_se,
        "coverage": result.coverage,
        "paths": [
            {
                "sys_name": record.sys_name,
                "target_ev": record.target_ev,
                "predicted_ev": barrier.barrier_ev,
                "interval_ev": list(barrier.interval_ev),
                "warnings": remarks_as_json(barrier.remarks),
            }
            for record, barrier in zip(result.records, result.barriers, strict=True)
        ],
        "warnings": remarks_as_json(_memories(result)),
    }


def _memories(result: Evaluation) -> list[Remark]:
    """Say how many paths the model was trained on, if any."""
    known = sum(barrier.is_memory for barrier in result.barriers)
    text = (
        f"{known} of these paths {'is' if known == 1 else 'are'} in the model's training data: "
        "those scores are not a test."
    )
    return [Remark("training_path", text)] if known else []


def _neb_as_json(result: Evaluation, table: RelaxedTable) -> dict[str, Any]:
    used = [r.sys_name for r in result.records if r.sys_name in table.barriers]
    return {"paths_with_relaxed_barrier": len(used), "rows_not_used": dict(table.unused)}


def _print_neb(result: Evaluation, table: RelaxedTable) -> None:
    used = _neb_as_json(result, table)["paths_with_relaxed_barrier"]
    kind = next(iter(table.barriers.values())).by
    typer.echo(f"  {used} of {len(result.records)} paths with a relaxed barrier ({kind})")
    for reason, count in table.unused.items():
        typer.echo(f"  {count} rows not used: {reason}")


def _as_csv(result: Evaluation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for record, barrier in zip(result.records, result.barriers, strict=True):
        low, high = barrier.interval_ev
        codes = " ".join(remark.code for remark in barrier.remarks)
        target = "" if record.target_ev is None else record.target_ev
        writer.writerow([record.sys_name, target, barrier.barrier_ev, low, high, codes])
    return text.getvalue()


def _print(result: Evaluation, threshold_ev: float, model: str) -> None:
    if result.scores.n == 1:  # nothing tells how far one is off by chance
        typer.echo(f"{model} on 1 path")
        typer.echo(f"  error     {result.scores.mae_ev:.3f} eV")
    else:
        typer.echo(f"{model} on {counted(result.scores.n, 'path')} (± bootstrap standard error)")
        _print_scores(result, threshold_ev)
    for note in _memories(result):
        typer.echo(f"  {note.text}")


def _print_scores(result: Evaluation, threshold_ev: float) -> None:
    from migbar.evaluation import FEWEST_FOR_R2

    s = result.scores
    typer.echo(f"  MAE       {s.mae_ev:.3f} ± {s.mae_se_ev:.3f} eV")
    if s.n >= FEWEST_FOR_R2:
        typer.echo(f"  R²        {s.r2:.3f} ± {s.r2_se:.3f}")
    typer.echo(f"  RMSE      {s.rmse_ev:.3f} ± {s.rmse_se_ev:.3f} eV")
    typer.echo(f"  accuracy  {s.accuracy:.3f} ± {s.accuracy_se:.3f} at {threshold_ev:g} eV")
    held = result.coverage
    if held is not None:
        typer.echo(
            f"  {100 * held:.0f} % of the barriers lie in their intervals of nominally "
            f"{100 * result.barriers[0].interval_level:.0f} %"
        )

"""``migbar predict``: the barrier of one hop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import choose_hop, print_json, remarks_as_json
from migbar.cli.options import (
    THRESHOLD,
    AsJson,
    HopOptions,
    Model,
    StructureFile,
    Threshold,
    expanded,
)
from migbar.errors import ModelError

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.barriers import Predictor
    from migbar.models.explanation import Explanation
    from migbar.models.opinions import Opinion
    from migbar.models.relaxed import RelaxedBarrier
    from migbar.prediction import PredictedPath


@expanded
def predict(
    structure_file: StructureFile,
    *,
    hop: HopOptions,
    neb: Annotated[
        Path | None,
        typer.Option(
            help="Folder of this hop's band relaxed with MACE (migbar neb --potential mace:large): "
            "predict with its help."
        ),
    ] = None,
    why: Annotated[
        bool, typer.Option("--why", help="Also say what stands behind the number.")
    ] = False,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="Also say what every other model says of this hop.")
    ] = False,
    model: Model = None,
    backend: Annotated[
        str,
        typer.Option(
            help="Of graph networks: torch; or alignn, the reference's layers and graphs."
        ),
    ] = "torch",
    threshold: Threshold = THRESHOLD,
    as_json: AsJson = False,
) -> None:
    """Predict the migration barrier of one hop, with its 90 % interval."""
    from migbar.models.explanation import explain
    from migbar.models.opinions import ask_all_models
    from migbar.models.store import load_model
    from migbar.prediction import predict_path

    predictor = _on_backend(load_model(model), backend)
    chosen = choose_hop(structure_file, hop)
    path = predict_path(
        chosen.structure, chosen.hop, predictor, chosen.supercell, chosen.notes, _relaxed(neb)
    )
    explanation = explain(predictor, path.band) if why else None
    opinions = ask_all_models(path.band) if all_models else None
    if as_json:
        extra: dict[str, Any] = {}
        if explanation is not None:
            extra["explanation"] = _explanation_as_json(explanation)
        if opinions is not None:
            extra["models"] = [_opinion_as_json(opinion) for opinion in opinions]
        print_json(path_as_json(path, threshold) | extra)
        return
    _print_path(path, threshold, structure_file)
    if explanation is not None:
        _print_explanation(explanation)
    if opinions is not None:
        _print_opinions(opinions)


def _relaxed(folder: Path | None) -> Callable[[Band], RelaxedBarrier] | None:
    if folder is None:
        return None
    from migbar.neb import read_result, relaxed_barrier

    return partial(relaxed_barrier, read_result(folder))


def _on_backend(predictor: Predictor, backend: str) -> Predictor:
    if backend not in ("torch", "alignn"):
        raise ModelError(f"there is no back end '{backend}'; choose torch or alignn.")
    if backend == "torch":
        return predictor
    from migbar.models.networks.predictor import NetworkPredictor

    if not isinstance(predictor, NetworkPredictor):
        raise ModelError(
            f"{predictor.card.name} is no graph network; leave out --backend {backend}."
        )
    return predictor.on_backend(backend)


def path_as_json(path: PredictedPath, threshold_ev: float) -> dict[str, Any]:
    """Return a predicted path in the keys of the documented contract."""
    hop, barrier = path.hop, path.barrier
    return {
        "ion": hop.ion,
        "from": str(hop.start_site) if hop.start_site else list(hop.start),
        "to": hop.end_labels[1] if hop.end_site else list(hop.end),
        "barrier_ev": barrier.barrier_ev,
        "interval_ev": list(barrier.interval_ev),
        "interval_level": barrier.interval_level,
        "model": barrier.model,
        "model_version": barrier.model_version,
        "path_length_angstrom": path.length,
        "mechanism": str(hop.mechanism),
        "supercell": path.supercell.tolist(),
        "good_conductor": barrier.is_good_conductor(threshold_ev),
        "threshold_ev": threshold_ev,
        "warnings": remarks_as_json(path.remarks),
    }


def _explanation_as_json(explanation: Explanation) -> dict[str, Any]:
    return {
        "domain": explanation.domain.place,
        "domain_text": explanation.domain.text,
        "concerns": [
            {"code": concern.code, "place": concern.place, "text": concern.text}
            for concern in explanation.domain.concerns
        ],
        "similar": [
            {
                "sys_name": known.path.sys_name,
                "class": known.path.family,
                "ion": known.path.ion,
                "path_label": known.path.label,
                "barrier_ev": known.path.barrier_ev,
                "distance": known.distance,
                "same": known.same,
                "differences": [
                    {
                        "subject": d.subject,
                        "descriptor": d.descriptor,
                        "here": d.here,
                        "there": d.there,
                    }
                    for d in known.differences
                ],
            }
            for known in explanation.similar
        ],
        "base_ev": explanation.base_ev,
        "reasons": [
            {"subject": reason.subject, "push_ev": reason.push_ev} for reason in explanation.reasons
        ],
    }


def _opinion_as_json(opinion: Opinion) -> dict[str, Any]:
    barrier = opinion.barrier
    return {
        "model": opinion.card.name,
        "model_version": opinion.card.version,
        "barrier_ev": None if barrier is None else barrier.barrier_ev,
        "interval_ev": None if barrier is None else list(barrier.interval_ev),
        "usual_error_ev": opinion.card.usual_error_ev,
        "warnings": [] if barrier is None else remarks_as_json(barrier.remarks),
        "problem": opinion.problem,
    }


def _print_explanation(explanation: Explanation) -> None:
    typer.echo(f"  {explanation.domain.place} the domain: {explanation.domain.text}")
    typer.echo("  most similar known paths (DFT-NEB):")
    for known in explanation.similar:
        path = known.path
        same = "   (this path)" if known.same else ""
        typer.echo(
            f"    {path.barrier_ev:5.2f} eV  {path.ion}  {path.sys_name}  {path.family}  {path.label}{same}"
        )
    said = explanation.base_ev + sum(reason.push_ev for reason in explanation.reasons)
    typer.echo(f"  what moves the trees from {explanation.base_ev:.2f} to {said:.2f} eV:")
    for reason in explanation.reasons[:5]:
        typer.echo(f"    {reason.push_ev:+.2f} eV  {reason.subject}")


def _print_opinions(opinions: list[Opinion]) -> None:
    typer.echo("  all models, with their mean absolute error on unseen frameworks:")
    width = max(len(opinion.card.name) for opinion in opinions)
    for opinion in opinions:
        name = opinion.card.name.ljust(width)
        if opinion.barrier is None:
            typer.echo(f"    {name}  {opinion.problem}")
            continue
        low, high = opinion.barrier.interval_ev
        error = opinion.card.usual_error_ev
        usual = "" if error is None else f"   MAE {error:.2f} eV"
        typer.echo(
            f"    {name}  {opinion.barrier.barrier_ev:.3f} eV   {low:.2f} to {high:.2f} eV{usual}"
        )


def _print_path(path: PredictedPath, threshold_ev: float, file: Path) -> None:
    barrier = path.barrier
    low, high = barrier.interval_ev
    verdict = "good" if barrier.is_good_conductor(threshold_ev) else "poor"
    cell = "×".join(map(str, path.supercell.diagonal()))
    if (path.supercell != path.supercell * _identity()).any():
        cell = str(path.supercell.tolist())
    typer.echo(
        f"{file.name}   {path.hop.ion} {path.hop.label}   {path.hop.mechanism}, supercell {cell}"
    )
    typer.echo(
        f"E_m = {barrier.barrier_ev:.3f} eV   {100 * barrier.interval_level:.0f} % interval {low:.2f} to {high:.2f} eV"
    )
    typer.echo(
        f"{verdict} conductor (threshold {threshold_ev:g} eV)   path {path.length:.2f} Å   "
        f"{barrier.made_by}"
    )
    for remark in path.remarks:
        typer.echo(f"  note: {remark.text}")


def _identity() -> Any:
    import numpy as np

    return np.eye(3, dtype=int)

"""``migbar predict``: the barrier of one hop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import Remark
from migbar.cli.common import (
    THRESHOLD,
    AsJson,
    Block,
    Ion,
    Model,
    Order,
    StructureFile,
    Threshold,
    choose_ion,
    find_void,
    open_structure,
    parse_point,
    print_json,
    remarks_as_json,
    require_ion_sites,
)
from migbar.errors import HopError

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.hops import Hop, Mechanism, SiteRef
    from migbar.prediction import PredictedPath


def predict(
    structure_file: StructureFile,
    ion: Ion = None,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Initial site: index, or index@i,j,k; a void as v0."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to", help="Final site: index (nearest image), or index@i,j,k; a void as v0."
        ),
    ] = None,
    start_frac: Annotated[
        str | None, typer.Option("--from-frac", help="Initial position x,y,z (fractional).")
    ] = None,
    end_frac: Annotated[
        str | None, typer.Option("--to-frac", help="Final position x,y,z (fractional).")
    ] = None,
    mechanism: Annotated[
        str | None,
        typer.Option(
            help="vacancy, single_ion, interstitial or insertion; chosen from the ends where not given."
        ),
    ] = None,
    supercell: Annotated[str, typer.Option(help="auto, none, or 2,2,1.")] = "auto",
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="A further site of the ion that is empty (repeatable)."),
    ] = None,
    model: Model = None,
    threshold: Threshold = THRESHOLD,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Predict the migration barrier of one hop, with its 90 % interval."""
    from migbar.hops import parse_supercell
    from migbar.models.store import load_model
    from migbar.prediction import predict_path

    predictor = load_model(model)
    structure, notes = open_structure(structure_file, ion, block, order)
    symbol = choose_ion(structure, ion)
    hop, remarks = _make_hop(
        structure, symbol, start, end, start_frac, end_frac, mechanism, remove or []
    )
    path = predict_path(structure, hop, predictor, parse_supercell(supercell), [*notes, *remarks])
    if as_json:
        print_json(path_as_json(path, threshold))
    else:
        _print_path(path, threshold, structure_file)


def _make_hop(
    structure: Structure,
    ion: str,
    start: str | None,
    end: str | None,
    start_frac: str | None,
    end_frac: str | None,
    mechanism: str | None,
    remove: Sequence[str],
) -> tuple[Hop, list[Remark]]:
    """Make the hop that the options describe, with remarks on what was chosen for the user."""
    from migbar.hops import SiteRef, hop_between_points, hop_between_sites, parse_site

    for site, point, name in ((start, start_frac, "from"), (end, end_frac, "to")):
        if (site is None) == (point is None):
            raise HopError(
                f"give the {name} end of the hop once: --{name} SITE or --{name}-frac x,y,z."
            )
    removed = []
    for text in remove:
        index, image = parse_site(text)
        removed.append(SiteRef(index, image or (0, 0, 0)))
    chosen = _mechanism(structure, ion, mechanism, start, end)
    if start is not None and end is not None and "v" not in (start + end).lower():
        require_ion_sites(structure, ion)
        first, last, remarks = _site_ends(structure, start, end)
        return hop_between_sites(structure, ion, first, last, chosen, removed), remarks
    ends = [
        _position(structure, ion, site, point)
        for site, point in ((start, start_frac), (end, end_frac))
    ]
    return hop_between_points(structure, ion, ends[0], ends[1], chosen, removed), []


def _mechanism(
    structure: Structure, ion: str, asked: str | None, start: str | None, end: str | None
) -> Mechanism:
    """Return the mechanism asked for, or the one that the ends imply."""
    from migbar.hops import Mechanism

    if asked is not None:
        try:
            return Mechanism(asked.strip().lower().replace("-", "_"))
        except ValueError:
            names = ", ".join(Mechanism)
            raise HopError(f"'{asked}' is not a mechanism; choose one of {names}.") from None
    if ion not in structure.symbol_set:
        return Mechanism.INSERTION
    voids = [text is not None and text.lower().startswith("v") for text in (start, end)]
    return Mechanism.INTERSTITIAL if all(voids) else Mechanism.VACANCY


def _site_ends(structure: Structure, start: str, end: str) -> tuple[SiteRef, SiteRef, list[Remark]]:
    from migbar.hops import SiteRef, nearest_image, parse_site

    index, image = parse_site(start)
    first = SiteRef(index, image or (0, 0, 0))
    index, image = parse_site(end)
    if image is not None:
        return first, SiteRef(index, image), []
    last, ties = nearest_image(structure, first, index)
    if not ties:
        return first, last, []
    others = ", ".join(map(str, ties))
    return (
        first,
        last,
        [
            Remark(
                "tied_images",
                f"Several images of site {index} are equally near; took {last} (also: {others}).",
            )
        ],
    )


def _position(
    structure: Structure, ion: str, site: str | None, point: str | None
) -> tuple[float, float, float]:
    from migbar.hops import SiteRef, parse_site

    if point is not None:
        return parse_point(point)
    assert site is not None
    if site.lower().startswith("v"):
        return find_void(structure, ion, site)
    require_ion_sites(structure, ion)
    index, image = parse_site(site)
    return SiteRef(index, image or (0, 0, 0)).frac_coords(structure)


def path_as_json(path: PredictedPath, threshold_ev: float) -> dict[str, Any]:
    """Return a predicted path in the keys of the documented contract."""
    hop, barrier = path.hop, path.barrier
    return {
        "ion": hop.ion,
        "from": str(hop.start_site) if hop.start_site else list(hop.start),
        "to": str(hop.end_site) if hop.end_site else list(hop.end),
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
        f"E_m = {barrier.barrier_ev:.3f} eV   {barrier.interval_level:.0%} interval {low:.2f} to {high:.2f} eV"
    )
    typer.echo(
        f"{verdict} conductor (threshold {threshold_ev:g} eV)   path {path.length:.2f} Å   "
        f"{barrier.model} {barrier.model_version}"
    )
    for remark in path.remarks:
        typer.echo(f"  note: {remark.text}")


def _identity() -> Any:
    import numpy as np

    return np.eye(3, dtype=int)

"""``migbar paths``: all distinct hops of an ion, their barriers, and the way through the crystal."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import Remark
from migbar.cli.common import (
    choose_ion,
    open_structure,
    print_json,
    print_rows,
    progress_bar,
    remarks_as_json,
    require_ending,
)
from migbar.cli.options import (
    THRESHOLD,
    AsJson,
    Block,
    Device,
    Ion,
    Model,
    Order,
    PathsMechanism,
    StructureFile,
    Supercell,
    Symprec,
    Threshold,
    TrustFile,
)
from migbar.structures import SYMPREC

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.barriers import ModelCard
    from migbar.networks import Walk
    from migbar.paths import CrystalPaths, DistinctHop, HopSearch
    from migbar.places import PlaceEnergies


def paths(
    structure_file: StructureFile,
    ion: Ion = None,
    cutoff: Annotated[
        float | None,
        typer.Option(
            help="Longest hop in Å; raised from 4.5 to at most 7 until the hops connect in 3D where not given."
        ),
    ] = None,
    mechanism: PathsMechanism = None,
    supercell: Supercell = "auto",
    model: Model = None,
    threshold: Threshold = THRESHOLD,
    symprec: Symprec = SYMPREC,
    places: Annotated[
        str | None,
        typer.Option(
            help="Potential (chgnet, …) that tells how the kinds of places of the ion differ in energy."
        ),
    ] = None,
    trust_file: TrustFile = False,
    device: Device = "auto",
    calculated: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder of a finished NEB of one of the hops, to count with (repeatable)."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a self-contained HTML page here.")
    ] = None,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Find all distinct hops of an ion, their barriers, and how it gets through the crystal."""
    from migbar.ends import parse_mechanism
    from migbar.files import require_writable
    from migbar.models.store import load_model
    from migbar.neb.finished import read_calculation, with_calculations
    from migbar.paths import CrystalPaths, find_paths
    from migbar.places import place_energies
    from migbar.potentials import load_potential
    from migbar.structures import symmetry_notes
    from migbar.supercells import parse_supercell

    chosen, cell = (
        None if mechanism is None else parse_mechanism(mechanism),
        parse_supercell(supercell),
    )
    if report is not None:
        require_ending(report, "a report", ".html")
        require_writable(report)
    predictor = load_model(model)
    potential = None if places is None else load_potential(places, device, trust_file=trust_file)
    structure, notes = open_structure(structure_file, ion, block, order)
    notes += [Remark(*note) for note in symmetry_notes(structure, symprec)]
    symbol = choose_ion(structure, ion)
    finished = [read_calculation(folder) for folder in calculated or []]
    with progress_bar() as progress:
        result = find_paths(
            structure, symbol, predictor, chosen, cutoff, symprec, cell, notes, progress
        )
        if potential is not None and len(set(result.search.kinds)) == 1:
            text = f"All places of {symbol} are alike by symmetry: there is nothing to compare."
            notes.append(Remark("alike_places", text))
        elif potential is not None:
            known = place_energies(structure, result.search, potential, progress)
            result = CrystalPaths.of(result.search, result.paths, known)
    if finished:
        result = with_calculations(result, finished)
    if report is not None:
        settings = {
            "supercell": supercell,
            "symmetry tolerance": f"{symprec:g} Å",
            "cut-off asked for": _asked(cutoff),
        }
        _write_report(
            report, structure_file, structure, result, predictor.card, settings, threshold
        )
    if as_json:
        print_json(_as_json(structure_file, structure, result, predictor.card, threshold, notes))
    else:
        _print(structure_file, structure, result, predictor.card, threshold, notes)


def _asked(cutoff: float | None) -> str:
    return "none" if cutoff is None else f"{cutoff:g} Å"


def _write_report(
    report: Path,
    structure_file: Path,
    structure: Structure,
    result: CrystalPaths,
    card: ModelCard,
    settings: dict[str, str],
    threshold: float,
) -> None:
    from migbar.reports import Provenance, write_report

    digest = hashlib.sha256(structure_file.read_bytes()).hexdigest()
    provenance = Provenance(structure_file.name, digest, card, settings)
    write_report(report, structure, result, provenance, threshold_ev=threshold)


# ------------------------------------------------------------------ as JSON


def _as_json(
    structure_file: Path,
    structure: Structure,
    result: CrystalPaths,
    card: ModelCard,
    threshold: float,
    notes: list[Remark],
) -> dict[str, Any]:
    from migbar.structures import formula

    search = result.search
    return {
        "structure": structure_file.name,
        "formula": formula(structure),
        "ion": search.ion,
        "mechanism": str(search.mechanism),
        "model": card.name,
        "model_version": card.version,
        "cutoff_angstrom": search.cutoff,
        "dimensionality": search.dimensionality,
        "threshold_ev": threshold,
        "paths": _paths_as_json(result, threshold),
        "left_out": [{**_hop_as_json(o.hop), "reason": o.reason} for o in search.left_out],
        "places": None if result.places is None else result.places.to_dict(),
        "percolation_ev": {
            d: None if way is None else way.barrier_ev for d, way in result.percolation.items()
        },
        "percolation_interval_ev": {
            d: None if way is None else list(way.interval_ev)
            for d, way in result.percolation.items()
        },
        "percolation_walks": {
            d: None if way is None else [_walk_as_json(search, walk) for walk in way.walks]
            for d, way in result.percolation.items()
        },
        "diffusivity": _diffusivity_as_json(structure, result),
        "warnings": remarks_as_json([*notes, *result.remarks]),
    }


def _diffusivity_as_json(structure: Structure, result: CrystalPaths) -> dict[str, Any]:
    from migbar.transport import (
        DIRECTIONS,
        CrystalHops,
        activation_energy,
        diffusivity,
        parameters_for,
    )

    parameters = parameters_for(structure, result.search.ion)
    found: dict[str, Any] = {
        "temperature_k": parameters.temperature,
        "attempt_frequency_per_s": parameters.attempt_frequency,
    }
    for direction in DIRECTIONS:
        hops = CrystalHops.of(structure, result, direction)
        d = diffusivity(hops, parameters)
        energy = activation_energy(hops, parameters.temperature) if d.value > 0 else None
        found[direction] = {
            "cm2_per_s": d.value,
            "interval_cm2_per_s": list(d.interval),
            "activation_energy_ev": energy,
        }
    return found


def _paths_as_json(result: CrystalPaths, threshold: float) -> list[dict[str, Any]]:
    return [
        {
            **_hop_as_json(hop),
            "barrier_ev": path.barrier.barrier_ev,
            "interval_ev": list(path.barrier.interval_ev),
            "interval_level": path.barrier.interval_level,
            "good_conductor": path.barrier.is_good_conductor(threshold),
            "bottleneck": [
                {
                    "element": atom.element,
                    "site": str(atom.site),
                    "distance_angstrom": round(atom.distance, 4),
                }
                for atom in hop.bottleneck
            ],
            "supercell": path.supercell.tolist(),
            "warnings": remarks_as_json(path.remarks),
        }
        for hop, path in zip(result.search.hops, result.paths, strict=True)
    ]


def _hop_as_json(hop: DistinctHop) -> dict[str, Any]:
    return {
        "from": hop.start.name,
        "to": hop.end.name,
        "image": list(hop.image),
        "multiplicity": hop.multiplicity,
        "per_site": hop.per_site,
        "path_length_angstrom": hop.length,
    }


def _walk_as_json(search: HopSearch, walk: Walk) -> list[dict[str, Any]]:
    return [
        {
            "from": search.nodes[edge.start].name,
            "to": search.nodes[edge.end].name,
            "image": list(edge.image),
            "path": edge.hop,
        }
        for edge in walk
    ]


# ------------------------------------------------------------------ for people


def _print(
    structure_file: Path,
    structure: Structure,
    result: CrystalPaths,
    card: ModelCard,
    threshold: float,
    notes: list[Remark],
) -> None:
    search = result.search
    typer.echo(
        f"{structure_file.name}   {search.ion}, {search.mechanism}, hops up to {search.cutoff:g} Å   "
        f"{card.name} {card.version}"
    )
    if search.hops:
        _print_hops(result, threshold, notes)
    else:
        typer.echo("no hop found")
    if result.places is not None:
        _print_places(result.places, search)
    for out in search.left_out:
        typer.echo(f"left out: {out.hop.label} ({out.hop.length:.2f} Å) {out.reason}")
    for direction, way in result.percolation.items():
        where = f"in {direction}" if direction.endswith("D") else f"along {direction}"
        if way is None:
            typer.echo(f"through {where}: no way")
            continue
        low, high = way.interval_ev
        typer.echo(
            f"through {where}: {way.barrier_ev:.3f} eV ({low:.2f} to {high:.2f}), "
            f"bottleneck {search.hops[way.bottleneck].label}"
        )
    _print_diffusivity(structure, result)
    for note in (*notes, *result.remarks):
        typer.echo(f"note: {note.text}")


def _print_places(places: PlaceEnergies, search: HopSearch) -> None:
    for kind, energy, stays in zip(places.kinds, places.energies_ev, places.stays, strict=True):
        left = "" if stays else ", nothing stays there"
        typer.echo(
            f"place {search.nodes[kind].name}, {search.kinds.count(kind)} per cell: {energy:.3f} eV{left}"
        )


def _print_diffusivity(structure: Structure, result: CrystalPaths) -> None:
    from migbar.transport import (
        ALL_DIRECTIONS,
        activation_energy,
        by_direction,
        diffusivity,
        parameters_for,
    )
    from migbar.wording import power

    parameters = parameters_for(structure, result.search.ion)
    for name, hops in by_direction(structure, result, parameters).items():
        d = diffusivity(hops, parameters)
        low, high = map(power, d.interval)
        where = name if name == ALL_DIRECTIONS else f"along {name}"
        typer.echo(
            f"diffusivity at {parameters.temperature:g} K, {where}: {d.value:.1e} cm²/s ({low} to {high}), "
            f"activation energy {activation_energy(hops, parameters.temperature):.3f} eV"
        )


def _print_hops(result: CrystalPaths, threshold: float, notes: list[Remark]) -> None:
    of_all = {note.code for note in notes}  # told once, below
    rows = []
    for hop, path in zip(result.search.hops, result.paths, strict=True):
        low, high = path.barrier.interval_ev
        codes = sorted({remark.code for remark in path.remarks} - of_all)
        rows.append(
            {
                "hop": hop.label,
                "per cell": hop.multiplicity,
                "Å": f"{hop.length:.2f}",
                "barrier eV": f"{path.barrier.barrier_ev:.3f}",
                "interval eV": f"{low:.2f} to {high:.2f}",
                "conductor": "good" if path.barrier.is_good_conductor(threshold) else "poor",
                "notes": ", ".join(code.replace("_", " ") for code in codes),
            }
        )
    print_rows(rows, right=("Å", "barrier eV", "interval eV"))

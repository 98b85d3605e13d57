"""``migbar neb``: relax the band of a hop with a universal potential, or those of many known paths."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import (
    AsJson,
    Block,
    Ion,
    Order,
    choose_ion,
    hop_end,
    open_structure,
    print_json,
    progress_bar,
    remarks_as_json,
)
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.barriers import Remark
    from migbar.neb import NebResult
    from migbar.neb.baseline import NebRow
    from migbar.potentials import Potential


def neb(
    structure_file: Annotated[
        Path | None,
        typer.Argument(help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the results; the same command goes on there after a stop."),
    ] = None,
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
    potential: Annotated[
        str, typer.Option(help="chgnet, chgnet:r2scan, mace:small … large, mace:FILE, ase:NAME.")
    ] = "chgnet",
    trust_file: Annotated[
        bool,
        typer.Option("--trust-file", help="Load the MACE model file named: it runs as a program."),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    preset: Annotated[str, typer.Option(help="paper or quality.")] = "paper",
    images: Annotated[int | None, typer.Option(help="Images between the ends.", min=1)] = None,
    guess: Annotated[
        str | None, typer.Option("--start", help="First guess of the images: linear or idpp.")
    ] = None,
    climb: Annotated[
        bool | None, typer.Option("--climb/--no-climb", help="Let the highest image climb.")
    ] = None,
    optimizer: Annotated[str | None, typer.Option(help="BFGS or FIRE.")] = None,
    fmax: Annotated[float | None, typer.Option(help="Largest force left, eV/Å.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Steps of the band.", min=0)] = None,
    ends: Annotated[
        str | None, typer.Option(help="relaxed, or given (as they are); both with --bands.")
    ] = None,
    bands: Annotated[
        Path | None,
        typer.Option(help="Relax known paths instead: JSON file of bands in the published format."),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Only so many of them, spread over classes, ions, frameworks and barriers.", min=1
        ),
    ] = None,
    max_atoms: Annotated[
        int, typer.Option(help="With --limit: largest cell to sample.", min=2)
    ] = 80,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Relax the band of a hop by NEB with a universal potential; barrier and energy profile."""
    from migbar.potentials import load_potential

    if (structure_file is None) == (bands is None):
        raise MigbarError("give a structure file with a hop (--from, --to), or --bands FILE.")
    if out is None:
        raise MigbarError("say where the results go (--out DIR).")
    if bands is not None:
        changes = (images, guess, climb, optimizer, fmax, max_steps)
        if any(change is not None for change in changes):
            raise MigbarError("--bands runs a preset as it is; leave out the other settings.")
        both = _ends(ends or "both")
        loaded = load_potential(potential, device, trust_file=trust_file)
        _many(bands, limit, max_atoms, loaded, preset, both, out, as_json)
        return
    settings = {
        "n_images": images,
        "start": guess,
        "climb": climb,
        "optimizer": optimizer,
        "fmax": fmax,
        "max_steps": max_steps,
    }
    if ends is not None:
        settings["relax_ends"] = _ends(ends, one=True)[0]
    changed = {name: value for name, value in settings.items() if value is not None}
    assert structure_file is not None
    band, notes = _band(
        structure_file, ion, (start, start_frac), (end, end_frac), mechanism, supercell, remove or [],
        order, block,
    )  # fmt: skip
    loaded = load_potential(potential, device, trust_file=trust_file)
    _one(band, notes, loaded, preset, changed, out, as_json, structure_file)


def _ends(text: str, one: bool = False) -> list[bool]:
    kinds = {"relaxed": [True], "given": [False]} | ({} if one else {"both": [True, False]})
    if text not in kinds:
        raise MigbarError(f"--ends {text} is none of: {', '.join(kinds)}.")
    return kinds[text]


def _band(
    file: Path,
    ion: str | None,
    start: tuple[str | None, str | None],
    end: tuple[str | None, str | None],
    mechanism: str | None,
    supercell: str,
    remove: list[str],
    order: bool,
    block: str | None,
) -> tuple[Band, list[Remark]]:
    from migbar.ends import name_hop, parse_mechanism
    from migbar.hops import make_band, parse_supercell

    structure, notes = open_structure(file, ion, block, order)
    symbol = choose_ion(structure, ion)
    hop, remarks = name_hop(
        structure,
        symbol,
        hop_end(*start, "from"),
        hop_end(*end, "to"),
        None if mechanism is None else parse_mechanism(mechanism),
        remove,
    )
    return make_band(structure, hop, parse_supercell(supercell)), [*notes, *remarks]


def _one(
    band: Band,
    notes: list[Remark],
    potential: Potential,
    preset: str,
    changes: dict[str, Any],
    out: Path,
    as_json: bool,
    file: Path,
) -> None:
    from migbar.neb import endpoints, relax_band, settings_from, write_result
    from migbar.neb.checkpoints import STATE

    settings = settings_from(preset, changes)
    with progress_bar() as progress:
        result = relax_band(*endpoints(band), potential, settings, folder=out, progress=progress)
    write_result(result, out)
    if result.converged:
        (out / STATE).unlink(missing_ok=True)
    if as_json:
        data = result.to_dict()
        data["warnings"] = remarks_as_json([*notes, *result.remarks, result.trust])
        print_json({"ion": band.ion, "folder": str(out), **data})
    else:
        _print(result, notes, out, file)


def _print(result: NebResult, notes: list[Remark], out: Path, file: Path) -> None:
    profile = result.profile
    state = "converged" if result.converged else "NOT CONVERGED"
    ends = "ends relaxed" if result.ends_relaxed else "ends as given"
    typer.echo(
        f"{file.name}   {result.potential}, {result.settings.n_images} images, {ends}: {state} "
        f"({result.residual:.3f} eV/Å after {result.steps} steps, {result.seconds:.0f} s)"
    )
    typer.echo(
        f"E_m = {profile.barrier_ev:.3f} eV   forward {profile.forward_ev:.3f}, reverse "
        f"{profile.reverse_ev:.3f}, reaction {profile.reaction_energy_ev:.3f} eV"
    )
    for image, (where, energy) in enumerate(zip(profile.distance, profile.relative, strict=True)):
        typer.echo(f"  {image:2d}  {where:6.2f} Å  {energy:7.3f} eV")
    for remark in [*notes, *result.remarks, result.trust]:
        typer.echo(f"  note: {remark.text}")
    typer.echo(f"written to {out}")


def _many(
    bands: Path,
    limit: int | None,
    max_atoms: int,
    potential: Potential,
    preset: str,
    ends: list[bool],
    out: Path,
    as_json: bool,
) -> None:
    from dataclasses import asdict

    from migbar.datasets import read_bands
    from migbar.neb.baseline import run_baseline, spread_sample

    records = read_bands(bands)
    if limit is not None:
        records = spread_sample(records, limit, max_atoms)
    with progress_bar() as progress:
        rows = run_baseline(records, potential, preset, ends, out, progress, _report)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        typer.echo(f"{len(rows)} barriers in {out / 'neb.csv'}")


def _report(row: NebRow) -> None:
    barrier = "failed" if row.barrier_ev is None else f"{row.barrier_ev:.3f} eV"
    ends = "relaxed" if row.ends_relaxed else "given"
    print(
        f"{row.sys_name}  ends {ends}  {barrier}  {'' if row.converged else 'not '}converged  "
        f"{row.steps} steps  {row.seconds:.0f} s  {row.remarks}",
        file=sys.stderr,
        flush=True,
    )

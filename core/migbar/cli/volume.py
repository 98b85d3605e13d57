"""``migbar volume``: how a barrier depends on the volume of the cell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import (
    AsJson,
    Block,
    From,
    FromFrac,
    Ion,
    MechanismName,
    Order,
    Remove,
    StructureFile,
    Supercell,
    To,
    ToFrac,
    choose_ion,
    hop_end,
    open_structure,
    print_json,
    progress_bar,
)


def volume(
    structure_file: StructureFile,
    out: Annotated[
        Path, typer.Option(help="Folder of the results; the same command goes on there.")
    ],
    ion: Ion = None,
    start: From = None,
    end: To = None,
    start_frac: FromFrac = None,
    end_frac: ToFrac = None,
    mechanism: MechanismName = None,
    supercell: Supercell = "auto",
    remove: Remove = None,
    changes: Annotated[
        list[float] | None,
        typer.Option("--change", help="A change in volume, percent (repeatable; -2, 0 and 2)."),
    ] = None,
    potential: Annotated[
        str, typer.Option(help="chgnet, mace:small … large, mace:FILE, ase:NAME.")
    ] = "chgnet",
    trust_file: Annotated[
        bool, typer.Option("--trust-file", help="Load a MACE model file, which is a program.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    preset: Annotated[str, typer.Option(help="paper or quality.")] = "paper",
    images: Annotated[int | None, typer.Option(help="Images between the ends.", min=1)] = None,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Relax the band of a hop at several volumes of the cell with a universal potential."""
    from migbar.ends import name_hop, parse_mechanism
    from migbar.hops import make_band, parse_supercell
    from migbar.neb import settings_from
    from migbar.neb.volume import CHANGES, slope_text, volume_dependence
    from migbar.potentials import load_potential

    structure, assumed = open_structure(structure_file, ion, block, order)
    hop, chosen = name_hop(
        structure,
        choose_ion(structure, ion),
        hop_end(start, start_frac, "from"),
        hop_end(end, end_frac, "to"),
        None if mechanism is None else parse_mechanism(mechanism),
        remove or [],
    )
    band = make_band(structure, hop, parse_supercell(supercell))
    settings = settings_from(preset, {} if images is None else {"n_images": images})
    loaded = load_potential(potential, device, trust_file=trust_file)
    wanted = [change / 100 for change in changes] if changes else list(CHANGES)
    with progress_bar() as progress:
        found = volume_dependence(band, loaded, settings, wanted, folder=out, progress=progress)
    notes = [remark.text for remark in (*assumed, *chosen)]
    if as_json:
        print_json(found.to_dict() | {"folder": str(out), "warnings": notes})
        return
    typer.echo(f"{structure_file.name}   {hop.ion} {hop.label}   {found.potential}")
    rows = zip(found.changes, found.barriers_ev, found.converged, strict=True)
    for change, barrier, converged in rows:
        state = "" if converged else "   NOT CONVERGED"
        typer.echo(f"volume {change:+.1%}   {barrier:.3f} eV{state}")
    typer.echo(f"the barrier {slope_text(found)}")
    for note in notes:
        typer.echo(f"note: {note}")

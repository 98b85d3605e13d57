"""``migbar relax``: relax a crystal before hops are looked for in it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import (
    AsJson,
    Block,
    Order,
    StructureFile,
    open_structure,
    print_json,
    progress_bar,
)


def relax(
    structure_file: StructureFile,
    out: Annotated[Path, typer.Option("--out", "-o", help="CIF to write.")],
    potential: Annotated[str, typer.Option(help="chgnet, mace:medium, ase:NAME …")] = "chgnet",
    cell: Annotated[bool, typer.Option(help="Let the cell relax too.")] = True,
    symmetry: Annotated[bool, typer.Option(help="Keep the space group.")] = True,
    force: Annotated[float, typer.Option(help="Converged below this, eV/Å.", min=1e-4)] = 0.02,
    steps: Annotated[int, typer.Option(help="Most steps.", min=1)] = 500,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    trust_file: Annotated[
        bool, typer.Option("--trust-file", help="Load a MACE model file, which is a program.")
    ] = False,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Relax the atoms and the cell with a universal potential, and say how much they changed."""
    from migbar.potentials import load_potential
    from migbar.relaxation import RelaxationSettings, relax_structure
    from migbar.structures import write_cif

    structure, notes = open_structure(structure_file, None, block, order)
    loaded = load_potential(potential, device, trust_file=trust_file)
    settings = RelaxationSettings(cell, symmetry, force, steps)
    with progress_bar() as progress, warnings.catch_warnings():
        # Converters warn at every step of the constraint that keeps the symmetry.
        warnings.simplefilter("ignore", UserWarning)
        relaxed = relax_structure(structure, loaded, settings, progress)
    write_cif(relaxed.after, out)
    if as_json:
        told = relaxed.to_dict()
        del told["before"], told["after"]
        changes = {
            "volume_change": relaxed.volume_change,
            "length_changes": relaxed.length_changes.tolist(),
            "angle_changes_degrees": relaxed.angle_changes.tolist(),
            "displacements_angstrom": relaxed.displacements.tolist(),
        }
        print_json(told | changes | {"file": str(out), "warnings": [note.text for note in notes]})
        return
    lengths = ", ".join(
        f"{axis} {change:+.2%}" for axis, change in zip("abc", relaxed.length_changes, strict=True)
    )
    moved = relaxed.displacements
    typer.echo(f"{structure_file.name}   {relaxed.potential}, {relaxed.steps} steps")
    typer.echo(f"volume {relaxed.volume_change:+.2%}   {lengths}")
    typer.echo(f"atoms moved by {moved.mean():.3f} Å on average, {moved.max():.3f} Å at most")
    if not relaxed.converged:
        typer.echo(f"NOT CONVERGED: {relaxed.force_ev_per_angstrom:.3f} eV/Å are left")
    for note in notes:
        typer.echo(f"note: {note.text}")
    typer.echo(f"wrote {out}")

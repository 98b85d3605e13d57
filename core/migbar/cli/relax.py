"""``migbar relax``: relax a crystal before hops are looked for in it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import (
    open_structure,
    print_json,
    progress_bar,
    remarks_as_json,
    require_ending,
)
from migbar.cli.options import AsJson, Block, Order, PotentialOptions, StructureFile, expanded
from migbar.errors import MigbarError


@expanded
def relax(
    structure_file: StructureFile,
    *,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File to write: .cif, .vasp, .xyz or .json.")
    ],
    potential: PotentialOptions,
    cell: Annotated[bool, typer.Option(help="Let the cell relax too.")] = True,
    symmetry: Annotated[bool, typer.Option(help="Keep the space group.")] = True,
    fmax: Annotated[float, typer.Option(help="Largest force left, eV/Å.", min=1e-4)] = 0.02,
    max_steps: Annotated[int, typer.Option(help="Most steps.", min=1)] = 500,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Relax the atoms and the cell with a universal potential, and say how much they changed."""
    from migbar.files import require_writable
    from migbar.relaxation import RelaxationSettings, relax_structure
    from migbar.structures import ENDINGS, write_structure

    require_ending(out, "what is written", *ENDINGS)
    require_writable(out)
    structure, notes = open_structure(structure_file, None, block, order)
    if out.exists() and out.samefile(structure_file):
        raise MigbarError(f"{out} is the structure itself; give the relaxed one another name.")
    loaded = potential.load()
    settings = RelaxationSettings(cell, symmetry, fmax, max_steps)
    with progress_bar() as progress, warnings.catch_warnings():
        # At every step converters warn of the constraint that keeps the symmetry, and SciPy of the last digits.
        warnings.simplefilter("ignore", UserWarning)
        warnings.filterwarnings("ignore", "logm result may be inaccurate", RuntimeWarning)
        relaxed = relax_structure(structure, loaded, settings, progress)
    write_structure(relaxed.after, out)
    if as_json:
        told = relaxed.to_dict()
        del told["before"], told["after"]
        changes = {
            "volume_change": relaxed.volume_change,
            "length_changes": relaxed.length_changes.tolist(),
            "angle_changes_degrees": relaxed.angle_changes.tolist(),
            "displacements_angstrom": relaxed.displacements.tolist(),
        }
        print_json(told | changes | {"file": str(out), "warnings": remarks_as_json(notes)})
        return
    lengths = ", ".join(
        f"{axis} {100 * change:+.2f} %"
        for axis, change in zip("abc", relaxed.length_changes, strict=True)
    )
    moved = relaxed.displacements
    typer.echo(f"{structure_file.name}   {relaxed.potential}, {relaxed.steps} steps")
    typer.echo(f"volume {100 * relaxed.volume_change:+.2f} %   {lengths}")
    typer.echo(f"atoms moved by {moved.mean():.3f} Å on average, {moved.max():.3f} Å at most")
    if not relaxed.converged:
        pressure = f" and {relaxed.pressure_gpa:.2f} GPa" if cell else ""
        typer.echo(f"NOT CONVERGED: {relaxed.force_ev_per_angstrom:.3f} eV/Å{pressure} are left")
    for note in notes:
        typer.echo(f"note: {note.text}")
    typer.echo(f"wrote {out}")

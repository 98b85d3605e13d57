"""``migbar symmetry``: the space group of a crystal, and those that it nearly has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migbar.cli.common import open_structure, print_json, remarks_as_json, require_ending
from migbar.cli.options import AsJson, Block, Order, StructureFile
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from migbar.structures import Restored


def symmetry(
    structure_file: StructureFile,
    within: Annotated[
        float | None,
        typer.Option(help="Restore the highest symmetry found within so many Å.", min=0.0),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File to write: .cif, .vasp, .xyz or .json."),
    ] = None,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """List the symmetries that a noisy crystal nearly has, or put it onto one of them."""
    from migbar.structures import nearby_symmetries, write_structure
    from migbar.structures import symmetry as find_symmetry
    from migbar.structures.symmetries import TOLERANCES

    if (within is None) != (out is None):
        raise MigbarError("Give both --within, which symmetry to restore, and --out, where to.")
    if out is not None:
        _require_possible(out, structure_file)
    structure, notes = open_structure(structure_file, None, block, order)
    now = find_symmetry(structure, TOLERANCES[0])
    found = nearby_symmetries(structure)
    near = [restored for restored in found if within is not None and restored.tolerance <= within]
    if within is not None and not near:
        raise MigbarError(
            f"{structure_file.name} is in {now.symbol} ({now.number}), "
            f"and near no higher symmetry within {within:g} Å."
        )
    chosen = near[-1] if near else None
    if chosen is not None and out is not None:
        write_structure(chosen.structure, out)
    if as_json:
        print_json(
            {
                "space_group": now.symbol,
                "number": now.number,
                "nearby": [_as_json(restored) for restored in found],
                "restored": None if chosen is None else _as_json(chosen) | {"file": str(out)},
                "warnings": remarks_as_json(notes),
            }
        )
        return
    typer.echo(f"{structure_file.name}   {now.symbol} ({now.number})")
    for restored in found:
        typer.echo(f"within {restored.tolerance:<4g} Å   {restored}")
    if not found:
        typer.echo("near no higher symmetry")
    for note in notes:
        typer.echo(f"note: {note.text}")
    if chosen is not None:
        typer.echo(f"wrote {out}, in {chosen.symbol} ({chosen.number})")


def _require_possible(out: Path, structure_file: Path) -> None:
    from migbar.files import require_writable
    from migbar.structures import ENDINGS

    require_ending(out, "what is written", *ENDINGS)
    require_writable(out)
    if out.exists() and out.samefile(structure_file):
        raise MigbarError(f"{out} is the structure itself; give the restored one another name.")


def _as_json(restored: Restored) -> dict[str, object]:
    return {
        "space_group": restored.symbol,
        "number": restored.number,
        "within_angstrom": restored.tolerance,
        "farthest_angstrom": restored.farthest,
        "cell_change": restored.strain,
    }

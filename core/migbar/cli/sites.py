"""``migbar sites``: where the mobile ion sits, or could sit."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from migbar.cli.common import choose_ion, open_structure, print_json, print_rows
from migbar.cli.options import AsJson, Block, Ion, Order, StructureFile


def sites(
    structure_file: StructureFile,
    ion: Ion = None,
    voids: Annotated[
        bool, typer.Option("--voids", help="List void candidates instead of occupied sites.")
    ] = False,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """List the sites of the mobile ion, with the indices that --from and --to take."""
    from migbar.structures import symmetry_notes

    structure, notes = open_structure(structure_file, ion, block, order)
    told = [note.text for note in notes] + [text for _, text in symmetry_notes(structure)]
    symbol = choose_ion(structure, ion)
    rows = _void_rows(structure, symbol) if voids else _site_rows(structure, symbol)
    if as_json:
        print_json(rows)
        return
    print_rows(rows)
    for text in told:
        typer.echo(f"note: {text}")


def _site_rows(structure: Any, ion: str) -> list[dict[str, Any]]:
    from migbar.structures import list_sites

    return [
        {
            "index": site.index,
            "element": site.element,
            "label": site.label,
            "wyckoff": site.wyckoff,
            "frac_coords": [round(x, 8) for x in site.frac_coords],
        }
        for site in list_sites(structure, ion)
    ]


def _void_rows(structure: Any, ion: str) -> list[dict[str, Any]]:
    from migbar.voids import find_voids

    return [
        {
            "index": index,
            "element": ion,
            "label": f"v{index}",
            "orbit": void.orbit,
            "radius_angstrom": round(void.radius, 4),
            "nearest": void.nearest,
            "frac_coords": [round(x, 8) for x in void.frac_coords],
        }
        for index, void in enumerate(find_voids(structure, ion))
    ]

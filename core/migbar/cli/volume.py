"""``migbar volume``: how a barrier depends on the volume of the cell."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import choose_hop, goes_on, print_json, progress_bar, remarks_as_json
from migbar.cli.options import AsJson, HopOptions, PotentialOptions, StructureFile, expanded


@expanded
def volume(
    structure_file: StructureFile,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the results; the same command goes on there."),
    ],
    hop: HopOptions,
    changes: Annotated[
        list[float] | None,
        typer.Option("--change", help="A change in volume, percent (repeatable; -2, 0 and 2)."),
    ] = None,
    potential: PotentialOptions,
    preset: Annotated[str, typer.Option(help="paper or quality.")] = "paper",
    images: Annotated[int | None, typer.Option(help="Images between the ends.", min=1)] = None,
    as_json: AsJson = False,
) -> None:
    """Relax the band of a hop at several volumes of the cell with a universal potential."""
    from migbar.files import held
    from migbar.neb import settings_from
    from migbar.neb.volume import CHANGES, slope_text, volume_dependence

    chosen = choose_hop(structure_file, hop)
    band = chosen.band()
    settings = settings_from(preset, {} if images is None else {"n_images": images})
    loaded = potential.load()
    wanted = [change / 100 for change in changes] if changes else list(CHANGES)
    with held(out), goes_on(out), progress_bar() as progress:
        found = volume_dependence(band, loaded, settings, wanted, folder=out, progress=progress)
    if as_json:
        print_json(
            found.to_dict() | {"folder": str(out), "warnings": remarks_as_json(chosen.notes)}
        )
        return
    typer.echo(f"{structure_file.name}   {chosen.hop.ion} {chosen.hop.label}   {found.potential}")
    rows = zip(found.changes, found.barriers_ev, found.converged, strict=True)
    for change, barrier, converged in rows:
        state = "" if converged else "   NOT CONVERGED"
        typer.echo(f"volume {100 * change:+.1f} %   {barrier:.3f} eV{state}")
    typer.echo(f"the barrier {slope_text(found)}")
    for note in chosen.notes:
        typer.echo(f"note: {note.text}")

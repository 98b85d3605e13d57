"""``migbar vibrations``: how often an ion tries to hop."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from migbar.cli.common import goes_on, print_json, progress_bar, remarks_as_json
from migbar.cli.options import AsJson, Device, TrustFile
from migbar.wording import counted, scientific, with_minus


def vibrations(
    folder: Annotated[
        Path,
        typer.Argument(
            help="A band that migbar neb relaxed with a climbing image (--preset quality).",
            show_default=False,
        ),
    ],
    *,
    within: Annotated[
        float,
        typer.Option(help="Atoms so near to the ion vibrate, Å; inf for all.", min=0),
    ] = 4.0,
    trust_file: TrustFile = False,
    device: Device = "auto",
    as_json: AsJson = False,
) -> None:
    """Find how often the ion of a relaxed band tries to hop, from the vibrations at its end and saddle."""
    from migbar.files import held
    from migbar.neb import read_result, vibrations_of, write_vibrations
    from migbar.potentials import load_potential

    result = read_result(folder)
    potential = load_potential(result.potential.name, device, trust_file=trust_file)
    with held(folder), goes_on(folder), progress_bar() as progress:
        found = vibrations_of(result, potential, within=within, folder=folder, progress=progress)
        write_vibrations(found, folder)
    if as_json:
        data = found.to_dict() | {"folder": str(folder)}
        print_json(data | {"warnings": remarks_as_json(found.remarks)})
        return
    moving = counted(found.n_atoms, "atom") + (" vibrate" if found.n_atoms > 1 else " vibrates")
    typer.echo(f"{folder.name}   {found.potential}, {found.end} end and saddle: {moving}")
    attempts, zero_point = found.attempt_frequency, found.zero_point_ev
    if attempts is not None and zero_point is not None:
        change = with_minus(f"{round(1000 * zero_point):+d} meV")
        typer.echo(f"attempt frequency {scientific(attempts)} 1/s")
        typer.echo(f"imaginary frequency of the saddle {-found.at_saddle[0]:.1f}i THz")
        typer.echo(f"zero-point vibrations change the barrier by {change}")
    for remark in found.remarks:
        typer.echo(f"note: {remark.text}")

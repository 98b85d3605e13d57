"""``migbar dynamics`` and ``read-dynamics``: how fast ions spread, by molecular dynamics, here or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.barriers import Remark
from migbar.cli.common import (
    choose_ion,
    goes_on,
    open_structure,
    print_json,
    progress_bar,
    remarks_as_json,
)
from migbar.cli.options import (
    LARGEST_SEED,
    AsJson,
    Block,
    Ion,
    Order,
    PotentialOptions,
    StructureFile,
    Supercell,
    expanded,
)
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult, Simulation

COLD = 300.0
"""Temperature in K that a conductivity is told for."""


@expanded
def dynamics(
    structure_file: StructureFile,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the results; the same command goes on there."),
    ],
    ion: Ion = None,
    temperatures: Annotated[
        list[float] | None,
        typer.Option("--temperature", "-T", help="In K (repeatable; 800, 1000 and 1200)."),
    ] = None,
    length: Annotated[
        float, typer.Option(help="Picoseconds at each temperature, after the warm-up.")
    ] = 20.0,
    warm_up: Annotated[float, typer.Option(help="Picoseconds before that.")] = 2.0,
    step: Annotated[
        float | None, typer.Option(help="Time step in fs; 2, or 0.5 with hydrogen.")
    ] = None,
    carriers: Annotated[
        int, typer.Option(help="Vacancies to make, or ions to put into an empty host.")
    ] = 1,
    supercell: Supercell = "auto",
    seed: Annotated[
        int, typer.Option(help="Of the random velocities.", min=0, max=LARGEST_SEED)
    ] = 0,
    potential: PotentialOptions,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Simulate how the ions move, together and at several temperatures, with a universal potential."""
    from migbar.dynamics import DynamicsSettings
    from migbar.dynamics import dynamics as simulate
    from migbar.dynamics.simulation import usual_step_fs
    from migbar.files import held
    from migbar.supercells import parse_supercell

    cell = parse_supercell(supercell)
    structure, notes = open_structure(structure_file, ion, block, order)
    symbol = choose_ion(structure, ion)
    settings = DynamicsSettings(
        tuple(temperatures or DynamicsSettings().temperatures_k),
        length,
        warm_up,
        usual_step_fs(structure, symbol) if step is None else step,
        carriers,
        seed,
    )
    loaded = potential.load()
    with held(out), goes_on(out), progress_bar() as progress:
        result = simulate(structure, symbol, loaded, settings, cell, out, progress)
    notes = [*notes, *result.remarks]
    if as_json:
        print_json(_as_json(result) | {"folder": str(out), "warnings": remarks_as_json(notes)})
    else:
        _print(f"{structure_file.name}   {symbol}", result, notes)


def read_dynamics(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Trajectories, one for each temperature: XDATCAR, extended XYZ, LAMMPS dumps, ASE's .traj."
        ),
    ],
    ion: Ion = None,
    temperatures: Annotated[
        list[float] | None,
        typer.Option(
            "--temperature",
            "-T",
            help="In K, one for each file in their order; else INCAR or names tell.",
        ),
    ] = None,
    frame: Annotated[
        float | None,
        typer.Option(help="Time from one frame to the next in fs; else the INCAR tells."),
    ] = None,
    skip: Annotated[
        float, typer.Option(help="Picoseconds to leave out at the beginning of each.", min=0.0)
    ] = 2.0,
    as_json: AsJson = False,
) -> None:
    """Read how fast the ions of simulations by other programs spread: VASP, LAMMPS, or what ASE writes."""
    from migbar.dynamics import read_dynamics as read
    from migbar.dynamics.frames import first_frame

    simulations = _simulations(files, temperatures or [], frame)
    symbol = choose_ion(first_frame(files[0]), ion)
    with progress_bar() as progress:
        result = read(simulations, symbol, skip, progress=progress)
    if as_json:
        print_json(_as_json(result) | {"warnings": remarks_as_json(result.remarks)})
    else:
        _print(symbol, result, result.remarks)


def _simulations(
    files: list[Path], temperatures: list[float], frame: float | None
) -> list[Simulation]:
    """Return the trajectories with what was said of them, or what they tell themselves."""
    from migbar.dynamics import Simulation
    from migbar.dynamics.frames import guessed

    if temperatures and len(temperatures) != len(files):
        raise MigbarError("Give -T once for each file, in their order, or not at all.")
    found = []
    for number, file in enumerate(files):
        if not file.is_file():
            raise MigbarError(f"There is no file {file}; name a trajectory for each temperature.")
        kelvin, frame_fs = guessed(file)
        kelvin = temperatures[number] if temperatures else kelvin
        frame_fs = frame_fs if frame is None else frame
        if kelvin is None:
            raise MigbarError(f"{file}: nothing tells its temperature; give it by -T.")
        if frame_fs is None:
            raise MigbarError(
                f"{file}: nothing tells the time between its frames; give it by --frame, in fs."
            )
        found.append(Simulation(file, kelvin, frame_fs))
    return found


def _as_json(result: DynamicsResult) -> dict[str, Any]:
    energy, low, high = result.activation_energy_ev
    told = result.to_dict() | {
        "at": [one.to_dict() | {"is_resolved": one.is_resolved} for one in result.at],
        "activation_energy_ev": energy,
        "activation_energy_interval_ev": [low, high],
        "conductivity": None,
    }
    if result.is_line:
        from migbar.transport import conductivity, diffusivity

        parameters = result.parameters(COLD)
        d, sigma = diffusivity(result, parameters), conductivity(result, parameters)
        told["conductivity"] = {
            "temperature_k": COLD,
            "cm2_per_s": d.value,
            "interval_cm2_per_s": list(d.interval),
            "s_per_cm": sigma.value,
            "interval_s_per_cm": list(sigma.interval),
        }
    return told


def _print(head: str, result: DynamicsResult, notes: list[Remark]) -> None:
    from migbar.transport import conductivity, diffusivity
    from migbar.wording import power

    typer.echo(f"{head}   {result.story}")
    for one in result.at:
        measured = f", mean temperature {one.measured_kelvin:.0f} K"
        typer.echo(f"{one.kelvin:g} K   {one}{'' if result.read_from else measured}")
        if one.haven_text:
            typer.echo(f"{one.kelvin:g} K   {one.haven_text}")
    if result.is_line:
        energy, low, high = result.activation_energy_ev
        typer.echo(f"activation energy {energy:.3f} eV ({low:.3f} to {high:.3f})")
        parameters = result.parameters(COLD)
        d, sigma = diffusivity(result, parameters), conductivity(result, parameters)
        for name, estimate, unit in (("diffusivity", d, "cm²/s"), ("conductivity", sigma, "S/cm")):
            low_text, high_text = map(power, estimate.interval)
            typer.echo(
                f"{name} at {COLD:g} K, by the line: {estimate.value:.1e} {unit} ({low_text} to {high_text})"
            )
    for note in notes:
        typer.echo(f"note: {note.text}")

"""``migbar neb``: relax the band of a hop with a universal potential, or those of many known paths."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from migbar.cli.common import (
    choose_hop,
    goes_on,
    print_json,
    progress_bar,
    remarks_as_json,
)
from migbar.cli.options import AsJson, HopOptions, PotentialOptions, expanded
from migbar.errors import MigbarError
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.bands import Band
    from migbar.barriers import Remark
    from migbar.neb import NebResult
    from migbar.neb.baseline import NebRow
    from migbar.potentials import Potential


@dataclass(frozen=True, slots=True, kw_only=True)
class BandOptions:
    """What is to be other than in the preset."""

    images: Annotated[int | None, typer.Option(help="Images between the ends.", min=1)] = None
    guess: Annotated[
        str | None,
        typer.Option("--start", help="First guess of the images: linear, idpp or aside."),
    ] = None
    climb: Annotated[
        bool | None, typer.Option("--climb/--no-climb", help="Let the highest image climb.")
    ] = None
    optimizer: Annotated[str | None, typer.Option(help="BFGS or FIRE.")] = None
    fmax: Annotated[float | None, typer.Option(help="Largest force left, eV/Å.")] = None
    max_steps: Annotated[int | None, typer.Option(help="Most steps of the band.", min=0)] = None

    def changes(self) -> dict[str, Any]:
        """Return what was asked for, by the names of `migbar.neb.NebSettings`."""
        asked = {
            "n_images": self.images,
            "start": self.guess,
            "climb": self.climb,
            "optimizer": self.optimizer,
            "fmax": self.fmax,
            "max_steps": self.max_steps,
        }
        return {name: value for name, value in asked.items() if value is not None}


@expanded
def neb(
    structure_file: Annotated[
        Path | None,
        typer.Argument(
            help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON; or give --bands.",
            show_default=False,
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="Folder of the results; the same command goes on there after a stop.",
        ),
    ],
    hop: HopOptions,
    potential: PotentialOptions,
    preset: Annotated[str, typer.Option(help="paper or quality.")] = "paper",
    band: BandOptions,
    push: Annotated[
        bool,
        typer.Option(
            "--push",
            help="The ion takes the place of the like one beside its path, which goes on to the end.",
        ),
    ] = False,
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
    as_json: AsJson = False,
) -> None:
    """Relax the band of a hop by NEB with a universal potential; barrier and energy profile."""
    if (structure_file is None) == (bands is None):
        raise MigbarError("give a structure file with a hop (--from, --to), or --bands FILE.")
    changes = band.changes()
    if bands is not None:
        if changes or push:
            raise MigbarError("--bands runs a preset as it is; leave out the other settings.")
        kinds = _ends(ends or "both")
        rows = _relax_known(bands, limit, max_atoms, potential.load(), preset, kinds, out)
        if as_json:
            print_json([asdict(row) for row in rows])
        else:
            typer.echo(f"{counted(len(rows), 'barrier')} in {out / 'neb.csv'}")
        return
    if ends is not None:
        changes["relax_ends"] = _ends(ends, one=True)[0]
    assert structure_file is not None
    chosen = choose_hop(structure_file, hop)
    result = _relax(chosen.band(), potential.load(), preset, changes, out, push)
    if as_json:
        data = result.to_dict()
        data["warnings"] = remarks_as_json([*chosen.notes, *result.remarks, result.trust])
        print_json({"ion": chosen.hop.ion, "folder": str(out), **data})
    else:
        print_band(result, chosen.notes, structure_file.name)
        typer.echo(f"written to {out}")


def _ends(text: str, one: bool = False) -> list[bool]:
    kinds = {"relaxed": [True], "given": [False]} | ({} if one else {"both": [True, False]})
    if text not in kinds:
        raise MigbarError(f"--ends {text} is none of: {', '.join(kinds)}.")
    return kinds[text]


def _relax(
    band: Band, potential: Potential, preset: str, changes: dict[str, Any], out: Path, push: bool
) -> NebResult:
    from migbar.files import held
    from migbar.neb import (
        endpoints,
        pushing_endpoints,
        relax_band,
        settings_from,
        write_result,
    )

    settings = settings_from(preset, changes)
    states = pushing_endpoints(band) if push else endpoints(band)
    with held(out), goes_on(out), progress_bar() as progress:
        result = relax_band(*states, potential, settings, folder=out, progress=progress)
        write_result(result, out)
    return result


def print_band(result: NebResult, notes: Sequence[Remark], name: str) -> None:
    """Print what is to be told of a relaxed band."""
    profile = result.profile
    state = "converged" if result.converged else "NOT CONVERGED"
    ends = "ends relaxed" if result.ends_relaxed else "ends as given"
    work = f" after {counted(result.steps, 'step')}, {result.seconds:.0f} s" if result.steps else ""
    typer.echo(
        f"{name}   {result.potential}, {counted(result.settings.n_images, 'image')}, {ends}: {state} "
        f"({result.residual:.3f} eV/Å{work})"
    )
    typer.echo(
        f"E_m = {profile.barrier_ev:.3f} eV   forward {profile.forward_ev:.3f}, reverse "
        f"{profile.reverse_ev:.3f}, reaction {profile.reaction_energy_ev:.3f} eV"
    )
    if result.pushed:
        typer.echo(f"moves with it: {counted(len(result.pushed), 'ion')} of its kind")
    for image, (where, energy) in enumerate(zip(profile.distance, profile.relative, strict=True)):
        typer.echo(f"  {image:2d}  {where:6.2f} Å  {energy:7.3f} eV")
    for remark in [*notes, *result.remarks, result.trust]:
        typer.echo(f"  note: {remark.text}")


def _relax_known(
    bands: Path,
    limit: int | None,
    max_atoms: int,
    potential: Potential,
    preset: str,
    ends: list[bool],
    out: Path,
) -> list[NebRow]:
    from migbar.datasets import read_bands
    from migbar.files import held
    from migbar.neb.baseline import run_baseline, spread_sample

    records = read_bands(bands)
    if limit is not None:
        records = spread_sample(records, limit, max_atoms)
    with held(out), goes_on(out), progress_bar() as progress:
        return run_baseline(records, potential, preset, ends, out, progress, _report)


def _report(row: NebRow) -> None:
    barrier = "failed" if row.barrier_ev is None else f"{row.barrier_ev:.3f} eV"
    ends = "relaxed" if row.ends_relaxed else "given"
    print(
        f"{row.sys_name}  ends {ends}  {barrier}  {'' if row.converged else 'not '}converged  "
        f"{row.steps} steps  {row.seconds:.0f} s  {row.remarks}",
        file=sys.stderr,
        flush=True,
    )

"""``migbar export-dft`` and ``read-dft``: input files for the DFT-NEB that confirms a barrier, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from migbar.barriers import Remark
from migbar.cli.common import choose_hop, print_json, remarks_as_json
from migbar.cli.neb import print_band
from migbar.cli.options import AsJson, HopOptions, Model, expanded
from migbar.errors import MigbarError
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.dft import DftSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class DftOptions:
    """What the codes are told."""

    climb: Annotated[
        bool, typer.Option(help="Let the highest image climb (VASP: needs the VTST patch).")
    ] = True
    fmax: Annotated[float, typer.Option(help="Largest force left, eV/Å.", min=1e-3)] = 0.05
    cutoff: Annotated[
        float, typer.Option(help="Cut-off of VASP and GPAW, eV.", min=50, max=5000)
    ] = 520.0
    cutoff_ry: Annotated[
        float, typer.Option(help="Cut-off of Quantum ESPRESSO, Ry.", min=5, max=500)
    ] = 60.0
    k_spacing: Annotated[
        float, typer.Option(help="Largest distance of k-points, 1/Å (2π included).", min=0.01)
    ] = 0.4
    spin: Annotated[bool, typer.Option(help="Polarise spins where there are d or f metals.")] = True
    hubbard_u: Annotated[
        bool, typer.Option("--hubbard-u", help="Take the Materials Project's +U (VASP).")
    ] = False
    calculator: Annotated[
        str, typer.Option(help="chgnet, vasp, espresso or gpaw, for --code ase.")
    ] = "chgnet"
    incar: Annotated[
        list[str] | None, typer.Option(help='A further INCAR tag, "IVDW=12" (repeatable).')
    ] = None

    def settings(self, code: str) -> DftSettings:
        """Return the settings for one code.

        Raises
        ------
        DftInputError
            If a further tag is none, or the code is not VASP and would not be told of +U or of further tags.
        """
        from migbar.dft import DftInputError, DftSettings, parse_incar

        if code != "vasp" and (self.hubbard_u or self.incar):
            raise DftInputError(
                "--hubbard-u and --incar are for VASP (--code vasp) alone: leave them out, and write what you mean "
                "into the input of the other code."
            )
        return DftSettings(
            climbing=self.climb,
            force_ev_per_angstrom=self.fmax,
            cutoff_ev=self.cutoff,
            cutoff_ry=self.cutoff_ry,
            k_spacing=self.k_spacing,
            spin=self.spin,
            hubbard_u=self.hubbard_u,
            calculator=self.calculator,
            incar=parse_incar("\n".join(self.incar or [])),
        )


@expanded
def export_dft(
    structure_file: Annotated[
        Path | None,
        typer.Argument(help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON; or give --band."),
    ] = None,
    *,
    hop: HopOptions,
    band: Annotated[
        Path | None,
        typer.Option(help="Relaxed band (extended XYZ) to take in place of a structure and a hop."),
    ] = None,
    code: Annotated[str, typer.Option(help="vasp, espresso or ase.")] = "vasp",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("neb"),
    images: Annotated[
        int | None,
        typer.Option(min=1, max=98, help="Images between the ends; 5, or as many as --band has."),
    ] = None,
    straight: Annotated[
        bool, typer.Option("--straight", help="Do not bend the band around the atoms (IDPP).")
    ] = False,
    dft: DftOptions,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the input of a DFT-NEB for VASP, Quantum ESPRESSO or ASE: images, settings, what is left to do."""
    from migbar.dft import images_of, input_files, prepare, read_images, write_inputs

    settings = dft.settings(code)  # what is wrong with it is told before the work
    if (structure_file is None) == (band is None):
        raise MigbarError("Give either a structure with a hop, or a relaxed band (--band).")
    notes: list[Remark] = []
    if structure_file is None:
        assert band is not None
        if hop != HopOptions() or images or straight:
            raise MigbarError(
                "A relaxed band has its hop and its images: leave out --images, --straight, --ion, --from, --to and "
                "whatever else chooses a hop."
            )
        found = read_images(band)
    else:
        chosen = choose_hop(structure_file, hop)
        notes = chosen.notes
        found = images_of(chosen.band(), images or 5, straight)
    ready = prepare(found)
    files = input_files(ready, code, settings)
    write_inputs(out, files, overwrite)
    notes = [*notes, *(Remark("dft_input", text) for text in ready.warnings)]
    if as_json:
        print_json({"folder": str(out), "files": list(files), "warnings": remarks_as_json(notes)})
        return
    typer.echo(f"wrote {counted(len(files), 'file')} to {out}; begin with its {next(iter(files))}")
    for note in notes:
        typer.echo(f"  note: {note.text}")


def read_dft(
    folder: Annotated[
        Path, typer.Argument(help="NEB of VASP (00, 01, …), Quantum ESPRESSO (neb.x) or ASE.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder to write images and profile to.", show_default=False
        ),
    ] = None,
    model: Model = None,
    as_json: AsJson = False,
) -> None:
    """Read a finished DFT-NEB: its barrier and energy profile, and what is predicted for its hop."""
    from migbar.models.store import load_model
    from migbar.neb import write_result
    from migbar.neb.finished import read_calculation

    found = read_calculation(folder)
    (predicted,) = load_model(model).predict([found.record.band])
    if out is not None:
        write_result(found.result, out)
    if as_json:
        data = found.result.to_dict()
        notes = [*predicted.remarks, *found.result.remarks, found.result.trust]
        data["warnings"] = remarks_as_json(notes)
        low, high = predicted.interval_ev
        data["predicted"] = {
            "model": predicted.model,
            "barrier_ev": predicted.barrier_ev,
            "interval_low_ev": low,
            "interval_high_ev": high,
        }
        print_json({"ion": found.record.band.ion, "folder": str(folder), **data})
        return
    print_band(found.result, predicted.remarks, folder.resolve().name)
    low, high = predicted.interval_ev
    typer.echo(
        f"predicted {predicted.barrier_ev:.3f} eV ({low:.2f} to {high:.2f}) by {predicted.made_by}: "
        f"{found.result.barrier_ev - predicted.barrier_ev:+.3f} eV to the calculation"
    )
    if out is not None:
        typer.echo(f"written to {out}")

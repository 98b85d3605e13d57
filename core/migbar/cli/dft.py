"""``migbar export-dft``: input files for the DFT-NEB that confirms a barrier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    Supercell,
    To,
    ToFrac,
    choose_ion,
    hop_end,
    open_structure,
    print_json,
)
from migbar.errors import MigbarError

if TYPE_CHECKING:
    from pymatgen.core import Structure


def export_dft(
    structure_file: Annotated[
        Path | None,
        typer.Argument(help="CIF, POSCAR/CONTCAR, extxyz or pymatgen JSON; or give --band."),
    ] = None,
    ion: Ion = None,
    start: From = None,
    end: To = None,
    start_frac: FromFrac = None,
    end_frac: ToFrac = None,
    mechanism: MechanismName = None,
    supercell: Supercell = "auto",
    remove: Remove = None,
    band: Annotated[
        Path | None,
        typer.Option(help="Relaxed band (extended XYZ) to take in place of a structure and a hop."),
    ] = None,
    code: Annotated[str, typer.Option(help="vasp, espresso or ase.")] = "vasp",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("neb"),
    images: Annotated[int, typer.Option(min=1, help="Images between the ends.")] = 5,
    straight: Annotated[
        bool, typer.Option("--straight", help="Do not bend the band around the atoms (IDPP).")
    ] = False,
    climbing: Annotated[
        bool, typer.Option(help="Let the highest image climb (VASP: needs the VTST patch).")
    ] = True,
    force: Annotated[
        float, typer.Option(help="Converged below this force, eV/Å.", min=1e-3)
    ] = 0.05,
    cutoff: Annotated[float, typer.Option(help="Cut-off of VASP and GPAW, eV.", min=50)] = 520.0,
    cutoff_ry: Annotated[
        float, typer.Option(help="Cut-off of Quantum ESPRESSO, Ry.", min=5)
    ] = 60.0,
    k_spacing: Annotated[
        float, typer.Option(help="Largest distance of k-points, 1/Å (2π included).", min=0.01)
    ] = 0.4,
    spin: Annotated[
        bool, typer.Option(help="Polarise spins where there are d or f metals.")
    ] = True,
    hubbard_u: Annotated[
        bool, typer.Option("--hubbard-u", help="Take the Materials Project's +U (VASP).")
    ] = False,
    calculator: Annotated[
        str, typer.Option(help="chgnet, vasp, espresso or gpaw, for --code ase.")
    ] = "chgnet",
    incar: Annotated[
        list[str] | None, typer.Option(help='A further INCAR tag, "IVDW=12" (repeatable).')
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there.")
    ] = False,
    order: Order = False,
    block: Block = None,
    as_json: AsJson = False,
) -> None:
    """Write the input of a DFT-NEB for VASP, Quantum ESPRESSO or ASE: images, settings, what is left to do."""
    from migbar.dft import (
        DftSettings,
        images_of,
        input_files,
        parse_incar,
        prepare,
        read_images,
        write_inputs,
    )

    settings = DftSettings(
        climbing=climbing,
        force_ev_per_angstrom=force,
        cutoff_ev=cutoff,
        cutoff_ry=cutoff_ry,
        k_spacing=k_spacing,
        spin=spin,
        hubbard_u=hubbard_u,
        calculator=calculator,
        incar=parse_incar("\n".join(incar or [])),
    )
    if (structure_file is None) == (band is None):
        raise MigbarError("Give either a structure with a hop, or a relaxed band (--band).")
    found: list[Structure]
    notes: list[str] = []
    if band is not None:
        found = read_images(band)
    else:
        from migbar.ends import name_hop, parse_mechanism
        from migbar.hops import make_band, parse_supercell

        assert structure_file is not None
        structure, assumed = open_structure(structure_file, ion, block, order)
        hop, chosen = name_hop(
            structure,
            choose_ion(structure, ion),
            hop_end(start, start_frac, "from"),
            hop_end(end, end_frac, "to"),
            None if mechanism is None else parse_mechanism(mechanism),
            remove or [],
        )
        notes = [remark.text for remark in (*assumed, *chosen)]
        found = images_of(make_band(structure, hop, parse_supercell(supercell)), images, straight)
    ready = prepare(found)
    files = input_files(ready, code, settings)
    write_inputs(out, files, overwrite)
    notes += ready.warnings
    if as_json:
        print_json({"folder": str(out), "files": list(files), "warnings": notes})
        return
    typer.echo(f"wrote {len(files)} files to {out}; begin with its {next(iter(files))}")
    for note in notes:
        typer.echo(f"  note: {note}")

"""Input of Quantum ESPRESSO's neb.x: one file, its pw.x part and positions written by ASE.

Keywords by the input description of neb.x (INPUT_NEB).
"""

from __future__ import annotations

import io
import re
from typing import Any

from migbar.dft.images import KEPT_STRAIGHT, DftBand
from migbar.dft.settings import DftSettings
from migbar.dft.vasp import has_open_shells

POSITIONS = "ATOMIC_POSITIONS"


def espresso_files(band: DftBand, settings: DftSettings) -> dict[str, str]:
    """Return neb.in and README.txt."""
    return {"README.txt": _readme(band, settings), "neb.in": _neb_in(band, settings)}


def pseudopotentials(band: DftBand) -> dict[str, str]:
    """Return the file names that the input asks for."""
    return {symbol: f"{symbol}.UPF" for symbol in band.elements}


def pw_input(band: DftBand, settings: DftSettings) -> dict[str, dict[str, Any]]:
    """Return the namelists of pw.x."""
    system: dict[str, Any] = {
        "ecutwfc": settings.cutoff_ry,
        "ecutrho": 8 * settings.cutoff_ry,
        "occupations": "smearing",
        "smearing": "gaussian",
        "degauss": round(settings.smearing_ev / 13.605693, 6),
        "nosym": True,
        "nspin": 2 if settings.spin and has_open_shells(band) else 1,
    }
    control = {"prefix": "neb", "outdir": "./out"}
    electrons = {"conv_thr": 1e-8, "mixing_beta": 0.4, "electron_maxstep": 200}
    return {"control": control, "system": system, "electrons": electrons}


def _neb_in(band: DftBand, settings: DftSettings) -> str:
    written = [_pw_in(band, settings, number) for number in range(len(band.images))]
    head = written[0][: written[0].index(POSITIONS)].rstrip()
    head = re.sub(r"&(CELL|FCP|RISM)\s*/\s*", "", head)  # empty, and neb.x does not expect them
    positions = [text[text.index(POSITIONS) :].strip() for text in written]
    names = ["FIRST_IMAGE", *["INTERMEDIATE_IMAGE"] * band.n_between, "LAST_IMAGE"]
    images = "\n".join(
        line for name, text in zip(names, positions, strict=True) for line in (name, text)
    )
    return f"""\
BEGIN
BEGIN_PATH_INPUT
&PATH
   string_method = 'neb'
   restart_mode = 'from_scratch'
   num_of_images = {len(band.images)}
   nstep_path = {settings.steps}
   opt_scheme = 'broyden'
   CI_scheme = '{"auto" if settings.climbing else "no-CI"}'
   path_thr = {settings.force_ev_per_angstrom}
   minimum_image = .true.
/
END_PATH_INPUT
BEGIN_ENGINE_INPUT
{head}

BEGIN_POSITIONS
{images}
END_POSITIONS
END_ENGINE_INPUT
END
"""


def _pw_in(band: DftBand, settings: DftSettings, number: int) -> str:
    from ase.io.espresso import write_espresso_in
    from pymatgen.io.ase import AseAtomsAdaptor

    data = pw_input(band, settings)
    data["control"]["pseudo_dir"] = "./pseudo"
    atoms = AseAtomsAdaptor.get_atoms(band.images[number], msonable=False)
    if data["system"]["nspin"] == 2:
        atoms.set_initial_magnetic_moments(polarisation(band))
    text = io.StringIO()
    write_espresso_in(
        text,
        atoms,
        input_data=data,
        pseudopotentials=pseudopotentials(band),
        kpts=settings.k_grid(band.images[0].lattice),
    )
    return text.getvalue()


def polarisation(band: DftBand) -> list[float]:
    """Return `starting_magnetization` for each atom: a fraction of its valence electrons."""
    return [0.5 if site.specie.is_transition_metal or site.specie.is_rare_earth else 0.0
            for site in band.images[0]]  # fmt: skip


def _readme(band: DftBand, settings: DftSettings) -> str:
    files = ", ".join(pseudopotentials(band).values())
    formula = band.images[0].composition.reduced_formula
    lines = [
        f"NEB input for Quantum ESPRESSO: {band.ion} hop in {formula}",
        "",
        f"Atoms come in one order in all images; the first is the {band.ion} that moves.",
        f"1. Put pseudopotentials into ./pseudo and name them as neb.in does: {files}. None come along.",
        "   The cut-offs must suit them.",
        "2. Relax both ends first with pw.x (calculation = 'relax', the same settings), and put their positions into",
        "   FIRST_IMAGE and LAST_IMAGE of neb.in.",
        "3. mpirun -np N neb.x -ni M -inp neb.in   (M images at a time; neb.x reads no standard input)",
        "4. The barrier is the highest energy along the band minus that of the lower end: migbar read-dft FOLDER tells",
        "   it, and the window shows it beside what was predicted.",
        "",
        "The cells are neutral, as fits an electrode: its metals take up the charge. In a solid electrolyte",
        f"add up tot_charge = {-band.ion_charge:+d} for each vacancy and {band.ion_charge:+d} for each extra ion.",
        *KEPT_STRAIGHT,
        "Converge cut-offs, k-points and the size of the cell.",
    ]
    if band.warnings:
        lines += ["", "Mind:", *(f"  {warning}" for warning in band.warnings)]
    return "\n".join(lines) + "\n"

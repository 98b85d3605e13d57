"""What VASP, neb.x and the ASE script leave of a finished NEB: images with energies and forces. ASE reads the files."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from migbar.barriers import Remark
from migbar.datasets.neb_folders import (
    VASP_CONVERGED,
    energies_of_table,
    gaps,
    image_folders,
    image_structure,
    outcar,
)
from migbar.datasets.nebs import ase_file, ase_images, espresso_images
from migbar.datasets.problems import Source
from migbar.datasets.xyz_bands import COMPUTED_WITH, CONVERGED
from migbar.errors import MigbarError, StructureFileError

if TYPE_CHECKING:
    from ase import Atoms

ALIKE_EV = 0.002
"""Energies told twice differ by less; tables have three digits or more."""

_VERSION = re.compile(r"^\s*vasp\.([\d.]+\d)", re.MULTILINE)
_FUNCTIONAL = (
    re.compile(r"^\s*METAGGA\s*=\s*([A-Z0-9]{3,})", re.MULTILINE),
    re.compile(r"^\s*GGA\s*=\s*([A-Z0-9]{2})\b", re.MULTILINE),
    re.compile(r"^\s*LEXCH\s*=\s*([A-Z0-9]{2})\s*$", re.MULTILINE),
)
"""Where an OUTCAR tells the functional, the most special first; the last is the POTCAR's."""
_FUNCTIONALS = {"PE": "PBE", "PS": "PBEsol", "RP": "RPBE", "91": "PW91", "CA": "LDA"}
_CUTOFF = re.compile(r"^\s*ENCUT\s*=\s*([\d.]+)\s*eV", re.MULTILINE)
_HUBBARD = re.compile(r"LDAUTYPE")
_HYBRID = re.compile(r"^\s*LHFCALC\s*=\s*T\b", re.MULTILINE)
_SECONDS = re.compile(r"Elapsed time \(sec\):\s*([\d.]+)")
_CLIMBS = re.compile(r"(?:^|;)\s*LCLIMB\s*=\s*\.?T", re.MULTILINE | re.IGNORECASE)
_ESPRESSO_CLIMBS = re.compile(
    r"^\s*CI_scheme\s*=\s*['\"](?:auto|manual)", re.MULTILINE | re.IGNORECASE
)


class CalculationError(MigbarError):
    """Raised when a folder holds no finished NEB that can be read."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a code has left.

    Attributes
    ----------
    frames : sequence of Atoms
        In the code's own order of atoms, with energies and forces.
    code, version : str
    converged : bool or None
        None where the code does not tell.
    climb : bool
        Whether an image climbs.
    steps : int
        Of the band; 0 where that is not told, as with the seconds.
    seconds : float
    remarks : tuple of Remark
    """

    frames: Sequence[Atoms]
    code: str
    version: str
    converged: bool | None = None
    climb: bool = False
    steps: int = 0
    seconds: float = 0.0
    remarks: tuple[Remark, ...] = ()


# ------------------------------------------------------------------ VASP


def vasp_output(folder: Path) -> Output:
    """Read the folders ``00`` … of VASP.

    Raises
    ------
    CalculationError
        If a file is missing or damaged.
    """
    images = image_folders(folder)
    wrong = next(gaps(folder, images, Source(folder.name), folder.name), None)
    if wrong is not None:
        raise CalculationError(f"{folder.name}: {wrong.text}")
    files = [outcar(image) for image in images]
    missing = [i.name for i, file in zip(images[1:-1], files[1:-1], strict=True) if file is None]
    if missing:
        raise CalculationError(
            f"There is no OUTCAR in {', '.join(missing)} of {folder.name}: its energies and forces are needed."
        )
    inner = [_last_step(file) for file in files[1:-1] if file is not None]
    known = [None, *(atoms.get_potential_energy() for atoms in inner), None]
    first, last = (
        _end(images[n], known, n) if file is None else _last_step(file)
        for n, file in ((0, files[0]), (-1, files[-1]))
    )
    texts = [_text(file) for file in files[1:-1] if file is not None]
    incar = folder / "INCAR"
    return Output(
        [first, *inner, last],
        "VASP",
        _version(texts[0]),
        all(VASP_CONVERGED in text for text in texts),
        incar.is_file() and bool(_CLIMBS.search(incar.read_text(errors="replace"))),
        texts[0].count("TOTAL-FORCE"),
        max((float(found) for text in texts for found in _SECONDS.findall(text)), default=0.0),
        tuple(_without_outcar(i) for i, file in zip(images, files, strict=True) if file is None),
    )


def _without_outcar(image: Path) -> Remark:
    text = (
        f"There is no OUTCAR in {image.name}: its energy is that of the table beside it, and the end is taken to be "
        "relaxed."
    )
    return Remark("end_without_outcar", text)


def _text(file: Path) -> str:
    data = file.read_bytes()
    return (gzip.decompress(data) if file.suffix == ".gz" else data).decode(errors="replace")


def _last_step(file: Path) -> Atoms:
    """Return the last step that was finished, with energy and forces."""
    from ase.io import read

    try:
        atoms = read(file, index=-1, format="vasp-out")
        atoms.get_potential_energy(), atoms.get_forces()
    except Exception as error:  # ASE's readers raise whatever their parsing raises
        raise CalculationError(
            f"{file.relative_to(file.parents[2]).as_posix()} tells no energy and forces of a finished step "
            f"({str(error) or type(error).__name__})."
        ) from None
    return atoms


def _end(image: Path, known: Sequence[float | None], number: int) -> Atoms:
    """Return an end without OUTCAR: relaxed, so without forces, its energy from the table of the VTST scripts."""
    from ase.calculators.singlepoint import SinglePointCalculator
    from pymatgen.io.ase import AseAtomsAdaptor

    folder = image.parent
    table = energies_of_table(folder)
    if table is None or len(table) != len(known):
        raise CalculationError(
            f"There is no OUTCAR in {image.name} of {folder.name}: copy that of the relaxed end there, or add "
            "neb.dat or nebef.dat."
        )
    # A table may count from the first image on; all energies of one are off by the same.
    off = [energy - told for energy, told in zip(known, table, strict=True) if energy is not None]
    if max(off) - min(off) > ALIKE_EV:
        raise CalculationError(
            f"The table of energies in {folder.name} is not that of the last step in the OUTCARs; run nebresults.pl or "
            "nebbarrier.pl again."
        )
    try:
        atoms = AseAtomsAdaptor.get_atoms(image_structure(image), msonable=False)
    except StructureFileError as error:
        raise CalculationError(f"{image.name} of {folder.name}: {error}") from None
    energy, forces = table[number] + off[0], np.zeros((len(atoms), 3))
    atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
    return atoms


def _version(text: str) -> str:
    """Return version, functional and cut-off, as far as an OUTCAR tells them."""
    parts = [found[1] for found in [_VERSION.search(text)] if found]
    functional = next((found[1] for p in _FUNCTIONAL if (found := p.search(text))), "")
    if functional:
        plus_u = "+U" if _HUBBARD.search(text) else ""
        hybrid = " hybrid" if _HYBRID.search(text) else ""
        parts.append(_FUNCTIONALS.get(functional, functional) + plus_u + hybrid)
    parts += [f"{float(found[1]):g} eV" for found in [_CUTOFF.search(text)] if found]
    return ", ".join(parts)


# ------------------------------------------------------------------ Quantum ESPRESSO, ASE


def neb_x_output(folder: Path) -> Output:
    """Read ``PREFIX.axsf`` and ``PREFIX.dat`` of neb.x.

    Raises
    ------
    BandsFileError
        If a file is missing or damaged.
    """
    inputs = [path.read_text(errors="replace") for path in sorted(folder.glob("*.in"))]
    climb = any(_ESPRESSO_CLIMBS.search(text) for text in inputs)
    return Output(espresso_images(folder), "Quantum ESPRESSO", "", climb=climb)


def ase_output(folder: Path) -> Output:
    """Read ``band.extxyz`` of the script that `migbar export-dft --code ase` writes, or ``neb.traj`` of another one.

    Raises
    ------
    BandsFileError
        If the file is damaged or empty.
    CalculationError
        If an image has no energy, forces or cell.
    """
    frames = ase_images(folder)
    file = ase_file(folder)
    name = file.name if file else ""
    for number, atoms in enumerate(frames):
        if atoms.calc is None or not {"energy", "forces"} <= atoms.calc.results.keys():
            ends = "" if 0 < number < len(frames) - 1 else ": relaxed ends need theirs, too"
            raise CalculationError(f"Image {number} of {name} has no energy and forces{ends}.")
        if not atoms.pbc.all():
            raise CalculationError(f"Image {number} of {name} has no periodic cell.")
    told = frames[0].info
    code, converged = str(told.get(COMPUTED_WITH, "ASE")), told.get(CONVERGED)
    return Output(frames, code, "" if code == "ASE" else "by ASE", converged)

"""Folders of finished NEB calculations of any code: VASP's, and those that keep all images in one file.

neb.x leaves ``PREFIX.axsf`` and ``PREFIX.dat``, the script of `migbar export-dft --code ase` ``band.extxyz``, and other
scripts with ASE the trajectory ``neb.traj``, all steps of the band one after the other.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from migbar.datasets.neb_folders import (
    find_neb_folders,
    folder_name,
    is_neb_folder,
    read_neb_folder,
)
from migbar.datasets.problems import Candidate, Problem
from migbar.datasets.xyz_bands import COMPUTED_WITH, candidate_of, read_frames
from migbar.errors import BandsFileError, words_of

if TYPE_CHECKING:
    from ase import Atoms

ASE_BANDS = ("band.extxyz", "neb.traj")
"""Files of a NEB with ASE, the better one first."""

OWN_RESULT = "result.json"
"""What `migbar neb` leaves beside its band."""

_LABEL = re.compile(r"^( *[A-Za-z]{1,2})[\d_-]\S*", re.MULTILINE)
"""The name of a kind of atom in neb.x: V1 and V2, or V_a, are vanadium with its spin up and down."""


def find_nebs(root: Path) -> list[Path]:
    """Return every folder at or below `root` that holds a NEB."""
    found = {path.parent for pattern in ("*.axsf", *ASE_BANDS) for path in root.rglob(pattern)}
    return sorted({*find_neb_folders(root), *(folder for folder in found if is_neb(folder))})


def is_neb(folder: Path) -> bool:
    """Whether a folder holds a NEB."""
    if not folder.is_dir():
        return False
    return is_neb_folder(folder) or bool(espresso_files(folder)) or _is_of_ase(folder)


def _is_of_ase(folder: Path) -> bool:
    """Whether the script left its band there; `migbar neb` does, too, but what a potential says teaches nothing."""
    return ase_file(folder) is not None and not (folder / OWN_RESULT).exists()


def read_neb(folder: Path, root: Path, ion: str = "") -> Candidate:
    """Read one band; `root` is where names are told from."""
    if is_neb_folder(folder):
        return read_neb_folder(folder, root, ion)
    name, source = folder_name(folder, root)
    try:
        frames = espresso_images(folder) if espresso_files(folder) else ase_images(folder)
    except BandsFileError as error:
        problems = tuple(Problem("unreadable", text, source, name) for text in error.problems)
        return Candidate(source, name, None, problems)
    return candidate_of(frames, name, source, ion)


def espresso_files(folder: Path) -> list[Path]:
    """Return the files of images that neb.x left in a folder, each with its table of energies beside it."""
    return [path for path in sorted(folder.glob("*.axsf")) if path.with_suffix(".dat").is_file()]


def espresso_images(folder: Path) -> list[Atoms]:
    """Read the images that neb.x left, with forces, and energies (eV) above the first one.

    Raises
    ------
    BandsFileError
        If a file is damaged, they do not belong together, or there are several calculations.
    """
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import read

    files = espresso_files(folder)
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        text = f"one .axsf with a .dat beside it was expected, and there is {names}"
        raise BandsFileError(folder.name, [text])
    (axsf,) = files
    table = axsf.with_suffix(".dat")
    try:
        text = _LABEL.sub(r"\1", axsf.read_text())
        frames = read(io.StringIO(text), index=":", format="xsf")
        energies = np.loadtxt(io.StringIO(table.read_text()), ndmin=2)[:, 1]
        forces = [atoms.get_forces() for atoms in frames]
    except OSError as error:
        raise BandsFileError(axsf.name, [f"cannot be read ({words_of(error)})"]) from None
    except Exception as error:  # ASE's readers raise whatever their parsing raises
        text = f"tells no images and forces, or {table.name} no energies ({error})"
        raise BandsFileError(axsf.name, [text]) from None
    if len(energies) != len(frames):
        text = f"holds {len(frames)} images, and {table.name} {len(energies)} energies"
        raise BandsFileError(axsf.name, [text])
    for atoms, energy, force in zip(frames, energies, forces, strict=True):
        atoms.calc = SinglePointCalculator(atoms, energy=float(energy), forces=force)
    return list(frames)


def ase_file(folder: Path) -> Path | None:
    """Return the file of images that a script with ASE left in a folder; None where there is none."""
    return next((folder / name for name in ASE_BANDS if (folder / name).is_file()), None)


def ase_images(folder: Path) -> list[Atoms]:
    """Read the images that a script with ASE left, of several steps those of the last one that is complete.

    Raises
    ------
    BandsFileError
        If the file is damaged or empty.
    """
    path = ase_file(folder) or folder / ASE_BANDS[0]
    frames = list(read_frames(path))
    if not frames:
        raise BandsFileError(path.name, ["is empty"])
    band = _last_band(frames)
    name = getattr(band[0].calc, "name", "unknown").removesuffix("calculator")
    if path.suffix == ".traj" and name != "unknown":
        for atoms in band:
            atoms.info.setdefault(COMPUTED_WITH, name)
    return band


def _last_band(frames: list[Atoms]) -> list[Atoms]:
    """Return the last whole band: it begins and ends as the first one does, as the ends of a NEB stay where they are.

    Bands that a later start added may be of more images.
    """
    begins = _alike(frames, frames[0])
    if len(begins) == 1:
        return frames
    end = _alike(frames, frames[begins[1] - 1])[-1]
    begin = max(number for number in begins if number <= end)
    return frames[begin : end + 1]


def _alike(frames: list[Atoms], one: Atoms) -> list[int]:
    """Return the numbers of the frames with the very positions of one."""
    return [
        number
        for number, frame in enumerate(frames)
        if np.array_equal(frame.positions, one.positions)
    ]

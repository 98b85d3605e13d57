"""Folders of finished NEB calculations with VASP: 00 … NN with POSCAR or CONTCAR, and energies."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pymatgen.core import Structure

from migbar.datasets import BandRecord
from migbar.datasets.endpoints import band_between
from migbar.datasets.problems import Candidate, Level, Problem, Source
from migbar.errors import StructureFileError
from migbar.structures import parse_structure, read_data

BARRIER_TABLES = ("neb.dat", "nebef.dat")
"""Files of the VTST scripts, one line an image; the third column holds the energy in eV."""

VASP_CONVERGED = "reached required accuracy"
"""What VASP writes once the forces are small enough."""

ENERGY_PROBLEMS = frozenset({"missing_energy", "no_saddle", "not_converged"})
"""Problems that do not matter where the barrier is given elsewhere."""

_IMAGE = re.compile(r"\d\d")
# With two blanks: "energy without" stands after every electronic step, and is far off where a run was cut short.
_ENERGY = re.compile(r"energy  without entropy.*energy\(sigma->0\)\s*=\s*([-+.\dEe]+)")
_ASKED = re.compile(r"(?:^|;)\s*IMAGES\s*=\s*(\d+)", re.MULTILINE | re.IGNORECASE)


def find_neb_folders(root: Path) -> list[Path]:
    """Return every folder at or below `root` that holds the images of a band, if only without its initial end."""
    found = {path.parent for path in root.rglob("00") if path.is_dir()}
    found |= {
        path.parent for path in root.rglob("01") if path.is_dir() and _geometry(path).is_file()
    }
    return sorted(folder for folder in found if is_neb_folder(folder))


def is_neb_folder(folder: Path) -> bool:
    """Whether a folder holds the images of a band."""
    return folder.is_dir() and len(image_folders(folder)) > 2


def image_folders(folder: Path) -> list[Path]:
    """Return the folders ``00``, ``01`` … of the images of a band, in order."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and _IMAGE.fullmatch(p.name))


def read_neb_folder(folder: Path, root: Path, ion: str = "") -> Candidate:
    """Read one band; `root` is where names are told from."""
    name, source = folder_name(folder, root)
    images = image_folders(folder)
    problems = list(gaps(folder, images, source, name))
    ends = []
    for image in (images[0], images[-1]):
        try:
            ends.append(image_structure(image))
        except StructureFileError as error:
            where = Source(f"{source.file}/{image.name}")
            problems.append(Problem("unreadable", str(error), where, name))
    barrier, found = _barrier(folder, images, source, name)
    problems += found
    if len(ends) < 2:
        return Candidate(source, name, None, tuple(problems))
    if not all(end.is_ordered for end in ends):
        text = "An end has partly occupied sites; a calculated structure has none."
        problems.append(Problem("partly_occupied", text, source, name))
        return Candidate(source, name, None, tuple(problems))
    between, unread = _structures(images[1:-1], source, name)
    band, wrong = band_between(ends[0], ends[1], source, name, ion, between)
    problems += [*unread, *wrong]
    record = None if band is None else BandRecord(name, band, barrier)
    return Candidate(source, name, record, tuple(problems))


def folder_name(folder: Path, root: Path) -> tuple[str, Source]:
    """Return what a folder's path is called, and where it is told to be, seen from `root`."""
    inside = folder.relative_to(root)
    if str(inside) == ".":
        return folder.resolve().name, Source(root.name)
    return inside.as_posix().replace("/", "_"), Source(f"{root.name}/{inside.as_posix()}")


def gaps(folder: Path, images: list[Path], source: Source, name: str) -> Iterator[Problem]:
    """Tell missing images, and those of an earlier run; where a band ends, only the INCAR says."""
    numbers = {int(image.name) for image in images}
    asked = _images_asked_for(folder)
    missing = set(range(max(*numbers, asked + 1) + 1)) - numbers
    if missing:
        yield Problem("missing_image", f"The images {_told(missing)} are missing.", source, name)
    beyond = {number for number in numbers if asked and number > asked + 1}
    if beyond:
        text = (
            f"The INCAR has IMAGES = {asked}, so the band ends at {asked + 1:02d}; {_told(beyond)} are of another "
            "run. Move them away, or mend IMAGES."
        )
        yield Problem("extra_image", text, source, name)


def _told(numbers: set[int]) -> str:
    return ", ".join(f"{number:02d}" for number in sorted(numbers))


def _images_asked_for(folder: Path) -> int:
    """Images between the ends by the INCAR; 0 where there is none, or it does not say."""
    incar = folder / "INCAR"
    text = incar.read_text(encoding="utf-8", errors="replace") if incar.is_file() else ""
    asked = _ASKED.search(text)
    return int(asked[1]) if asked else 0


def _geometry(image: Path) -> Path:
    names = ("CONTCAR", "CONTCAR.gz", "POSCAR", "POSCAR.gz")
    there = (image / name for name in names)
    return next((p for p in there if p.is_file() and p.stat().st_size), image / "POSCAR")


def image_structure(image: Path) -> Structure:
    """Read the structure of an image, compressed or not: CONTCAR or POSCAR.

    Raises
    ------
    StructureFileError
    """
    file = _geometry(image)
    data = read_data(file)
    if file.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise StructureFileError(file.name, f"cannot be unpacked ({error}).") from None
    return parse_structure(data, file.name.removesuffix(".gz"))


def _structures(
    images: list[Path], source: Source, name: str
) -> tuple[list[Structure], list[Problem]]:
    """Read the images between the ends; none where one of them cannot be read, as the band needs the ends alone."""
    try:
        return [image_structure(image) for image in images], []
    except StructureFileError as error:
        text = (
            f"An image between the ends cannot be read ({error}), so the ion is taken to go the shortest way "
            "between the ends."
        )
        return [], [Problem("unreadable_image", text, source, name, Level.WARNING)]


def _barrier(
    folder: Path, images: list[Path], source: Source, name: str
) -> tuple[float | None, list[Problem]]:
    """Highest image minus the lower end."""
    told = [_energy(image) for image in images]
    missing = [i.name for i, (energy, _) in zip(images, told, strict=True) if energy is None]
    values = [float(energy or 0.0) for energy, _ in told]
    if missing:
        table = _table(folder)
        if table is None:
            text = (
                f"No energy in {', '.join(f'{n}/OUTCAR' for n in missing)}; copy the OUTCARs of the relaxed "
                f"ends there, or add {' or '.join(BARRIER_TABLES)}."
            )
            return None, [Problem("missing_energy", text, source, name)]
        values = _energies(table)
        if len(values) != len(images):
            text = f"{table.name} has {len(values)} readable lines for {len(images)} images."
            return None, [Problem("bad_barrier", text, source, name)]
    problems = []
    inner = list(zip(images, told, strict=True))[1:-1]
    open_ = [image.name for image, (energy, done) in inner if energy is not None and not done]
    if open_:
        text = f"The forces of the images {', '.join(open_)} are not converged."
        problems.append(Problem("not_converged", text, source, name, Level.WARNING))
    if int(np.argmax(values)) in (0, len(values) - 1):
        text = (
            "An end is the highest image: there is no saddle point between the ends. Are they relaxed, and are "
            "all energies from the same settings?"
        )
        problems.append(Problem("no_saddle", text, source, name))
    return float(max(values) - min(values[0], values[-1])), problems


def outcar(image: Path) -> Path | None:
    """Return the OUTCAR of an image, compressed or not; None where there is none."""
    files = (image / "OUTCAR", image / "OUTCAR.gz")
    return next((file for file in files if file.is_file()), None)


def _energy(image: Path) -> tuple[float | None, bool]:
    """Energy of the last finished ionic step of an OUTCAR in eV, and whether its forces are converged."""
    file = outcar(image)
    if file is None:
        return None, False
    from monty.io import zopen

    energy, converged = None, False
    try:
        with zopen(file, "rt", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                match = _ENERGY.search(str(line))
                if match:
                    energy = float(match[1])
                converged = converged or VASP_CONVERGED in str(line)
    except (OSError, EOFError, ValueError, zlib.error):
        return None, False
    return energy, converged


def _table(folder: Path) -> Path | None:
    return next((folder / name for name in BARRIER_TABLES if (folder / name).is_file()), None)


def energies_of_table(folder: Path) -> list[float] | None:
    """Return the energies (eV) that the VTST scripts left beside the images; None where they left none."""
    table = _table(folder)
    return None if table is None else _energies(table)


def _energies(path: Path) -> list[float]:
    values = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = line.split()
        try:
            value = float(words[2])
        except (IndexError, ValueError):
            continue
        if np.isfinite(value):
            values.append(value)
    return values

"""Trajectories as VASP, LAMMPS and ASE write them: frames, and what the files beside them tell."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from itertools import islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.dynamics.lammps import Logs, element_of
from migbar.dynamics.settings import DynamicsError

if TYPE_CHECKING:
    from ase import Atoms

FORMATS = {
    "*XDATCAR*": "vasp-xdatcar",
    "*.xyz": "extxyz",
    "*.extxyz": "extxyz",
    "*.exyz": "extxyz",
    "*.lammpstrj": "lammps-dump-text",
    "*.dump": "lammps-dump-text",
    "dump.*": "lammps-dump-text",
    "*.traj": "traj",
}
"""ASE's name of a format by that of the file."""

_KELVIN = re.compile(r"(?<!\d)(?<!\d\.)(\d{2,4}(?:\.\d+)?)[ _-]?K(?![A-Za-z])")
_TIMESTEP = re.compile(r"\bTimestep=(\d+)")
_HEAD = 8
"""Lines of an XDATCAR before its first positions."""

Frame = tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]
"""Atomic numbers, cell (Å) and fractional coordinates."""


def format_of(path: Path) -> str:
    """Return ASE's name of the format of a trajectory, compressed or not; a dump of LAMMPS may have any name.

    Raises
    ------
    DynamicsError
        If none of `FORMATS` has such a name.
    """
    if _begins_like_a_dump(path):
        return "lammps-dump-text"
    for pattern, name in FORMATS.items():
        if fnmatch(path.name.removesuffix(".gz"), pattern):
            return name
    raise DynamicsError(
        f"{path.name} is no trajectory by its name: XDATCAR, .xyz, .extxyz, .exyz, .lammpstrj, .dump and .traj can be "
        "read, compressed (.gz) or not."
    )


def _begins_like_a_dump(path: Path) -> bool:
    try:
        with _opened(path) as file:
            return file.readline(20).startswith("ITEM: TIMESTEP")
    except (OSError, EOFError, zlib.error):
        return False  # reading its frames says what is wrong with it


def guessed(path: Path) -> tuple[float | None, float | None]:
    """Guess temperature (K) and time between frames (fs).

    The name of the file tells a temperature; else VASP's INCAR beside it or LAMMPS's log, or the name of the folder.

    Returns
    -------
    tuple of 2 floats or None
        None for what nothing tells.
    """
    kind = format_of(path)
    kelvin, frame_fs = None, None
    if kind == "vasp-xdatcar":
        kelvin, frame_fs = _by_incar(_read_incar(path.parent / "INCAR"))
    elif kind in ("lammps-dump-text", "extxyz"):  # LAMMPS writes both
        kelvin, frame_fs = _by_log(path)
    told = (_kelvin_in(path.name), kelvin, _kelvin_in(path.parent.name))
    return next((one for one in told if one is not None), None), frame_fs


def _kelvin_in(name: str) -> float | None:
    found = _KELVIN.search(name)
    return float(found[1]) if found else None


def _by_incar(incar: Mapping[str, str]) -> tuple[float | None, float | None]:
    kelvin, end = _number(incar, "TEBEG"), _number(incar, "TEEND")
    step, every = _number(incar, "POTIM"), _number(incar, "NBLOCK") or 1
    if incar.get("ML_MODE", "").lower() in ("run", "predict"):
        # VASP writes no more often than this; what it is where it is not given depends on the version.
        at_least = _number(incar, "ML_OUTBLOCK")
        every = max(every, at_least) if at_least else 0
    return kelvin if end in (None, kelvin, -1) else None, step * every if step and every else None


def _by_log(path: Path) -> tuple[float | None, float | None]:
    logs = Logs.read(path)
    step = logs.step_fs
    steps = _steps_apart(path) if step else None
    return logs.kelvin, steps * step if steps and steps > 0 and step else None


def _steps_apart(path: Path) -> int | None:
    """Return the steps from the first frame to the second, where LAMMPS counts them."""
    counts: list[int] = []
    try:
        with _opened(path) as file:
            for line in file:
                if line.startswith("ITEM: TIMESTEP"):
                    counts.append(int(next(file)))
                elif found := _TIMESTEP.search(line):
                    counts.append(int(found[1]))
                if len(counts) == 2:
                    return counts[1] - counts[0]
    except (OSError, EOFError, ValueError, StopIteration, zlib.error):
        pass  # reading the frames says what is wrong with them
    return None


def first_frame(path: Path) -> Structure:
    """Return the crystal that a simulation began with.

    Raises
    ------
    DynamicsError
        If it cannot be read as a trajectory.
    """
    for numbers, cell, frac in read_frames(path):
        return Structure(cell, numbers, frac)
    raise DynamicsError(f"{path.name} holds no frame.")


def read_frames(path: Path) -> Iterator[Frame]:
    """Read one frame after the other.

    Raises
    ------
    DynamicsError
        If it cannot be read as a trajectory.
    """
    kind = format_of(path)
    try:
        if kind == "vasp-xdatcar":
            yield from _xdatcar(path)
            return
        elements = _elements_of_types(path) if kind == "lammps-dump-text" else None
        options = {"specorder": elements} if elements else {}
        from ase.io import iread

        for atoms in _evenly(iread(path, index=":", format=kind, **options), path.name):
            yield _frame(atoms, path.name)
    except FileNotFoundError:
        raise DynamicsError(f"{path} is not there.") from None
    except DynamicsError:
        raise
    except Exception as error:  # what ASE's readers raise for files that are none has no end
        raise DynamicsError(f"{path.name} cannot be read as a trajectory ({error}).") from error


def _evenly(frames: Iterable[Atoms], name: str) -> Iterator[Atoms]:
    """Leave out what a restarted LAMMPS wrote again, and refuse frames that it tells not to be equally far apart."""
    last = apart = None
    for atoms in frames:
        step = atoms.info.get(
            "timestep", atoms.info.get("Timestep")
        )  # of a dump; of its extended XYZ
        if last is not None and step is not None:
            if step == last:
                continue
            if step > last:  # else it counts anew
                apart = apart or step - last
                if step - last != apart:
                    raise DynamicsError(
                        f"{name}: its frames are {apart:,} steps apart, but those of steps {last:,} and {step:,} are "
                        "not: take a part of it in which they are."
                    )
        last = step
        yield atoms


def _frame(atoms: Atoms, name: str) -> Frame:
    cell = atoms.cell.array
    if abs(np.linalg.det(cell)) < 1e-3:
        raise DynamicsError(f"{name} holds no cell; write extended XYZ, with Lattice in its lines.")
    return atoms.numbers, cell, np.linalg.solve(cell.T, atoms.positions.T).T


def _elements_of_types(path: Path) -> list[str]:
    """Return the element of each type in a dump of LAMMPS; none where its columns tell the elements.

    Raises
    ------
    DynamicsError
        If nothing tells them (type 1 would be taken for hydrogen), or not of all types.
    """
    with _opened(path) as file:
        columns = next((line for line in islice(file, 100) if line.startswith("ITEM: ATOMS")), "")
        names = columns.split()[2:]
        if "element" in names:
            return []
        rows = takewhile(lambda line: not line.startswith("ITEM:"), file)
        if "mass" in names:
            _require_masses_of_elements({row.split()[names.index("mass")] for row in rows}, path)
            return []
        elements = Logs.read(path).elements
        if not elements or "type" not in names:
            raise DynamicsError(
                f"{path.name} does not tell elements, nor do files beside it: put the log or the data file (with "
                "Masses) of the simulation into its folder, or dump the column element (dump_modify … element)."
            )
        types = max((int(row.split()[names.index("type")]) for row in rows), default=0)
    if types > len(elements):
        raise DynamicsError(
            f"{path.name} holds atoms of {types} types, and the files beside it tell the elements of "
            f"{len(elements)}: {', '.join(elements)}. Do they belong to it?"
        )
    return elements


def _require_masses_of_elements(masses: Iterable[str], path: Path) -> None:
    for mass in sorted(masses, key=float):
        if not element_of(float(mass)):
            raise DynamicsError(
                f"{path.name}: a mass of {mass} does not tell an element; dump the column element "
                "(dump_modify … element)."
            )


def _xdatcar(path: Path) -> Iterator[Frame]:
    """Read VASP's XDATCAR: a head, which is repeated where the cell changes, and blocks of fractional coordinates.

    A last block that is not complete, of a run that was killed, is left out.
    """
    with _opened(path) as file:
        cell, numbers, count = np.zeros((3, 3)), np.zeros(0, int), 0
        while line := file.readline():
            if not line.startswith("Direct configuration"):
                head = [line, *islice(file, _HEAD - 2)]
                if not "".join(head).strip():
                    return
                try:
                    cell, numbers = _cell_and_numbers(head)
                except (IndexError, KeyError, ValueError):
                    raise DynamicsError(
                        f"{path.name} cannot be read as a trajectory: above its frame {count + 1} there should be a "
                        "title, a scale, three vectors, elements and their counts, as VASP 5 and later write them."
                    ) from None
                continue
            rows = list(islice(file, len(numbers)))
            if len(rows) < len(numbers) or not rows[-1].endswith("\n"):
                return
            count += 1
            try:
                frac = np.array([row.split()[:3] for row in rows], float).reshape(-1, 3)
            except ValueError:
                raise DynamicsError(
                    f"{path.name}: frame {count} is damaged, as where a run was killed: not each of its "
                    f"{len(rows)} lines holds three numbers."
                ) from None
            yield numbers, cell, frac


def _cell_and_numbers(head: list[str]) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return the vectors (Å) and the atomic numbers that the head of an XDATCAR tells."""
    from ase.data import atomic_numbers

    vectors = np.array([row.split()[:3] for row in head[2:5]], float).reshape(3, 3)
    kinds = [atomic_numbers[word.split("_")[0].split("/")[0]] for word in head[5].split()]
    counts = [int(word) for word in head[6].split()]
    return float(head[1]) * vectors, np.repeat(kinds, counts)


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", errors="replace")
    return path.open(encoding="utf-8", errors="replace")


def _read_incar(path: Path) -> dict[str, str]:
    """Return the tags of an INCAR, each with its first word; nothing where there is none."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    told = re.sub("[#!].*", "", text)
    pairs = re.findall(r"(?:^|;)\s*(\w+)\s*=\s*([^\s;]+)", told, re.MULTILINE)
    return {key.upper(): word for key, word in reversed(pairs)}  # VASP takes the first of two


def _number(incar: Mapping[str, str], key: str) -> float | None:
    try:
        return float(incar[key])
    except (KeyError, ValueError):
        return None

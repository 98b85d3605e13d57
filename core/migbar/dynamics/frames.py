"""Trajectories as VASP, LAMMPS and ASE write them: frames, and what the files beside them tell."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.dynamics.settings import DynamicsError

if TYPE_CHECKING:
    from ase import Atoms

FORMATS = {
    "*XDATCAR*": "vasp-xdatcar",
    "*.xyz": "extxyz",
    "*.extxyz": "extxyz",
    "*.lammpstrj": "lammps-dump-text",
    "*.dump": "lammps-dump-text",
    "dump.*": "lammps-dump-text",
    "*.traj": "traj",
}
"""ASE's name of a format by that of the file."""

_KELVIN = re.compile(r"(?<!\d)(?<!\d\.)(\d{2,4}(?:\.\d+)?)[ _-]?K(?![A-Za-z])")
_HEAD = 8
"""Lines of an XDATCAR before its first positions."""

Frame = tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]
"""Atomic numbers, cell (Å) and fractional coordinates."""


def format_of(path: Path) -> str:
    """Return ASE's name of the format of a trajectory, compressed or not.

    Raises
    ------
    DynamicsError
        If none of `FORMATS` has such a name.
    """
    for pattern, name in FORMATS.items():
        if fnmatch(path.name.removesuffix(".gz"), pattern):
            return name
    raise DynamicsError(
        f"{path.name} is no trajectory by its name: XDATCAR, .xyz, .extxyz, .lammpstrj, .dump and .traj can be read, "
        "compressed (.gz) or not."
    )


def guessed(path: Path) -> tuple[float | None, float | None]:
    """Guess temperature (K) and time between frames (fs): VASP's from the INCAR beside it, else from the names.

    Returns
    -------
    tuple of 2 floats or None
        None for what nothing tells.
    """
    incar = _read_incar(path.parent / "INCAR") if format_of(path) == "vasp-xdatcar" else {}
    kelvin, end = _number(incar, "TEBEG"), _number(incar, "TEEND")
    if kelvin is None or end not in (None, kelvin, -1):
        names = [_KELVIN.search(name) for name in (path.name, path.parent.name)]
        kelvin = next((float(found[1]) for found in names if found), None)
    step, every = _number(incar, "POTIM"), _number(incar, "NBLOCK") or 1
    if incar.get("ML_MODE", "").lower() in ("run", "predict"):
        # VASP writes no more often than this; what it is where it is not given depends on the version.
        at_least = _number(incar, "ML_OUTBLOCK")
        every = max(every, at_least) if at_least else 0
    return kelvin, step * every if step and every else None


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
        if kind == "lammps-dump-text":
            _require_elements(path)
        from ase.io import iread

        for atoms in _evenly(iread(path, index=":", format=kind), path.name):
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


def _require_elements(path: Path) -> None:
    """Refuse a dump of LAMMPS that numbers kinds of atoms: 1 would be taken for hydrogen."""
    with _opened(path) as file:
        columns = next((line for line in islice(file, 100) if line.startswith("ITEM: ATOMS")), "")
    if "element" not in columns.split():
        raise DynamicsError(
            f"{path.name} does not tell elements; add element to the columns of the dump, and dump_modify … element."
        )


def _xdatcar(path: Path) -> Iterator[Frame]:
    """Read VASP's XDATCAR: a head, which is repeated where the cell changes, and blocks of fractional coordinates.

    A last block that is not complete, of a run that was killed, is left out.
    """
    from ase.data import atomic_numbers

    with _opened(path) as file:
        cell, numbers, count = np.zeros((3, 3)), np.zeros(0, int), 0
        while line := file.readline():
            if not line.startswith("Direct configuration"):
                head = [line, *islice(file, _HEAD - 2)]
                if not "".join(head).strip():
                    return
                scale, *vectors = head[1:5]
                cell = float(scale) * np.array([row.split()[:3] for row in vectors], float)
                symbols, counts = head[5].split(), [int(n) for n in head[6].split()]
                kinds = [atomic_numbers[symbol.split("_")[0].split("/")[0]] for symbol in symbols]
                numbers = np.repeat(kinds, counts)
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

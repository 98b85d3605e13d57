"""Simulations that other programs made: trajectories of VASP and LAMMPS, and those that ASE reads."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.dynamics.analysis import TracerDiffusion, tracer_diffusion
from migbar.dynamics.result import DynamicsResult, outcome
from migbar.dynamics.settings import HOTTEST_K, DynamicsError
from migbar.dynamics.trajectory import FRAME_FS, Trajectory, trajectory_file, write_trajectory
from migbar.progress import SILENT, Part, Progress, check_cancelled
from migbar.structures import formula

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

FARTHEST = 0.4
"""Atoms that move by more of the cell from one frame to the next may have gone either way."""

LONGEST_FRAME_FS = 1000.0
"""Hops are lost between frames that are farther apart."""

_KELVIN = re.compile(r"(?<!\d)(?<!\d\.)(\d{2,4}(?:\.\d+)?)[ _-]?K(?![A-Za-z])")
_HEAD = 8
"""Lines of an XDATCAR before its first positions."""

Frame = tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.float64]]
"""Atomic numbers, cell (Å) and fractional coordinates."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A trajectory that another program left.

    Attributes
    ----------
    path : Path
        ``XDATCAR``, extended XYZ, a text dump of LAMMPS with elements, or ``.traj`` of ASE; also as ``.gz``.
    kelvin : float
        What it was simulated at.
    frame_fs : float
        From one frame to the next, fs.

    Raises
    ------
    DynamicsError
        If a number makes no sense.
    """

    path: Path
    kelvin: float
    frame_fs: float

    def __post_init__(self) -> None:
        if not 0 < self.kelvin <= HOTTEST_K:
            raise DynamicsError(f"{self.path.name}: give its temperature, up to {HOTTEST_K:g} K.")
        if not 0 < self.frame_fs <= LONGEST_FRAME_FS:
            raise DynamicsError(
                f"{self.path.name}: give the time from one frame to the next, up to {LONGEST_FRAME_FS:g} fs."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return {"path": str(self.path), "kelvin": self.kelvin, "frame_fs": self.frame_fs}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Simulation:
        """Read what `to_dict` gives."""
        return cls(Path(data["path"]), float(data["kelvin"]), float(data["frame_fs"]))


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
    for numbers, cell, frac in _frames(path):
        return Structure(cell, numbers, frac)
    raise DynamicsError(f"{path.name} holds no frame.")


def require_alike(path: Path, structure: Structure, ion: str) -> None:
    """Raise `DynamicsError` where a simulation is of another crystal, or holds none of the ions.

    There may be fewer ions than in the structure, or more: only what they move in has to be the same.
    """
    first = first_frame(path)
    if ion not in first.symbol_set:
        raise DynamicsError(f"{path.name} holds no {ion}.")
    theirs, ours = (
        {symbol: n for symbol, n in one.composition.get_el_amt_dict().items() if symbol != ion}
        for one in (first, structure)
    )
    cells = sum(theirs.values()) / max(sum(ours.values()), 1e-9)
    alike = theirs.keys() == ours.keys() and all(
        abs(theirs[symbol] / cells - n) < 0.1 * n for symbol, n in ours.items()
    )
    if not alike:
        raise DynamicsError(
            f"{path.name} is of {formula(first)}, and {formula(structure)} is open: "
            "open the crystal that was simulated."
        )


def read_simulation(
    simulation: Simulation, skip_ps: float = 0.0, progress: Progress = SILENT
) -> Trajectory:
    """Read a simulation that another program made.

    Positions may be wrapped into the cell; the way of each atom is followed from frame to frame. Of frames that are
    closer than `FRAME_FS` only some are kept. A cell that changes is taken as it is on average.

    Parameters
    ----------
    simulation : Simulation
    skip_ps : float
        What is left out at the beginning, as the warm-up.
    progress : Progress
        Told of frames.

    Raises
    ------
    DynamicsError
        If it cannot be read as a trajectory, or its atoms cannot be followed.
    Cancelled
        If the user stops it.
    """
    name = simulation.path.name
    every = max(1, int(FRAME_FS / simulation.frame_fs + 1e-9))
    skipped = round(1000 * skip_ps / simulation.frame_fs)
    kept: list[NDArray[np.float64]] = []
    total_cell = np.zeros((3, 3))
    numbers: NDArray[np.int_] | None = None
    way = last = np.zeros((0, 3))
    count = 0
    for kinds, cell, frac in islice(_frames(simulation.path), skipped, None):
        check_cancelled(progress)
        if not np.isfinite(frac).all():
            raise DynamicsError(
                f"{name}: in frame {skipped + count + 1} the place of an atom is no number: the simulation fell apart."
            )
        if numbers is None:
            numbers, way = kinds, frac
        elif not np.array_equal(kinds, numbers):
            raise DynamicsError(f"{name}: frame {skipped + count + 1} holds other atoms.")
        else:
            step = frac - last
            step -= np.round(step)
            if np.abs(step).max() > FARTHEST:
                raise DynamicsError(
                    f"{name}: an atom moves by half the cell between frames {skipped + count} and "
                    f"{skipped + count + 1}. The frames are too far apart in time, or are not of one simulation."
                )
            way = way + step
        last = frac
        total_cell += cell
        if count % every == 0:
            kept.append(way)
        count += 1
        progress.report(count, 0, f"{name}: {count:,} frames")
    if numbers is None:
        raise DynamicsError(f"{name} holds no frame after the first {skip_ps:g} ps.")
    mean_cell = total_cell / count
    return Trajectory(
        simulation.kelvin,
        numbers,
        mean_cell,
        every * simulation.frame_fs / 1000,
        (np.array(kept) @ mean_cell).astype(np.float32),
        np.full(len(kept), simulation.kelvin),
    )


def read_dynamics(
    simulations: Sequence[Simulation],
    ion: str,
    skip_ps: float = 0.0,
    folder: Path | None = None,
    progress: Progress = SILENT,
) -> DynamicsResult:
    """Read simulations of a crystal at several temperatures, and how fast its ions spread.

    Parameters
    ----------
    simulations : sequence of Simulation
    ion : str
    skip_ps : float
        What is left out of each at its beginning.
    folder : Path, optional
        Gets a trajectory for each temperature.
    progress : Progress

    Raises
    ------
    DynamicsError
        If there is none, one cannot be read, they are not of the same atoms, or two are of one temperature.
    Cancelled
        If the user stops it.
    """
    if not simulations:
        raise DynamicsError("give a trajectory to read.")
    found: list[TracerDiffusion] = []
    volume = 0.0
    numbers: NDArray[np.int_] | None = None
    for number, one in enumerate(sorted(simulations, key=lambda one: one.kelvin)):
        if found and one.kelvin == found[-1].kelvin:
            raise DynamicsError(f"two trajectories are of {one.kelvin:g} K.")
        part = Part(progress, number, len(simulations), f"{one.kelvin:g} K")
        trajectory = read_simulation(one, skip_ps, part)
        if numbers is None:
            numbers = trajectory.numbers
        elif not np.array_equal(np.sort(numbers), np.sort(trajectory.numbers)):
            raise DynamicsError(f"{one.path.name} is of other atoms than the simulation before.")
        found.append(tracer_diffusion(trajectory, ion))
        volume += abs(float(np.linalg.det(trajectory.cell))) / len(simulations)
        if folder is not None:
            write_trajectory(trajectory_file(folder, one.kelvin), trajectory)
    from ase.data import atomic_numbers

    assert numbers is not None
    n_ions = int((numbers == atomic_numbers[ion]).sum())
    return DynamicsResult(
        ion,
        n_ions,
        len(numbers),
        0,
        False,
        n_ions / volume,
        "",
        tuple(found),
        read_from=", ".join(_told_apart([one.path for one in simulations])),
    )


def run(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Do `read_dynamics` as a run (see `migbar.runs`): ``simulations``, ``ion`` and ``skip_ps``."""
    simulations = [Simulation.from_dict(one) for one in options["simulations"]]
    skip = float(options["skip_ps"])
    result = read_dynamics(simulations, options["ion"], skip, folder, progress)
    return result.to_dict() | {"text": outcome(result)}


def _told_apart(paths: Iterable[Path]) -> list[str]:
    """Return the names of files, with those of their folders where they are called the same."""
    paths = list(paths)
    if len({path.name for path in paths}) == len(paths):
        return [path.name for path in paths]
    return [f"{path.parent.name}/{path.name}" for path in paths]


# ------------------------------------------------------------------ frames


def _frames(path: Path) -> Iterator[Frame]:
    """Read one frame after the other."""
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

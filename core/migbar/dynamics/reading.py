"""Simulations that other programs made: trajectories of VASP and LAMMPS, and those that ASE reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.dynamics.analysis import TracerDiffusion, tracer_diffusion
from migbar.dynamics.frames import Frame, first_frame, read_frames
from migbar.dynamics.result import DynamicsResult, outcome
from migbar.dynamics.settings import HOTTEST_K, DynamicsError
from migbar.dynamics.trajectory import FRAME_FS, Trajectory, trajectory_file, write_trajectory
from migbar.progress import SILENT, Part, Progress, check_cancelled
from migbar.structures import formula

FARTHEST = 0.4
"""Atoms that move by more of the cell from one frame to the next may have gone either way."""

LONGEST_FRAME_FS = 1000.0
"""Hops are lost between frames that are farther apart."""


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
    total_cell, count = np.zeros((3, 3)), 0
    numbers: NDArray[np.int_] = np.zeros(0, int)
    for kinds, cell, way in _followed(simulation.path, skipped):
        check_cancelled(progress)
        numbers = kinds
        total_cell += cell
        if count % every == 0:
            kept.append(way)
        count += 1
        progress.report(count, 0, f"{name}: {count:,} frames")
    if not count:
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


def _followed(path: Path, skipped: int) -> Iterator[Frame]:
    """Yield the frames after those that are skipped, with atoms that are never wrapped back into the cell."""
    before: Frame | None = None
    way = np.zeros((0, 3))
    for number, frame in enumerate(islice(read_frames(path), skipped, None), start=skipped + 1):
        numbers, cell, frac = frame
        if not np.isfinite(frac).all():
            raise DynamicsError(
                f"{path.name}: in frame {number} the place of an atom is no number: the simulation fell apart."
            )
        if before is None:
            way = frac
        elif not np.array_equal(numbers, before[0]):
            raise DynamicsError(f"{path.name}: frame {number} holds other atoms.")
        else:
            step = frac - before[2]
            step -= np.round(step)
            if np.abs(step).max() > FARTHEST:
                raise DynamicsError(
                    f"{path.name}: an atom moves by half the cell between frames {number - 1} and {number}. "
                    "The frames are too far apart in time, or are not of one simulation."
                )
            way = way + step
        before = frame
        yield numbers, cell, way


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
    by_temperature = sorted(simulations, key=lambda one: one.kelvin)
    for one, other in pairwise(by_temperature):
        if one.kelvin == other.kelvin:
            raise DynamicsError(f"two trajectories are of {one.kelvin:g} K.")
    found: list[TracerDiffusion] = []
    volume = 0.0
    numbers: NDArray[np.int_] | None = None
    for number, one in enumerate(by_temperature):
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

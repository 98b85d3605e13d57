"""Where the atoms of a simulation went, and the file that holds it; an unfinished one is gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from migbar.dynamics.settings import DynamicsError
from migbar.files import DAMAGED, replacing

if TYPE_CHECKING:
    from ase import Atoms

FRAME_FS = 20.0
"""From one frame to the next, fs."""


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Positions of all atoms at equal intervals, the warm-up left out.

    Attributes
    ----------
    kelvin : float
        What the thermostat was set to.
    numbers : ndarray of int, shape (n_atoms,)
        Atomic numbers.
    cell : ndarray, shape (3, 3)
        Vectors in rows, Å.
    frame_ps : float
        From one frame to the next.
    positions : ndarray, shape (n_frames, n_atoms, 3)
        In Å, never wrapped back into the cell.
    temperatures : ndarray, shape (n_frames,)
        Of the motion of the atoms, K.
    """

    kelvin: float
    numbers: NDArray[np.int_]
    cell: NDArray[np.float64]
    frame_ps: float
    positions: NDArray[np.float32]
    temperatures: NDArray[np.float64]

    @property
    def length_ps(self) -> float:
        """Time from the first frame to the last."""
        return self.frame_ps * (len(self.positions) - 1)

    def atoms(self, every: int = 1) -> list[Atoms]:
        """Return every so many-th frame as ASE's structures."""
        from ase import Atoms

        frames = self.positions[::every].astype(float)
        return [Atoms(self.numbers, frame, cell=self.cell, pbc=True) for frame in frames]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a simulation stands, to the last bit.

    Attributes
    ----------
    mark : str
        What is simulated and how.
    steps : int
        Done so far, the warm-up among them.
    positions, momenta : ndarray, shape (n_atoms, 3)
        In ASE's units.
    random : dict
        State of the thermostat's random numbers.
    """

    mark: str
    steps: int
    positions: NDArray[np.float64]
    momenta: NDArray[np.float64]
    random: dict[str, Any]


def trajectory_file(folder: Path, kelvin: float) -> Path:
    """Return where the simulation at a temperature is kept."""
    return folder / f"{kelvin:g}K.npz"


def take_over(earlier: Path, folder: Path, temperatures_k: Iterable[float]) -> None:
    """Copy what was simulated in another folder into this one, to go on with; what is here already stays.

    Raises
    ------
    DynamicsError
        If there is nothing of these temperatures, neither there nor here.
    """
    files = [trajectory_file(folder, kelvin) for kelvin in temperatures_k]
    for file in files:
        source = earlier / file.name
        if source.exists() and not file.exists():
            with replacing(file) as temporary:
                shutil.copyfile(source, temporary)
    if not any(file.exists() for file in files):
        raise DynamicsError(f"{earlier} holds no simulation to go on from; simulate anew.")


def write_trajectory(path: Path, trajectory: Trajectory, standing: Standing | None = None) -> None:
    """Write what has been simulated so far, and, where it can be gone on with, how it stands."""
    head: dict[str, Any] = {"kelvin": trajectory.kelvin, "frame_ps": trajectory.frame_ps}
    state: dict[str, Any] = {}
    if standing is not None:
        head |= {"mark": standing.mark, "steps": standing.steps, "random": standing.random}
        state = {"positions": standing.positions, "momenta": standing.momenta}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            head=np.array(json.dumps(head)),
            numbers=trajectory.numbers,
            cell=trajectory.cell,
            frames=trajectory.positions,
            temperatures=trajectory.temperatures,
            **state,
        )


def read_standing(path: Path) -> tuple[Trajectory, Standing]:
    """Read what was simulated so far, and where the simulation stands.

    Raises
    ------
    DynamicsError
        If the file is not there, damaged, or another one's.
    """
    with _told(path):
        head, arrays = _read(path)
        standing = Standing(
            str(head["mark"]),
            int(head["steps"]),
            arrays["positions"],
            arrays["momenta"],
            dict(head["random"]),
        )
        return _trajectory(head, arrays), standing


def read_trajectory(path: str | Path) -> Trajectory:
    """Read a simulation, finished or not.

    Raises
    ------
    DynamicsError
        If the file is not there, damaged, or another one's.
    """
    path = Path(path)
    with _told(path):
        return _trajectory(*_read(path))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise DynamicsError(f"{path} is not there.") from None
    except (*DAMAGED, KeyError, TypeError) as error:
        raise DynamicsError(f"{path} is damaged; remove it to begin anew.") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return json.loads(str(arrays["head"])), arrays


def _trajectory(head: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Trajectory:
    return Trajectory(
        float(head["kelvin"]),
        arrays["numbers"],
        arrays["cell"],
        float(head["frame_ps"]),
        arrays["frames"],
        arrays["temperatures"],
    )

"""What is saved of a relaxation: a killed one goes on as if nothing had happened, a finished one stays finished."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar.files import DAMAGED, replacing
from migbar.neb.settings import NebError, NebSettings
from migbar.potentials import Provenance

if TYPE_CHECKING:
    from ase import Atoms

STATE = "state.npz"

SAVING_SHARE = 0.05
"""At most this share of the time goes into saving; a step more or less is then lost by a kill."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved relaxation: see `migbar.neb.relaxation`."""

    stage: str
    positions: NDArray[np.float64]
    steps: dict[str, int]
    reached: dict[str, bool]
    seconds: float
    memory: Arrays


class Checkpoint:
    """The file in which a relaxation is saved.

    Parameters
    ----------
    folder : Path
    mark : str
        What is relaxed, and how (`fingerprint`).
    """

    def __init__(self, folder: Path, mark: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / STATE
        self._mark = mark
        self._cost = 0.0
        self._last = 0.0

    def load(self) -> Saved | None:
        """Return what was saved, None where nothing was.

        Raises
        ------
        NebError
            If it is another relaxation's, or damaged.
        """
        if not self._path.exists():
            return None
        try:
            with np.load(self._path, allow_pickle=False) as file:
                arrays = dict(file)
            data = json.loads(str(arrays.pop("data")))
            positions = arrays.pop("positions")
            mark = data.pop("mark")
            saved = Saved(positions=positions, memory=arrays, **data)
        except (*DAMAGED, KeyError, TypeError) as error:
            raise NebError(f"{self._path} is damaged; remove it to begin anew.") from error
        if mark != self._mark:
            raise NebError(
                f"{self._path.parent} holds the state of another band or of other settings, or by another potential; "
                "choose another folder."
            )
        return saved

    def save(
        self,
        stage: str,
        positions: Sequence[NDArray[np.float64]],
        steps: Mapping[str, int],
        reached: Mapping[str, bool],
        seconds: float,
        memory: Arrays,
        at_once: bool = False,
    ) -> None:
        """Save, unless the last time was a moment ago."""
        now = time.monotonic()
        if not at_once and now - self._last < self._cost / SAVING_SHARE:
            return
        data = {
            "mark": self._mark,
            "stage": stage,
            "steps": dict(steps),
            "reached": dict(reached),
            "seconds": seconds,
        }
        arrays: dict[str, Any] = {**memory, "positions": np.array(positions)}
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, data=np.array(json.dumps(data)), **arrays)
        self._last = time.monotonic()
        self._cost = self._last - now


def fingerprint(initial: Atoms, final: Atoms, settings: NebSettings, potential: Provenance) -> str:
    """SHA-256 of what is relaxed and how; more steps are still the same relaxation, other weights are not."""
    options = settings.to_dict()
    for name in ("max_steps", "ends_max_steps"):
        del options[name]
    digest = hashlib.sha256(json.dumps([options, potential.name, potential.sha256]).encode())
    for array in (initial.numbers, initial.cell.array, initial.positions, final.positions):
        digest.update(np.round(np.asarray(array, float), 6).tobytes())
    return digest.hexdigest()


class Memory(Protocol):
    """An optimiser, and what it has to remember."""

    optimizer: Any

    def learn(self) -> None:
        """Take note of the step that was just done."""

    def state(self) -> Arrays:
        """Return what has to be saved."""


class BfgsMemory:
    """BFGS remembers positions and forces of all its steps: its Hessian follows from them."""

    def __init__(self, target: Any, saved: Arrays | None) -> None:
        from ase.optimize import BFGS

        self.optimizer = BFGS(target, logfile=None)
        self._positions: list[NDArray[np.float64]] = []
        self._forces: list[NDArray[np.float64]] = []
        for position, force in zip(*self._history(saved), strict=True):
            self.optimizer.update(position, force, self.optimizer.pos0, self.optimizer.forces0)
            self.optimizer.pos0, self.optimizer.forces0 = position, force
            self._positions.append(position)
            self._forces.append(force)

    @staticmethod
    def _history(saved: Arrays | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not saved:
            return np.empty((0, 0)), np.empty((0, 0))
        return saved["bfgs_positions"], saved["bfgs_forces"]

    def learn(self) -> None:
        self._positions.append(np.array(self.optimizer.pos0))
        self._forces.append(np.array(self.optimizer.forces0))

    def state(self) -> Arrays:
        return {
            "bfgs_positions": np.array(self._positions),
            "bfgs_forces": np.array(self._forces),
        }


class FireMemory:
    """FIRE remembers its velocities, time step and mixing."""

    _NAMES = ("vel", "dt", "a", "Nsteps")

    def __init__(self, target: Any, saved: Arrays | None) -> None:
        from ase.optimize import FIRE

        self.optimizer = FIRE(target, logfile=None)
        if saved and "fire_vel" in saved:
            for name in self._NAMES:
                value = saved[f"fire_{name}"]
                setattr(self.optimizer, name, value if value.ndim else value.item())

    def learn(self) -> None:
        pass

    def state(self) -> Arrays:
        values = {name: getattr(self.optimizer, name) for name in self._NAMES}
        return {f"fire_{name}": np.array(v) for name, v in values.items() if v is not None}


def make_memory(optimizer: str, target: Any, saved: Arrays | None) -> Memory:
    """Return an optimiser of a target (atoms or a band) that goes on from what it remembers."""
    return (FireMemory if optimizer == "FIRE" else BfgsMemory)(target, saved)

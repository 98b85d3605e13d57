"""Second derivatives of the energy, from the forces on atoms that are moved a little."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from migbar.files import DAMAGED, replacing
from migbar.neb.settings import NebError
from migbar.potentials import NoNumberError, Potential
from migbar.progress import Progress, check_cancelled

if TYPE_CHECKING:
    from ase import Atoms

STEPS = (0.05, 0.1)
"""How far each atom is moved to either side, Å.

Forces of networks waver by some 0.01 eV/Å over a few hundredths of an Å: smaller steps see that, and not the well.
"""

SAVE_EVERY_S = 10.0

FORCES = "vibrations.npz"


class Stiffness:
    """Second derivatives of the energy by the places of some atoms, of several images, saved on the way.

    Parameters
    ----------
    images : sequence of Atoms
    atoms : ndarray of int, shape (n,)
        Those that are moved.
    potential : Potential
    folder : Path or None
        Keeps the forces (``vibrations.npz``) to go on from.
    """

    def __init__(
        self,
        images: Sequence[Atoms],
        atoms: NDArray[np.intp],
        potential: Potential,
        folder: Path | None,
    ) -> None:
        self._images = images
        self._atoms = atoms
        self._potential = potential
        self._path = folder / FORCES if folder is not None else None
        n = 3 * len(atoms)
        self._rows = np.full((len(images), n, n), np.nan)
        self._saved = time.monotonic()

    def compute(self, progress: Progress) -> list[NDArray[np.float64]]:
        """Return a matrix in eV/Å², shape (3 n, 3 n), for each image.

        Raises
        ------
        NebError
            If what was saved is damaged.
        NoNumberError
            If the potential gives no number for a moved atom.
        Cancelled
            If the user stops it; what was computed is in the folder.
        """
        self._load()
        left = np.argwhere(np.isnan(self._rows[:, :, 0]))
        total = self._rows.shape[0] * self._rows.shape[1]
        try:
            for done, (state, coordinate) in enumerate(left, start=total - len(left)):
                check_cancelled(progress)
                progress.report(done, total, "moving atoms")
                self._rows[state, coordinate] = self._row(self._images[state], coordinate)
                self._save()
        finally:
            self._save(at_once=True)
        progress.report(total, total, "moving atoms")
        return [(rows + rows.T) / 2 for rows in self._rows]

    def _row(self, image: Atoms, coordinate: int) -> NDArray[np.float64]:
        """Return how the forces on all atoms fall as one is moved: the line of least squares through all steps."""
        atom, axis = self._atoms[coordinate // 3], coordinate % 3
        moves = np.array([sign * step for step in STEPS for sign in (1, -1)])
        moved = []
        for move in moves:
            copy = image.copy()
            copy.positions[atom, axis] += move
            moved.append(copy)
        forces = [one.forces[self._atoms].ravel() for one in self._potential.evaluate(moved)]
        if not np.isfinite(forces).all():
            raise NoNumberError(
                f"{self._potential.provenance.name} gives no number for a moved atom."
            )
        return np.asarray(-(moves @ np.array(forces)) / (moves @ moves))

    def _mark(self) -> str:
        places = [self._atoms, *(image.positions for image in self._images)]
        digest = hashlib.sha256(json.dumps([STEPS, self._potential.provenance.sha256]).encode())
        for array in places:
            digest.update(np.round(np.asarray(array, float), 6).tobytes())
        return digest.hexdigest()

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            with np.load(self._path, allow_pickle=False) as file:
                mark, rows = str(file["mark"]), file["rows"]
        except (*DAMAGED, KeyError):
            raise NebError(f"{self._path} is damaged; remove it to begin anew.") from None
        if mark == self._mark() and rows.shape == self._rows.shape:
            self._rows = rows

    def _save(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._path is None or not (at_once or now - self._saved > SAVE_EVERY_S):
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            np.savez(file, mark=np.array(self._mark()), rows=self._rows)
        self._saved = now

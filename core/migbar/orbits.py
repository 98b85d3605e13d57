"""Which hops between places of a crystal are the same one by symmetry.

A hop is here a pair of places, a row (start, end, i, j, k): from one to the image of the other in cell (i, j, k).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.errors import SupercellError
from migbar.networks import Translation
from migbar.structures import formula, symmetry

# Symmetry may move a place by this much (Å) and still map it on another one.
_SAME_PLACE = 0.3
# Places times operations that fit into memory (a few hundred bytes each).
_MOST_MOVES = 20_000_000


class Operations:
    """The space group as it acts on the places: which goes where, and into which cell.

    Parameters
    ----------
    structure : Structure
    frac : ndarray, shape (n_places, 3)
        Fractional coordinates.
    symprec : float
        Symmetry tolerance in Å.

    Raises
    ------
    SupercellError
        If the structure repeats a smaller cell so often that its symmetry does not fit into memory.
    """

    def __init__(self, structure: Structure, frac: NDArray[np.float64], symprec: float) -> None:
        from scipy.spatial import cKDTree

        group = symmetry(structure, symprec)
        if len(group.rotations) * len(frac) > _MOST_MOVES:
            copies = int((group.rotations == np.eye(3, dtype=int)).all(axis=(1, 2)).sum())
            raise SupercellError(
                f"{formula(structure)}: this cell of {len(structure):,} atoms is a smaller one {copies:,} times "
                "over; look for paths in the smaller one, which has all of them."
            )
        moved = frac @ group.rotations.transpose(0, 2, 1) + group.translations[:, None]
        _, target = cKDTree(_wrapped(frac), boxsize=1.0).query(_wrapped(moved))
        shifts = np.rint(moved - frac[target])
        apart = (moved - frac[target] - shifts) @ structure.lattice.matrix
        # Voids are found within a tolerance: an operation that does not map them is not used.
        whole = (np.linalg.norm(apart, axis=-1) < _SAME_PLACE).all(axis=1)
        whole &= (np.sort(target, axis=1) == np.arange(len(frac))).all(axis=1)
        self._rotations = group.rotations[whole]
        self._targets = target[whole]
        self._shifts = shifts[whole].astype(int)

    @property
    def kinds(self) -> tuple[int, ...]:
        """For each place the first one that an operation maps on it."""
        return tuple(int(n) for n in self._targets.min(axis=0))

    def orbit(self, pair: Sequence[int]) -> NDArray[np.int_]:
        """All pairs equivalent to one, each in its canonical direction, in lexical order."""
        start, end = pair[:2]
        cells = self._rotations @ np.array(pair[2:]) + self._shifts[:, end] - self._shifts[:, start]
        pairs = np.column_stack([self._targets[:, start], self._targets[:, end], cells])
        return np.unique(canonical(pairs), axis=0)


def canonical(pairs: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return each pair in that of its two directions which comes first in lexical order."""
    back = _back(pairs)
    differs = pairs != back
    column = differs.argmax(axis=1)[:, None]
    later = np.take_along_axis(pairs, column, 1) > np.take_along_axis(back, column, 1)
    return np.where(later, back, pairs)


def representative(pairs: NDArray[np.int_]) -> tuple[int, int, Translation]:
    """Return the one of equivalent pairs, in either direction, that stands for all of them."""
    start, end, *image = min([*pairs.tolist(), *_back(pairs).tolist()], key=_rank)
    return start, end, (image[0], image[1], image[2])


def _rank(pair: Sequence[int]) -> tuple[object, ...]:
    """Order in which the representative of equivalent hops is chosen: as `nearest_image` does."""
    start, end, *image = pair
    return start, end, sum(map(abs, image)), [-n for n in image]


def _back(pairs: NDArray[np.int_]) -> NDArray[np.int_]:
    return np.column_stack([pairs[:, 1], pairs[:, 0], -pairs[:, 2:]])


def _wrapped(frac: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional positions in [0, 1)."""
    inside = frac % 1.0
    return np.where(inside < 1.0, inside, 0.0)

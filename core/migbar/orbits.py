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
            raise SupercellError(
                f"{formula(structure)}: this cell of {len(structure):,} atoms is a smaller one "
                f"{group.primitive_cells:,} times over; look for paths in the smaller one, which has all of them."
            )
        self._frac = frac
        self._tree = cKDTree(_wrapped(frac), boxsize=1.0)
        moved = frac @ group.rotations.transpose(0, 2, 1) + group.translations[:, None]
        target, shifts = self._places(moved)
        apart = (moved - frac[target] - shifts) @ structure.lattice.matrix
        # Voids are found within a tolerance: an operation that does not map them is not used.
        whole = (np.linalg.norm(apart, axis=-1) < _SAME_PLACE).all(axis=1)
        self._rotations = group.rotations[whole]
        self._translations = group.translations[whole]
        self._kinds = target[whole].min(axis=0)

    def _places(self, frac: NDArray[np.float64]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """Return which places positions are, and in which cells."""
        _, place = self._tree.query(_wrapped(frac))
        return place, np.rint(frac - self._frac[place]).astype(int)

    @property
    def kinds(self) -> tuple[int, ...]:
        """For each place the first one that an operation maps on it."""
        return tuple(self._kinds.tolist())

    def orbit(self, pair: Sequence[int]) -> NDArray[np.int_]:
        """All pairs equivalent to one, each in its canonical direction, in lexical order."""
        start, end, *image = pair
        ends = np.array([self._frac[start], self._frac[end] + image])
        moved = ends @ self._rotations.transpose(0, 2, 1) + self._translations[:, None]
        places, cells = self._places(moved)
        return np.unique(canonical(np.hstack([places, cells[:, 1] - cells[:, 0]])), axis=0)


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
    """Order in which the representative of equivalent hops is chosen: as `migbar.hops.nearest_images` does."""
    start, end, *image = pair
    return start, end, sum(map(abs, image)), [-n for n in image]


def _back(pairs: NDArray[np.int_]) -> NDArray[np.int_]:
    return np.column_stack([pairs[:, 1], pairs[:, 0], -pairs[:, 2:]])


def _wrapped(frac: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fractional positions in [0, 1)."""
    inside = frac % 1.0
    return np.where(inside < 1.0, inside, 0.0)

"""What a straight path goes past: the atoms it is narrow between, and those that it runs through."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.elements import ionic_radius
from migbar.hops import ON_TOP, Mechanism, Point, SiteRef

# Atoms whose surface is this much (Å) farther from the ion than the nearest belong to the bottleneck.
_BOTTLENECK_WIDTH = 0.3
# Atoms farther from the path (Å) than this are of no concern.
_SIGHT = 4.0


@dataclass(frozen=True, slots=True)
class BottleneckAtom:
    """An atom that the ion has to pass where its path is narrowest.

    Attributes
    ----------
    element : str
    site : SiteRef
    distance : float
        From the ion on the straight path in Å.
    """

    element: str
    site: SiteRef
    distance: float


class Surroundings:
    """Atoms and places of the ion around the cell, to see what a straight path passes.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
    mechanism : Mechanism
        Says which sites of the ion are empty while it moves.
    voids : mapping
        Fractional coordinates of further places of the ion by their names.
    longest : float
        Length in Å of the longest path that will be asked for.
    """

    def __init__(
        self,
        structure: Structure,
        ion: str,
        mechanism: Mechanism,
        voids: Mapping[str, Point],
        longest: float,
    ) -> None:
        from scipy.spatial import cKDTree

        self._lattice = structure.lattice
        self._ion_radius = ionic_radius(ion)
        symbols = [site.specie.symbol for site in structure]
        frac = np.concatenate(
            [structure.frac_coords, np.array(list(voids.values())).reshape(-1, 3)]
        )
        gone = mechanism is Mechanism.SINGLE_ION
        self._symbols = symbols
        self._names = [*(f"{s} (site {i})" for i, s in enumerate(symbols))] + [
            f"void {name}" for name in voids
        ]
        is_place = np.array([s == ion and mechanism.between_sites for s in symbols])
        self._is_place = np.append(is_place, np.ones(len(voids), bool))
        self._is_static = np.append(~(is_place & gone), np.zeros(len(voids), bool))
        self._radii = np.append([ionic_radius(s) for s in symbols], np.zeros(len(voids)))
        # A path starts in the cell; `of` looks around its middle as far as its ends and in sight.
        self._index, self._images = _copies(structure, frac, longest + _SIGHT)
        self._frac = frac[self._index] + self._images
        self._positions = np.asarray(structure.lattice.get_cartesian_coords(self._frac))
        self._tree = cKDTree(self._positions)

    def of(self, ends: NDArray[np.float64]) -> Passage:
        """Return what a path with these fractional ends, shape (2, 3), passes."""
        home = np.floor(ends[0] + 1e-9)
        path = np.asarray(self._lattice.get_cartesian_coords(ends - home))
        reach = 0.5 * np.linalg.norm(path[1] - path[0]) + _SIGHT
        near = np.array(sorted(self._tree.query_ball_point(path.mean(axis=0), reach)), dtype=int)
        at_end = np.linalg.norm(self._positions[near][:, None] - path[None], axis=-1) < 0.05
        near = near[~at_end.any(axis=1)]
        index = self._index[near]
        return Passage(
            path=path,
            positions=self._positions[near],
            index=index,
            images=self._images[near] + home.astype(int),
            touching=self._radii[index] + self._ion_radius,
            is_static=self._is_static[index],
            is_place=self._is_place[index],
            symbols=[self._symbols[i] if i < len(self._symbols) else "" for i in index],
            names=[self._names[i] for i in index],
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """A straight path and what is in sight of it, each with a row in all arrays.

    Attributes
    ----------
    path : ndarray, shape (2, 3)
        Both ends in Å.
    positions : ndarray, shape (n, 3)
        In Å.
    index : ndarray of int, shape (n,)
        Of the site in the structure; voids count on from its last site.
    images : ndarray of int, shape (n, 3)
        Cell that each lies in.
    touching : ndarray, shape (n,)
        Sum of its ionic radius and the ion's in Å.
    is_static, is_place : ndarray of bool, shape (n,)
        Whether it is an atom that stays, and whether it is a place of the ion.
    symbols, names : list of str
        Element (empty for a void), and what to call it in a message.
    """

    path: NDArray[np.float64]
    positions: NDArray[np.float64]
    index: NDArray[np.int_]
    images: NDArray[np.int_]
    touching: NDArray[np.float64]
    is_static: NDArray[np.bool_]
    is_place: NDArray[np.bool_]
    symbols: list[str]
    names: list[str]

    def obstacle(self) -> str | None:
        """Say what the path runs through, if anything."""
        if len(self.positions) == 0:
            return None
        start, way = self.path[0], self.path[1] - self.path[0]
        along = np.clip((self.positions - start) @ way / (way @ way), 0, 1)
        distances = np.linalg.norm(self.positions - start - along[:, None] * way, axis=1)
        nearest = int(distances.argmin())
        if distances[nearest] >= ON_TOP:
            return None
        what = f"{self.names[nearest]} at {distances[nearest]:.2f} Å"
        if self.is_place[nearest]:
            return f"passes {what}, another place of the ion: it is a chain of shorter hops"
        return f"runs through {what}"

    def bottleneck(self) -> tuple[BottleneckAtom, ...]:
        """Atoms around the narrowest place of the path's middle half."""
        static = np.flatnonzero(self.is_static)
        if len(static) == 0:
            return ()
        fractions = np.linspace(0.25, 0.75, 21)[:, None]
        points = (1 - fractions) * self.path[0] + fractions * self.path[1]
        distances = np.linalg.norm(points[:, None] - self.positions[static], axis=-1)
        gaps = (distances - self.touching[static]).round(4)
        narrow = np.flatnonzero(gaps.min(axis=1) == gaps.min())
        # Of two that are as near to the middle the one that is narrower all around, whichever way the path leads.
        place = min(narrow, key=lambda n: (abs(n - len(points) // 2), np.sort(gaps[n]).tolist()))
        around = np.flatnonzero(gaps[place] <= gaps.min() + _BOTTLENECK_WIDTH)
        ordered = around[np.argsort(distances[place, around], kind="stable")]
        return tuple(
            self._atom(int(static[i]), float(distances[place, i])) for i in ordered.tolist()
        )

    def _atom(self, row: int, distance: float) -> BottleneckAtom:
        i, j, k = self.images[row].tolist()
        return BottleneckAtom(self.symbols[row], SiteRef(int(self.index[row]), (i, j, k)), distance)


def _copies(
    structure: Structure, frac: NDArray[np.float64], margin: float
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return index and cell of all periodic copies within `margin` Å of the cell."""
    beyond = margin * np.linalg.norm(structure.lattice.inv_matrix, axis=0)
    low = np.floor(-beyond - frac.max(axis=0)).astype(int)
    high = np.ceil(1 + beyond - frac.min(axis=0)).astype(int)
    cells = np.array(
        list(itertools.product(*(range(n, m + 1) for n, m in zip(low, high, strict=True))))
    )
    copies = frac[None] + cells[:, None]
    inside = ((copies >= -beyond) & (copies <= 1 + beyond)).all(axis=-1)
    cell, index = np.nonzero(inside)
    return index, cells[cell]

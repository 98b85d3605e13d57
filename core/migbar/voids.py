"""Voids: places in a crystal where one more ion might sit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure
from pymatgen.util.coord import pbc_shortest_vectors

from migbar.elements import ionic_radius, is_anion
from migbar.hops import Point
from migbar.structures import SYMPREC, Symmetry, require_ordered, symmetrised, symmetry

ROOM = 0.79
"""A void must have at least this much room: distance over the distance that is comfortable.

96 % of the ends of the published paths have it. FePO4, an example, has candidates of 0.780 and sites of 0.949."""

REPULSION = 1.4
"""An ion likes to be this much farther (Å) from the framework's cations than their radii touch."""

MERGE = 0.9
"""Void candidates closer than this (Å) are one void."""

BASIN = 1.8
"""So are candidates up to this far apart (Å) where it gets nowhere narrower between them."""

NARROWER = 0.01
"""It gets narrower where there is this much less room than at both: 0.02 Å of noise in an atom makes as much."""

# Points between two candidates that are looked at are this far apart (Å).
_STEP = 0.1
# A candidate that moves by less than this (Å) stands on its special position.
_STILL = 1e-5
_MOST_MOVES = 50  # so that it ends in any case


@dataclass(frozen=True, slots=True)
class Void:
    """A place with room for an ion.

    Attributes
    ----------
    frac_coords : tuple of 3 floats
        In [0, 1).
    radius : float
        Distance to the nearest atom in Å.
    nearest : str
        Element of that atom.
    orbit : int
        Voids with the same number are equivalent by symmetry; the roomiest orbit is 0.
    """

    frac_coords: Point
    radius: float
    nearest: str
    orbit: int


def find_voids(structure: Structure, ion: str, symprec: float = SYMPREC) -> list[Void]:
    """Find void candidates for an ion from the vertices of the structure's Voronoi tessellation.

    A vertex is locally as far from its atoms as can be. Vertices with too little room for the ion are
    dropped (`ROOM`), those without a narrower place between them are merged into the roomiest of them, and the
    space group is applied, so that the voids have the symmetry of the crystal: that of the atoms where symmetry
    has them within its tolerance, so that noise makes no voids.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
        Element that is to be put in.
    symprec : float
        Symmetry tolerance in Å.

    Returns
    -------
    list of Void
        Sorted by orbit, the roomiest first.
    """
    require_ordered(structure)
    group = symmetry(structure, symprec)
    space = _Space(symmetrised(structure, group), ion)
    orbits: list[NDArray[np.float64]] = []
    kept = np.empty((0, 3))
    for point in space.candidates:
        if space.is_one_of(point, kept):
            continue
        orbit = space.orbit(point, group)
        if space.is_one_of(orbit[0], kept):
            continue
        kept = np.concatenate([kept, orbit])
        orbits.append(orbit)
    # On their special positions some have less room than their vertices had.
    firsts = np.array([orbit[0] for orbit in orbits]).reshape(-1, 3)
    ranked = [orbits[i] for i in np.argsort(-space.room(firsts).round(3), kind="stable")]
    return [
        _void(structure, position, number)
        for number, orbit in enumerate(ranked)
        for position in orbit
    ]


def _void(structure: Structure, position: NDArray[np.float64], orbit: int) -> Void:
    distances = structure.lattice.get_all_distances(position, structure.frac_coords)[0]
    nearest = int(distances.argmin())
    x, y, z = (float(value) for value in position)
    return Void((x, y, z), float(distances[nearest]), structure[nearest].specie.symbol, orbit)


class _Space:
    """The space between the atoms of a crystal, and how much room an ion has there.

    Points are fractional coordinates in the cell of the structure.

    Attributes
    ----------
    candidates : ndarray, shape (n, 3)
        Voronoi vertices of one cell that have room for the ion, the roomiest first.
    """

    def __init__(self, structure: Structure, ion: str) -> None:
        from scipy.spatial import Voronoi, cKDTree

        self._cell = structure.lattice
        self._compact = structure.lattice.get_lll_reduced_lattice()  # a skewed one has more around
        # Atoms within `margin` of the cell fix every vertex inside it as long as no sphere free of atoms
        # has a larger radius, which no crystal with this many atoms has.
        margin = max(8.0, 2.5 * (structure.volume / len(structure)) ** (1 / 3))
        atoms, index = _around(self._in_compact(structure.frac_coords), self._compact, margin)
        symbols = np.array([site.specie.symbol for site in structure])[index]
        # Of each element the nearest atom alone counts: all distances would take memory by the square of the cell.
        self._trees = [
            (cKDTree(atoms[symbols == symbol]), _comfortable(ion, symbol))
            for symbol in structure.symbol_set
        ]
        vertices = self._compact.get_fractional_coords(Voronoi(atoms).vertices)
        inside = ((vertices > -1e-6) & (vertices < 1 - 1e-6)).all(axis=1)
        points = _wrapped(vertices[inside] @ self._compact.matrix @ self._cell.inv_matrix)
        once = np.unique(points.round(4) % 1.0, axis=0, return_index=True)[
            1
        ]  # those on faces are there twice
        points = points[once]
        room = self.room(points)
        order = np.lexsort((*points.T.round(4), -room.round(3)))
        roomy = order[room[order] >= ROOM]
        self.candidates = points[roomy]
        around, index = _around(self._in_compact(self.candidates), self._compact, BASIN)
        self._around, self._room_around = cKDTree(around), room[roomy][index]

    def _in_compact(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return fractional coordinates in the compact cell."""
        return _wrapped(points @ self._cell.matrix @ self._compact.inv_matrix)

    def room(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each point's tightest distance to an atom, over the distance that is comfortable there."""
        positions = self._in_compact(points) @ self._compact.matrix
        return np.min([tree.query(positions)[0] / far for tree, far in self._trees], axis=0)

    def is_one_of(self, point: NDArray[np.float64], kept: NDArray[np.float64]) -> bool:
        """Whether a point is one void with one of others."""
        if len(kept) == 0:
            return False
        shifts = pbc_shortest_vectors(self._cell, point, kept)[0]
        near = np.linalg.norm(shifts, axis=1) < BASIN
        enough = np.minimum(self.room(point[None]), self.room(kept[near])) - NARROWER
        return bool(self._joined(point, shifts[near], enough).any())

    def orbit(self, point: NDArray[np.float64], group: Symmetry) -> NDArray[np.float64]:
        """Return the symmetry copies of the void that a candidate stands for.

        It moves into the middle of the candidates that have about as much room and are one void with it, then to the
        mean of those of its copies that are, and again from there, until it stands on a special position. All copies
        move alike, so that the orbit keeps the symmetry of the crystal.
        """
        enough = self.room(point[None]) - NARROWER
        for _ in range(_MOST_MOVES):
            move = self._to_middle(point, enough)
            if np.linalg.norm(move) < _STILL:
                break
            point = point + self._cell.get_fractional_coords(move)
        for _ in range(_MOST_MOVES):
            copies = _wrapped(group.rotations @ point + group.translations)
            shifts = pbc_shortest_vectors(self._cell, point, copies)[0]
            near = shifts[np.linalg.norm(shifts, axis=1) < BASIN]
            move = near[self._joined(point, near, enough)].mean(axis=0)
            if np.linalg.norm(move) < _STILL:
                break
            point = point + self._cell.get_fractional_coords(move)
        return self._distinct(copies)

    def _to_middle(
        self, point: NDArray[np.float64], enough: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how far (Å) a point is from the middle of its void."""
        position = self._in_compact(point) @ self._compact.matrix
        near = self._around.query_ball_point(position, BASIN)
        shifts = self._around.data[near] - position
        spare = np.maximum(self._room_around[near] - enough, 0)
        weights = spare * self._joined(point, shifts, enough)
        return np.asarray(weights @ shifts / weights.sum() if weights.any() else np.zeros(3))

    def _joined(
        self, point: NDArray[np.float64], shifts: NDArray[np.float64], enough: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Which points up to `BASIN` Å away are one void with a point: close ones, and those with room between."""
        steps = np.linspace(0, 1, round(BASIN / _STEP) + 1)[1:-1, None, None]
        between = point + self._cell.get_fractional_coords(steps * shifts)
        least = self.room(between.reshape(-1, 3)).reshape(len(steps), -1).min(axis=0)
        return np.asarray((np.linalg.norm(shifts, axis=1) < MERGE) | (least >= enough))

    def _distinct(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the points without those that lie on an earlier one."""
        kept = points[:1]
        for point in points[1:]:
            if self._cell.get_all_distances(point, kept).min() >= MERGE:
                kept = np.concatenate([kept, point[None]])
        return kept


def _comfortable(ion: str, symbol: str) -> float:
    """Distance in Å at which an ion likes to sit from an atom."""
    repulsion = 0.0 if is_anion(symbol) or symbol == ion else REPULSION
    return ionic_radius(ion) + ionic_radius(symbol) + repulsion


def _around(
    frac: NDArray[np.float64], lattice: Lattice, margin: float
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return positions (Å) and indices of the periodic copies of points in a cell and up to `margin` Å around it."""
    beyond = margin * np.linalg.norm(lattice.inv_matrix, axis=0)
    reach = np.ceil(beyond).astype(int)
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    copies = (frac[None] + images[:, None]).reshape(-1, 3)
    near = ((copies > -beyond) & (copies < 1 + beyond)).all(axis=1)
    index = np.tile(np.arange(len(frac)), len(images))
    return np.asarray(lattice.get_cartesian_coords(copies[near])), index[near]


def _wrapped(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractional positions in [0, 1), free of the last digits' noise."""
    return np.round(points, 8) % 1.0

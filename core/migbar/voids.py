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
from migbar.structures import require_ordered, symmetry

ROOM = 0.79
"""A void must have at least this much room: distance over the distance that is comfortable.

96 % of the ends of the published paths have it. FePO4, an example, has candidates of 0.780 and sites of 0.949."""

REPULSION = 1.4
"""An ion likes to be this much farther (Å) from the framework's cations than their radii touch."""

MERGE = 0.9
"""Void candidates closer than this (Å) are one void."""

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


def find_voids(structure: Structure, ion: str, symprec: float = 0.01) -> list[Void]:
    """Find void candidates for an ion from the vertices of the structure's Voronoi tessellation.

    A vertex is locally as far from its atoms as can be. Vertices with too little room for the ion are
    dropped (`ROOM`), close ones are merged into the roomiest of them, and the space group is applied,
    so that the voids have the symmetry of the crystal.

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
    lattice, atoms, index = _surroundings(structure)
    vertices = _vertices(lattice, atoms)
    room = _room(structure, ion, lattice.get_cartesian_coords(vertices), atoms, index)
    vertices = _home(vertices, lattice, structure.lattice)
    roomy = room >= ROOM
    order = np.lexsort((*vertices[roomy].T.round(4), -room[roomy].round(3)))
    operations = symmetry(structure, symprec)
    orbits: list[list[NDArray[np.float64]]] = []
    kept: list[NDArray[np.float64]] = []
    for point in vertices[roomy][order]:
        if _is_near(structure, point, kept):
            continue
        orbit = _orbit(structure, point, operations.rotations, operations.translations)
        if _is_near(structure, orbit[0], kept):
            continue
        kept.extend(orbit)
        orbits.append(orbit)
    # On their special positions some have less room than their vertices had.
    firsts = np.array([orbit[0] for orbit in orbits]).reshape(-1, 3)
    home = lattice.get_cartesian_coords(_home(firsts, structure.lattice, lattice))
    rooms = _room(structure, ion, home, atoms, index).round(3)
    ranked = [orbits[i] for i in np.argsort(-rooms, kind="stable")]
    return [
        _void(structure, position, number)
        for number, orbit in enumerate(ranked)
        for position in orbit
    ]


def _void(structure: Structure, position: NDArray[np.float64], orbit: int) -> Void:
    distances = _distances(structure, position, structure.frac_coords)
    nearest = int(distances.argmin())
    x, y, z = (float(value) for value in position)
    return Void((x, y, z), float(distances[nearest]), structure[nearest].specie.symbol, orbit)


def _surroundings(structure: Structure) -> tuple[Lattice, NDArray[np.float64], NDArray[np.int_]]:
    """Return a compact cell, and positions (Å) and indices of the atoms in it and around it."""
    lattice = structure.lattice.get_lll_reduced_lattice()  # a skewed cell has far more atoms around
    # Atoms within `margin` of the cell fix every vertex inside it as long as no sphere free of atoms
    # has a larger radius, which no crystal with this many atoms has.
    margin = max(8.0, 2.5 * (structure.volume / len(structure)) ** (1 / 3))
    heights = 1 / np.linalg.norm(lattice.inv_matrix, axis=0)
    reach = np.ceil(margin / heights).astype(int)
    frac = lattice.get_fractional_coords(structure.cart_coords) % 1.0
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    copies = (frac[None] + images[:, None]).reshape(-1, 3)
    beyond = margin / heights
    near = ((copies > -beyond) & (copies < 1 + beyond)).all(axis=1)
    index = np.tile(np.arange(len(frac)), len(images))
    return lattice, np.asarray(lattice.get_cartesian_coords(copies[near])), index[near]


def _vertices(lattice: Lattice, atoms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Voronoi vertices of the periodic crystal inside one cell, fractional."""
    from scipy.spatial import Voronoi

    vertices = np.asarray(lattice.get_fractional_coords(Voronoi(atoms).vertices))
    return vertices[((vertices > -1e-6) & (vertices < 1 - 1e-6)).all(axis=1)]


def _room(
    structure: Structure,
    ion: str,
    points: NDArray[np.float64],
    atoms: NDArray[np.float64],
    index: NDArray[np.int_],
) -> NDArray[np.float64]:
    """Return each point's tightest distance to an atom, over the distance that is comfortable there.

    Of each element the nearest atom alone counts: all distances would take memory by the square of the cell.
    """
    from scipy.spatial import cKDTree

    symbols = np.array([site.specie.symbol for site in structure])[index]
    tightest = np.full(len(points), np.inf)
    for symbol in structure.symbol_set:
        repulsion = 0.0 if is_anion(symbol) or symbol == ion else REPULSION
        comfortable = ionic_radius(ion) + ionic_radius(symbol) + repulsion
        distances, _ = cKDTree(atoms[symbols == symbol]).query(points)
        tightest = np.minimum(tightest, distances / comfortable)
    return tightest


def _distances(
    structure: Structure, point: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(structure.lattice.get_all_distances(point, others)[0])


def _is_near(
    structure: Structure, point: NDArray[np.float64], kept: list[NDArray[np.float64]]
) -> bool:
    return bool(kept) and bool(_distances(structure, point, np.array(kept)).min() < MERGE)


def _orbit(
    structure: Structure,
    point: NDArray[np.float64],
    rotations: NDArray[np.float64],
    translations: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Return the point's symmetry copies, after it has moved to where none of them is closer than `MERGE` to it.

    A vertex a little off a special position has its copies close by: it moves to their mean, and again from there,
    until it stands on the position. All its copies move alike, so that the orbit keeps the symmetry of the crystal.
    """
    for _ in range(_MOST_MOVES):
        copies = _wrapped(rotations @ point + translations)
        shifts = pbc_shortest_vectors(structure.lattice, point, copies)[0]
        move = shifts[np.linalg.norm(shifts, axis=1) < MERGE].mean(axis=0)
        if np.linalg.norm(move) < _STILL:
            break
        point = point + structure.lattice.get_fractional_coords(move)
    return _distinct(structure, copies)


def _distinct(structure: Structure, points: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the points without those that lie on an earlier one."""
    kept: list[NDArray[np.float64]] = []
    for point in points:
        if not _is_near(structure, point, kept):
            kept.append(point)
    return kept


def _home(points: NDArray[np.float64], of: Lattice, cell: Lattice) -> NDArray[np.float64]:
    """Return fractional coordinates of one cell as those in another of the same crystal."""
    return _wrapped(points @ of.matrix @ cell.inv_matrix)


def _wrapped(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return fractional positions in [0, 1), free of the last digits' noise."""
    return np.round(points, 8) % 1.0

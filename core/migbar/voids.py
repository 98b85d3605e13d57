"""Voids: places in a crystal where one more ion might sit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.elements import ionic_radius
from migbar.hops import Point
from migbar.structures import require_ordered, symmetry

ROOM = 0.72
"""A void must be at least this fraction of the ionic radii's sum away from its nearest atom."""

MERGE = 0.9
"""Void candidates closer than this (Å) are one void."""


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
    vertices = _vertices(structure)
    radius, nearest = _room(structure, vertices)
    needed = np.array([ROOM * (ionic_radius(ion) + ionic_radius(e)) for e in nearest])
    roomy = radius >= needed
    # Room is measured in units of what the ion needs there, so that an anion-lined void beats a
    # larger one lined by small cations only where it fits better.
    order = np.lexsort((*vertices[roomy].T.round(4), -(radius / needed)[roomy].round(3)))
    operations = symmetry(structure, symprec)
    kept: list[NDArray[np.float64]] = []
    orbits: list[int] = []
    for point in vertices[roomy][order]:
        if kept and _distances(structure, point, np.array(kept)).min() < MERGE:
            continue
        orbit = _orbit(structure, point, operations.rotations, operations.translations)
        number = len(set(orbits))
        kept.extend(orbit)
        orbits.extend([number] * len(orbit))
    if not kept:
        return []
    points = np.array(kept)
    radius, nearest = _room(structure, points)
    return [
        Void((float(p[0]), float(p[1]), float(p[2])), float(r), element, orbit)
        for p, r, element, orbit in zip(points, radius, nearest, orbits, strict=True)
    ]


def _vertices(structure: Structure) -> NDArray[np.float64]:
    """Return the Voronoi vertices of the periodic crystal inside one cell, fractional."""
    from scipy.spatial import Voronoi

    lattice = structure.lattice
    # Atoms within `margin` of the cell fix every vertex inside it as long as no sphere free of atoms
    # has a larger radius, which no crystal with this many atoms has.
    margin = max(8.0, 2.5 * (structure.volume / len(structure)) ** (1 / 3))
    heights = 1 / np.linalg.norm(lattice.inv_matrix, axis=0)
    reach = np.ceil(margin / heights).astype(int)
    frac = structure.frac_coords % 1.0
    images = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))))
    copies = (frac[None] + images[:, None]).reshape(-1, 3)
    beyond = margin / heights
    near = ((copies > -beyond) & (copies < 1 + beyond)).all(axis=1)
    tessellation = Voronoi(lattice.get_cartesian_coords(copies[near]))
    vertices = np.asarray(lattice.get_fractional_coords(tessellation.vertices))
    inside = ((vertices > -1e-6) & (vertices < 1 - 1e-6)).all(axis=1)
    return vertices[inside] % 1.0


def _room(
    structure: Structure, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the distance to the nearest atom (Å) and its element for every point."""
    if len(points) == 0:
        return np.zeros(0), []
    distances = structure.lattice.get_all_distances(points, structure.frac_coords)
    nearest = distances.argmin(axis=1)
    return distances.min(axis=1), [structure[int(i)].specie.symbol for i in nearest]


def _distances(
    structure: Structure, point: NDArray[np.float64], others: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.asarray(structure.lattice.get_all_distances(point, others)[0])


def _orbit(
    structure: Structure,
    point: NDArray[np.float64],
    rotations: NDArray[np.int_],
    translations: NDArray[np.float64],
) -> list[NDArray[np.float64]]:
    """Return the point and its symmetry copies; copies closer than `MERGE` are averaged into one.

    A vertex a little off a special position has its copies close by: their mean is the position.
    """
    copies = (rotations @ point + translations) % 1.0
    merged: list[NDArray[np.float64]] = []
    left = np.ones(len(copies), dtype=bool)
    for i, copy in enumerate(copies):
        if not left[i]:
            continue
        close = left & (_distances(structure, copy, copies) < MERGE)
        shifts = copies[close] - copy
        shifts -= np.rint(shifts)
        merged.append((copy + shifts.mean(axis=0)) % 1.0)
        left &= ~close
    return merged

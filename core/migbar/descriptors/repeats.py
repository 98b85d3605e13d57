"""Cells that repeat a smaller one: which further sites are copies of a path's ends.

A record's cell may be a repetition of a smaller cell in which the path was set up, with copies of the ion, or without.
Then the copies of the path's ends lie inside the cell, where they would be taken for vacancies of the crystal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure
from scipy.spatial import cKDTree

TOLERANCE = 0.05
"""Atoms that a translation brings this close (Å) to their like are mapped onto them."""


def copies_of_ends(host: Structure, ion: str, ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return empty sites that are copies of a path's ends within its cell.

    A translation copies the path where it maps the host together with the ion at one end onto itself. It
    also does where it maps the host alone onto itself while the framework has further translations:
    then other ions fill sites like the ends, and the ends are no voids.

    Parameters
    ----------
    host : Structure
    ion : str
        The migrating element, of which the host holds further atoms.
    ends : ndarray, shape (2, 3)
        Fractional.

    Returns
    -------
    ndarray, shape (n, 3)
        Fractional; neither the ends themselves nor any occupied site.
    """
    frac, matrix = host.frac_coords, host.lattice.matrix
    kinds = np.array([site.specie.Z for site in host])
    own = np.array([site.specie.symbol == ion for site in host])
    framework = translations(frac[~own], kinds[~own], matrix)
    if len(framework) == 1:
        return np.zeros((0, 3))
    found = []
    alone = _kept(framework, frac[own], matrix)
    if len(alone) < len(framework):
        found.append(alone)
    found += [_kept(framework, np.vstack([frac[own], end]), matrix) for end in ends]
    copies = np.vstack([end + shift for shifts in found for shift in shifts for end in ends])
    filled = np.vstack([frac[own], ends])
    kept: list[NDArray[np.float64]] = []
    for copy in copies:
        others = np.vstack([filled, *kept])
        if _apart(copy, others, matrix).min() > TOLERANCE:
            kept.append(copy)
    return np.array(kept).reshape(-1, 3)


def translations(
    frac: NDArray[np.float64], kinds: NDArray[np.int64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fractional translations within a cell, the zero one first, that map atoms onto their like.

    Parameters
    ----------
    frac : ndarray, shape (n, 3)
    kinds : ndarray of int, shape (n,)
        Atomic numbers.
    matrix : ndarray, shape (3, 3)
        Lattice vectors in Å as rows.
    """
    names, counts = np.unique(kinds, return_counts=True)
    found = np.zeros((1, 3))
    for number, kind in enumerate(names[np.argsort(counts, kind="stable")]):
        points = frac[kinds == kind]
        if number == 0:
            found = points - points[0]
        found = _kept(found - np.round(found), points, matrix)
        if len(found) == 1:
            break
    return found


def _kept(
    shifts: NDArray[np.float64], points: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return those of the translations that map every point onto one of the points."""
    if len(points) == 0:
        return shifts
    reach = TOLERANCE * np.linalg.norm(np.linalg.inv(matrix), axis=0).max()
    tree = cKDTree(points % 1.0 % 1.0, boxsize=1.0)
    moved = shifts[:, None] + points
    distance, nearest = tree.query(moved % 1.0 % 1.0, p=np.inf, distance_upper_bound=2 * reach)
    near = np.isfinite(distance)
    apart = moved - points[np.where(near, nearest, 0)]
    apart -= np.round(apart)
    close = near & (np.linalg.norm(apart @ matrix, axis=2) < TOLERANCE)
    return shifts[close.all(axis=1)]


def _apart(
    point: NDArray[np.float64], points: NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    apart = points - point
    return np.asarray(np.linalg.norm((apart - np.round(apart)) @ matrix, axis=1))

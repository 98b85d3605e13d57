"""Voronoi cells of all atoms of a crystal, and Ward's statistics of them.

Source: Ward et al., Phys. Rev. B 96, 024104 (2017). The statistics are those of matminer's site featurizers, from one
tessellation of the whole cell instead of one for every atom and feature: a second becomes a fraction of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Voronoi, cKDTree

if TYPE_CHECKING:
    from pymatgen.core import Structure

STATISTICS = ("minimum", "maximum", "range", "mean", "avg_dev")

_REACH = 10.0


@dataclass(frozen=True, slots=True)
class Facets:
    """The facets of all cells: each is seen from the atom whose cell it bounds.

    Attributes
    ----------
    atom, neighbour : ndarray of int, shape (n_facets,)
        Index of the cell's atom, and of the atom behind the facet.
    distance : ndarray, shape (n_facets,)
        From atom to neighbour, Å.
    area, solid_angle : ndarray, shape (n_facets,)
        Å²; steradians.
    vertices : ndarray of int, shape (n_facets,)
    """

    atom: NDArray[np.int64]
    neighbour: NDArray[np.int64]
    distance: NDArray[np.float64]
    area: NDArray[np.float64]
    solid_angle: NDArray[np.float64]
    vertices: NDArray[np.int64]

    @property
    def volume(self) -> NDArray[np.float64]:
        """Volume of the pyramid from the atom to each facet, Å³."""
        return self.area * self.distance / 6

    def mean(self, values: NDArray[np.float64], n_atoms: int) -> NDArray[np.float64]:
        """Mean over the facets of each atom, weighted by their area."""
        return self.total(values * self.area, n_atoms) / self.total(self.area, n_atoms)

    def total(self, values: NDArray[np.float64], n_atoms: int) -> NDArray[np.float64]:
        """Sum over the facets of each atom."""
        return np.asarray(np.bincount(self.atom, values, n_atoms), float)


def tessellate(structure: Structure) -> Facets:
    """Divide a periodic structure into Voronoi cells."""
    n, reach = len(structure), _REACH
    while True:
        points, index = _surrounded(structure, reach)
        cells = Voronoi(points)
        facets = _facets(cells, index, n)
        if facets is not None and 2 * facets[1] <= reach:
            return facets[0]
        reach *= 1.5


def _surrounded(
    structure: Structure, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the atoms of the cell, then all others within `reach`; and their indices in the cell."""
    matrix = structure.lattice.matrix
    cell = (structure.frac_coords % 1.0) @ matrix
    n_images = np.ceil(reach * np.linalg.norm(np.linalg.inv(matrix), axis=0)).astype(int)
    shifts = np.stack(np.meshgrid(*(np.arange(-m, m + 1) for m in n_images)), -1).reshape(-1, 3)
    shifts = shifts[shifts.any(axis=1)]
    around = (cell[None] + (shifts @ matrix)[:, None]).reshape(-1, 3)
    near = cKDTree(cell).query(around, distance_upper_bound=reach)[0] < reach
    index = np.concatenate([np.arange(len(cell)), np.tile(np.arange(len(cell)), len(shifts))[near]])
    return np.concatenate([cell, around[near]]), index


def _facets(cells: Voronoi, index: NDArray[np.int64], n: int) -> tuple[Facets, float] | None:
    """Return the facets of the first n cells and how far their corners are; None if one is open."""
    pairs = cells.ridge_points
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    rows = np.flatnonzero(pairs[:, 0] < n)
    corners = [cells.ridge_vertices[k % len(cells.ridge_points)] for k in rows]
    if not corners or any(-1 in corner for corner in corners):
        return None
    centre = cells.points[pairs[rows, 0]]
    distance = np.linalg.norm(cells.points[pairs[rows, 1]] - centre, axis=1)
    count = np.array([len(corner) for corner in corners])
    facet = np.repeat(np.arange(len(rows)), count)
    corner = cells.vertices[list(chain.from_iterable(corners))] - centre[facet]
    start = np.cumsum(count) - count
    # A facet is a fan of triangles around its first corner.
    inner = np.ones(len(facet), bool)
    inner[start] = inner[start + count - 1] = False
    second = np.flatnonzero(inner)
    a, b, c = corner[start[facet[second]]], corner[second], corner[second + 1]
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    owner, n_facets = facet[second], len(rows)
    found = Facets(
        pairs[rows, 0],
        index[pairs[rows, 1]],
        distance,
        np.bincount(owner, area, n_facets).astype(float),
        np.bincount(owner, _solid_angle(a, b, c), n_facets).astype(float),
        count,
    )
    return found, float(np.linalg.norm(corner, axis=1).max())


def _solid_angle(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Solid angle of triangles seen from the origin (Van Oosterom and Strackee, 1983)."""
    la, lb, lc = (np.linalg.norm(v, axis=1) for v in (a, b, c))
    triple = np.abs((a * np.cross(b, c)).sum(axis=1))
    below = la * lb * lc + (a * b).sum(1) * lc + (a * c).sum(1) * lb + (b * c).sum(1) * la
    return 2 * np.arctan2(triple, below)


def cell_statistics(
    structure: Structure, facets: Facets, properties: Mapping[str, NDArray[np.float64]]
) -> dict[str, float]:
    """Statistics of the atoms' cells over a structure, by matminer's names.

    Parameters
    ----------
    structure : Structure
    facets : Facets
    properties : mapping
        Elemental properties, each an array with a value for every atom.
    """
    n = len(structure)
    f = facets
    found = _five("CN_VoronoiNN", f.total(f.area, n) ** 2 / f.total(f.area**2, n))
    bond = f.mean(f.distance, n)
    variation = f.mean(np.abs(f.distance - bond[f.atom]), n) / bond
    relative = bond / bond.mean()
    found["mean absolute deviation in relative bond length"] = _spread(relative)
    found["max relative bond length"] = float(relative.max())
    found["min relative bond length"] = float(relative.min())
    found |= _five("neighbor distance variation", variation)
    volume = f.total(f.volume, n)
    found["mean absolute deviation in relative cell size"] = _spread(volume) / float(volume.mean())
    for shell, ordering in enumerate(_ordering(structure, f), start=1):
        found[f"mean ordering parameter shell {shell}"] = ordering
    radius = np.full(n, np.inf)
    np.minimum.at(radius, f.atom, f.distance / 2)
    found["max packing efficiency"] = float(4 / 3 * np.pi * (radius**3).sum() / structure.volume)
    for name, table in properties.items():
        difference = f.mean(np.abs(table[f.neighbour] - table[f.atom]), n)
        found |= _five(f"local difference in {name}", difference)
    return found


def _five(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    numbers = (values.min(), values.max(), np.ptp(values), values.mean(), _spread(values))
    return {f"{s} {name}": float(v) for s, v in zip(STATISTICS, numbers, strict=True)}


def _spread(values: NDArray[np.float64]) -> float:
    return float(np.abs(values - values.mean()).mean())


def _ordering(structure: Structure, f: Facets) -> tuple[float, float]:
    """Warren–Cowley-like parameters of the first and second shell, mean of their magnitudes."""
    symbols = [site.specie.symbol for site in structure]
    elements = sorted(set(symbols))
    if len(elements) == 1:
        return 0.0, 0.0
    n = len(symbols)
    kind = np.array([elements.index(s) for s in symbols])
    is_kind = np.eye(len(elements))[kind]
    largest = np.zeros(n)
    np.maximum.at(largest, f.atom, f.area)
    there, back = f.area / largest[f.atom], f.area / largest[f.neighbour]
    first = np.zeros((n, len(elements)))
    np.add.at(first, f.atom, there[:, None] * is_kind[f.neighbour])
    # Two steps, not back to where the first one came from.
    second = np.zeros_like(first)
    onward = first[f.neighbour] - back[:, None] * is_kind[f.atom]
    np.add.at(second, f.atom, there[:, None] * onward)
    share = is_kind.mean(axis=0)
    one, two = (
        float(np.abs(1 - shell / shell.sum(axis=1, keepdims=True) / share).mean())
        for shell in (first, second)
    )
    return one, two

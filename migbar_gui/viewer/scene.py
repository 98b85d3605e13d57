"""What is to be drawn of a crystal, as plain arrays: balls with their periodic images, bonds, cell, polyhedra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Composition, Lattice, Structure

from migbar.elements import is_anion
from migbar_gui.looks.colours import ball_radius, covalent_radius, element_colour, rgb

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]
Kind = Literal["atom", "void"]

BOUNDARY_TOLERANCE = 0.1
"""Atoms this close (Å) to a face of the cell are repeated on the opposite one."""

BOND_FACTOR = 1.2
"""Two atoms closer than this multiple of the sum of their covalent radii are bonded."""

SHELL_FACTOR = 1.2
"""Images outside the cell are shown up to this multiple of the longest nearest-neighbour distance …"""

SHELL_RANGE = (3.2, 6.5)
"""… and in any case within these bounds in Å."""

VOID_SHARE = 0.75
"""Radius of the ghost in a void, as a share of the ion's."""


@dataclass(frozen=True, slots=True)
class AtomInfo:
    """One ball of the picture: an atom or a void, and which periodic image of it.

    Attributes
    ----------
    kind : {"atom", "void"}
    index : int
        Index of the site in the structure shown, or of the void in the list given.
    image : tuple of 3 ints
        Cells along a, b and c from that site as read.
    element : str
        Symbol of the (main) element; of the migrating ion for a void.
    label : str
        Short name, for example ``"Li3"`` or ``"void v2"``.
    frac_coords : tuple of 3 floats
        Fractional coordinates, unwrapped: the image is included.
    position : tuple of 3 floats
        Cartesian coordinates in Å.
    """

    kind: Kind
    index: int
    image: tuple[int, int, int]
    element: str
    label: str
    frac_coords: tuple[float, float, float]
    position: tuple[float, float, float]

    @property
    def radius(self) -> float:
        """Radius of its ball in Å."""
        return ball_radius(self.element) * (VOID_SHARE if self.kind == "void" else 1.0)


@dataclass(frozen=True, slots=True)
class Balls:
    """All balls of one kind, one row each.

    Attributes
    ----------
    kind : {"atom", "void"}
    index, image : ndarray of int, shape (n,) and (n, 3)
    elements : ndarray of str, shape (n,)
    frac_coords, positions : ndarray, shape (n, 3)
        Unwrapped fractional, and Cartesian coordinates in Å.
    radii : ndarray, shape (n,)
        In Å.
    colours : ndarray, shape (n, 3)
        Red, green and blue from 0 to 1.
    beyond : ndarray of bool, shape (n,)
        Whether it lies outside the cell and is there only to be clicked.
    """

    kind: Kind
    index: Ints
    image: Ints
    elements: NDArray[np.str_]
    frac_coords: Floats
    positions: Floats
    radii: Floats
    colours: Floats
    beyond: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.index)

    def info(self, row: int) -> AtomInfo:
        """Describe one ball."""
        index, element = int(self.index[row]), str(self.elements[row])
        i, j, k = (int(n) for n in self.image[row])
        u, v, w = (float(x) for x in self.frac_coords[row])
        x, y, z = (float(x) for x in self.positions[row])
        label = f"{element}{index}" if self.kind == "atom" else f"void v{index}"
        return AtomInfo(self.kind, index, (i, j, k), element, label, (u, v, w), (x, y, z))

    def where(self, mask: NDArray[np.bool_]) -> Balls:
        """Keep some of the balls."""
        return Balls(self.kind, *(getattr(self, array.name)[mask] for array in fields(self)[1:]))


def no_balls(kind: Kind) -> Balls:
    """Return an empty picture."""
    none = np.zeros((0, 3))
    return Balls(
        kind,
        np.zeros(0, int),
        np.zeros((0, 3), int),
        np.zeros(0, "<U3"),
        none,
        none,
        np.zeros(0),
        none,
        np.zeros(0, bool),
    )


# ------------------------------------------------------------------ atoms and their images


def atom_balls(structure: Structure, ion: str | None, boundary: bool = True) -> Balls:
    """Return the atoms to draw.

    With `boundary` that is: every atom of the cell, its images on opposite faces, edges and corners, the
    anions that complete the coordination of the cell's cations, and, marked ``beyond``, images of
    the mobile ion around the cell that an ion in the cell may hop to.
    """
    elements = np.array([_main_element(site) for site in structure])
    frac = structure.frac_coords
    if boundary:
        index, image, beyond = _with_boundary(structure.lattice, frac, elements, ion)
    else:
        index, image = np.arange(len(frac)), -np.floor(frac + 1e-6).astype(int)
        beyond = np.zeros(len(frac), bool)
    unwrapped: Floats = frac[index] + image
    return Balls(
        "atom",
        index,
        image,
        elements[index],
        unwrapped,
        np.asarray(unwrapped @ structure.lattice.matrix),
        _per_element(elements, ball_radius)[index],
        _site_colours(structure)[index],
        beyond,
    )


def void_balls(lattice: Lattice, voids: Sequence[Sequence[float]], ion: str | None) -> Balls:
    """Return the voids to draw as ghosts of the ion: those of the cell and images that can be hopped to."""
    if not len(voids):
        return no_balls("void")
    frac = np.array(voids, float)
    index, image = _images_within(frac, _margin(lattice, BOUNDARY_TOLERANCE))
    shell = _shell(lattice, frac, index, image)
    index, image = np.append(index, shell[0]), np.vstack([image, shell[1]])
    unwrapped: Floats = frac[index] + image
    n, symbol = len(index), ion or ""
    return Balls(
        "void",
        index,
        image,
        np.full(n, symbol),
        unwrapped,
        unwrapped @ lattice.matrix,
        np.full(n, VOID_SHARE * ball_radius(symbol)),
        np.tile(rgb(element_colour(symbol)), (n, 1)),
        np.arange(n) >= n - len(shell[0]),
    )


def _main_element(site) -> str:  # type: ignore[no-untyped-def]
    return str(max(site.species.items(), key=lambda item: item[1])[0].symbol)


def _site_colours(structure: Structure) -> Floats:
    kinds = {species: _mixed_colour(species) for species in {site.species for site in structure}}
    return np.array([kinds[site.species] for site in structure])


def _mixed_colour(species: Composition) -> Floats:
    """Mix the colours of a partly occupied site, white for what is empty."""
    colour = np.zeros(3)
    for element, occupancy in species.items():
        colour += occupancy * np.array(rgb(element_colour(element.symbol)))
    return np.minimum(colour + max(0.0, 1.0 - species.num_atoms), 1.0)


def _per_element(elements: NDArray[np.str_], value) -> Floats:  # type: ignore[no-untyped-def]
    symbols, inverse = np.unique(elements, return_inverse=True)
    return np.array([value(str(symbol)) for symbol in symbols])[inverse]


def _margin(lattice: Lattice, distance: float) -> Floats:
    """Return a distance in Å across each pair of cell faces in fractional units."""
    return distance * np.linalg.norm(np.linalg.inv(lattice.matrix), axis=0)


def _images_within(frac: Floats, margin: Floats) -> tuple[Ints, Ints]:
    """Return index and image of all points that lie in the cell widened by `margin` on all sides."""
    low = np.ceil(-margin - frac).astype(int)
    high = np.floor(1 + margin - frac).astype(int)
    index: list[Ints] = []
    image: list[Ints] = []
    for step in product(*(range(n) for n in (high - low).max(axis=0) + 1)):
        inside = np.flatnonzero((low + step <= high).all(axis=1))
        index.append(inside)
        image.append(low[inside] + np.array(step))
    order = np.argsort(np.concatenate(index), kind="stable")
    return np.concatenate(index)[order], np.vstack(image)[order]


def _with_boundary(
    lattice: Lattice, frac: Floats, elements: NDArray[np.str_], ion: str | None
) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    index, image = _images_within(frac, _margin(lattice, BOUNDARY_TOLERANCE))
    linked = _linked_anions(lattice, frac, elements, ion, index, image)
    shell = np.zeros(0, int), np.zeros((0, 3), int)
    if ion is not None:
        own = elements[index] == ion
        sites = np.flatnonzero(elements == ion)
        local = np.searchsorted(sites, index[own])
        if len(sites):
            found, cells = _shell(lattice, frac[sites], local, image[own])
            shell = sites[found], cells
    beyond = np.zeros(len(index) + len(linked[0]) + len(shell[0]), bool)
    beyond[len(index) + len(linked[0]) :] = True
    return (
        np.concatenate([index, linked[0], shell[0]]),
        np.vstack([image, linked[1], shell[1]]),
        beyond,
    )


def _linked_anions(
    lattice: Lattice,
    frac: Floats,
    elements: NDArray[np.str_],
    ion: str | None,
    index: Ints,
    image: Ints,
) -> tuple[Ints, Ints]:
    """Find anions outside the cell that are bonded to a host cation inside it."""
    anions = np.flatnonzero(_per_element(elements, is_anion).astype(bool) & (elements != ion))
    cations = ~np.isin(index, anions) & (elements[index] != ion)
    if not len(anions) or not cations.any():
        return np.zeros(0, int), np.zeros((0, 3), int)
    radii = _per_element(elements, covalent_radius)
    reach = BOND_FACTOR * (radii[anions].max() + radii[index[cations]].max())
    found, cells = _images_within(frac[anions], _margin(lattice, reach + BOUNDARY_TOLERANCE))
    found = anions[found]
    shown = {(int(i), *map(int, n)) for i, n in zip(index, image, strict=True)}
    new = np.array(
        [(int(i), *map(int, n)) not in shown for i, n in zip(found, cells, strict=True)], bool
    )
    found, cells = found[new], cells[new]
    pairs = _pairs(
        (frac[found] + cells) @ lattice.matrix,
        (frac[index[cations]] + image[cations]) @ lattice.matrix,
        radii[found],
        radii[index[cations]],
    )
    linked = np.unique(pairs[:, 0])
    return found[linked], cells[linked]


def _pairs(first: Floats, second: Floats, first_radii: Floats, second_radii: Floats) -> Ints:
    """Return the rows of points in `first` and `second` that are within bonding distance, shape (n, 2)."""
    if not len(first) or not len(second):
        return np.zeros((0, 2), int)
    reach = BOND_FACTOR * (first_radii.max() + second_radii.max())
    one, other, distances = _neighbours(first, second, reach)
    keep = distances < BOND_FACTOR * (first_radii[one] + second_radii[other])
    return np.stack([one[keep], other[keep]], axis=1)


def _neighbours(centres: Floats, points: Floats, reach: float) -> tuple[Ints, Ints, Floats]:
    """Return rows of `centres`, rows of `points` and their distances, up to `reach` Å."""
    from pymatgen.optimization.neighbors import find_points_in_spheres

    centre, point, _, distances = find_points_in_spheres(
        np.ascontiguousarray(points),
        np.ascontiguousarray(centres),
        float(reach),
        np.zeros(3, np.int64),  # not periodic: images are points of their own here
        np.eye(3),
    )
    return centre, point, distances


def _shell(lattice: Lattice, frac: Floats, index: Ints, image: Ints) -> tuple[Ints, Ints]:
    """Find images outside the cell that are about one hop away from a point (index, image) inside it."""
    inside = (frac[index] + image) @ lattice.matrix
    found, cells = _images_within(frac, _margin(lattice, SHELL_RANGE[1]))
    positions = (frac[found] + cells) @ lattice.matrix
    centre, point, distances = _neighbours(inside, positions, SHELL_RANGE[1])
    shown = np.zeros(len(positions), bool)
    shown[point[distances < 1e-3]] = True

    apart = distances > 1e-3
    nearest = np.full(len(inside), np.inf)
    np.minimum.at(nearest, centre[apart], distances[apart])
    longest = nearest[np.isfinite(nearest)].max(initial=0.0)
    near = distances < np.clip(SHELL_FACTOR * longest, *SHELL_RANGE)
    wanted = np.zeros(len(positions), bool)
    wanted[point[near]] = True
    wanted &= ~shown
    return found[wanted], cells[wanted]


# ------------------------------------------------------------------ bonds, polyhedra, cell


def bonds(balls: Balls, ion: str | None) -> Ints:
    """Return the bonded pairs of rows of `balls`, shape (n, 2).

    Bonded are an anion and any other element within `BOND_FACTOR` times the sum of their covalent radii;
    like atoms never are, nor is the mobile ion.
    """
    anion = _per_element(balls.elements, is_anion).astype(bool)
    radii = _per_element(balls.elements, covalent_radius)
    member = ~balls.beyond & (balls.elements != ion)
    first, second = np.flatnonzero(member & anion), np.flatnonzero(member)
    pairs = _pairs(balls.positions[first], balls.positions[second], radii[first], radii[second])
    pairs = np.stack([first[pairs[:, 0]], second[pairs[:, 1]]], axis=1)
    unlike = balls.elements[pairs[:, 0]] != balls.elements[pairs[:, 1]]
    once = ~anion[pairs[:, 1]] | (pairs[:, 0] < pairs[:, 1])
    return np.asarray(pairs[unlike & once])


@dataclass(frozen=True, slots=True)
class Polyhedra:
    """Coordination polyhedra as triangles, each with its own corners.

    Attributes
    ----------
    triangles : ndarray, shape (n, 3, 3)
        Cartesian corners in Å.
    colours : ndarray, shape (n, 3)
    edges : ndarray, shape (m, 2, 3)
    edge_colours : ndarray, shape (m, 3)
    """

    triangles: Floats
    colours: Floats
    edges: Floats
    edge_colours: Floats


def polyhedra(balls: Balls, pairs: Ints, ion: str | None) -> Polyhedra:
    """Return the polyhedra that anions span around the host's cations."""
    neighbours: dict[int, list[int]] = {}
    for one, other in pairs:
        for centre, corner in ((one, other), (other, one)):
            if not is_anion(str(balls.elements[centre])) and balls.elements[centre] != ion:
                neighbours.setdefault(int(centre), []).append(int(corner))
    triangles, colours = [np.zeros((0, 3, 3))], [np.zeros((0, 3))]
    edges, edge_colours = [np.zeros((0, 2, 3))], [np.zeros((0, 3))]
    for centre, corners in neighbours.items():
        points = balls.positions[corners]
        if len(points) < 4 or np.linalg.matrix_rank(points - points.mean(axis=0), tol=0.3) < 3:
            continue
        hull = _hull(points)
        triangles.append(points[hull.simplices])
        colours.append(np.tile(balls.colours[centre], (len(hull.simplices), 1)))
        rim = _rim(hull)
        edges.append(points[rim])
        edge_colours.append(np.tile(balls.colours[centre], (len(rim), 1)))
    return Polyhedra(
        np.concatenate(triangles),
        np.concatenate(colours),
        np.concatenate(edges),
        np.concatenate(edge_colours),
    )


def _hull(points: Floats):  # type: ignore[no-untyped-def]
    from scipy.spatial import ConvexHull

    return ConvexHull(points)


def _rim(hull) -> Ints:  # type: ignore[no-untyped-def]
    """Return the edges of a hull between faces that are not in one plane, as rows of its points."""
    normals: dict[tuple[int, int], list[Floats]] = {}
    for corners, equation in zip(hull.simplices, hull.equations, strict=True):
        for i, j in ((0, 1), (1, 2), (0, 2)):
            edge = (min(corners[i], corners[j]), max(corners[i], corners[j]))
            normals.setdefault(edge, []).append(equation[:3])
    return np.array([edge for edge, (n, m) in normals.items() if n @ m < 0.98], int).reshape(-1, 2)


def cell_edges(lattice: Lattice) -> Floats:
    """Return the twelve edges of the unit cell in Å, shape (12, 2, 3); the first three are a, b and c."""
    corners = np.array(list(product((0, 1), repeat=3)))
    edges = [
        (start, start + step)
        for step in np.eye(3, dtype=int)
        for start in corners
        if not start @ step
    ]
    edges.sort(key=lambda edge: bool(edge[0].any()))
    return np.array(edges) @ lattice.matrix

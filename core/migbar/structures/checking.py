"""Whether what a file says makes sense as a crystal: its cell, occupancies, and atoms that overlap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Lattice, Structure

from migbar.errors import EmptyStructureError, OverlapError, StructureFileError
from migbar.structures.cif import MAX_ATOMS, Atom, too_many_atoms

# Atoms closer than this (Å) overlap; closer than _SAME_SITE they share one site, if both fit.
_OVERLAP = 0.5
_SAME_SITE = 0.01
_THINNEST_CELL, _LONGEST_CELL = 1.0, 500.0


def checked_structure(matrix: NDArray[np.float64], atoms: Sequence[Atom], name: str) -> Structure:
    """Make a structure of what a file says, or raise what is wrong with it.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        Lattice vectors as rows in Å.
    atoms : sequence of Atom
        All of the cell; positions need not lie in it.
    name : str
        Name of the file, for error messages.

    Raises
    ------
    EmptyStructureError, OverlapError, StructureFileError
    """
    if not atoms:
        raise EmptyStructureError(name, "holds no atoms.")
    if len(atoms) > MAX_ATOMS:
        raise too_many_atoms(name, len(atoms))
    frac = np.array([atom.frac for atom in atoms])
    if not (np.isfinite(matrix).all() and np.isfinite(frac).all()):
        raise StructureFileError(name, "has a coordinate or a cell vector that is not a number.")
    check_cell(matrix, name)
    frac = frac % 1.0
    frac[np.abs(frac - 1.0) < 1e-12] = 0.0
    atoms, frac = _share_sites(matrix, atoms, frac, name)
    for atom in atoms:
        total = sum(atom.species.values())
        if not 0 < total <= 1.05 or min(atom.species.values()) < 0:
            raise StructureFileError(
                name, f"{atom.label} has the occupancy {total:g}; it must lie between 0 and 1."
            )
    species = [_normalised(atom.species) for atom in atoms]
    labels = [atom.label for atom in atoms]
    return Structure(Lattice(matrix), species, frac, labels=labels)


def _normalised(species: dict[str, float]) -> Any:
    """Fill a site that is full but for rounding, such as 0.333 + 0.667."""
    total = sum(species.values())
    factor = 1 / total if total > 1 or abs(total - 1) < 1e-3 else 1.0
    if len(species) == 1 and abs(total * factor - 1) < 1e-9:
        return Element(next(iter(species)))
    return {Element(symbol): occupancy * factor for symbol, occupancy in species.items()}


def check_cell(matrix: NDArray[np.float64], name: str) -> None:
    """Raise `StructureFileError` for a cell with rows `matrix` (Å) that is flat or absurdly long."""
    lengths = np.linalg.norm(matrix, axis=1)
    if lengths.max() > _LONGEST_CELL:
        raise StructureFileError(
            name, f"its cell is {lengths.max():.4g} Å long; at most {_LONGEST_CELL:g} Å are read."
        )
    if _heights(matrix).min() < _THINNEST_CELL:
        raise StructureFileError(name, "its cell is less than 1 Å thick: no crystal is like that.")


def _share_sites(
    matrix: NDArray[np.float64], atoms: Sequence[Atom], frac: NDArray[np.float64], name: str
) -> tuple[list[Atom], NDArray[np.float64]]:
    """Join atoms that take turns on one site; raise `OverlapError` for others that overlap."""
    joined = list(atoms)
    gone: set[int] = set()
    for i, j, distance in close_pairs(matrix, frac):
        if i in gone or j in gone:
            continue
        total = sum(joined[i].species.values()) + sum(joined[j].species.values())
        partly = all(sum(joined[k].species.values()) < 1 - 1e-6 for k in (i, j))
        if partly and distance < _SAME_SITE and total > 1.05:
            raise OverlapError(
                name,
                f"{atoms[i].label} (index {i}) and {atoms[j].label} (index {j}) share a place, but their "
                f"occupancies add up to {total:g}; it must be 1 at most.",
            )
        if not partly:
            raise OverlapError(
                name,
                f"{atoms[i].label} (index {i}) and {atoms[j].label} (index {j}) are "
                f"{distance:.2f} Å apart; atoms closer than {_OVERLAP} Å overlap.",
            )
        if distance < _SAME_SITE:
            joined[i] = _together(joined[i], joined[j])
            gone.add(j)
    kept = [i for i in range(len(atoms)) if i not in gone]
    return [joined[i] for i in kept], frac[kept]


def _together(one: Atom, other: Atom) -> Atom:
    species = dict(one.species)
    for symbol, occupancy in other.species.items():
        species[symbol] = species.get(symbol, 0.0) + occupancy
    label = one.label if one.label == other.label else f"{one.label}/{other.label}"
    return Atom(label, species, one.frac)


def close_pairs(
    matrix: NDArray[np.float64], frac: NDArray[np.float64]
) -> list[tuple[int, int, float]]:
    """Pairs of atoms closer than 0.5 Å, with their distance.

    Searched in a box scaled by the heights of the cell, where no pair is farther apart (in the
    largest of the three components) than in space.
    """
    from scipy.spatial import cKDTree

    box = _heights(matrix)
    points = frac * box % box
    # Eight neighbours tell of an overlap, however many atoms a damaged file puts in one place.
    _, nearest = cKDTree(points, boxsize=box, balanced_tree=False).query(
        points, k=9, p=np.inf, distance_upper_bound=min(_OVERLAP, 0.499 * float(box.min()))
    )
    first, second = np.broadcast_to(np.arange(len(frac))[:, None], nearest.shape), nearest
    real = (second < len(frac)) & (second != first)
    pairs = np.unique(np.sort(np.column_stack([first[real], second[real]]), axis=1), axis=0)
    apart = frac[pairs[:, 1]] - frac[pairs[:, 0]]
    apart -= np.round(apart)
    distances = np.linalg.norm(apart @ matrix, axis=1)
    return [
        (i, j, d)
        for (i, j), d in zip(pairs.tolist(), distances.tolist(), strict=True)
        if d < _OVERLAP
    ]


def _heights(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances between opposite faces of a cell in Å, shape (3,)."""
    faces = np.linalg.norm(np.cross(matrix[[1, 2, 0]], matrix[[2, 0, 1]]), axis=1)
    volume = abs(np.linalg.det(matrix))
    return np.asarray(volume / np.maximum(faces, 1e-12), dtype=np.float64)

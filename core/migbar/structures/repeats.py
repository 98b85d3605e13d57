"""What a supercell consists of: a smaller cell that it repeats along its vectors, within a tolerance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRIMES = (2, 3, 5, 7)
"""Repeats that are looked for, and their products."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A cell that a supercell repeats along its vectors.

    Attributes
    ----------
    times : ndarray of int, shape (3,)
        How often along each vector.
    matrix : ndarray, shape (3, 3)
        Vectors of the part in rows, Å.
    frac_coords : ndarray, shape (n_atoms, 3)
        Means of the repeated atoms, in the part's own cell.
    kinds : ndarray of int, shape (n_atoms,)
    members : ndarray of int, shape (n_sites,)
        Which atom of the part each site of the supercell is.
    """

    times: NDArray[np.int_]
    matrix: NDArray[np.float64]
    frac_coords: NDArray[np.float64]
    kinds: NDArray[np.int_]
    members: NDArray[np.int_]


def repeated_part(
    matrix: NDArray[np.float64],
    frac_coords: NDArray[np.float64],
    kinds: NDArray[np.int_],
    tolerance: float,
) -> Part:
    """Return the smallest cell that a crystal repeats along its vectors; the crystal itself where there is none.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        Vectors in rows, Å.
    frac_coords : ndarray, shape (n_sites, 3)
    kinds : ndarray of int, shape (n_sites,)
        Sites of one kind can be repeats of one another.
    tolerance : float
        In Å, between an atom's place and where the one beside it has it.
    """
    part = Part(np.ones(3, int), matrix, frac_coords, kinds, np.arange(len(kinds)))
    for axis in range(3):
        for prime in PRIMES:
            while (smaller := _divided(part, axis, prime, tolerance)) is not None:
                part = smaller
    return part


def _divided(part: Part, axis: int, times: int, tolerance: float) -> Part | None:
    """Return what a cell repeats so many times along one of its vectors, if it does."""
    step = np.eye(3)[axis] / times
    copies = _copies(part, step, tolerance)
    if copies is None:
        return None
    every = np.arange(len(copies))
    rows = [every]
    for _ in range(1, times):
        rows.append(copies[rows[-1]])
    first = np.min(rows, axis=0)
    chosen = np.flatnonzero(first == every)
    if len(chosen) * times != len(every):
        return None
    start = part.frac_coords[chosen]
    off = [part.frac_coords[row[chosen]] - n * step - start for n, row in enumerate(rows)]
    mean = start + np.mean([one - np.round(one) for one in off], axis=0)
    more = np.where(np.arange(3) == axis, times, 1)
    return Part(
        part.times * more,
        part.matrix / more[:, None],
        mean * more,
        part.kinds[chosen],
        np.searchsorted(chosen, first)[part.members],
    )


def _copies(part: Part, step: NDArray[np.float64], tolerance: float) -> NDArray[np.int_] | None:
    """Return which atom stands a step from each, if one of its kind does everywhere."""
    found = np.empty(len(part.kinds), int)
    kinds, counts = np.unique(part.kinds, return_counts=True)
    for kind in kinds[np.argsort(counts)]:  # few tell quickly
        own = np.flatnonzero(part.kinds == kind)
        places = part.frac_coords[own]
        apart = places[:, None] + step - places
        apart -= np.round(apart)
        distances = np.linalg.norm(apart @ part.matrix, axis=2)
        nearest = distances.argmin(axis=1)
        if distances.min(axis=1).max() > tolerance or len(np.unique(nearest)) < len(own):
            return None
        found[own] = own[nearest]
    return found

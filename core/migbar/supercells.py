"""Supercells: how large a cell a hop needs, and the band of the hop in it."""

from __future__ import annotations

import itertools
import re

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import Band, linear_path
from migbar.errors import HopError, SiteError, SupercellError
from migbar.hops import Hop, Mechanism
from migbar.structures import MAX_ATOMS, formula

MIN_TRANSLATION = 8.0
"""Shortest lattice translation in Å that an automatic supercell may have (training cells: mostly 8.5–11)."""

LEFT_BESIDE_A_VACANCY = 2
"""Least number of further ions in the automatic supercell of a vacancy: without any it would be the charged limit."""

# Lengths that differ by less (Å) are the same: vectors in files have few digits.
_SAME_LENGTH = 1e-3

MAX_REPEATS = 100
"""A number in a supercell's matrix that is larger than this is a slip of the keyboard."""

Matrix = NDArray[np.int_]


def shortest_translation(matrix: NDArray[np.float64]) -> float:
    """Length in Å of the shortest lattice translation of the cell with row vectors `matrix` (3×3, Å)."""
    from pymatgen.core import Lattice

    reduced = Lattice(matrix).get_lll_reduced_lattice().matrix
    combinations = np.array([n for n in itertools.product((-2, -1, 0, 1, 2), repeat=3) if any(n)])
    return float(np.linalg.norm(combinations @ reduced, axis=1).min())


def choose_supercell(
    structure: Structure, hop: Hop | None = None, minimum: float = MIN_TRANSLATION
) -> Matrix:
    """Choose the smallest supercell whose shortest lattice translation is at least `minimum` Å.

    Multiples of the cell as read are tried first, then multiples of its reduced cell, which do
    better where the cell is strongly skewed; the smaller one wins. Where the hop would run into its
    own image (its vector is a translation of the supercell), or two sites to be emptied would be one, a larger
    one is taken. That of a vacancy holds `LEFT_BESIDE_A_VACANCY` further ions or more.

    Returns
    -------
    ndarray of int, shape (3, 3)
        Rows are the supercell's vectors in those of the cell as read.
    """
    apart = _vectors_between_places(structure, hop)
    best = _best_multiple(structure, hop, minimum, apart)
    if best is None:  # one of them is a whole multiple of every one
        best = _best_multiple(structure, hop, minimum, apart[:0])
    assert best is not None
    if np.linalg.det(best) < 0:
        best = -best
    while _has_translation(apart, best):
        best = best * 2
    return best


def _vectors_between_places(structure: Structure, hop: Hop | None) -> NDArray[np.float64]:
    """Return the vectors between the ends and the emptied sites of a hop in the cell as read, shape (n, 3)."""
    if hop is None:
        return np.zeros((0, 3))
    places = [hop.start, hop.end, *(site.frac_coords(structure) for site in hop.removed)]
    return np.array([np.subtract(b, a) for a, b in itertools.combinations(places, 2)])


def _best_multiple(
    structure: Structure, hop: Hop | None, minimum: float, apart: NDArray[np.float64]
) -> Matrix | None:
    """Return the smaller one of the least multiples of the cell as read and of its reduced cell."""
    base = structure.lattice.matrix
    times = _least_times(structure, hop)
    reduction = np.rint(
        structure.lattice.get_lll_reduced_lattice().matrix @ np.linalg.inv(base)
    ).astype(int)
    candidates = [
        matrix
        for start in (np.eye(3, dtype=int), reduction)
        if (matrix := _smallest_multiple(start, base, minimum, times, apart)) is not None
    ]
    return min(candidates, key=lambda m: round(abs(np.linalg.det(m))), default=None)


def _least_times(structure: Structure, hop: Hop | None) -> int:
    """Return how many cells as read hold enough ions for the hop's mechanism."""
    if hop is None or hop.mechanism is not Mechanism.VACANCY:
        return 1
    ions = sum(site.specie.symbol == hop.ion for site in structure)
    return -(-(2 + len(hop.removed) + LEFT_BESIDE_A_VACANCY) // ions)


def _smallest_multiple(
    start: Matrix, base: NDArray[np.float64], minimum: float, times: int, apart: NDArray[np.float64]
) -> Matrix | None:
    """Return diag(n) @ start of least volume, `times` cells or more, with translations of at least `minimum`.

    None of them is one of the vectors `apart`.
    """
    enough = minimum - _SAME_LENGTH
    lengths = np.linalg.norm(start @ base, axis=1)
    # A vector shorter than the minimum has to be repeated at least this often; skew may need more.
    least = np.maximum(1, np.ceil(enough / lengths)).astype(int)
    tries = sorted(
        itertools.product(*(range(n, n + 4) for n in least)), key=lambda n: (np.prod(n), max(n))
    )
    for repeats in tries:
        matrix = np.diag(repeats) @ start
        if np.prod(repeats) < times or _has_translation(apart, matrix):
            continue
        if shortest_translation(matrix @ base) >= enough:
            return matrix
    return None


def meets_own_image(hop: Hop, matrix: Matrix) -> bool:
    """Whether the hop's vector is a lattice translation of the supercell (rows as in `choose_supercell`)."""
    return _has_translation(np.subtract([hop.end], [hop.start]), matrix)


def _has_translation(vectors: NDArray[np.float64], matrix: Matrix) -> bool:
    """Whether one of the vectors, shape (n, 3), is a lattice translation of the supercell, and not zero."""
    cells = vectors @ np.linalg.inv(matrix)
    whole = np.rint(cells)
    return bool((np.isclose(cells, whole, rtol=0, atol=1e-4).all(axis=1) & whole.any(axis=1)).any())


def parse_supercell(text: str) -> Matrix | None:
    """Read ``auto`` (None), ``none`` (identity), ``2,2,1``, ``2 × 2 × 1`` or nine numbers row by row.

    Raises
    ------
    SupercellError
        If `text` is none of these, or its volume is not positive.
    """
    text = text.strip().lower()
    if text == "auto":
        return None
    if text == "none":
        return np.eye(3, dtype=int)
    try:
        numbers = [int(n) for n in re.split(r"[,;x×\s]+", text)]
    except ValueError:
        numbers = []
    if len(numbers) == 3:
        matrix = np.diag(numbers)
    elif len(numbers) == 9:
        matrix = np.array(numbers).reshape(3, 3)
    else:
        raise SupercellError(f"'{text}' is not a supercell; write auto, none, or 2,2,1.")
    if max(map(abs, numbers)) > MAX_REPEATS:
        raise SupercellError(
            f"the supercell {text[:40]} is too large; repeat at most {MAX_REPEATS} times."
        )
    if np.linalg.det(matrix) < 0.5:
        raise SupercellError(f"the supercell {text} has no positive volume.")
    return matrix


# ------------------------------------------------------------------ from a hop to its band


def make_band(
    structure: Structure, hop: Hop, supercell: Matrix | None = None, n_images: int = 3
) -> Band:
    """Build the supercell, apply the hop's mechanism in it, and interpolate the band linearly.

    Parameters
    ----------
    structure : Structure
        The ordered structure that the hop was made in.
    hop : Hop
    supercell : ndarray of int, shape (3, 3), optional
        Chosen by `choose_supercell` where not given.
    n_images : int
        Images between the two ends.

    Raises
    ------
    SupercellError
        If the hop goes from an atom to its own image in this supercell, or the supercell is too large.
    SiteError
        If a site to be emptied does not exist in the supercell.
    HopError
        If the mechanism leaves no atom around the ion.
    """
    matrix = choose_supercell(structure, hop) if supercell is None else np.asarray(supercell, int)
    if meets_own_image(hop, matrix):
        raise SupercellError(
            f"the hop {hop.label} goes from an atom to its own periodic image in this cell; "
            "use a larger supercell (on the command line: --supercell auto)."
        )
    n_atoms = round(abs(np.linalg.det(matrix)) * len(structure))
    if n_atoms > MAX_ATOMS:
        raise SupercellError(
            f"the supercell for the hop {hop.label} holds {n_atoms:,} atoms; at most {MAX_ATOMS:,} can be "
            "worked with. Take a smaller supercell, or a shorter hop."
        )
    cell = structure.make_supercell(matrix, to_unit_cell=False, in_place=False)
    inverse = np.linalg.inv(matrix)
    emptied = [site.frac_coords(structure) for site in hop.removed]
    if hop.mechanism.between_sites:
        emptied += [hop.start, hop.end]
    indices = [atom_at(cell, hop.ion, np.array(point) @ inverse) for point in emptied]
    if len(set(indices)) < len(indices):
        raise SiteError(
            "two of the sites to be emptied are the same atom in this supercell; name each site once, or take a "
            "larger supercell."
        )
    if hop.mechanism is Mechanism.SINGLE_ION:
        indices = [i for i, site in enumerate(cell) if site.specie.symbol == hop.ion]
    if len(indices) == len(cell):
        raise HopError(
            f"{formula(structure)} is nothing but {hop.ion}: no atom is left around the one that moves. Use the "
            "mechanism vacancy, in a larger supercell."
        )
    cell.remove_sites(indices)
    host = Structure(cell.lattice, [site.specie for site in cell], cell.frac_coords)
    ends = np.array([hop.start, hop.end]) @ inverse
    return Band(host, hop.ion, linear_path(ends[0], ends[1], n_images))


def atom_at(cell: Structure, ion: str, point: NDArray[np.float64]) -> int:
    """Return the index of the ion at fractional coordinates of a cell.

    Raises
    ------
    SiteError
        If there is none.
    """
    distances = cell.lattice.get_all_distances(point, cell.frac_coords)[0]
    nearest = int(distances.argmin())
    if distances[nearest] > 0.05 or cell[nearest].specie.symbol != ion:
        raise SiteError(f"the supercell has no {ion} at {np.round(point, 3).tolist()}.")
    return nearest

"""Hops: which ion goes from where to where, by which mechanism, in how large a supercell."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.bands import Band, idpp_band, linear_path
from migbar.errors import FrenkelPairError, HopError, SiteError, SupercellError
from migbar.structures import MAX_ATOMS, formula, require_ordered

MIN_TRANSLATION = 8.0
"""Shortest lattice translation in Å that an automatic supercell may have (training cells: mostly 8.5–11)."""

LEFT_BESIDE_A_VACANCY = 2
"""Least number of further ions in the automatic supercell of a vacancy: without any it would be the charged limit."""

SITE_TOLERANCE = 0.3
"""A fractional end this close (Å) to an occupied site of the ion is taken to be that site."""

MAX_REPEATS = 100
"""A number in a supercell's matrix that is larger than this is a slip of the keyboard."""

LONGEST_HOP = 50.0
"""Ends farther apart (Å) are a slip: the longest hops that are looked for have 12 Å."""

ON_TOP = 0.5
"""A free end closer to an atom than this (Å) lies on top of it."""

Point = tuple[float, float, float]
Matrix = NDArray[np.int_]


class Mechanism(StrEnum):
    """How the ion and its neighbours of the same kind are set up (science: which charge state is meant)."""

    VACANCY = "vacancy"
    """Both ends are occupied sites; the final one is emptied, all others stay."""
    SINGLE_ION = "single_ion"
    """Both ends are occupied sites; every other ion of the element is removed."""
    INTERSTITIAL = "interstitial"
    """One extra ion goes from void to void in the perfect crystal."""
    INSERTION = "insertion"
    """One ion is put into a host without any and goes from void to void."""

    @property
    def between_sites(self) -> bool:
        """Whether both ends are occupied sites of the structure as read."""
        return self in (Mechanism.VACANCY, Mechanism.SINGLE_ION)


@dataclass(frozen=True, slots=True, order=True)
class SiteRef:
    """A site of the structure as read, and the periodic image of it that is meant.

    Written ``3@1,0,0``: zero-based index 3, one cell along a.
    """

    index: int
    image: tuple[int, int, int] = (0, 0, 0)

    def __str__(self) -> str:
        if self.image == (0, 0, 0):
            return str(self.index)
        return f"{self.index}@" + ",".join(map(str, self.image))

    def frac_coords(self, structure: Structure) -> Point:
        """Fractional coordinates in the cell of `structure`, unwrapped."""
        x, y, z = structure[self.index].frac_coords + np.array(self.image)
        return float(x), float(y), float(z)


@dataclass(frozen=True, slots=True)
class Hop:
    """One ion's way from one place to another in the structure as read.

    Attributes
    ----------
    ion : str
        Symbol of the migrating element.
    start, end : tuple of 3 floats
        Fractional coordinates in the cell as read, unwrapped: the straight line between them is the path.
    mechanism : Mechanism
    removed : tuple of SiteRef
        Further sites of the ion that are empty.
    start_site, end_site : SiteRef or None
        The occupied sites at the ends, for mechanisms between sites.
    """

    ion: str
    start: Point
    end: Point
    mechanism: Mechanism
    removed: tuple[SiteRef, ...] = ()
    start_site: SiteRef | None = None
    end_site: SiteRef | None = None

    @property
    def label(self) -> str:
        """The two ends in the notation of the command line, for example ``0 → 3@1,0,0``."""
        return " → ".join(self.end_labels)

    @property
    def end_labels(self) -> tuple[str, str]:
        """The initial and the final end by themselves."""
        return _end_label(self.start, self.start_site), _end_label(self.end, self.end_site)

    def length(self, structure: Structure) -> float:
        """Straight distance between the ends in Å."""
        vector = structure.lattice.get_cartesian_coords(np.subtract(self.end, self.start))
        return float(np.linalg.norm(vector))


def _end_label(point: Point, site: SiteRef | None) -> str:
    return str(site) if site is not None else "(" + ", ".join(f"{x:.3f}" for x in point) + ")"


# ------------------------------------------------------------------ naming the ends


def parse_site(text: str) -> tuple[int, tuple[int, int, int] | None]:
    """Read ``3`` or ``3@1,0,0``; the image is None where none is given.

    Raises
    ------
    SiteError
        If `text` is neither.
    """
    match = re.fullmatch(
        r"\s*(\d{1,9})\s*(?:@\s*(-?\d{1,3})\s*,\s*(-?\d{1,3})\s*,\s*(-?\d{1,3})\s*)?", text
    )
    if match is None:
        raise SiteError(
            f"'{text}' is not a site; write an index, or index@i,j,k for a periodic image."
        )
    index, *image = match.groups()
    if image[0] is None:
        return int(index), None
    i, j, k = (int(n) for n in image)
    return int(index), (i, j, k)


def nearest_images(
    structure: Structure, start: Sequence[float], point: Sequence[float]
) -> list[tuple[int, int, int]]:
    """Find the lattice translations that bring `point` nearest to `start`, but not onto it.

    Among equally near ones (within 1e-3 Å) the lowest image comes first: the smallest |i|+|j|+|k|,
    then the largest (i, j, k), so that 1,0,0 comes before -1,0,0.
    """
    origin, frac = np.asarray(start, float), np.asarray(point, float)
    reach = range(-3, 4)  # wide enough for strongly skewed primitive cells
    around = np.array(list(itertools.product(reach, repeat=3)))
    images = np.round(origin - frac).astype(int) + around
    vectors = structure.lattice.get_cartesian_coords(frac + images - origin)
    distances = np.linalg.norm(vectors, axis=1)
    distances[distances < 1e-6] = np.inf  # the start itself
    near = images[distances < distances.min() + 1e-3]
    ranked = sorted(near.tolist(), key=lambda n: (sum(map(abs, n)), [-k for k in n]))
    return [(i, j, k) for i, j, k in ranked]


def _check_index(structure: Structure, index: int) -> None:
    if not 0 <= index < len(structure):
        raise SiteError(
            f"there is no site {index}; {formula(structure)} has sites 0 to {len(structure) - 1} (see migbar sites)."
        )


def _check_ion_site(structure: Structure, ion: str, site: SiteRef) -> None:
    _check_index(structure, site.index)
    found = structure[site.index].specie.symbol
    if found != ion:
        raise SiteError(f"site {site.index} is {found}, not {ion} (see migbar sites --ion {ion}).")


# ------------------------------------------------------------------ making hops


def hop_between_sites(
    structure: Structure,
    ion: str,
    start: SiteRef,
    end: SiteRef,
    mechanism: Mechanism = Mechanism.VACANCY,
    removed: Sequence[SiteRef] = (),
) -> Hop:
    """Make a hop between two occupied sites of the ion.

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    SiteError
        If an end, or a removed site, is not a site of the ion.
    HopError
        If start and end are the same, a removed site is an end, or the mechanism is one between voids.
    """
    require_ordered(structure)
    if not mechanism.between_sites:
        raise HopError(
            f"sites {start} and {end} are occupied, and '{mechanism}' goes from void to void; "
            "use the mechanism vacancy or single_ion."
        )
    for site in (start, end, *removed):
        _check_ion_site(structure, ion, site)
    if start == end:
        raise HopError(
            f"the hop starts and ends at site {start}; pick another final site or image."
        )
    if {start, end} & set(removed):
        raise HopError("an end of the hop cannot be removed as well.")
    hop = Hop(
        ion,
        start.frac_coords(structure),
        end.frac_coords(structure),
        mechanism,
        tuple(removed),
        start,
        end,
    )
    _check_not_too_long(structure, hop)
    return hop


def hop_between_points(
    structure: Structure,
    ion: str,
    start: Sequence[float],
    end: Sequence[float],
    mechanism: Mechanism,
    removed: Sequence[SiteRef] = (),
) -> Hop:
    """Make a hop between two fractional positions, which may lie outside [0, 1).

    For mechanisms between sites each end must lie within `SITE_TOLERANCE` of a site of the ion and is
    moved onto it; for mechanisms between voids the positions are taken as they are.

    Raises
    ------
    FrenkelPairError
        If one end is an occupied site of the ion and the other a void.
    SiteError
        If an end does not fit the mechanism.
    HopError
        If start and end are the same.
    """
    require_ordered(structure)
    sites = [_ion_site_at(structure, ion, point) for point in (start, end)]
    if mechanism.between_sites:
        return _hop_between_matched_sites(structure, ion, sites, mechanism, removed)
    if (sites[0] is None) != (sites[1] is None) and mechanism is Mechanism.INTERSTITIAL:
        raise FrenkelPairError
    if mechanism is Mechanism.INSERTION and ion in structure.symbol_set:
        raise HopError(
            f"insertion puts {ion} into a host without any, but {formula(structure)} has {ion}; "
            "use single_ion between its sites, or interstitial between voids."
        )
    for point in (start, end):
        _check_not_on_top(structure, point)
    for site in removed:
        _check_ion_site(structure, ion, site)
    first, last = _point(start), _point(end)
    hop = Hop(ion, first, last, mechanism, tuple(removed))
    if hop.length(structure) < 0.1:
        raise HopError("the hop starts and ends at the same place; pick another final position.")
    _check_not_too_long(structure, hop)
    return hop


def _check_not_too_long(structure: Structure, hop: Hop) -> None:
    length = hop.length(structure)
    if length > LONGEST_HOP:
        raise HopError(
            f"the ends of {hop.label} are {length:.4g} Å apart; no single hop is longer than "
            f"{LONGEST_HOP:g} Å. Pick a nearer final site or image."
        )


def _hop_between_matched_sites(
    structure: Structure,
    ion: str,
    sites: Sequence[SiteRef | None],
    mechanism: Mechanism,
    removed: Sequence[SiteRef],
) -> Hop:
    start, end = sites
    if start is not None and end is not None:
        return hop_between_sites(structure, ion, start, end, mechanism, removed)
    if start is None and end is None:
        raise SiteError(
            f"no site of {ion} lies within {SITE_TOLERANCE} Å of either end; "
            "use interstitial or insertion for a hop between voids."
        )
    raise FrenkelPairError


def _point(values: Sequence[float]) -> Point:
    x, y, z = (float(v) for v in values)
    return x, y, z


def _ion_site_at(structure: Structure, ion: str, point: Sequence[float]) -> SiteRef | None:
    """Return the site of the ion within `SITE_TOLERANCE` of a position, if there is one."""
    indices = [i for i, site in enumerate(structure) if site.specie.symbol == ion]
    if not indices:
        return None
    frac = structure.frac_coords[indices]
    distances = structure.lattice.get_all_distances(point, frac)[0]
    best = int(distances.argmin())
    if distances[best] > SITE_TOLERANCE:
        return None
    _, image = structure.lattice.get_distance_and_image(point, frac[best])
    i, j, k = (int(n) for n in image)
    return SiteRef(indices[best], (i, j, k))


def _check_not_on_top(structure: Structure, point: Sequence[float]) -> None:
    distances = structure.lattice.get_all_distances(point, structure.frac_coords)[0]
    nearest = int(distances.argmin())
    if distances[nearest] < ON_TOP:
        shown = ", ".join(f"{x:.3f}" for x in point)
        raise SiteError(
            f"the end ({shown}) lies on top of {structure[nearest].specie.symbol} (site {nearest}, "
            f"{distances[nearest]:.2f} Å away); pick a void (see migbar sites --voids)."
        )


# ------------------------------------------------------------------ supercells


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
    own image (its vector is a translation of the supercell) a larger one is taken. That of a vacancy holds
    `LEFT_BESIDE_A_VACANCY` further ions or more.

    Returns
    -------
    ndarray of int, shape (3, 3)
        Rows are the supercell's vectors in those of the cell as read.
    """
    best = _best_multiple(structure, hop, minimum, hop)
    if best is None:  # the hop is a whole multiple of every one
        best = _best_multiple(structure, hop, minimum, None)
    assert best is not None
    if np.linalg.det(best) < 0:
        best = -best
    while hop is not None and meets_own_image(hop, best):
        best = best * 2
    return best


def _best_multiple(
    structure: Structure, hop: Hop | None, minimum: float, avoided: Hop | None
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
        if (matrix := _smallest_multiple(start, base, minimum, times, avoided)) is not None
    ]
    return min(candidates, key=lambda m: round(abs(np.linalg.det(m))), default=None)


def _least_times(structure: Structure, hop: Hop | None) -> int:
    """Return how many cells as read hold enough ions for the hop's mechanism."""
    if hop is None or hop.mechanism is not Mechanism.VACANCY:
        return 1
    ions = sum(site.specie.symbol == hop.ion for site in structure)
    return -(-(2 + LEFT_BESIDE_A_VACANCY) // ions)


def _smallest_multiple(
    start: Matrix, base: NDArray[np.float64], minimum: float, times: int, hop: Hop | None
) -> Matrix | None:
    """Return diag(n) @ start of least volume, `times` cells or more, with translations of at least `minimum`.

    None of them is the vector of the hop, where one is given.
    """
    lengths = np.linalg.norm(start @ base, axis=1)
    # A vector shorter than the minimum has to be repeated at least this often; skew may need more.
    least = np.maximum(1, np.ceil(minimum / lengths - 1e-9)).astype(int)
    tries = sorted(
        itertools.product(*(range(n, n + 4) for n in least)), key=lambda n: (np.prod(n), max(n))
    )
    for repeats in tries:
        matrix = np.diag(repeats) @ start
        if np.prod(repeats) < times or (hop is not None and meets_own_image(hop, matrix)):
            continue
        if shortest_translation(matrix @ base) >= minimum - 1e-6:
            return matrix
    return None


def meets_own_image(hop: Hop, matrix: Matrix) -> bool:
    """Whether the hop's vector is a lattice translation of the supercell (rows as in `choose_supercell`)."""
    vector = np.subtract(hop.end, hop.start) @ np.linalg.inv(matrix)
    return bool(np.allclose(vector, np.rint(vector), atol=1e-4))


def parse_supercell(text: str) -> Matrix | None:
    """Read ``auto`` (None), ``none`` (identity), ``2,2,1`` or nine numbers row by row.

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
        numbers = [int(n) for n in re.split(r"[,x\s]+", text)]
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
    """
    matrix = choose_supercell(structure, hop) if supercell is None else np.asarray(supercell, int)
    if meets_own_image(hop, matrix):
        raise SupercellError(
            f"the hop {hop.label} goes from an atom to its own periodic image in this cell; "
            "use a larger supercell (--supercell auto)."
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
    indices = [_atom_at(cell, hop.ion, np.array(point) @ inverse) for point in emptied]
    if len(set(indices)) < len(indices):
        raise SiteError(
            "two of the sites to be emptied are the same atom in this supercell; name each site once, or take a "
            "larger supercell."
        )
    if hop.mechanism is Mechanism.SINGLE_ION:
        indices = [i for i, site in enumerate(cell) if site.specie.symbol == hop.ion]
    cell.remove_sites(indices)
    host = Structure(cell.lattice, [site.specie for site in cell], cell.frac_coords)
    ends = np.array([hop.start, hop.end]) @ inverse
    return Band(host, hop.ion, linear_path(ends[0], ends[1], n_images))


def _atom_at(cell: Structure, ion: str, point: NDArray[np.float64]) -> int:
    distances = cell.lattice.get_all_distances(point, cell.frac_coords)[0]
    nearest = int(distances.argmin())
    if distances[nearest] > 0.05 or cell[nearest].specie.symbol != ion:
        raise SiteError(f"the supercell has no {ion} at {np.round(point, 3).tolist()}.")
    return nearest


def displayed_band(band: Band, idpp: bool = False, n_images: int = 3) -> Band:
    """Return the band to show: straight, or bent around the host's atoms by IDPP."""
    return idpp_band(band, n_images) if idpp else band.straight(n_images)

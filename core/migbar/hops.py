"""Hops: which ion goes from where to where, by which mechanism."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from pymatgen.core import Structure

from migbar.elements import is_element
from migbar.errors import FrenkelPairError, HopError, SiteError
from migbar.structures import formula, require_ordered

SITE_TOLERANCE = 0.3
"""A fractional end this close (Å) to an occupied site of the ion is taken to be that site."""

LONGEST_HOP = 50.0
"""Ends farther apart (Å) are a slip: the longest hops that are looked for have 12 Å."""

ON_TOP = 0.5
"""A free end closer to an atom than this (Å) lies on top of it."""

Point = tuple[float, float, float]


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
    end_is_nearest : bool
        Whether the image of the final place is the nearest one, which its name alone stands for.
    """

    ion: str
    start: Point
    end: Point
    mechanism: Mechanism
    removed: tuple[SiteRef, ...] = ()
    start_site: SiteRef | None = None
    end_site: SiteRef | None = None
    end_is_nearest: bool = field(default=True, compare=False)

    @property
    def label(self) -> str:
        """The two ends in the notation of the command line, for example ``0 → 3@1,0,0``."""
        return " → ".join(self.end_labels)

    @property
    def end_labels(self) -> tuple[str, str]:
        """The initial and the final end by themselves."""
        start, end = _end_label(self.start, self.start_site), _end_label(self.end, self.end_site)
        home = self.end_site is not None and self.end_site.image == (0, 0, 0)
        return start, end + "@0,0,0" if home and not self.end_is_nearest else end

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
    # Of a reduced cell, however skewed the cell as read is, two vectors either way suffice.
    reduced = structure.lattice.get_lll_reduced_lattice().matrix
    to_reduced = structure.lattice.matrix @ np.linalg.inv(reduced)
    around = np.array(list(itertools.product(range(-2, 3), repeat=3)))
    cells = np.round((origin - frac) @ to_reduced) + around
    images = np.rint(cells @ np.linalg.inv(to_reduced)).astype(int)
    vectors = structure.lattice.get_cartesian_coords(frac + images - origin)
    distances = np.linalg.norm(vectors, axis=1)
    distances[distances < 1e-6] = np.inf  # the start itself
    near = images[distances < distances.min() + 1e-3]
    ranked = sorted(near.tolist(), key=lambda n: (sum(map(abs, n)), [-k for k in n]))
    return [(i, j, k) for i, j, k in ranked]


def _check_index(structure: Structure, index: int) -> None:
    if not 0 <= index < len(structure):
        raise SiteError(
            f"there is no site {index}; {formula(structure)} has sites 0 to {len(structure) - 1} "
            "(on the command line, see migbar sites)."
        )


def _check_ion_site(structure: Structure, ion: str, site: SiteRef) -> None:
    _check_index(structure, site.index)
    found = structure[site.index].specie.symbol
    if found != ion:
        raise SiteError(
            f"site {site.index} is {found}, not {ion} "
            f"(on the command line, see migbar sites --ion {ion})."
        )


# ------------------------------------------------------------------ making hops


def require_element(ion: str) -> None:
    """Raise `HopError` where what is to move is no chemical element."""
    if not is_element(ion):
        raise HopError(f"'{ion}' is not a chemical element; write the ion's symbol, such as Li.")


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
    first, last = start.frac_coords(structure), end.frac_coords(structure)
    nearest = nearest_images(structure, first, structure[end.index].frac_coords)[0] == end.image
    hop = Hop(ion, first, last, mechanism, tuple(removed), start, end, nearest)
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
            f"{distances[nearest]:.2f} Å away); pick a void (on the command line, see migbar sites --voids)."
        )

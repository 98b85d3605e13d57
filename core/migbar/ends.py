"""Naming a hop: the notation for its ends that the command line, dialogs and tables share.

``3`` and ``3@1,0,0`` are sites and their periodic images, ``v0`` and ``v0@1,0,0`` voids; anything else is
given as fractional coordinates. Where the final end names no image the nearest one is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pymatgen.core import Structure

from migbar.barriers import Remark
from migbar.errors import HopError, NoMobileIonError, SiteError
from migbar.hops import (
    Hop,
    Mechanism,
    Point,
    SiteRef,
    hop_between_points,
    hop_between_sites,
    nearest_images,
    parse_site,
    require_element,
)
from migbar.structures import formula, mobile_ions, require_ordered
from migbar.voids import find_voids

Image = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a hop: where it is in the home cell, and the image that was asked for."""

    point: Point
    image: Image | None
    site: int | None = None
    name: str = ""

    def at(self, image: Image) -> Point:
        x, y, z = (p + n for p, n in zip(self.point, image, strict=True))
        return x, y, z


def name_hop(
    structure: Structure,
    ion: str,
    start: str | Point,
    end: str | Point,
    mechanism: Mechanism | None = None,
    remove: Sequence[str] = (),
) -> tuple[Hop, list[Remark]]:
    """Make the hop between two named ends.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
        Symbol of the migrating element.
    start, end : str or tuple of 3 floats
        A site or void in the notation of this module, or fractional coordinates, which are taken as they are.
    mechanism : Mechanism, optional
        Where not given: insertion into a host without the ion, interstitial between two voids, else vacancy.
    remove : sequence of str
        Further sites of the ion that are empty.

    Returns
    -------
    hop : Hop
    remarks : list of Remark
        What was chosen for the user.

    Raises
    ------
    SiteError, HopError, FrenkelPairError, NoMobileIonError, OccupancyError
    """
    require_ordered(structure)
    require_element(ion)
    first, last = (_find_end(structure, ion, end) for end in (start, end))
    removed = [_site_ref(text) for text in remove]
    chosen = mechanism or _implied_mechanism(structure, ion, start, end)
    start_image = first.image or (0, 0, 0)
    end_image, remarks = _final_image(structure, first.at(start_image), last)
    if first.site is not None and last.site is not None:
        ends = SiteRef(first.site, start_image), SiteRef(last.site, end_image)
        return hop_between_sites(structure, ion, *ends, chosen, removed), remarks
    points = first.at(start_image), last.at(end_image)
    return hop_between_points(structure, ion, *points, chosen, removed), remarks


def parse_mechanism(text: str) -> Mechanism:
    """Read the name of a mechanism.

    Raises
    ------
    HopError
        If there is none of that name.
    """
    try:
        return Mechanism(text.strip().lower().replace("-", "_"))
    except ValueError:
        names = ", ".join(Mechanism)
        raise HopError(f"'{text}' is not a mechanism; choose one of {names}.") from None


def parse_point(text: str) -> Point:
    """Read fractional coordinates ``x,y,z``; numbers may be fractions such as 1/3.

    Raises
    ------
    SiteError
        If `text` is not three numbers.
    """
    try:
        x, y, z = (_number(part) for part in text.split(","))
    except (ValueError, ZeroDivisionError):
        raise SiteError(
            f"'{text[:60]}' is not a position; write fractional coordinates as x,y,z."
        ) from None
    return x, y, z


def parse_end(text: str) -> str | Point:
    """Read fractional coordinates, which have commas and no image; sites and voids stay as they are written.

    Coordinates may stand in brackets, as in exported tables.

    Raises
    ------
    SiteError
        If it has a comma and is not three numbers.
    """
    if "," not in text or "@" in text:
        return text
    return parse_point(text.strip().removeprefix("(").removesuffix(")"))


def _number(text: str) -> float:
    top, slash, bottom = text.partition("/")
    value = float(top) / float(bottom) if slash else float(top)
    if not abs(value) < 1000:
        raise ValueError("not within a thousand cells of the origin")
    return value


def _find_end(structure: Structure, ion: str, end: str | Point) -> _End:
    if not isinstance(end, str):
        return _End(end, (0, 0, 0))
    if end.strip().lower().startswith("v"):
        index, image = parse_site(end.strip()[1:])
        voids = find_voids(structure, ion)
        if index >= len(voids):
            raise SiteError(
                f"there is no void {end}; {len(voids)} were found "
                "(on the command line, see migbar sites --voids)."
            )
        return _End(voids[index].frac_coords, image, name=f"v{index}")
    index, image = parse_site(end)
    if ion not in structure.symbol_set:
        raise NoMobileIonError(ion, formula(structure), mobile_ions(structure))
    if index >= len(structure):
        raise SiteError(
            f"there is no site {index}; {formula(structure)} has sites 0 to {len(structure) - 1} "
            "(on the command line, see migbar sites)."
        )
    return _End(SiteRef(index).frac_coords(structure), image, index, str(index))


def _site_ref(text: str) -> SiteRef:
    index, image = parse_site(text)
    return SiteRef(index, image or (0, 0, 0))


def _implied_mechanism(
    structure: Structure, ion: str, start: str | Point, end: str | Point
) -> Mechanism:
    if ion not in structure.symbol_set:
        return Mechanism.INSERTION
    voids = [isinstance(e, str) and e.strip().lower().startswith("v") for e in (start, end)]
    return Mechanism.INTERSTITIAL if all(voids) else Mechanism.VACANCY


def _final_image(structure: Structure, start: Point, end: _End) -> tuple[Image, list[Remark]]:
    """Return the image of the final end: the one asked for, else the nearest, told where tied."""
    if end.image is not None:
        return end.image, []
    nearest, *ties = nearest_images(structure, start, end.point)
    if not ties:
        return nearest, []
    took, *others = (f"{end.name}@{i},{j},{k}" for i, j, k in (nearest, *ties))
    text = (
        f"Several images of {end.name} are equally near; took {took} (also: {'; '.join(others)})."
    )
    return nearest, [Remark("tied_images", text)]

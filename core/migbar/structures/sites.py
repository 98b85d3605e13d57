"""What a crystal is made of: its formula, the ions that may move, and their sites."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import Any

from pymatgen.core import Element, Structure

from migbar.elements import MOBILE_IONS
from migbar.errors import NoMobileIonError, OccupancyError
from migbar.structures.symmetries import SYMPREC, symmetry

_INSERTED = ("Li", "Na", "K", "Mg", "Ca", "Zn", "Al", "Rb", "Sr")


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A site of a structure, as a list of sites shows it.

    Attributes
    ----------
    index : int
        Zero-based index in the structure.
    element : str
        Symbol of the mobile ion.
    label : str
        Label from the file.
    wyckoff : str
        Multiplicity in the conventional cell and Wyckoff letter, for example ``"4a"``.
    frac_coords : tuple of float
        Fractional coordinates.
    """

    index: int
    element: str
    label: str
    wyckoff: str
    frac_coords: tuple[float, float, float]


def formula(structure: Structure) -> str:
    """Reduced formula, for example ``"LiFePO4"``; with decimals where sites are partly occupied."""
    amounts = structure.composition.get_el_amt_dict()
    whole = [round(a) for a in amounts.values() if abs(a - round(a)) < 1e-3]
    if len(whole) == len(amounts):
        return structure.composition.reduced_formula
    divisor = gcd(*whole) or 1
    ordered = sorted(amounts, key=lambda symbol: Element(symbol).X)
    return "".join(
        symbol + ("" if abs(n - 1) < 1e-3 else f"{n:.3f}".rstrip("0").rstrip("."))
        for symbol in ordered
        for n in [amounts[symbol] / divisor]
    )


def is_partly_occupied(structure: Structure) -> bool:
    """Whether some site is shared, or not always occupied."""
    return not structure.is_ordered


def require_ordered(structure: Structure) -> None:
    """Raise `OccupancyError`, naming the sites, if some are partly occupied."""
    labels = [site.label for site in structure if not site.is_ordered]
    if labels:
        raise OccupancyError(list(dict.fromkeys(labels)))


def mobile_ions(structure: Structure) -> list[str]:
    """Elements of the structure that may migrate, the likeliest first.

    Alkali metals come before alkaline earths, and those before Zn and Al, which belong to the
    framework where anything lighter is present. Ag and Cu count where there is none of these.
    """
    present = {element.symbol for element in structure.elements}
    return [ion for ion in MOBILE_IONS if ion in present] or [
        ion for ion in ("Ag", "Cu") if ion in present
    ]


def insertion_ions(structure: Structure) -> list[str]:
    """Ions that can be put into the structure because it holds none of them, Li first."""
    present = {element.symbol for element in structure.elements}
    return [ion for ion in _INSERTED if ion not in present]


def list_sites(structure: Structure, ion: str, symprec: float = SYMPREC) -> list[SiteInfo]:
    """List the sites of a mobile ion.

    Parameters
    ----------
    structure : Structure
        The crystal.
    ion : str
        Symbol of the element.
    symprec : float
        Tolerance of the symmetry search in Å.

    Raises
    ------
    NoMobileIonError
        When the structure has no site of this element.
    """
    indices = [i for i, site in enumerate(structure) if ion in _symbols(site)]
    if not indices:
        raise NoMobileIonError(ion, formula(structure), mobile_ions(structure))
    wyckoffs = symmetry(structure, symprec).wyckoffs
    return [
        SiteInfo(i, ion, structure[i].label, wyckoffs[i], tuple(structure[i].frac_coords.tolist()))
        for i in indices
    ]


def _symbols(site: Any) -> set[str]:
    return {species.symbol for species in site.species}

"""What the code needs to know about chemical elements: symbols, charges and radii."""

from __future__ import annotations

from functools import cache

MOBILE_IONS = ("Li", "Na", "K", "Rb", "Mg", "Ca", "Sr", "Zn", "Al")
"""The migrating ions of the training data, the likeliest first."""

_ANIONS = {"O": -2, "S": -2, "Se": -2, "Te": -2, "F": -1, "Cl": -1, "Br": -1, "I": -1, "N": -3}

# Elements whose oxidation state hardly varies in oxides, chalcogenides, nitrides and halides.
_FIXED_CHARGES = {
    **_ANIONS,
    **dict.fromkeys(("H", "Li", "Na", "K", "Rb", "Cs", "Ag"), 1),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd"), 2),
    **dict.fromkeys(("B", "Al", "Ga", "In", "Sc", "Y", "La", "Nd", "Sm", "Gd", "Dy", "Lu"), 3),
    **dict.fromkeys(("C", "Si", "Ge", "Ti", "Zr", "Hf", "Sn"), 4),
    **dict.fromkeys(("P", "As", "Sb", "Nb", "Ta"), 5),
}

# R. D. Shannon, Acta Cryst. A 32, 751 (1976), coordination number 6, usual charge.
_RADII = {
    "O": 1.40,
    "S": 1.84,
    "Se": 1.98,
    "Te": 2.21,
    "F": 1.33,
    "Cl": 1.81,
    "Br": 1.96,
    "I": 2.20,
    "N": 1.46,
    "Li": 0.76,
    "Na": 1.02,
    "K": 1.38,
    "Rb": 1.52,
    "Mg": 0.72,
    "Ca": 1.00,
    "Sr": 1.18,
    "Zn": 0.74,
    "Al": 0.535,
    "Ag": 1.15,
    "Cu": 0.77,
    "P": 0.38,
    "Si": 0.40,
}


@cache
def is_element(symbol: str) -> bool:
    """Whether `symbol` is a chemical element, written the usual way (``"Li"``, not ``"LI"``)."""
    from pymatgen.core.periodic_table import Element

    return Element.is_valid_symbol(symbol)


def is_anion(symbol: str) -> bool:
    """Whether the element is an anion in the solids this program is for."""
    return symbol in _ANIONS


def usual_charge(symbol: str) -> int | None:
    """Oxidation state of an element that hardly varies, or None for one that does (Fe, Mn …)."""
    return _FIXED_CHARGES.get(symbol)


@cache
def ionic_radius(symbol: str) -> float:
    """Radius of an element's usual ion in Å.

    Shannon's radius for six neighbours for anions and mobile ions, else the average ionic radius,
    else (for elements without one) the atomic radius.

    Parameters
    ----------
    symbol : str
        Chemical symbol.
    """
    if symbol in _RADII:
        return _RADII[symbol]
    from pymatgen.core.periodic_table import Element

    element = Element(symbol)
    radius = element.average_ionic_radius or element.atomic_radius
    return float(radius or element.atomic_radius_calculated or element.van_der_waals_radius)

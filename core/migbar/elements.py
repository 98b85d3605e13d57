"""What the code needs to know about chemical elements: symbols, charges and radii."""

from __future__ import annotations

from collections.abc import Mapping
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

# Mobile as this ion, though it has other oxidation states in frameworks.
_MOBILE_CHARGES = {"Cu": 1}

REDUCIBLE = ("Ti", "Zr", "Hf", "Nb", "Ta", "Sn", "Sb")
"""Elements that have less than their usual charge where a compound would not be neutral otherwise (LiTiS2, NbS2)."""

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


HEAVY_HYDROGEN = ("D", "T")
"""Symbols of isotopes that stand for an element of their own in files."""


@cache
def is_element(symbol: str) -> bool:
    """Whether `symbol` is a chemical element, written the usual way (``"Li"``, not ``"LI"``).

    Those beyond nobelium do not count: nobody has seen a crystal of them, and they have no known radius. Nor do
    ``"D"`` and ``"T"``, for which files' readers take hydrogen.
    """
    from pymatgen.core.periodic_table import Element

    known = Element.is_valid_symbol(symbol) and symbol not in HEAVY_HYDROGEN
    return known and Element(symbol).Z <= 102


def is_anion(symbol: str) -> bool:
    """Whether the element is an anion in the solids this program is for."""
    return symbol in _ANIONS


def usual_charge(symbol: str) -> int | None:
    """Oxidation state of an element that hardly varies, or None for one that does (Fe, Mn …)."""
    return _FIXED_CHARGES.get(symbol)


def mobile_charge(symbol: str) -> int:
    """Charge of an element as an ion that moves, negative for an anion; 2 where it could have several."""
    usual = _MOBILE_CHARGES.get(symbol, usual_charge(symbol))
    return 2 if usual is None else usual


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


_ANION_NAMES = {
    "O": "oxide", "S": "sulfide", "Se": "selenide", "Te": "telluride", "F": "fluoride", "Cl": "chloride",
    "Br": "bromide", "I": "iodide", "N": "nitride",
}  # fmt: skip
_POLYANIONS = {
    ("P", "O"): ("phosphate", 3.0), ("S", "O"): ("sulfate", 3.0), ("Si", "O"): ("silicate", 3.0),
    ("B", "O"): ("borate", 1.5), ("C", "O"): ("carbonate", 2.5), ("As", "O"): ("arsenate", 3.0),
    ("P", "S"): ("thiophosphate", 3.0), ("Sb", "S"): ("thioantimonate", 3.0),
}  # fmt: skip


def compound_class(amounts: Mapping[str, float]) -> str:
    """Name the kind of compound by its anions, for example ``"oxide"`` or ``"phosphate fluoride"``.

    Parameters
    ----------
    amounts : mapping
        Number of atoms by element.

    Returns
    -------
    str
        A polyanion is named where there are enough ligands for its centres, and a cyanide where there are about
        as many N as C; ``"other"`` for a compound without any of the usual anions.
    """
    names, bound = [], set()
    if (
        0 < amounts.get("C", 0) <= amounts.get("N", 0) < 1.5 * amounts["C"]
    ):  # a nitrosyl may replace one of six
        names, bound = ["cyanide"], {"C", "N"}
    for (centre, ligand), (name, ligands) in _POLYANIONS.items():
        enough = amounts.get(ligand, 0) >= ligands * amounts.get(centre, 0) > 0
        if enough and centre not in bound:
            names.append(name)
            bound |= {centre, ligand}
    names += [
        name for anion, name in _ANION_NAMES.items() if anion in amounts and anion not in bound
    ]
    return " ".join(names) or "other"

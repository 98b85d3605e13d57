"""Chemical tables behind the descriptors.

They are kept here, apart from everything else, because trained weights hang on them: whoever
changes a number has to train every descriptor model again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Structure

ANION_CHARGE = {
    **dict.fromkeys(("F", "Cl", "Br", "I", "H"), -1.0),
    **dict.fromkeys(("O", "S", "Se", "Te"), -2.0),
    **dict.fromkeys(("N", "P", "As", "Sb"), -3.0),
}
"""Formal charge of an element as anion."""

_ANION_RADIUS = {
    "H": 1.40, "F": 1.33, "O": 1.40, "N": 1.46, "Cl": 1.81, "S": 1.84, "Br": 1.96,
    "Se": 1.98, "P": 2.12, "As": 2.22, "I": 2.20, "Te": 2.21, "Sb": 2.40,
}  # fmt: skip
"""Radii in Å for sixfold coordination: Shannon, Acta Cryst. A32, 751 (1976); pnictides after Pauling."""

_CATION_RADIUS = {
    "Li": 0.76, "Na": 1.02, "K": 1.38, "Rb": 1.52, "Cs": 1.67, "Be": 0.45, "Mg": 0.72, "Ca": 1.00,
    "Sr": 1.18, "Ba": 1.35, "Zn": 0.74, "Cd": 0.95, "Hg": 1.02, "Al": 0.535, "Ga": 0.62, "In": 0.80,
    "Tl": 0.885, "Sc": 0.745, "Y": 0.90, "Ti": 0.64, "Zr": 0.72, "Hf": 0.71, "V": 0.60, "Nb": 0.68,
    "Ta": 0.66, "Cr": 0.615, "Mo": 0.64, "W": 0.62, "Mn": 0.645, "Tc": 0.645, "Re": 0.60, "Fe": 0.645,
    "Ru": 0.64, "Os": 0.60, "Co": 0.60, "Rh": 0.64, "Ir": 0.65, "Ni": 0.60, "Pd": 0.70, "Pt": 0.65,
    "Cu": 0.70, "Ag": 1.15, "Au": 0.85, "B": 0.20, "C": 0.16, "Si": 0.33, "Ge": 0.48, "Sn": 0.69,
    "Pb": 0.90, "N": 0.13, "P": 0.28, "As": 0.42, "Sb": 0.60, "Bi": 0.96, "S": 0.22, "Se": 0.38,
    "Te": 0.56, "Cl": 0.20, "Br": 0.35, "I": 0.60, "H": 0.10,
    "La": 1.032, "Ce": 0.97, "Pr": 0.99, "Nd": 0.983, "Pm": 0.97, "Sm": 0.958, "Eu": 0.99, "Gd": 0.938,
    "Tb": 0.923, "Dy": 0.912, "Ho": 0.901, "Er": 0.89, "Tm": 0.88, "Yb": 0.868, "Lu": 0.861,
    "Th": 0.94, "U": 0.89,
}  # fmt: skip
"""Radii in Å of the usual charge: Shannon, Acta Cryst. A32, 751 (1976).

Rounded means where an element has several usual charges or spins (Ti, V, Co, Pt …), or sits in polyanions (B, Si, P …:
between four and six neighbours).
"""

_FIXED_CHARGE = {
    **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs", "Ag", "H"), 1.0),
    **dict.fromkeys(("Be", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Hg"), 2.0),
    **dict.fromkeys(("Al", "Ga", "In", "Sc", "Y", "La", "Pr", "Nd", "Pm", "Sm", "Gd", "B"), 3.0),
    **dict.fromkeys(("Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu"), 3.0),
    **dict.fromkeys(("C", "Si", "Ge", "Zr", "Hf", "Th"), 4.0),
    **dict.fromkeys(("P", "As", "N"), 5.0),
    **dict.fromkeys(("S", "Se", "Te"), 6.0),
    **dict.fromkeys(("Cl", "Br", "I"), 7.0),
}
"""Formal charge of a cation that hardly ever has another; all others share what neutrality leaves."""

# r and c of O'Keeffe & Brese, J. Am. Chem. Soc. 113, 3226 (1991).
_BOND_VALENCE = {
    "Ag": (1.12, 1.42), "Al": (1.13, 1.47), "As": (1.21, 2.23), "B": (0.79, 1.60), "Ba": (1.88, 0.97),
    "Be": (0.81, 1.47), "Bi": (1.54, 1.67), "Br": (1.13, 2.58), "C": (0.78, 2.00), "Ca": (1.50, 1.04),
    "Cd": (1.28, 1.46), "Ce": (1.68, 1.08), "Cl": (0.99, 2.74), "Co": (1.09, 1.70), "Cr": (1.16, 1.56),
    "Cs": (2.05, 0.86), "Cu": (0.87, 1.75), "Dy": (1.54, 1.10), "Er": (1.51, 1.11), "Eu": (1.62, 1.01),
    "F": (0.58, 3.98), "Fe": (1.16, 1.64), "Ga": (1.14, 1.82), "Gd": (1.58, 1.11), "Ge": (1.21, 1.51),
    "H": (0.38, 0.89), "Hf": (1.42, 1.23), "Hg": (1.32, 1.44), "Ho": (1.53, 1.10), "I": (1.33, 2.38),
    "In": (1.34, 1.49), "Ir": (1.37, 1.55), "K": (1.73, 0.91), "La": (1.71, 1.08), "Li": (1.00, 0.97),
    "Lu": (1.47, 1.14), "Mg": (1.21, 1.23), "Mn": (1.17, 1.60), "Mo": (1.37, 1.30), "N": (0.72, 2.61),
    "Na": (1.36, 1.01), "Nb": (1.40, 1.23), "Nd": (1.64, 1.07), "Ni": (1.04, 1.75), "O": (0.63, 3.15),
    "P": (1.09, 1.96), "Pb": (1.53, 1.55), "Pd": (1.11, 1.35), "Pr": (1.66, 1.07), "Rb": (1.84, 0.89),
    "Re": (1.37, 1.46), "Rh": (1.18, 1.54), "Ru": (1.21, 1.42), "S": (1.03, 2.35), "Sb": (1.41, 1.72),
    "Sc": (1.34, 1.20), "Se": (1.18, 2.51), "Si": (1.12, 1.58), "Sm": (1.61, 1.07), "Sn": (1.37, 1.72),
    "Sr": (1.66, 0.99), "Ta": (1.39, 1.33), "Tb": (1.56, 1.10), "Te": (1.40, 2.72), "Th": (1.70, 1.11),
    "Ti": (1.27, 1.32), "Tl": (1.62, 1.44), "Tm": (1.50, 1.11), "U": (1.59, 1.22), "V": (1.21, 1.45),
    "W": (1.38, 1.40), "Y": (1.52, 1.11), "Yb": (1.49, 1.06), "Zn": (1.07, 1.66), "Zr": (1.43, 1.22),
}  # fmt: skip

_COVALENT_RADIUS = {
    "H": 0.25, "F": 0.50, "O": 0.60, "N": 0.65, "Cl": 1.00, "S": 1.00, "Br": 1.15, "Se": 1.15,
    "P": 1.00, "As": 1.15, "I": 1.40, "Te": 1.40, "Sb": 1.45,
}  # fmt: skip
"""Slater, J. Chem. Phys. 41, 3199 (1964), Å."""

_BOND_FACTOR = 1.25
"""Atoms closer than this times the sum of their covalent radii count as bonded."""


_FIELD = (0.0, 0.4, 0.8, 1.2, 0.6, 0.0, 0.4, 0.8, 1.2, 0.6, 0.0)
"""Stabilisation of d⁰ … d¹⁰ over the octahedral splitting, high spin: 0.4 for each electron in t₂g, −0.6 in e_g
(Burns, Mineralogical Applications of Crystal Field Theory, 1993)."""

_DISTORTION = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""1 where high-spin electrons fill e_g unevenly, d⁴ and d⁹ (Jahn and Teller, Proc. R. Soc. A 161, 220 (1937))."""


@cache
def pauling(symbol: str) -> float:
    """Electronegativity after Pauling; 1.5 where there is none."""
    element = Element(symbol)
    return float(element.data.get("X") or 1.5)


@cache
def period(symbol: str) -> int:
    """Row of the periodic table."""
    return int(Element(symbol).row)


@cache
def group(symbol: str) -> int:
    """Group of the periodic table."""
    return int(Element(symbol).group)


@cache
def cation_radius(symbol: str) -> float:
    """Ionic radius of a cation in Å; 0.8 Å where Shannon gives none."""
    return _CATION_RADIUS.get(symbol, 0.8)


@cache
def anion_radius(symbol: str) -> float:
    """Ionic radius of an anion in Å."""
    return _ANION_RADIUS[symbol]


@cache
def bond_valence_length(first: str, second: str) -> float:
    """Length in Å of a bond of valence one, by the general rule of O'Keeffe and Brese (1991)."""
    (r1, c1), (r2, c2) = (_bond_valence_parameters(s) for s in (first, second))
    return r1 + r2 - r1 * r2 * (np.sqrt(c1) - np.sqrt(c2)) ** 2 / (c1 * r1 + c2 * r2)


def _bond_valence_parameters(symbol: str) -> tuple[float, float]:
    # Elements outside the table (Tc, Pm, Pt …) behave much like an average late transition metal.
    return _BOND_VALENCE.get(symbol, (cation_radius(symbol) + 0.56, 1.4))


def crystal_field(electrons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Crystal-field stabilisation over the octahedral splitting; linear between whole numbers of d electrons."""
    return np.interp(electrons, range(11), _FIELD)


def jahn_teller(electrons: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of Jahn-Teller ions (d⁴, d⁹), from the mean number of d electrons."""
    return np.interp(electrons, range(11), _DISTORTION)


def cation_charge(symbol: str) -> float | None:
    """Formal charge of an element as cation, or None where it has several."""
    return _FIXED_CHARGE.get(symbol)


def ion_charge(symbol: str) -> float:
    """Formal charge of the migrating ion; 2 where it could have several."""
    return _FIXED_CHARGE.get(symbol, 2.0)


@dataclass(frozen=True, slots=True)
class Roles:
    """Which framework atoms are anions, and the formal charge of each.

    Attributes
    ----------
    anion : ndarray of bool, shape (n,)
    charge : ndarray, shape (n,)
    """

    anion: NDArray[np.bool_]
    charge: NDArray[np.float64]


def roles(host: Structure, ion: str, extra_ions: int) -> Roles:
    """Tell anions from cations and give every host atom a formal charge.

    S, Se, N, P and so on are cations where they are bonded to a more electronegative anion
    (sulfates, phosphates). Elements of variable valence share equally the charge that makes the
    host neutral.

    Parameters
    ----------
    host : Structure
    ion : str
        Symbol of the migrating element.
    extra_ions : int
        Further ions (end sites) that belong to the neutral crystal.
    """
    symbols = [site.specie.symbol for site in host]
    like = np.array([s == ion for s in symbols])
    central = central_elements(host, symbols)
    candidates = np.array([s in ANION_CHARGE and s not in central for s in symbols]) & ~like
    charge = np.zeros(len(symbols))
    variable = np.zeros(len(symbols), bool)
    cyanide = "C" in symbols and "N" in symbols
    for i, symbol in enumerate(symbols):
        if candidates[i]:
            charge[i] = ANION_CHARGE[symbol]
        elif symbol == "C" and cyanide:
            charge[i] = 2.0
        elif symbol in _FIXED_CHARGE or like[i]:
            charge[i] = ion_charge(symbol) if like[i] else _FIXED_CHARGE[symbol]
        else:
            variable[i] = True
    if variable.any():
        rest = -charge.sum() - extra_ions * ion_charge(ion)
        charge[variable] = np.clip(rest / variable.sum(), 0.5, 7.0)
    return Roles(candidates, charge)


def central_elements(host: Structure, symbols: list[str]) -> set[str]:
    """Elements that could be anions but sit inside a polyanion of a more electronegative one.

    Parameters
    ----------
    host : Structure
    symbols : list of str
        Element of each of its sites.
    """
    present = [s for s in set(symbols) if s in ANION_CHARGE]
    frac, central = host.frac_coords, set()
    for symbol in present:
        stronger = [s for s in present if pauling(s) > pauling(symbol) + 0.3 and s != "H"]
        atoms = [i for i, s in enumerate(symbols) if s == symbol]
        for other in stronger:
            others = [i for i, s in enumerate(symbols) if s == other]
            reach = _BOND_FACTOR * (_COVALENT_RADIUS[symbol] + _COVALENT_RADIUS[other])
            distances = host.lattice.get_all_distances(frac[atoms], frac[others])
            if np.median(distances.min(axis=1)) < reach:
                central.add(symbol)
    return central

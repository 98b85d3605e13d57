"""Colours and sizes of the elements, as people know them from ball-and-stick pictures of crystals."""

from __future__ import annotations

from collections.abc import Mapping

BALL_SCALE = 0.42
"""Radius of a drawn ball as a fraction of the covalent radius."""

_SMALLEST_BALL = 0.24

# Colours follow the VESTA scheme, toned down, and with pairs told apart that often meet (La and Zr
# from Li). Radii in Å: B. Cordero et al., Dalton Trans. 2008, 2832; 1.5 Å where it gives none.
_ELEMENTS: dict[str, tuple[str, float]] = {
    "H": ("#e8d5d5", 0.31),
    "He": ("#fbe4c5", 0.28),
    "Li": ("#8ad17a", 1.28),
    "Be": ("#5ed77b", 0.96),
    "B": ("#229e13", 0.84),
    "C": ("#7a5a3f", 0.76),
    "N": ("#7f9fe8", 0.71),
    "O": ("#e0352b", 0.66),
    "F": ("#a8d8b9", 0.57),
    "Ne": ("#e94caf", 0.58),
    "Na": ("#eda51e", 1.66),
    "Mg": ("#f08a3c", 1.41),
    "Al": ("#81b2d6", 1.21),
    "Si": ("#5468e0", 1.11),
    "P": ("#b58cc4", 1.07),
    "S": ("#f3e04b", 1.05),
    "Cl": ("#4fd13c", 1.02),
    "Ar": ("#cefec3", 1.06),
    "K": ("#a24de0", 2.03),
    "Ca": ("#5a96bd", 1.76),
    "Sc": ("#b563ab", 1.7),
    "Ti": ("#78b8e8", 1.6),
    "V": ("#85923f", 1.53),
    "Cr": ("#13139a", 1.39),
    "Mn": ("#9b3fa0", 1.39),
    "Fe": ("#b5713d", 1.32),
    "Co": ("#3f51c9", 1.26),
    "Ni": ("#a9b3b8", 1.24),
    "Cu": ("#3f63d8", 1.32),
    "Zn": ("#8f93a8", 1.22),
    "Ga": ("#9ee373", 1.22),
    "Ge": ("#7e6ea6", 1.2),
    "As": ("#74d057", 1.19),
    "Se": ("#b8b03c", 1.2),
    "Br": ("#a5453a", 1.2),
    "Kr": ("#fac1f3", 1.16),
    "Rb": ("#702eb0", 2.2),
    "Sr": ("#1ce31c", 1.95),
    "Y": ("#94ffff", 1.9),
    "Zr": ("#5b9c96", 1.75),
    "Nb": ("#4cb276", 1.64),
    "Mo": ("#54b5b5", 1.54),
    "Tc": ("#3b9e9e", 1.47),
    "Ru": ("#248f8f", 1.46),
    "Rh": ("#138b9a", 1.42),
    "Pd": ("#137e9a", 1.39),
    "Ag": ("#c0c0c0", 1.45),
    "Cd": ("#ffd98f", 1.44),
    "In": ("#a67573", 1.42),
    "Sn": ("#9a8eb9", 1.39),
    "Sb": ("#9e63b5", 1.39),
    "Te": ("#bd7617", 1.38),
    "I": ("#8a3fb0", 1.39),
    "Xe": ("#429eb0", 1.4),
    "Cs": ("#5b1895", 2.44),
    "Ba": ("#16b316", 2.15),
    "La": ("#6fc3cf", 2.07),
    "Ce": ("#ffffc2", 2.04),
    "Pr": ("#d5ffc2", 2.03),
    "Nd": ("#c2ffc2", 2.01),
    "Pm": ("#a3ffc7", 1.99),
    "Sm": ("#8fffc7", 1.98),
    "Eu": ("#61ffc7", 1.98),
    "Gd": ("#45ffc7", 1.96),
    "Tb": ("#47e8bd", 1.94),
    "Dy": ("#38e6bb", 1.92),
    "Ho": ("#1ce396", 1.92),
    "Er": ("#19cd75", 1.89),
    "Tm": ("#17bd57", 1.9),
    "Yb": ("#15aa41", 1.87),
    "Lu": ("#139a30", 1.87),
    "Hf": ("#4dc2ff", 1.75),
    "Ta": ("#4da6ff", 1.7),
    "W": ("#2194d6", 1.62),
    "Re": ("#267dab", 1.51),
    "Os": ("#266696", 1.44),
    "Ir": ("#195c94", 1.41),
    "Pt": ("#d0d0e0", 1.36),
    "Au": ("#e7c33b", 1.36),
    "Hg": ("#b8b8d0", 1.32),
    "Tl": ("#a6544d", 1.45),
    "Pb": ("#575961", 1.46),
    "Bi": ("#9e4fb5", 1.48),
    "Po": ("#9a5c13", 1.4),
    "At": ("#754f45", 1.5),
    "Rn": ("#428296", 1.5),
    "Fr": ("#6b139a", 2.6),
    "Ra": ("#139a13", 2.21),
    "Ac": ("#70abfa", 2.15),
    "Th": ("#1cade3", 2.06),
    "Pa": ("#1c9ae3", 2.0),
    "U": ("#1c8ce3", 1.96),
    "Np": ("#1c80e3", 1.9),
    "Pu": ("#1c70e3", 1.87),
    "Am": ("#545cf2", 1.8),
    "Cm": ("#785ce3", 1.69),
    "Bk": ("#8a4fe3", 2.0),
    "Cf": ("#a136d4", 2.0),
    "Es": ("#b31fd4", 2.0),
    "Fm": ("#b31fba", 2.0),
    "Md": ("#ab159f", 2.0),
    "No": ("#b41683", 2.0),
    "Lr": ("#b11665", 2.0),
}

_UNKNOWN = ("#b0b0b8", 1.5)

INKS = "#ffffff", "#15181c"


_chosen: dict[str, tuple[str, float]] = {}


def choose(elements: Mapping[str, tuple[str, float]]) -> None:
    """Draw some elements in colours (``#rrggbb``) and with radii (Å) of the user's own.

    An empty colour and a radius of 0 mean the usual ones.
    """
    _chosen.clear()
    _chosen.update(elements)


def known_elements() -> tuple[str, ...]:
    """Return the symbols of all elements, by atomic number."""
    return tuple(_ELEMENTS)


def element_colour(symbol: str) -> str:
    """Return the colour of an element as ``#rrggbb``."""
    chosen, _ = _chosen.get(symbol, ("", 0.0))
    return chosen or _ELEMENTS.get(symbol, _UNKNOWN)[0]


def covalent_radius(symbol: str) -> float:
    """Return the covalent radius of an element in Å."""
    return _ELEMENTS.get(symbol, _UNKNOWN)[1]


def ball_radius(symbol: str) -> float:
    """Return the radius in Å of the ball that stands for an atom."""
    _, chosen = _chosen.get(symbol, ("", 0.0))
    return chosen or max(_SMALLEST_BALL, BALL_SCALE * covalent_radius(symbol))


def rgb(colour: str) -> tuple[float, float, float]:
    """Return red, green and blue from 0 to 1 of a colour written ``#rrggbb``."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def ink_on(colour: str) -> str:
    """Return the colour of a text on a ground: white or nearly black, whichever is read better."""
    return max(INKS, key=lambda ink: contrast(ink, colour))


def contrast(one: str, other: str) -> float:
    """Return by how much two colours differ in brightness, from 1 to 21 (WCAG 2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for share in rgb(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

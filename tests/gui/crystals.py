"""Two crystals to look at."""

from __future__ import annotations

from pymatgen.core import Lattice, Structure


def layered_oxide() -> Structure:
    """LiCoO2, hexagonal cell: three layers with one Li each."""
    return Structure.from_spacegroup(
        "R-3m",
        Lattice.hexagonal(2.8156, 14.054),
        ["Li", "Co", "O"],
        [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.2395]],
    )


def olivine() -> Structure:
    return Structure.from_spacegroup(
        "Pnma",
        Lattice.orthorhombic(10.334, 6.010, 4.693),
        ["Li", "Fe", "P", "O", "O", "O"],
        [
            [0, 0, 0],
            [0.2822, 0.25, 0.9747],
            [0.0948, 0.25, 0.4182],
            [0.0967, 0.25, 0.7428],
            [0.4571, 0.25, 0.2060],
            [0.1656, 0.0465, 0.2848],
        ],
    )

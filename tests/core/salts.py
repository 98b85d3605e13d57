"""Folders of small crystals to screen: each takes a few hundredths of a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from migbar.structures import write_cif


def salt(a: float, ion: str = "Li") -> Structure:
    """Rock salt with a lattice parameter of `a` Å."""
    faces = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Structure(Lattice.cubic(a), [ion] * 4 + ["F"] * 4, [*faces, *(0.5 - faces)])


def write_salts(folder: Path, count: int) -> list[Path]:
    """Write so many different rock salts."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"salt-{number:03d}.cif" for number in range(count)]
    for number, path in enumerate(paths):
        write_cif(salt(4.0 + 0.01 * number), path)
    return paths


def endless(a: float = 4.03) -> Structure:
    """Return a crystal without symmetry and with so many hops that it takes minutes."""
    big = salt(a) * (4, 4, 4)
    big.perturb(0.25, seed=1)
    return big

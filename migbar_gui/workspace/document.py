"""A structure that was opened, a place in it that was clicked, and what was simulated of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from pymatgen.core import Structure

from migbar.barriers import Remark
from migbar.hops import Mechanism, Point, SiteRef
from migbar.structures import Symmetry

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult


@dataclass(frozen=True, slots=True)
class Document:
    """A structure that was opened, and what is known of it before any path is drawn.

    Attributes
    ----------
    name : str
        What to call it: the file's name, with the block where the file holds several.
    source : Path or None
        The file.
    structure : Structure
        Ordered.
    ions : tuple of str
        Its elements that can migrate, the likeliest first.
    guests : tuple of str
        Ions that it does not hold and that can be put in.
    formula : str
        Reduced formula.
    symmetry : Symmetry or None
        None where no space group was found.
    notes : tuple of Remark
        What is to be said with every result, for example how it was ordered.
    sha256 : str
        Of the file as it was read; empty where there is none.
    """

    name: str
    source: Path | None
    structure: Structure
    ions: tuple[str, ...]
    guests: tuple[str, ...]
    formula: str
    symmetry: Symmetry | None
    notes: tuple[Remark, ...] = ()
    sha256: str = ""

    def mechanisms(self, ion: str) -> tuple[Mechanism, ...]:
        """Return the mechanisms that make sense for an ion in this structure, the usual one first."""
        if ion in self.structure.symbol_set:
            return (Mechanism.VACANCY, Mechanism.SINGLE_ION, Mechanism.INTERSTITIAL)
        return (Mechanism.INSERTION,)


@dataclass(frozen=True, slots=True)
class Pick:
    """A place that was clicked as an end of a hop: a site of the structure, or a void by its name, as ``v2``."""

    frac_coords: Point
    site: SiteRef | None = None
    void: str = ""

    def __str__(self) -> str:
        if self.site is not None:
            return f"site {self.site}"
        if self.void:
            return f"void {self.void}"
        return "(" + ", ".join(f"{x:.3f}" for x in self.frac_coords) + ")"


@dataclass(frozen=True, slots=True)
class Simulated:
    """Molecular dynamics of a structure.

    Attributes
    ----------
    folder : Path
        Of the run.
    key : str
        Of the structure, see `crystal_key`.
    result : DynamicsResult
    """

    folder: Path
    key: str
    result: DynamicsResult


def crystal_key(
    structure: Structure, told: Sequence[object] = (), points: Sequence[ArrayLike] = ()
) -> str:
    """Return what tells crystals apart, with what else is told of them."""
    numbers = [structure.lattice.matrix, structure.frac_coords, *points]
    rounded = [np.round(np.asarray(array) + 0.0, 4).tolist() for array in numbers]
    symbols = [site.specie.symbol for site in structure]
    return hashlib.sha256(json.dumps([symbols, *told, rounded]).encode()).hexdigest()[:16]

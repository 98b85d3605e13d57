"""The space group of a crystal, and the crystal put exactly onto it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.errors import StructureFileError
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures.repeats import repeated_part

SYMPREC = 0.1
"""Symmetry tolerance in Å, as the Materials Project has it: relaxed crystals are hundredths of an Å off theirs."""

NEAR_SYMMETRY = "near_symmetry"
"""Code of the note of `symmetry_notes`."""

# A crystal is strained where its cell is this much off a symmetry (relaxed ones are by 0.002 at most), and has less.
_MOST_STRAIN = 0.004
# The digits of a file alone put atoms (Å) and the cell less than this off their symmetry.
_WORTH_TELLING, _STRAIN_WORTH_TELLING = 0.01, 0.001
# Atoms (Å) that are farther off a symmetry are hardly so by noise.
_MOST_NOISE = 0.2
# Atoms of a crystal whose nearby symmetries are found in some tenths of a second.
_QUICKLY_LOOKED_AT = 1000


TOLERANCES = (0.01, 0.03, 0.1, 0.2, 0.3, 0.45, 0.7)
"""Å, within which a nearby symmetry is looked for: farther apart, atoms of another kind of place come into reach."""

EXACT = 1e-3
"""Å: no file's digits are finer."""


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """Space group of a structure and what it does to the sites.

    Attributes
    ----------
    number, symbol : int, str
        Number in the International Tables and Hermann–Mauguin symbol.
    rotations : ndarray, shape (n, 3, 3)
        Rotation parts in fractional coordinates of the structure's own cell. They are of whole numbers but where
        the cell repeats the crystal's more often in one direction than in an equivalent one.
    translations : ndarray, shape (n, 3)
        Translation parts: with each rotation all those within the cell.
    equivalent_atoms : ndarray, shape (n_sites,)
        For each site, the index of the first site that symmetry maps onto it.
    wyckoffs : tuple of str
        Multiplicity in the conventional cell and letter of each site.
    """

    number: int
    symbol: str
    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]
    equivalent_atoms: NDArray[np.int_]
    wyckoffs: tuple[str, ...]

    @property
    def primitive_cells(self) -> int:
        """How many primitive cells the structure's own cell holds."""
        return int(np.isclose(self.rotations, np.eye(3)).all(axis=(1, 2)).sum())


def symmetry(structure: Structure, symprec: float = SYMPREC) -> Symmetry:
    """Find the space group of a structure with spglib.

    Parameters
    ----------
    structure : Structure
        The crystal; sites with different occupancies count as different atoms.
    symprec : float
        Tolerance in Å; less is taken for a strained crystal, whose cell is more than 0.4 % off what is found.

    Raises
    ------
    StructureFileError
        When spglib finds no symmetry, not even the identity.
    """
    matrix, frac, kinds = _cell_of(structure)
    group = _symmetry(matrix.tobytes(), frac.tobytes(), tuple(kinds), symprec)
    if group is None:
        raise StructureFileError(
            structure.composition.reduced_formula,
            f"no symmetry found within {symprec:g} Å; try another tolerance.",
        )
    return group


def _cell_of(structure: Structure) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    """Return lattice, positions and kinds of atoms, as spglib takes them."""
    names = [site.species_string for site in structure]
    kinds = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return structure.lattice.matrix, structure.frac_coords, [kinds[name] for name in names]


# The same crystal is asked about when it is opened, and for its places and its hops.
@lru_cache(maxsize=4)
def _symmetry(
    lattice: bytes, positions: bytes, kinds: tuple[int, ...], symprec: float
) -> Symmetry | None:
    matrix, frac = (np.frombuffer(data).reshape(-1, 3) for data in (lattice, positions))
    while True:
        group = _found((matrix, frac, list(kinds)), symprec)
        if group is None or _strain(matrix, group) <= _MOST_STRAIN:
            return group
        symprec /= 2


def _found(cell: tuple[Any, ...], symprec: float) -> Symmetry | None:
    """Return what spglib finds in lattice, positions and kinds of atoms."""
    import spglib

    try:
        found = spglib.get_symmetry_dataset(cell, symprec=symprec)
        if found is not None and found.choice == "1":
            # Of two origins people use the second, the inversion centre; it is next in the list.
            found = spglib.get_symmetry_dataset(cell, symprec, hall_number=found.hall_number + 1)
    except spglib.SpglibError:
        found = None
    if found is None:
        return None
    per_conventional_cell = abs(np.linalg.det(found.transformation_matrix))
    orbit, orbit_size = np.unique(found.crystallographic_orbits, return_counts=True)
    sizes = dict(zip(orbit.tolist(), orbit_size.tolist(), strict=True))
    wyckoffs = tuple(
        f"{round(sizes[o] / per_conventional_cell)}{letter}"
        for o, letter in zip(found.crystallographic_orbits.tolist(), found.wyckoffs, strict=True)
    )
    rotations, translations = _operations(found)
    return Symmetry(
        number=int(found.number),
        symbol=found.international,
        rotations=rotations,
        translations=translations,
        equivalent_atoms=found.crystallographic_orbits,
        wyckoffs=wyckoffs,
    )


def _strain(matrix: NDArray[np.float64], group: Symmetry) -> float:
    """Return by how much, as a fraction of their lengths, the operations change the cell's vectors to each other."""
    turned = group.rotations.transpose(0, 2, 1) @ matrix
    lengths = np.linalg.norm(matrix, axis=1)
    change = turned @ turned.transpose(0, 2, 1) - matrix @ matrix.T
    return float(np.abs(change / np.outer(lengths, lengths)).max() / 2)


def symmetrised(structure: Structure, group: Symmetry) -> Structure:
    """Return a structure whose sites stand exactly where its symmetry has them.

    Each moves to the mean of where the operations put the equivalent ones; the cell stays as it is.

    Parameters
    ----------
    structure : Structure
    group : Symmetry
        Found in it within a tolerance.
    """
    from scipy.spatial import cKDTree

    if len(group.rotations) == 1:
        return structure
    reduced = structure.lattice.get_lll_reduced_lattice()
    to_reduced = structure.lattice.matrix @ reduced.inv_matrix
    frac = structure.frac_coords.copy()
    for first in np.unique(group.equivalent_atoms):
        orbit = np.flatnonzero(group.equivalent_atoms == first)
        copies = group.rotations @ frac[first] + group.translations
        tree = cKDTree(_in_box(frac[orbit] @ to_reduced, reduced), boxsize=reduced.abc)
        site = orbit[tree.query(_in_box(copies @ to_reduced, reduced))[1]]
        off = frac[site] - copies
        off -= np.round(off)
        mean = np.linalg.solve(group.rotations, off[:, :, None]).mean(axis=0)[:, 0]
        back = group.rotations @ mean - off
        frac[site] = frac[site] + back
    return Structure(structure.lattice, structure.species_and_occu, frac)


@dataclass(frozen=True, slots=True, eq=False)
class Restored:
    """A crystal that was put exactly onto a symmetry that it nearly has.

    Attributes
    ----------
    structure : Structure
        The same atoms in the same order, in a cell that is as good as the same.
    number, symbol : int, str
        Number in the International Tables and Hermann–Mauguin symbol.
    operations : int
        How many operations of the symmetry map the cell onto itself.
    tolerance : float
        Å, within which the symmetry was found.
    farthest : float
        Å, how far an atom was moved at most, beside the others.
    strain : float
        By what fraction of their lengths the cell's vectors were moved at most.
    """

    structure: Structure
    number: int
    symbol: str
    operations: int
    tolerance: float
    farthest: float
    strain: float

    def __str__(self) -> str:
        cell = f", the cell changed by {100 * self.strain:.1f} %" if self.strain >= 5e-4 else ""
        return f"{self.symbol} ({self.number}): atoms moved by up to {self.farthest:.3f} Å{cell}"


def nearby_symmetries(structure: Structure, progress: Progress = SILENT) -> list[Restored]:
    """Return the crystal on each symmetry that it nearly has, the lowest first; none that it has exactly.

    Which of them is meant only the user knows: a crystal that was simulated is noisy, and one that is distorted
    for a reason may look so.

    Parameters
    ----------
    structure : Structure
    progress : Progress

    Raises
    ------
    Cancelled
        If the user stops it.
    """
    found: list[Restored] = []
    most = 0
    for number, tolerance in enumerate(TOLERANCES):
        check_cancelled(progress)
        progress.report(number, len(TOLERANCES), f"Looking within {tolerance:g} Å")
        group = _found_in_part(structure, tolerance)
        if group is None or len(group.rotations) <= most:
            continue
        restored = _restored(structure, group, tolerance)
        # What was found within so much need not be one symmetry all over the crystal.
        proof = _found_in_part(restored.structure, EXACT)
        if proof is None or len(proof.rotations) < len(group.rotations):
            continue
        most = len(group.rotations)
        if restored.farthest > EXACT or restored.strain > _STRAIN_WORTH_TELLING:
            found.append(restored)
    return found


def _found_in_part(structure: Structure, symprec: float) -> Symmetry | None:
    """Return the symmetry of what a supercell repeats, each atom at the mean of its copies, as that of the supercell.

    In a noisy crystal of many cells spglib misses repeats, or looks for them for minutes.
    """
    matrix, frac, kinds = _cell_of(structure)
    part = repeated_part(matrix, frac, np.array(kinds), symprec)
    group = _found((part.matrix, part.frac_coords, part.kinds.tolist()), symprec)
    if group is None or len(part.kinds) == len(kinds):
        return group
    repeats = np.array(list(np.ndindex(*part.times))) / part.times
    shifts = (group.translations / part.times)[:, None] + repeats
    orbits = group.equivalent_atoms[part.members]
    _, first, orbit = np.unique(orbits, return_index=True, return_inverse=True)
    return replace(
        group,
        rotations=np.repeat(
            group.rotations * part.times / part.times[:, None], len(repeats), axis=0
        ),
        translations=shifts.reshape(-1, 3),
        equivalent_atoms=first[orbit],
        wyckoffs=tuple(group.wyckoffs[n] for n in part.members),
    )


def _restored(structure: Structure, group: Symmetry, tolerance: float) -> Restored:
    before = structure.lattice.matrix
    after = _symmetrised_cell(before, group)
    strained = Structure(after, structure.species_and_occu, structure.frac_coords)
    frac = symmetrised(strained, group).frac_coords
    moved = frac - structure.frac_coords
    moved -= moved.mean(axis=0)  # where the crystal as a whole is makes no difference
    restored = Structure(
        after, structure.species_and_occu, structure.frac_coords + moved, labels=structure.labels
    )
    farthest = float(np.linalg.norm(moved @ after, axis=1).max())
    change = np.linalg.norm(after - before, axis=1) / np.linalg.norm(before, axis=1)
    return Restored(
        restored,
        group.number,
        group.symbol,
        len(group.rotations),
        tolerance,
        farthest,
        float(change.max()),
    )


def _symmetrised_cell(matrix: NDArray[np.float64], group: Symmetry) -> NDArray[np.float64]:
    """Return the cell whose vectors are, on average, what the operations make of them; it is not turned."""
    turned = group.rotations.transpose(0, 2, 1) @ matrix
    metric = (turned @ turned.transpose(0, 2, 1)).mean(axis=0)
    back = np.linalg.inv(matrix)
    squares, axes = np.linalg.eigh(back @ metric @ back.T)
    return np.asarray(matrix @ (axes * np.sqrt(squares)) @ axes.T)


def symmetry_notes(structure: Structure, symprec: float = SYMPREC) -> list[tuple[str, str]]:
    """Say that a structure is taken for more symmetric than it is, or nearly is: `NEAR_SYMMETRY` and a text.

    Parameters
    ----------
    structure : Structure
    symprec : float
        Tolerance in Å.

    Raises
    ------
    StructureFileError
        See `symmetry`.
    """
    group = symmetry(structure, symprec)
    if group.number == 1 and symprec >= SYMPREC and len(structure) <= _QUICKLY_LOOKED_AT:
        noisy = [one for one in nearby_symmetries(structure) if one.farthest <= _MOST_NOISE]
        return [(NEAR_SYMMETRY, _nearly(one)) for one in noisy[-1:]]
    matrix = structure.lattice.matrix
    moved = (symmetrised(structure, group).frac_coords - structure.frac_coords) @ matrix
    off, strain = np.linalg.norm(moved, axis=1).max(), _strain(matrix, group)
    parts = []
    if off >= _WORTH_TELLING:
        parts.append(f"atoms by up to {off:.2f} Å")
    if strain >= _STRAIN_WORTH_TELLING:
        parts.append(f"the cell by {100 * strain:.1f} %")
    if not parts:
        return []
    text = (
        f"The crystal is off the space group {group.symbol}, {' and '.join(parts)}; places and hops that are the same "
        "by it count as the same."
    )
    return [(NEAR_SYMMETRY, text)]


def _nearly(restored: Restored) -> str:
    return (
        f"The crystal has no symmetry, but nearly {restored.symbol} ({restored.number}): atoms are up to "
        f"{restored.farthest:.2f} Å off. Places and hops that it makes the same count as different; if that is noise, "
        "restore the symmetry first."
    )


def _in_box(frac: NDArray[np.float64], lattice: Lattice) -> NDArray[np.float64]:
    """Return positions in a box as long as the cell's edges, where those that are near in space are near, too."""
    inside = frac % 1.0
    return np.where(inside < 1.0, inside, 0.0) * lattice.abc


def _operations(found: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return all operations of the crystal in spglib's answer, those that turn the cell into another one, too.

    spglib leaves these out: a cubic crystal in a cell of 2 × 1 × 1 would be one with fewer equivalent sites.
    """
    import spglib

    group = spglib.get_symmetry_from_database(found.hall_number)
    turns, first = np.unique(group["rotations"], axis=0, return_index=True)
    within = found.translations[(found.rotations == np.eye(3, dtype=int)).all(axis=(1, 2))]
    if len(turns) * len(within) == len(found.rotations):
        return found.rotations.astype(float), found.translations
    to_standard, origin = found.transformation_matrix, found.origin_shift
    back = np.linalg.inv(to_standard)
    rotations = back @ turns @ to_standard
    shifts = (turns @ origin + group["translations"][first] - origin) @ back.T
    return np.repeat(rotations, len(within), axis=0), (shifts[:, None] + within).reshape(-1, 3)

"""Crystal structures: read them from files, check them, and say what sites they have.

Structures are pymatgen ``Structure`` objects of plain elements, with the labels of the file, in the
cell and the order of the file: each row of a CIF is followed by its images under symmetry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Lattice, Structure

from migbar import cif
from migbar.cif import Atom
from migbar.elements import MOBILE_IONS
from migbar.errors import (
    EmptyStructureError,
    NoMobileIonError,
    OccupancyError,
    OverlapError,
    StructureFileError,
)
from migbar.files import write_text

MAX_FILE_SIZE = 50_000_000
"""Largest file that is read, in bytes."""

# Atoms closer than this (Å) overlap; closer than _SAME_SITE they share one site, if both fit.
_OVERLAP = 0.5
_SAME_SITE = 0.01
_THINNEST_CELL, _LONGEST_CELL = 1.0, 500.0
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


@dataclass(frozen=True, slots=True, eq=False)
class Symmetry:
    """Space group of a structure and what it does to the sites.

    Attributes
    ----------
    number, symbol : int, str
        Number in the International Tables and Hermann–Mauguin symbol.
    rotations : ndarray, shape (n, 3, 3)
        Rotation parts in fractional coordinates of the structure's own cell.
    translations : ndarray, shape (n, 3)
        Translation parts.
    equivalent_atoms : ndarray, shape (n_sites,)
        For each site, the index of the first site that symmetry maps onto it.
    wyckoffs : tuple of str
        Multiplicity in the conventional cell and letter of each site.
    """

    number: int
    symbol: str
    rotations: NDArray[np.int_]
    translations: NDArray[np.float64]
    equivalent_atoms: NDArray[np.int_]
    wyckoffs: tuple[str, ...]


def read_structure(path: str | Path, block: str | None = None) -> Structure:
    """Read a crystal structure: CIF, POSCAR/CONTCAR, extended XYZ, or pymatgen's JSON.

    The cell is kept as it is; positions are wrapped into it; oxidation states are dropped. Partly
    occupied sites are kept (see `is_partly_occupied`).

    Parameters
    ----------
    path : str or Path
        The file. Its format is told by its name, else by its content.
    block : str, optional
        Name of the CIF data block to read; by default the first one that holds atoms.

    Raises
    ------
    StructureFileError
        When the file is not a structure, or does not make sense as one.
    EmptyStructureError
        When it holds no atoms.
    UnknownElementError
        When it names something that is not an element.
    OverlapError
        When two atoms are closer than 0.5 Å, unless they are alternatives (both partly occupied).
    """
    path = Path(path)
    return parse_structure(read_data(path), path.name, block)


def parse_structure(data: bytes, name: str, block: str | None = None) -> Structure:
    """Read a crystal structure from the content of a file of this name (see `read_structure`)."""
    text = _decoded(data, name)
    reader = _reader(name, text)
    if reader is not _read_cif and block is not None:
        raise StructureFileError(name, "only a CIF has data blocks to choose from.")
    return reader(text, name, block)


def structure_blocks(path: str | Path) -> list[str]:
    """Names of the data blocks of a CIF that hold atoms."""
    path = Path(path)
    blocks = cif.read_blocks(_decoded(read_data(path), path.name), path.name)
    return [block.name for block in blocks]


def what_was_taken(data: bytes, name: str) -> str:
    """Say what is read of a file that holds several structures where none is chosen; else nothing.

    Parameters
    ----------
    data : bytes
        Content of a file that `parse_structure` has read.
    name : str
        Its name.
    """
    text = _decoded(data, name)
    reader = _reader(name, text)
    if reader is _read_extxyz:
        n_atoms = int(text.split(maxsplit=1)[0])
        more = text.lstrip().splitlines()[n_atoms + 2 :]
        return (
            "The file holds several frames; the first was taken." if "".join(more).strip() else ""
        )
    if reader is not _read_cif or text.lower().count("data_") < 2:
        return ""
    blocks = cif.read_blocks(text, name)
    if len(blocks) < 2:
        return ""
    return f"The file holds {len(blocks)} structures; the first, {blocks[0].name}, was taken."


def write_cif(structure: Structure, path: str | Path) -> None:
    """Write a structure as a CIF in P1, in its order and with ten decimals.

    Nothing is left at `path` if writing fails.
    """
    keys = (*(f"_cell_length_{x}" for x in "abc"), *(f"_cell_angle_{x}" for x in _ANGLES))
    cell = [f"{k} {v:.10f}" for k, v in zip(keys, structure.lattice.parameters, strict=True)]
    atoms = [
        f"{_cif_label(site)} {species.symbol} {x:.10f} {y:.10f} {z:.10f} {occupancy:.8g}"
        for site in structure
        for x, y, z in [site.frac_coords]
        for species, occupancy in site.species.items()
    ]
    write_text(path, "\n".join([_CIF_START, *cell, _CIF_ATOMS, *atoms, ""]))


_ANGLES = ("alpha", "beta", "gamma")
_CIF_START = """data_structure
_symmetry_space_group_name_H-M 'P 1'
_symmetry_Int_Tables_number 1
loop_
_symmetry_equiv_pos_as_xyz
'x, y, z'"""
_CIF_ATOMS = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy"""


def _cif_label(site: Any) -> str:
    """Label of a site without what has a meaning in a CIF, such as blanks and quotes."""
    return re.sub(r"[^\w+*().:/-]", "", site.label).lstrip("_") or site.species.elements[0].symbol


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


def list_sites(structure: Structure, ion: str, symprec: float = 0.01) -> list[SiteInfo]:
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
        raise NoMobileIonError(ion, formula(structure))
    wyckoffs = symmetry(structure, symprec).wyckoffs
    return [
        SiteInfo(i, ion, structure[i].label, wyckoffs[i], tuple(structure[i].frac_coords.tolist()))
        for i in indices
    ]


def _symbols(site: Any) -> set[str]:
    return {species.symbol for species in site.species}


def symmetry(structure: Structure, symprec: float = 0.01) -> Symmetry:
    """Find the space group of a structure with spglib.

    Parameters
    ----------
    structure : Structure
        The crystal; sites with different occupancies count as different atoms.
    symprec : float
        Tolerance in Å.

    Raises
    ------
    StructureFileError
        When spglib finds no symmetry, not even the identity.
    """
    import spglib

    names = [site.species_string for site in structure]
    kinds = {name: i for i, name in enumerate(dict.fromkeys(names))}
    cell = (structure.lattice.matrix, structure.frac_coords, [kinds[name] for name in names])
    try:
        found = spglib.get_symmetry_dataset(cell, symprec=symprec)
        if found is not None and found.choice == "1":
            # Of two origins people use the second, the inversion centre; it is next in the list.
            found = spglib.get_symmetry_dataset(cell, symprec, hall_number=found.hall_number + 1)
    except spglib.SpglibError:
        found = None
    if found is None:
        raise StructureFileError(
            formula(structure), f"no symmetry found within {symprec:g} Å; try another tolerance."
        )
    per_conventional_cell = abs(np.linalg.det(found.transformation_matrix))
    orbit, orbit_size = np.unique(found.crystallographic_orbits, return_counts=True)
    sizes = dict(zip(orbit.tolist(), orbit_size.tolist(), strict=True))
    wyckoffs = tuple(
        f"{round(sizes[o] / per_conventional_cell)}{letter}"
        for o, letter in zip(found.crystallographic_orbits.tolist(), found.wyckoffs, strict=True)
    )
    return Symmetry(
        number=int(found.number),
        symbol=found.international,
        rotations=found.rotations,
        translations=found.translations,
        equivalent_atoms=found.equivalent_atoms,
        wyckoffs=wyckoffs,
    )


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


# --- reading ------------------------------------------------------------------------------------

_Reader = Callable[[str, str, str | None], Structure]


def read_data(path: Path) -> bytes:
    """Return the content of a structure file.

    Raises
    ------
    StructureFileError
        When it cannot be opened, or is larger than `MAX_FILE_SIZE`.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_SIZE:
            raise StructureFileError(
                path.name, f"is {size / 1e6:.0f} MB; at most {MAX_FILE_SIZE / 1e6:.0f} MB are read."
            )
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StructureFileError(path.name, f"cannot be opened: {reason}.") from error


def _decoded(data: bytes, name: str) -> str:
    if not data.strip():
        raise EmptyStructureError(name, "is an empty file.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise StructureFileError(name, "is a binary file, not a text with a structure.")
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _reader(file_name: str, text: str) -> _Reader:
    """Choose how to read a file, by its name and then by its content."""
    lower = file_name.lower()
    if lower.endswith((".cif", ".mcif")):
        return _read_cif
    if lower.endswith(".json"):
        return _read_json
    if lower.endswith((".xyz", ".extxyz")):
        return _read_extxyz
    if lower.startswith(("poscar", "contcar")) or lower.endswith((".vasp", ".poscar")):
        return _read_poscar
    if re.search(r"^[ \t]*data_", text, re.MULTILINE | re.IGNORECASE):
        return _read_cif
    if text.lstrip().startswith("{"):
        return _read_json
    if re.match(r"\s*\d+[ \t]*\n.*Lattice", text):
        return _read_extxyz
    if _has_lattice_lines(text):
        return _read_poscar
    raise StructureFileError(
        file_name,
        "is not a structure file that is known here (CIF, POSCAR, extended XYZ, pymatgen JSON).",
    )


def _has_lattice_lines(text: str) -> bool:
    """Whether lines 3 to 5 are lattice vectors, as in a POSCAR."""
    lines = [line.split(maxsplit=3)[:3] for line in text.split("\n", 5)[2:5]]
    try:
        return np.array(lines, dtype=float).shape == (3, 3)
    except ValueError:
        return False


def _read_cif(text: str, name: str, wanted: str | None) -> Structure:
    block = cif.choose_block(cif.read_blocks(text, name), wanted, name)
    matrix = _matrix_from_parameters(cif.cell_parameters(block, name), name)
    _check_cell(matrix, name)
    atoms = cif.read_atoms(block, matrix, name)
    structure = _assemble(matrix, atoms, name)
    cif.check_formula(block, atoms, name)
    return structure


def _matrix_from_parameters(cell: Sequence[float], name: str) -> NDArray[np.float64]:
    shown = ", ".join(f"{value:g}" for value in cell)
    alpha, beta, gamma = (np.cos(np.radians(angle)) for angle in cell[3:])
    squared_volume = 1 - alpha**2 - beta**2 - gamma**2 + 2 * alpha * beta * gamma
    possible = all(0 < angle < 180 for angle in cell[3:]) and squared_volume > 1e-6
    if not possible or min(cell[:3]) <= 0:
        raise StructureFileError(name, f"no cell has these lengths and angles: {shown}.")
    matrix: NDArray[np.float64] = Lattice.from_parameters(*cell).matrix
    return matrix


def _read_json(text: str, name: str, _block: str | None) -> Structure:
    try:
        content = json.loads(text)
        matrix = np.array(content["lattice"]["matrix"], dtype=float).reshape(3, 3)
        atoms = [_atom_from_json(site, name) for site in content["sites"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StructureFileError(name, "is not a structure in pymatgen's JSON format.") from error
    return _assemble(matrix, atoms, name)


def _atom_from_json(site: dict[str, Any], name: str) -> Atom:
    species: dict[str, float] = {}
    for entry in site["species"]:
        symbol = cif.element_of(str(entry["element"]), name)
        species[symbol] = species.get(symbol, 0.0) + float(entry["occu"])
    x, y, z = (float(value) for value in site["abc"])
    return Atom(str(site.get("label") or next(iter(species), "?")), species, (x, y, z))


def _read_extxyz(text: str, name: str, _block: str | None) -> Structure:
    lines = text.lstrip().splitlines()
    comment = lines[1] if len(lines) > 1 else ""
    lattice = re.search(r'Lattice\s*=\s*["\']([^"\']*)["\']', comment, re.IGNORECASE)
    if lattice is None:
        raise StructureFileError(name, 'has no Lattice="…" in its second line: not a crystal.')
    columns = re.search(r"Properties\s*=\s*\"?(\S+)", comment, re.IGNORECASE)
    try:
        matrix = np.array(lattice[1].split(), dtype=float).reshape(3, 3)
        symbol_at, position_at = _xyz_columns(columns[1] if columns else "species:S:1:pos:R:3")
        n_atoms = int(lines[0])
        words = [line.split() for line in lines[2 : 2 + n_atoms]]
        if len(words) < n_atoms:
            raise ValueError(f"it says that it has {n_atoms} atoms but lists {len(words)}")
        for number, row in enumerate(words, start=3):
            if len(row) < position_at + 3:
                raise ValueError(f"line {number} is cut short")
        symbols = [cif.element_of(row[symbol_at], name) for row in words]
        positions = [row[position_at : position_at + 3] for row in words]
        cartesian = np.array(positions, dtype=float).reshape(n_atoms, 3)
    except (ValueError, IndexError) as error:
        raise StructureFileError(name, f"is a damaged extended XYZ file ({error}).") from error
    return _assemble(matrix, _atoms_from(symbols, _fractional(cartesian, matrix, name)), name)


def _xyz_columns(properties: str) -> tuple[int, int]:
    """Return the first columns of the species and of the position."""
    parts = properties.strip('"').split(":")
    start, columns = 0, {}
    for key, width in zip(parts[::3], parts[2::3], strict=True):
        columns[key] = start
        start += int(width)
    if not {"species", "pos"} <= columns.keys():
        raise ValueError("its Properties name no species or no pos")
    return columns["species"], columns["pos"]


def _read_poscar(text: str, name: str, _block: str | None) -> Structure:
    lines = text.splitlines()
    try:
        scale = [float(word) for word in lines[1].split()]
        matrix = np.array([line.split()[:3] for line in lines[2:5]], dtype=float).reshape(3, 3)
        factors = _poscar_factors(scale, matrix)
        names = lines[5].split()
        if names[0].isdecimal():
            raise StructureFileError(
                name, "names no elements (VASP 4 format); add a line with them above the counts."
            )
        counts = [int(word) for word in lines[6].split()]
        if len(names) != len(counts):
            raise ValueError(f"{len(names)} elements but {len(counts)} counts")
        if min(counts) < 0:
            raise ValueError(f"it counts {min(counts)} atoms")
        if sum(counts) > cif.MAX_ATOMS:
            raise cif.too_many_atoms(name, sum(counts))
        start = 8 if lines[7].strip()[:1] in ("S", "s") else 7
        cartesian = lines[start].strip()[:1] in ("C", "c", "K", "k")
        rows = lines[start + 1 : start + 1 + sum(counts)]
        positions = np.array([row.split()[:3] for row in rows], dtype=float)
        positions = positions.reshape(sum(counts), 3)
    except (ValueError, IndexError) as error:
        raise StructureFileError(name, f"is not a complete POSCAR ({error}).") from error
    symbols = [
        symbol
        for word, count in zip(names, counts, strict=True)
        for symbol in [cif.element_of(word, name)] * count
    ]
    if cartesian:
        positions = _fractional(positions, matrix, name)
    return _assemble(matrix * factors, _atoms_from(symbols, positions), name)


def _poscar_factors(scale: Sequence[float], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factors of x, y, z; one negative number is the volume of the cell."""
    if len(scale) == 1 and scale[0] < 0:
        if not np.linalg.det(matrix):
            raise ValueError("its three lattice vectors lie in a plane")
        return np.full(3, (-scale[0] / abs(np.linalg.det(matrix))) ** (1 / 3))
    if len(scale) not in (1, 3) or min(scale) <= 0:
        raise ValueError("its second line is not a scale")
    return np.broadcast_to(np.array(scale), (3,))


def _fractional(
    cartesian: NDArray[np.float64], matrix: NDArray[np.float64], name: str
) -> NDArray[np.float64]:
    try:
        return np.asarray(np.linalg.solve(matrix.T, cartesian.T).T, dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise StructureFileError(name, "its three lattice vectors lie in a plane.") from error


def _atoms_from(symbols: Sequence[str], frac: NDArray[np.float64]) -> list[Atom]:
    return [
        Atom(symbol, {symbol: 1.0}, (x, y, z))
        for symbol, (x, y, z) in zip(symbols, frac.tolist(), strict=True)
    ]


# --- checking -----------------------------------------------------------------------------------


def _assemble(matrix: NDArray[np.float64], atoms: Sequence[Atom], name: str) -> Structure:
    """Make a structure of what a file says, or raise what is wrong with it."""
    if not atoms:
        raise EmptyStructureError(name, "holds no atoms.")
    if len(atoms) > cif.MAX_ATOMS:
        raise cif.too_many_atoms(name, len(atoms))
    frac = np.array([atom.frac for atom in atoms])
    if not (np.isfinite(matrix).all() and np.isfinite(frac).all()):
        raise StructureFileError(name, "has a coordinate or a cell vector that is not a number.")
    _check_cell(matrix, name)
    frac = frac % 1.0
    frac[np.abs(frac - 1.0) < 1e-12] = 0.0
    atoms, frac = _share_sites(matrix, atoms, frac, name)
    for atom in atoms:
        total = sum(atom.species.values())
        if not 0 < total <= 1.05 or min(atom.species.values()) < 0:
            raise StructureFileError(
                name, f"{atom.label} has the occupancy {total:g}; it must lie between 0 and 1."
            )
    species = [_normalised(atom.species) for atom in atoms]
    labels = [atom.label for atom in atoms]
    return Structure(Lattice(matrix), species, frac, labels=labels)


def _normalised(species: dict[str, float]) -> Any:
    """Fill a site that is full but for rounding, such as 0.333 + 0.667."""
    total = sum(species.values())
    factor = 1 / total if total > 1 or abs(total - 1) < 1e-3 else 1.0
    if len(species) == 1 and abs(total * factor - 1) < 1e-9:
        return Element(next(iter(species)))
    return {Element(symbol): occupancy * factor for symbol, occupancy in species.items()}


def _check_cell(matrix: NDArray[np.float64], name: str) -> None:
    lengths = np.linalg.norm(matrix, axis=1)
    if lengths.max() > _LONGEST_CELL:
        raise StructureFileError(
            name, f"its cell is {lengths.max():.4g} Å long; at most {_LONGEST_CELL:g} Å are read."
        )
    if _heights(matrix).min() < _THINNEST_CELL:
        raise StructureFileError(name, "its cell is less than 1 Å thick: no crystal is like that.")


def _share_sites(
    matrix: NDArray[np.float64], atoms: Sequence[Atom], frac: NDArray[np.float64], name: str
) -> tuple[list[Atom], NDArray[np.float64]]:
    """Join atoms that take turns on one site; raise `OverlapError` for others that overlap."""
    joined = list(atoms)
    gone: set[int] = set()
    for i, j, distance in _close_pairs(matrix, frac):
        if i in gone or j in gone:
            continue
        total = sum(joined[i].species.values()) + sum(joined[j].species.values())
        partly = all(sum(joined[k].species.values()) < 1 - 1e-6 for k in (i, j))
        if not partly or (distance < _SAME_SITE and total > 1.05):
            raise OverlapError(
                name,
                f"{atoms[i].label} (index {i}) and {atoms[j].label} (index {j}) are "
                f"{distance:.2f} Å apart; atoms closer than {_OVERLAP} Å overlap.",
            )
        if distance < _SAME_SITE:
            joined[i] = _together(joined[i], joined[j])
            gone.add(j)
    kept = [i for i in range(len(atoms)) if i not in gone]
    return [joined[i] for i in kept], frac[kept]


def _together(one: Atom, other: Atom) -> Atom:
    species = dict(one.species)
    for symbol, occupancy in other.species.items():
        species[symbol] = species.get(symbol, 0.0) + occupancy
    label = one.label if one.label == other.label else f"{one.label}/{other.label}"
    return Atom(label, species, one.frac)


def _close_pairs(
    matrix: NDArray[np.float64], frac: NDArray[np.float64]
) -> list[tuple[int, int, float]]:
    """Pairs of atoms closer than 0.5 Å, with their distance.

    Searched in a box scaled by the heights of the cell, where no pair is farther apart (in the
    largest of the three components) than in space.
    """
    from scipy.spatial import cKDTree

    box = _heights(matrix)
    points = frac * box % box
    # Eight neighbours tell of an overlap, however many atoms a damaged file puts in one place.
    _, nearest = cKDTree(points, boxsize=box, balanced_tree=False).query(
        points, k=9, p=np.inf, distance_upper_bound=min(_OVERLAP, 0.499 * float(box.min()))
    )
    first, second = np.broadcast_to(np.arange(len(frac))[:, None], nearest.shape), nearest
    real = (second < len(frac)) & (second != first)
    pairs = np.unique(np.sort(np.column_stack([first[real], second[real]]), axis=1), axis=0)
    apart = frac[pairs[:, 1]] - frac[pairs[:, 0]]
    apart -= np.round(apart)
    distances = np.linalg.norm(apart @ matrix, axis=1)
    return [
        (i, j, d)
        for (i, j), d in zip(pairs.tolist(), distances.tolist(), strict=True)
        if d < _OVERLAP
    ]


def _heights(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances between opposite faces of a cell in Å, shape (3,)."""
    faces = np.linalg.norm(np.cross(matrix[[1, 2, 0]], matrix[[2, 0, 1]]), axis=1)
    volume = abs(np.linalg.det(matrix))
    return np.asarray(volume / np.maximum(faces, 1e-12), dtype=np.float64)

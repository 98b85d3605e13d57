"""Crystal structures from files: CIF, POSCAR/CONTCAR, extended XYZ and pymatgen's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.elements import is_element
from migbar.errors import EmptyStructureError, StructureFileError, words_of
from migbar.structures import cif
from migbar.structures.checking import check_cell, checked_structure
from migbar.structures.cif import Atom

MAX_FILE_SIZE = 50_000_000
"""Largest file that is read, in bytes."""

# How gzip, zip, bzip2, xz and 7z begin.
_COMPRESSED = (b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")

_Reader = Callable[[str, str, str | None], Structure]


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


def reading_notes(data: bytes, name: str, block: str | None = None) -> list[tuple[str, str]]:
    """Say what a user should know of how a file was read: a code and a text for each.

    Codes are ``several_structures``, of which one was taken, ``elements_of_title`` and ``odd_symmetry``.

    Parameters
    ----------
    data : bytes
        Content of a file that `parse_structure` has read.
    name : str
        Its name.
    block : str, optional
        Data block of a CIF that was asked for.
    """
    text = _decoded(data, name)
    reader = _reader(name, text)
    if reader is _read_cif:
        return _cif_notes(text, name, block)
    several, notes = False, []
    if reader is _read_extxyz:
        n_atoms = int(text.split(maxsplit=1)[0])
        several = bool("".join(text.lstrip().splitlines()[n_atoms + 2 :]).strip())
    elif reader is _read_poscar:
        several = text.lower().count("direct configuration=") > 1
        title, *lines = text.splitlines()
        if _names_no_elements(lines):
            taken = f"The elements were taken from the title of the file (VASP 4 format): {title.strip()}."
            notes.append(("elements_of_title", taken))
    if several:
        notes.append(("several_structures", "The file holds several frames; the first was taken."))
    return notes


def _cif_notes(text: str, name: str, wanted: str | None) -> list[tuple[str, str]]:
    blocks = cif.read_blocks(text, name)
    notes = []
    if wanted is None and len(blocks) > 1:
        taken = f"The file holds {len(blocks)} structures; the first, {blocks[0].name}, was taken."
        notes.append(("several_structures", taken))
    doubt = cif.symmetry_doubt(cif.choose_block(blocks, wanted, name), name)
    return [*notes, ("odd_symmetry", doubt)] if doubt else notes


def read_data(path: Path) -> bytes:
    """Return the content of a structure file.

    Raises
    ------
    StructureFileError
        When it cannot be opened, or is larger than `MAX_FILE_SIZE`.
    """
    try:
        with path.open("rb") as file:  # a pipe or a device does not say how much it holds
            data = file.read(MAX_FILE_SIZE + 1)
    except FileNotFoundError as error:
        text = f"there is no such file in {path.absolute().parent}."
        raise StructureFileError(path.name, text) from error
    except OSError as error:
        text = f"cannot be opened: {words_of(error).lower()}."
        raise StructureFileError(path.name, text) from error
    if len(data) > MAX_FILE_SIZE:
        raise StructureFileError(
            path.name, f"is too large; at most {MAX_FILE_SIZE / 1e6:.0f} MB are read."
        )
    return data


def _decoded(data: bytes, name: str) -> str:
    if not data.strip():
        raise EmptyStructureError(name, "is an empty file.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if data.startswith(_COMPRESSED):
        raise StructureFileError(name, "is compressed; unpack it first.")
    if b"\0" in data:
        raise StructureFileError(name, "is a binary file, not a text with a structure.")
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def _reader(file_name: str, text: str) -> _Reader:
    """Choose how to read a file, by its name and then by its content."""
    for patterns, reader in _FORMATS:
        if any(fnmatchcase(file_name.lower(), pattern) for pattern in patterns):
            return reader
    if is_cif(text):
        return _read_cif
    if text.lstrip().startswith("{"):
        return _read_json
    if re.match(r"\s*\d+[ \t]*\n.*Lattice", text):
        return _read_extxyz
    if _begins_like_a_poscar(text):
        return _read_poscar
    if text.startswith("ITEM: TIMESTEP"):
        raise StructureFileError(
            file_name,
            "is a simulation by LAMMPS: open its crystal, then read it (in the window: Structure, Read simulation; on "
            "the command line: migbar read-dynamics).",
        )
    raise StructureFileError(
        file_name,
        "is not a structure file that is known here (CIF, POSCAR, extended XYZ, pymatgen JSON).",
    )


def is_cif(text: str) -> bool:
    """Whether a text has a data block, as a CIF does."""
    return re.search(r"^[ \t]*data_", text, re.MULTILINE | re.IGNORECASE) is not None


def _begins_like_a_poscar(text: str) -> bool:
    """Whether line 2 is a scale, and lines 3 to 5 are lattice vectors."""
    _, *lines = (line.split(maxsplit=3)[:3] for line in text.split("\n", 5)[:5])
    try:
        scale, *vectors = ([float(word) for word in words] for words in lines)
    except ValueError:
        return False
    return len(scale) in (1, 3) and [len(vector) for vector in vectors] == [3, 3, 3]


# --- one reader for each format -----------------------------------------------------------------


def _read_cif(text: str, name: str, wanted: str | None) -> Structure:
    block = cif.choose_block(cif.read_blocks(text, name), wanted, name)
    matrix = _matrix_from_parameters(cif.cell_parameters(block, name), name)
    check_cell(matrix, name)
    atoms = cif.read_atoms(block, matrix, name)
    structure = checked_structure(matrix, atoms, name)
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
    return checked_structure(matrix, atoms, name)


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
    return checked_structure(
        matrix, _atoms_from(symbols, _fractional(cartesian, matrix, name)), name
    )


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
    lines = _with_elements(text, name)
    try:
        scale = [float(word) for word in lines[1].split()]
        matrix = np.array([line.split()[:3] for line in lines[2:5]], dtype=float).reshape(3, 3)
        factors = _poscar_factors(scale, matrix)
        names = lines[5].split()
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
    return checked_structure(matrix * factors, _atoms_from(symbols, positions), name)


def _names_no_elements(lines: Sequence[str]) -> bool:
    """Whether counts follow the lattice vectors at once, as in VASP 4; `lines` are those after the title."""
    return "".join(lines[4:5]).lstrip()[:1].isdecimal()


def _with_elements(text: str, name: str) -> list[str]:
    """Return the lines of a POSCAR, with the elements of its title above the counts where VASP 4 names them there."""
    title, *lines = text.splitlines() or [""]
    if not _names_no_elements(lines):
        return [title, *lines]
    elements = title.split()
    if len(elements) != len(lines[4].split()) or not all(map(is_element, elements)):
        raise StructureFileError(
            name, "names no elements (VASP 4 format); add a line with them above the counts."
        )
    return [title, *lines[:4], title, *lines[4:]]


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


_FORMATS: tuple[tuple[tuple[str, ...], _Reader], ...] = (
    (("*.cif", "*.mcif"), _read_cif),
    (("*.json",), _read_json),
    (("*.xyz", "*.extxyz"), _read_extxyz),
    (("poscar*", "contcar*", "*.vasp", "*.poscar"), _read_poscar),
)

FILE_NAMES = tuple(pattern for patterns, _ in _FORMATS for pattern in patterns)
"""Names of structure files, in lower case; others are told by their content."""

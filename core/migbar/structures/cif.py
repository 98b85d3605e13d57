"""Crystallographic information files: text to data blocks, symmetry, atoms of the whole cell.

The syntax and the symmetry are gemmi's; the atoms are expanded here, because gemmi joins the images
of an atom within 0.4 Å, where ionic conductors have split sites. Whatever does not make sense is
said in a `StructureFileError`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import gemmi
import numpy as np
from numpy.typing import NDArray

from migbar.elements import HEAVY_HYDROGEN, is_element
from migbar.errors import EmptyStructureError, StructureFileError, UnknownElementError

MAX_ATOMS = 20_000
"""Most atoms in a cell that is read."""

# Images of an atom closer than this (Å) are one atom on a special position, given with few digits.
_SAME_ATOM = 0.05
_MAX_OPERATIONS = 1_000
# What gemmi raises; the latter when its message breaks off within a character.
_NOT_UNDERSTOOD = (RuntimeError, UnicodeDecodeError)

_CELL_TAGS = [f"_cell_length_{x}" for x in "abc"]
_CELL_TAGS += [f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma")]
_ATOM_TAGS = ["fract_x", "fract_y", "fract_z", "?label", "?type_symbol", "?occupancy", "?calc_flag"]
_FORMULA_TAGS = ("_chemical_formula_sum",)
_XYZ_TAGS = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
_HALL_TAGS = ("_space_group_name_hall", "_symmetry_space_group_name_hall")
_GROUP_TAGS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_it_number",
    "_symmetry_int_tables_number",
)


@dataclass(frozen=True, slots=True)
class Atom:
    """An atom as a file gives it: a label, species with their occupancies, a fractional position."""

    label: str
    species: dict[str, float]
    frac: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Operations:
    """Symmetry operations x → R x + t on fractional coordinates, (n, 3, 3) and (n, 3)."""

    rotations: NDArray[np.float64]
    translations: NDArray[np.float64]

    def misfit(self, matrix: NDArray[np.float64]) -> int | None:
        """Index of the first operation that would distort the cell, or None."""
        metric = matrix @ matrix.T
        scale = np.sqrt(np.outer(metric.diagonal(), metric.diagonal()))
        turned = np.swapaxes(self.rotations, 1, 2) @ metric @ self.rotations
        bad = (np.abs(turned - metric) / scale > 0.02).any(axis=(1, 2))
        return int(bad.argmax()) if bad.any() else None


def read_blocks(text: str, name: str) -> list[gemmi.cif.Block]:
    """Return the data blocks of a CIF that hold atoms.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        Name of the file, for error messages.

    Raises
    ------
    StructureFileError
        When the text breaks the rules of CIF; says in which line.
    EmptyStructureError
        When no data block holds atoms.
    """
    try:
        # Its checks, level 1, would compare each name of a block with all others.
        blocks = list(gemmi.cif.read_string(text, check_level=0))
    except ValueError as error:
        raise StructureFileError(name, _complaint(str(error), text)) from error
    with_atoms = [block for block in blocks if len(block.find_values("_atom_site_fract_x"))]
    if not with_atoms:
        raise EmptyStructureError(name, "holds no atoms (no _atom_site_fract_x in any data block).")
    return with_atoms


def _complaint(message: str, text: str) -> str:
    """Put what gemmi complains about into words, with the line it is about."""
    if "data_" not in text.lower():
        return "not a CIF: it has no line that starts with data_."
    match = re.match(r"string:(\d+)\S* (.*)", message)
    if match is None:
        return f"is not a valid CIF: {message[:80]!r}."
    lines = text.split("\n")
    if not "".join(lines[int(match[1]) - 1 :]).strip():
        return "is cut short: it ends in the middle of a loop."
    line = lines[int(match[1]) - 1]
    problem = match[2].replace("parse error", "a value with blanks needs quotes, each value a name")
    problem = problem.replace("Wrong number of values", "rows cut short or too long")
    if line.lower().startswith("data_"):
        problem = (
            "the name behind data_ is of plain letters and digits, without umlauts and the like"
        )
    return f"line {match[1]} is not valid CIF, {line[:40]!r}: {problem[:80]}."


def choose_block(
    blocks: Sequence[gemmi.cif.Block], wanted: str | None, name: str
) -> gemmi.cif.Block:
    """Return the block called `wanted`, or the first one."""
    if wanted is None:
        return blocks[0]
    for block in blocks:
        if block.name == wanted:
            return block
    known = ", ".join(block.name for block in blocks[:8])
    raise StructureFileError(name, f"has no data block {wanted!r} with atoms; it has: {known}.")


def _first(block: gemmi.cif.Block, tags: Iterable[str]) -> str:
    """Return the first value known under one of `tags`, or nothing."""
    columns = [block.find_values(tag) for tag in tags]
    return next((text for column in columns if len(column) and (text := column.str(0))), "")


def cell_parameters(block: gemmi.cif.Block, name: str) -> list[float]:
    """Lengths (Å) and angles (°) of the cell: a, b, c, alpha, beta, gamma."""
    values = {tag: _first(block, [tag]) for tag in _CELL_TAGS}
    missing = [tag for tag, text in values.items() if not text]
    if missing:
        raise StructureFileError(name, f"has no {', '.join(missing)}; is the file complete?")
    return [_number(text, tag, name) for tag, text in values.items()]


def _number(text: str, what: str, name: str) -> float:
    value = gemmi.cif.as_number(text)
    if not isfinite(value):
        raise StructureFileError(name, f"{what} is {text[:30]!r}, which is not a number.")
    return value


def read_atoms(block: gemmi.cif.Block, matrix: NDArray[np.float64], name: str) -> list[Atom]:
    """Return all atoms of the cell, in the order of the file, each row expanded by symmetry.

    Parameters
    ----------
    block : Block
        Data block that holds atoms.
    matrix : ndarray, shape (3, 3)
        Lattice vectors as rows, in Å.
    name : str
        Name of the file, for error messages.
    """
    rows = _listed_atoms(block, name)
    if not rows:
        raise EmptyStructureError(name, "holds no atoms with an occupancy above zero.")
    operations = _operations(block, matrix, name)
    if len(operations.rotations) == 1:
        return rows
    atoms: list[Atom] = []
    for row in rows:
        for frac in _orbit(np.array(row.frac), operations, matrix):
            atoms.append(Atom(row.label, row.species, tuple(frac.tolist())))
        if len(atoms) > MAX_ATOMS:
            raise too_many_atoms(name, len(atoms))
    return atoms


def too_many_atoms(name: str, n_atoms: int) -> StructureFileError:
    """Return the error for a cell that is too large to work with."""
    return StructureFileError(
        name, f"has {n_atoms:,} atoms or more in its cell; at most {MAX_ATOMS:,} can be read."
    )


def _listed_atoms(block: gemmi.cif.Block, name: str) -> list[Atom]:
    table = block.find("_atom_site_", _ATOM_TAGS)
    if not len(table):
        raise StructureFileError(name, "its table of atoms has no y or z coordinates.")
    if len(table) > MAX_ATOMS:
        raise too_many_atoms(name, len(table))
    known = _formula_sum(block)
    atoms = []
    for row in table:
        *xyz, label, symbol, occupancy_text, flag = (
            row.str(i) if row.has(i) else "" for i in range(len(_ATOM_TAGS))
        )
        if flag == "dum":
            continue
        label = label or symbol
        occupancy = _number(occupancy_text or "1", f"the occupancy of {label}", name)
        if not 0 <= occupancy <= 1.05:
            raise StructureFileError(
                name, f"{label} has the occupancy {occupancy:g}; it must lie between 0 and 1."
            )
        if occupancy == 0:
            continue
        element = element_of(symbol, name) if symbol else _element_of_label(label, known, name)
        x, y, z = (_number(text, f"a coordinate of {label}", name) for text in xyz)
        atoms.append(Atom(label, {element: min(occupancy, 1.0)}, (x, y, z)))
    return atoms


def element_of(text: str, name: str) -> str:
    """Return the element of a type symbol such as ``Li``, ``FE3+``, ``O2-`` or ``7Li``."""
    letters = re.match(r"\d*([A-Za-z]*)", text)
    symbol = letters[1].capitalize() if letters else ""
    if symbol in HEAVY_HYDROGEN:
        return "H"
    if not is_element(symbol):
        raise UnknownElementError(
            name, f"{text[:30]!r} is not a chemical element; take dummy atoms out first."
        )
    return symbol


def _element_of_label(label: str, known: Collection[str], name: str) -> str:
    """Return the element that begins a label, one of the `known` ones where there are any: HO1 is a hydrogen."""
    for length in (2, 1):
        symbol = label[:length].capitalize()
        if is_element(symbol) or symbol == "D":  # T1 is a tetrahedral site, and no tritium
            element = element_of(symbol, name)
            if not known or element in {*known, "H"}:
                return element
    of = " of its _chemical_formula_sum" if known else ""
    raise UnknownElementError(name, f"the site {label[:30]!r} names no chemical element{of}.")


def _orbit(
    frac: NDArray[np.float64], operations: Operations, matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """All distinct images of one atom in the cell, shape (n, 3).

    The atom is first moved to the mean of the images that fall onto it: 0.3333 becomes 1/3.
    """
    shift = operations.rotations @ frac + operations.translations - frac
    shift -= np.round(shift)
    onto_itself = np.linalg.norm(shift @ matrix, axis=1) < _SAME_ATOM
    if onto_itself.any():
        frac = frac + shift[onto_itself].mean(axis=0)
    images = _wrapped(operations.rotations @ frac + operations.translations)
    apart = images[:, None] - images[None, :]
    apart -= np.round(apart)
    same = np.linalg.norm(apart @ matrix, axis=2) < _SAME_ATOM
    return images[~np.tril(same, -1).any(axis=1)]


def _wrapped(frac: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = frac % 1.0
    inside[np.abs(inside - 1.0) < 1e-9] = 0.0
    return inside


def _operations(block: gemmi.cif.Block, matrix: NDArray[np.float64], name: str) -> Operations:
    written = _listed_operations(block)
    if not written:
        _refuse_other_symmetry(block, name)
        written = [operation.triplet() for operation in _group_operations(block, name)]
    if len(written) > _MAX_OPERATIONS:
        raise StructureFileError(
            name, f"lists {len(written)} symmetry operations; a space group has at most 192."
        )
    parsed = [_parse_operation(gemmi.cif.as_string(text), name) for text in written]
    if np.eye(4).tolist() not in parsed:  # some programs leave it out
        written, parsed = ["x,y,z", *written], [np.eye(4).tolist(), *parsed]
    seitz = np.array(parsed)
    operations = Operations(seitz[:, :3, :3], seitz[:, :3, 3])
    misfit = operations.misfit(matrix)
    if misfit is not None:
        text = gemmi.cif.as_string(written[misfit])
        raise StructureFileError(name, f"its symmetry operation {text!r} does not fit the cell.")
    return operations


def _refuse_other_symmetry(block: gemmi.cif.Block, name: str) -> None:
    """Raise `StructureFileError` where symmetry is given that is not of three dimensions, or turns moments."""
    tags = [tag for item in block if item.loop for tag in item.loop.tags]
    if any(re.search(r"symop[._]magn", tag, re.IGNORECASE) for tag in tags):
        raise StructureFileError(name, "is a magnetic CIF; export it as an ordinary CIF first.")
    if any("symop_ssg" in tag.lower() for tag in tags):
        raise StructureFileError(
            name, "is of a modulated structure; export its average, or a supercell of it, first."
        )


def _listed_operations(block: gemmi.cif.Block) -> list[str]:
    listed = (list(block.find_values(tag)) for tag in _XYZ_TAGS)
    return next(filter(None, listed), [])


def symmetry_doubt(block: gemmi.cif.Block, name: str) -> str:
    """Say where the symmetry that was taken may not be the crystal's; else nothing.

    The listed operations may be others than the named space group has, or neither be there.
    """
    listed = len(_listed_operations(block))
    symbol = _first(block, _GROUP_TAGS)
    if not listed and not symbol and not _first(block, _HALL_TAGS):
        return (
            "The file names no space group and lists no symmetry operations: the atoms it lists were taken for all "
            "of the cell."
        )
    groups = [group for group in _settings(block, symbol, name) if group is not None]
    orders = [len(list(group.operations())) for group in groups]
    if not listed and symbol.isdecimal() and groups and orders != [1, 1]:
        return (
            f"The file tells its space group by the number {symbol} alone: the setting {groups[0].hm} was taken. See "
            "whether the atoms are where they should be."
        )
    if not listed or not orders or listed in orders:
        return ""
    return (
        f"The file says that its space group is {symbol}, which has {orders[0]} operations, but lists {listed}. "
        "Those listed were applied: see whether all atoms are there."
    )


def _parse_operation(text: str, name: str) -> list[list[float]]:
    """Return the 4 × 4 matrix of an operation such as ``-x,y+1/2,z``."""
    try:
        operation = gemmi.parse_triplet(text, "x")
    except _NOT_UNDERSTOOD:
        operation = None
    if operation is None or abs(operation.det_rot()) != gemmi.Op.DEN**3:
        raise StructureFileError(name, f"{text[:40]!r} is not a symmetry operation.")
    return operation.float_seitz()


def _group_operations(block: gemmi.cif.Block, name: str) -> Iterable[gemmi.Op]:
    """Operations of the space group given by Hall symbol, Hermann–Mauguin symbol or number."""
    if hall := _first(block, _HALL_TAGS):
        try:
            return gemmi.symops_from_hall(hall)
        except _NOT_UNDERSTOOD as error:
            raise StructureFileError(name, f"no space group {hall[:30]!r} is known.") from error
    symbol = _first(block, _GROUP_TAGS) or "P 1"
    one, two = _settings(block, symbol, name)
    if one is None or two is None:
        raise StructureFileError(
            name, f"no space group {symbol[:30]!r} is known; give symmetry operations."
        )
    if one.ext != two.ext:
        raise StructureFileError(
            name,
            f"{symbol} has two choices of origin; give symmetry operations to say which, or name the group "
            f"{one.hm} :1 or :2.",
        )
    return one.operations()


def _settings(
    block: gemmi.cif.Block, symbol: str, name: str
) -> tuple[gemmi.SpaceGroup | None, gemmi.SpaceGroup | None]:
    """Return the space group of a symbol or number with either choice of origin."""
    *_, alpha, _, gamma = cell_parameters(block, name)
    by_number = {str(group.number): group.hm for group in reversed(list(gemmi.spacegroup_table()))}
    plain = symbol.replace("_", "")  # P2_1/c
    written = re.sub(r"[\s:]*([SZ])$", lambda origin: ":" + "12"[origin[1] == "Z"], plain)
    sought = by_number.get(written, written)
    one, two = (gemmi.find_spacegroup_by_name(sought, alpha, gamma, choice) for choice in "12")
    return one, two


def _formula_sum(block: gemmi.cif.Block) -> dict[str, float]:
    """Return how many atoms of each element the file says that its formula has; nothing where it does not say."""
    text = _first(block, _FORMULA_TAGS)
    return {
        symbol: float(amount or 1)
        for symbol, amount in re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", text)
        if is_element(symbol) and float(amount or 1) > 0
    }


def check_formula(block: gemmi.cif.Block, atoms: Sequence[Atom], name: str) -> None:
    """Refuse a list of atoms that does not make the compound the file says it is.

    A file that was cut short within its table of atoms looks like a smaller crystal otherwise.
    Hydrogen is left out, as it often is in the list of atoms.
    """
    formula = {symbol: n for symbol, n in _formula_sum(block).items() if symbol != "H"}
    found: dict[str, float] = {}
    for atom in atoms:
        for symbol, occupancy in atom.species.items():
            found[symbol] = found.get(symbol, 0.0) + occupancy
    missing = [symbol for symbol in formula if symbol not in found]
    counts = [found[symbol] / amount for symbol, amount in formula.items() if found.get(symbol)]
    whole = all(amount.is_integer() for amount in (*formula.values(), *found.values()))
    if missing or (whole and counts and max(counts) > 1.001 * min(counts)):
        listed = " ".join(f"{symbol}{amount:g}" for symbol, amount in found.items())
        raise StructureFileError(
            name,
            f"lists the atoms {listed} but says that it is {_first(block, _FORMULA_TAGS)}; is it cut short? "
            "(Without _chemical_formula_sum it is read as it is.)",
        )

"""Crystallographic information files: text to data blocks, symmetry, atoms of the whole cell.

Written for files as they come: large, cut short, or not CIFs at all. The work grows in proportion
to the file, and whatever does not make sense is said in a `StructureFileError`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import isclose, isfinite

import numpy as np
from numpy.typing import NDArray

from migbar.elements import is_element
from migbar.errors import EmptyStructureError, StructureFileError, UnknownElementError

MAX_ATOMS = 20_000
"""Most atoms in a cell that is read."""

# Images of an atom closer than this (Å) are one atom on a special position, given with few digits.
_SAME_ATOM = 0.05
_MAX_OPERATIONS = 1_000

# A text field between semicolons, a comment, a quoted value (perhaps not closed), any other word.
# Each alternative uses up what it has looked at, so that no text takes quadratic time.
_TOKEN = re.compile(
    r"^;(?P<text>.*?)(?:^;|\Z)|\#[^\n]*"
    r"|'(?P<single>(?:[^'\n]+|'(?=\S))*)'?|\"(?P<double>(?:[^\"\n]+|\"(?=\S))*)\"?|(?P<word>\S+)",
    re.MULTILINE | re.DOTALL,
)
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\(\d*\))?")
_XYZ_KEYS = ("_symmetry_equiv_pos_as_xyz", "_space_group_symop_operation_xyz")
_GROUP_NAME_KEYS = (
    "_space_group_name_h-m_alt",
    "_symmetry_space_group_name_h-m",
    "_space_group_name_hall",
    "_symmetry_space_group_name_hall",
)
_GROUP_NUMBER_KEYS = ("_space_group_it_number", "_symmetry_int_tables_number")


@dataclass(slots=True)
class Block:
    """A data block of a CIF: its name and, by lower-case key, its values in the order written."""

    name: str
    data: dict[str, list[str]] = field(default_factory=dict)

    def first(self, keys: Sequence[str]) -> str | None:
        """Return the first value known under one of `keys`."""
        for key in keys:
            if (values := self.data.get(key)) and values[0] not in ("?", "."):
                return values[0]
        return None

    @property
    def holds_atoms(self) -> bool:
        return bool(self.data.get("_atom_site_fract_x"))


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


def read_blocks(text: str, name: str) -> list[Block]:
    """Split the text of a CIF into its data blocks.

    Parameters
    ----------
    text : str
        Content of the file.
    name : str
        Name of the file, for error messages.

    Raises
    ------
    StructureFileError
        When there is no data block at all, or far too many atoms.
    """
    blocks: list[Block] = []
    columns: list[str] | None = None  # of the loop being read
    single: str | None = None  # key outside a loop that waits for its value
    row: list[str] = []

    def close_loop() -> None:
        if columns and blocks:
            for i, key in enumerate(columns):
                blocks[-1].data[key] = row[i :: len(columns)]

    for token, quoted in _tokens(text):
        lower = "" if quoted else token.lower()
        if lower.startswith("data_"):
            close_loop()
            columns, single = None, None
            blocks.append(Block(token[5:]))
        elif lower == "loop_":
            close_loop()
            columns, single, row = [], None, []
        elif lower.startswith("_"):
            if columns is not None and not row:
                columns.append(lower)
            else:
                close_loop()
                columns, single = None, lower
        elif columns is not None:
            row.append(token)
            if len(row) > MAX_ATOMS * len(columns) and "_atom_site_fract_x" in columns:
                raise too_many_atoms(name, MAX_ATOMS)
        elif single is not None and blocks:
            blocks[-1].data[single] = [token]
            single = None
    close_loop()
    if not blocks:
        raise StructureFileError(name, "not a CIF: it has no line that starts with data_.")
    return blocks


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is not None:
            yield match[kind], kind != "word"


def choose_block(blocks: Sequence[Block], wanted: str | None, name: str) -> Block:
    """Return the block called `wanted`, or the first one that holds atoms."""
    with_atoms = [block for block in blocks if block.holds_atoms]
    if not with_atoms:
        raise EmptyStructureError(name, "holds no atoms (no _atom_site_fract_x in any data block).")
    if wanted is None:
        return with_atoms[0]
    for block in with_atoms:
        if block.name == wanted:
            return block
    known = ", ".join(block.name for block in with_atoms[:8])
    raise StructureFileError(name, f"has no data block {wanted!r} with atoms; it has: {known}.")


def cell_parameters(block: Block, name: str) -> list[float]:
    """Lengths (Å) and angles (°) of the cell: a, b, c, alpha, beta, gamma."""
    keys = [f"_cell_length_{x}" for x in "abc"]
    keys += [f"_cell_angle_{x}" for x in ("alpha", "beta", "gamma")]
    missing = [key for key in keys if not block.data.get(key)]
    if missing:
        raise StructureFileError(name, f"has no {', '.join(missing)}; is the file complete?")
    return [_number(block.data[key][0], key, name) for key in keys]


def _number(text: str, what: str, name: str) -> float:
    match = _NUMBER.fullmatch(text)
    if match is None or not isfinite(float(match[1])):
        raise StructureFileError(name, f"{what} is {text[:30]!r}, which is not a number.")
    return float(match[1])


def read_atoms(block: Block, matrix: NDArray[np.float64], name: str) -> list[Atom]:
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
    if len(rows) > MAX_ATOMS:
        raise too_many_atoms(name, len(rows))
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


def _listed_atoms(block: Block, name: str) -> list[Atom]:
    data = block.data
    axes = [data.get(f"_atom_site_fract_{x}", []) for x in "xyz"]
    n_rows = len(axes[0])
    labels = data.get("_atom_site_label") or data.get("_atom_site_type_symbol") or []
    symbols = data.get("_atom_site_type_symbol")
    occupancies = data.get("_atom_site_occupancy") or ["1"] * n_rows
    flags = data.get("_atom_site_calc_flag") or ["."] * n_rows
    columns = [*axes, labels, symbols or labels, occupancies, flags]
    if any(len(column) != n_rows for column in columns):
        raise StructureFileError(
            name, "its table of atoms is cut short or has a row with too few or too many values."
        )
    atoms = []
    for i in range(n_rows):
        if flags[i] == "dum":
            continue
        label = labels[i]
        occupancy = 1.0 if occupancies[i] in "?." else _number(occupancies[i], label, name)
        if not 0 <= occupancy <= 1.05:
            raise StructureFileError(
                name, f"{label} has the occupancy {occupancy:g}; it must lie between 0 and 1."
            )
        if occupancy == 0:
            continue
        symbol = element_of(symbols[i], name) if symbols else _element_of_label(label, name)
        x, y, z = (_number(axis[i], f"a coordinate of {label}", name) for axis in axes)
        atoms.append(Atom(label, {symbol: min(occupancy, 1.0)}, (x, y, z)))
    return atoms


def element_of(text: str, name: str) -> str:
    """Return the element of a type symbol such as ``Li``, ``FE3+`` or ``O2-``."""
    letters = re.match(r"[A-Za-z]*", text)
    symbol = letters[0].capitalize() if letters else ""
    if not is_element(symbol):
        raise UnknownElementError(name, f"{text[:30]!r} is not a chemical element.")
    return "H" if symbol in ("D", "T") else symbol


def _element_of_label(label: str, name: str) -> str:
    for length in (2, 1):
        symbol = label[:length].capitalize()
        if is_element(symbol):
            return element_of(symbol, name)
    raise UnknownElementError(name, f"the site {label[:30]!r} names no chemical element.")


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


def _operations(block: Block, matrix: NDArray[np.float64], name: str) -> Operations:
    for key in _XYZ_KEYS:
        if written := block.data.get(key):
            operations = _parse_operations(written, name)
            misfit = operations.misfit(matrix)
            if misfit is not None:
                raise StructureFileError(
                    name, f"its symmetry operation {written[misfit]!r} does not fit the cell."
                )
            return operations
    if any(key.startswith("_space_group_symop_magn") for key in block.data):
        raise StructureFileError(name, "is a magnetic CIF; export it as an ordinary CIF first.")
    group = block.first(_GROUP_NAME_KEYS) or block.first(_GROUP_NUMBER_KEYS)
    if group is None:
        return _parse_operations(["x,y,z"], name)
    return _operations_of_group(group, matrix, name)


def _parse_operations(written: Sequence[str], name: str) -> Operations:
    if len(written) > _MAX_OPERATIONS:
        raise StructureFileError(
            name, f"lists {len(written)} symmetry operations; a space group has at most 192."
        )
    from pymatgen.core.operations import SymmOp

    rotations, translations = [], []
    for text in written:
        parts = text.lower().replace(" ", "").split(",")
        good = len(parts) == 3 and all(re.fullmatch(r"[-+xyz0-9./]+", part) for part in parts)
        try:
            operation = SymmOp.from_xyz_str(",".join(parts)) if good else None
        except (ValueError, ZeroDivisionError, IndexError):
            operation = None
        if operation is None or not isclose(abs(np.linalg.det(operation.rotation_matrix)), 1):
            raise StructureFileError(name, f"{text[:40]!r} is not a symmetry operation.")
        rotations.append(operation.rotation_matrix)
        translations.append(operation.translation_vector)
    return Operations(np.array(rotations), np.array(translations))


def _operations_of_group(group: str, matrix: NDArray[np.float64], name: str) -> Operations:
    """Operations of a space group given by Hermann–Mauguin symbol, Hall symbol or number."""
    import spglib

    match = re.fullmatch(r"(.+?)(?::([12HR])|([SZHR]))?", re.sub(r"[\s_]", "", group))
    assert match is not None  # the pattern fits whatever is not empty
    symbol, choice = match[1], match[2] or {"S": "1", "Z": "2"}.get(match[3], match[3]) or ""
    fitting: dict[str, Operations] = {}
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        names = (kind.international_short, kind.international_full, kind.hall_symbol)
        if symbol != str(kind.number) and symbol not in (re.sub(r"[\s_]", "", n) for n in names):
            continue
        found = spglib.get_symmetry_from_database(hall)
        operations = Operations(found["rotations"].astype(float), found["translations"])
        if kind.choice.startswith(choice) and operations.misfit(matrix) is None:
            fitting.setdefault(kind.choice[:1], operations)
    if not fitting:
        raise StructureFileError(
            name, f"no space group {group[:30]!r} that fits its cell; give symmetry operations."
        )
    if {"1", "2"} <= fitting.keys():
        raise StructureFileError(
            name, f"{group} has two choices of origin; give symmetry operations to say which."
        )
    return next(iter(fitting.values()))


def check_formula(block: Block, atoms: Sequence[Atom], name: str) -> None:
    """Refuse a list of atoms that does not make the compound the file says it is.

    A file that was cut short within its table of atoms looks like a smaller crystal otherwise.
    Hydrogen is left out, as it often is in the list of atoms.
    """
    text = block.first(["_chemical_formula_sum"]) or ""
    formula = {
        symbol: float(amount or 1)
        for symbol, amount in re.findall(r"([A-Z][a-z]?)(\d+\.?\d*|\.\d+)?", text)
        if is_element(symbol) and symbol not in ("H", "D")
    }
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
            f"lists the atoms {listed} but says that it is {text}; is it cut short? "
            "(Without _chemical_formula_sum it is read as it is.)",
        )

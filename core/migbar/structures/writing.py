"""Crystal structures to files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

from pymatgen.core import Structure

from migbar.errors import MigbarError
from migbar.files import write_text

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


def write_structure(structure: Structure, path: str | Path, source: str = "") -> None:
    """Write a structure, in its order, in the format that the name ends in: one of `ENDINGS`.

    `read_structure` gets the same structure from it. What was at `path` stays there if writing fails.

    Parameters
    ----------
    structure : Structure
    path : path
    source : str
        Where it is from, in one line or several; extended XYZ and JSON have no place for that.

    Raises
    ------
    MigbarError
        If the name has another ending, or holds what the format cannot say.
    OSError
        If the file cannot be written.
    """
    ending = Path(path).suffix.lower()
    if ending not in _WRITERS:
        raise MigbarError(f"{Path(path).name}: a structure ends in {', '.join(ENDINGS)}.")
    if ending in _FULL_SITES and not structure.is_ordered:
        raise MigbarError(
            f"{Path(path).name}: partly occupied sites cannot be written so; take .cif or .json."
        )
    write_text(path, _WRITERS[ending](structure, source))


def write_cif(structure: Structure, path: str | Path, source: str = "") -> None:
    """Write a structure as a CIF in P1, in its order and with ten decimals.

    Nothing is left at `path` if writing fails.

    Parameters
    ----------
    structure : Structure
    path : path
    source : str
        Where it is from, for a comment at the top.
    """
    write_text(path, _cif(structure, source))


def _cif(structure: Structure, source: str) -> str:
    keys = (*(f"_cell_length_{x}" for x in "abc"), *(f"_cell_angle_{x}" for x in _ANGLES))
    cell = [f"{k} {v:.10f}" for k, v in zip(keys, structure.lattice.parameters, strict=True)]
    atoms = [
        f"{_cif_label(site)} {species.symbol} {x:.10f} {y:.10f} {z:.10f} {occupancy:.8g}"
        for site in structure
        for x, y, z in [site.frac_coords]
        for species, occupancy in site.species.items()
    ]
    comment = [f"# {line}" for line in source.splitlines()]
    return "\n".join([*comment, _CIF_START, *cell, _CIF_ATOMS, *atoms, ""])


def _cif_label(site: Any) -> str:
    """Label of a site without what has a meaning in a CIF, such as blanks and quotes."""
    return re.sub(r"[^\w+*().:/-]", "", site.label).lstrip("_") or site.species.elements[0].symbol


def _poscar(structure: Structure, source: str) -> str:
    from pymatgen.io.vasp.inputs import Poscar

    comment = " ".join(source.split()) or structure.composition.reduced_formula
    poscar = Poscar(structure, comment=comment, sort_structure=False)
    return str(poscar.get_str(significant_figures=12))


def _extxyz(structure: Structure, _source: str) -> str:
    from ase.io.extxyz import write_extxyz
    from pymatgen.io.ase import AseAtomsAdaptor

    text = StringIO()
    atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
    write_extxyz(text, [atoms], columns=["symbols", "positions"], write_info=False)
    return text.getvalue()


def _json(structure: Structure, _source: str) -> str:
    return json.dumps(structure.as_dict())


_WRITERS: dict[str, Callable[[Structure, str], str]] = {
    ".cif": _cif,
    ".vasp": _poscar,
    ".xyz": _extxyz,
    ".json": _json,
}
_FULL_SITES = (".vasp", ".xyz")

ENDINGS = tuple(_WRITERS)
"""Of the files that `write_structure` writes."""


def file_stem(structure: Structure, identifier: str) -> str:
    """Return what to call a structure's file, without ending: its formula without brackets, and an identifier."""
    reduced = structure.composition.reduced_composition
    amounts = sorted(reduced.items(), key=lambda item: item[0].X)
    plain = "".join(f"{e.symbol}{'' if n == 1 else format(n, 'g')}" for e, n in amounts)
    return re.sub(r"[^\w.+-]+", "_", f"{plain}_{identifier}").strip("._")[:100]

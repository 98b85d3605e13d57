"""Frozen values as plain JSON and back: a closed list of classes, nothing imported by name, nothing executed.

Every dataclass, structure and array is written once and referred to from then on, so that what was the same
object is the same object again. Arrays of JSON are tuples; what is not a string, number, truth value, None,
tuple or dict is an object with its kind under ``"!"``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from pymatgen.core import Lattice, Structure

from migbar import __version__
from migbar.errors import MigbarError

KIND, REFERENCE = "!", "@"


class UnknownKindError(MigbarError):
    """Raised when data holds something that this version does not know."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"it holds {what}, which MigBar {__version__} does not know. It was written by a newer version: "
            "open it with that one."
        )


class DamagedDataError(MigbarError):
    """Raised when data was changed or cut, and does not make sense any more."""


Kinds = Mapping[str, type]


def pack(value: Any, kinds: Kinds) -> dict[str, Any]:
    """Turn a value into plain JSON data.

    Parameters
    ----------
    value : object
        Made of dataclasses and enumerations in `kinds`, structures (ordered, without site properties),
        ASE atoms (with energy and forces), arrays, paths, and what JSON knows.
    kinds : mapping of str to type
        The classes that may occur, by the name that they are written under.

    Raises
    ------
    TypeError
        If something else occurs: it would be lost.
    """
    packer = _Packer(kinds)
    root = packer.plain(value)
    return {"objects": packer.objects, "root": root}


def unpack(data: Mapping[str, Any], kinds: Kinds) -> Any:
    """Make the value that `pack` was given.

    Raises
    ------
    UnknownKindError
        If the data holds a class or a field that is not known here.
    DamagedDataError
        If it does not make sense.
    """
    try:
        return _Unpacker(data["objects"], kinds).value(data["root"])
    except MigbarError:
        raise
    except Exception as error:  # what libraries make of nonsense has no common type
        raise DamagedDataError(f"it is damaged ({type(error).__name__}: {error}).") from None


class _Packer:
    def __init__(self, kinds: Kinds) -> None:
        self.objects: list[Any] = []
        self._names = {kind: name for name, kind in kinds.items()}
        self._places: dict[int, int] = {}
        self._alive: list[Any] = []  # an id is unique among living objects only

    def plain(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return {KIND: self._name(value), "value": value.value}
        if value is None or isinstance(value, str | bool | int | float):
            return float(value) if isinstance(value, np.floating) else value
        if isinstance(value, np.bool_ | np.integer):
            return value.item()
        if isinstance(value, tuple):
            return [self.plain(item) for item in value]
        if isinstance(value, list):
            return {KIND: "list", "items": [self.plain(item) for item in value]}
        if isinstance(value, Mapping):
            items = {key: self.plain(item) for key, item in value.items()}
            if all(isinstance(key, str) for key in items) and not {KIND, REFERENCE} & items.keys():
                return items
            raise TypeError(f"keys {list(items)} cannot be written")
        if isinstance(value, Path):
            return {KIND: "path", "value": str(value)}
        return {REFERENCE: self._place(value)}

    def _place(self, value: Any) -> int:
        if id(value) not in self._places:
            data = self._object(value)
            self._places[id(value)] = len(self.objects)
            self.objects.append(data)
            self._alive.append(value)
        return self._places[id(value)]

    def _object(self, value: Any) -> dict[str, Any]:
        if isinstance(value, np.ndarray):
            numbers = {"type": value.dtype.name, "shape": list(value.shape)}
            return {KIND: "array", **numbers, "data": value.ravel().tolist()}
        if isinstance(value, Structure):
            return {
                KIND: "structure",
                "lattice": value.lattice.matrix.tolist(),
                "species": [site.specie.symbol for site in value],
                "coords": value.frac_coords.tolist(),
                "labels": list(value.labels),
            }
        from ase import Atoms

        if isinstance(value, Atoms):
            return self._atoms(value)
        name = self._name(value)
        content = {field.name: self.plain(getattr(value, field.name)) for field in fields(value)}
        return {KIND: name, **content}

    def _atoms(self, atoms: Any) -> dict[str, Any]:
        """Write what a relaxed image is: atoms in a cell, with energy and forces where they are known."""
        found = atoms.calc.results if atoms.calc is not None else {}
        return {
            KIND: "atoms",
            "numbers": atoms.numbers.tolist(),
            "positions": atoms.positions.tolist(),
            "cell": atoms.cell.array.tolist(),
            "pbc": atoms.pbc.tolist(),
            "energy": None if "energy" not in found else float(found["energy"]),
            "forces": None if "forces" not in found else found["forces"].tolist(),
        }

    def _name(self, value: Any) -> str:
        try:
            return self._names[type(value)]
        except KeyError:
            raise TypeError(f"a {type(value).__name__} cannot be written") from None


class _Unpacker:
    def __init__(self, objects: list[Any], kinds: Kinds) -> None:
        self._objects = objects
        self._kinds = kinds
        self._made: dict[int, Any] = {}
        self._hints: dict[type, dict[str, Any]] = {}

    def value(self, data: Any) -> Any:
        if isinstance(data, list):
            return tuple(self.value(item) for item in data)
        if not isinstance(data, dict):
            return data
        if REFERENCE in data:
            return self._referred(data[REFERENCE])
        if KIND not in data:
            return {key: self.value(item) for key, item in data.items()}
        kind = data[KIND]
        if kind == "list":
            return [self.value(item) for item in data["items"]]
        if kind == "path":
            return Path(data["value"])
        return self._known(kind)(data["value"])

    def _referred(self, place: int) -> Any:
        if place not in self._made:
            self._made[place] = self._object(self._objects[place])
        return self._made[place]

    def _object(self, data: dict[str, Any]) -> Any:
        kind = data[KIND]
        if kind == "array":
            return np.array(data["data"], dtype=_dtype(data["type"])).reshape(data["shape"])
        if kind == "structure":
            lattice = Lattice(np.array(data["lattice"], float))
            return Structure(lattice, data["species"], data["coords"], labels=data["labels"])
        if kind == "atoms":
            return _atoms(data)
        made = self._known(kind)
        if not is_dataclass(made):
            raise TypeError(f"{kind} has no fields")
        known = {field.name: field for field in fields(made)}
        given = {name: self.value(item) for name, item in data.items() if name != KIND}
        if unknown := sorted(given.keys() - known.keys()):
            raise UnknownKindError(f"'{unknown[0]}' in a {kind}")
        for name, field in known.items():
            if name not in given and field.default is field.default_factory is MISSING:
                raise ValueError(f"a {kind} without {name}")
        hints = self._hints_of(made)
        for name, value in given.items():
            if not _fits(value, hints[name]):
                raise ValueError(f"{name} of a {kind} is {_shortened(value)}")
        return made(**given)

    def _hints_of(self, kind: type) -> dict[str, Any]:
        """Return the annotations of a class; what it names for the type checker alone is among the kinds."""
        if kind not in self._hints:
            from ase import Atoms

            self._hints[kind] = get_type_hints(kind, localns={**self._kinds, "Atoms": Atoms})
        return self._hints[kind]

    def _known(self, kind: str) -> type:
        if kind not in self._kinds:
            raise UnknownKindError(f"a {kind}")
        return self._kinds[kind]


def _atoms(data: dict[str, Any]) -> Any:
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = Atoms(data["numbers"], positions=data["positions"], cell=data["cell"], pbc=data["pbc"])
    if data["energy"] is not None:
        forces = None if data["forces"] is None else np.array(data["forces"], float)
        atoms.calc = SinglePointCalculator(atoms, energy=data["energy"], forces=forces)
    return atoms


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says: what is computed or shown with must not be of another type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in arguments)
    if hint in (int, float):  # a truth value is a whole number to Python
        wanted = int | float if hint is float else int
        return isinstance(value, wanted) and not isinstance(value, bool)
    if not isinstance(value, origin or hint):
        return False
    if origin is tuple and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if origin in (tuple, list):
        return all(_fits(item, arguments[0]) for item in value)
    if origin in (dict, Mapping):
        return all(_fits(item, arguments[1]) for item in value.values())
    return True


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _dtype(name: str) -> np.dtype[Any]:
    dtype = np.dtype(name)
    if dtype.kind not in "biuf":  # numbers only: an array of objects could be anything
        raise ValueError(f"an array of {name}")
    return dtype

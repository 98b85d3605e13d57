"""What LAMMPS leaves beside its trajectories: the time step, the temperature, and what element each type is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from migbar.elements import is_element

LOGS = ("log*", "*.log", "*.log.gz")
DATA_FILES = ("*.data", "data.*", "*.lmp")
"""Names that the files beside a trajectory may have; a log is known by its first words besides."""

STEP_FS = {"metal": (1000.0, 1.0), "real": (1.0, 1.0)}
"""Unit of time and usual time step by LAMMPS's units, both in fs. Crystals are simulated in these two."""

_WORDS = {"units": 2, "timestep": 2, "fix": 6, "pair_coeff": 4, "mass": 3, "read_data": 2}
"""The commands that tell something, with the words that they have at least."""

_MOST_LINES = 200_000
_MASS_ERROR = 0.3
"""In unified atomic mass units: 56 is taken for iron, and 59 for cobalt; 2 for nothing."""

T = TypeVar("T")
Command = list[str]
"""A command of LAMMPS, in words."""


class Beside(NamedTuple):
    """What the logs in the folder of a trajectory tell, where they do not contradict each other.

    Attributes
    ----------
    folder : Path
    logs : list of lists
        The commands of each log.
    """

    folder: Path
    logs: list[list[Command]]

    @classmethod
    def read(cls, folder: Path) -> Beside:
        """Read the logs of LAMMPS in a folder; there may be none."""
        files = sorted({file for pattern in LOGS for file in folder.glob(pattern)})
        return cls(folder, [log for log in map(_read_log, files) if log])

    @property
    def step_fs(self) -> float | None:
        """The time step."""
        found: set[float | None] = set()
        for log in self.logs:
            units = _only({words[1] for words in log if words[0] == "units"})
            unit, usual = STEP_FS.get(units or "", (None, None))
            told = {_number(words[1]) for words in log if words[0] == "timestep"}
            found |= {step * unit if step and unit else None for step in told} or {usual}
        return _only(found)

    @property
    def kelvin(self) -> float | None:
        """The temperature of the thermostats. One that heats or cools prepares, and does not count."""
        held = set()
        for words in self._commands("fix"):
            kind, rest = words[3], words[4:]
            if kind.startswith(("nvt", "npt")) and "temp" in rest:
                rest = rest[rest.index("temp") + 1 :]
            elif kind != "langevin" and not kind.startswith("temp/"):
                continue
            if len(set(map(_number, rest[:2]))) == 1:
                held.add(_number(rest[0]))
        return _only(held)

    @property
    def elements(self) -> list[str]:
        """The element of each type, from 1 on; none where nothing tells.

        ``pair_coeff * *`` of a potential for elements names them; elsewhere masses tell them, in the log or in a
        data file.
        """
        named = {_elements_at_end(words) for words in self._commands("pair_coeff")}
        by_log = {
            _by_masses((words[1], words[2]) for words in log if words[0] == "mass")
            for log in self.logs
        }
        files = [self.folder / words[1] for words in self._commands("read_data")]
        files += [file for pattern in DATA_FILES for file in self.folder.glob(pattern)]
        by_file = {_by_masses(_masses(file)) for file in files}
        for told in (named, by_log, by_file):
            if elements := _only(told - {()}):
                return list(elements)
        return []

    def _commands(self, name: str) -> Iterator[Command]:
        return (words for log in self.logs for words in log if words[0] == name)


def _read_log(file: Path) -> list[Command]:
    """Return the commands that tell something; those with variables stand twice, the second time with their values."""
    lines = _lines(file)
    if not next(lines, "").startswith("LAMMPS ("):
        return []
    said = (line for line in lines if line.startswith(tuple(_WORDS)) and "$" not in line)
    commands = (line.split("#")[0].split() for line in said)
    return [words for words in commands if len(words) >= _WORDS.get(words[0], _MOST_LINES)]


def _lines(file: Path) -> Iterator[str]:
    from monty.io import zopen

    try:
        with zopen(file, "rt", encoding="utf-8", errors="replace") as lines:
            yield from map(str, islice(lines, _MOST_LINES))
    except OSError:
        return


def _only(found: set[T]) -> T | None:
    return next(iter(found)) if len(found) == 1 else None


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _elements_at_end(words: Command) -> tuple[str, ...]:
    """Return the elements that a ``pair_coeff`` for all types ends with; none where it leaves types to another."""
    if words[1:3] != ["*", "*"] or "NULL" in words:
        return ()
    count = next((i for i, word in enumerate(reversed(words)) if not is_element(word)), 0)
    return tuple(words[len(words) - count :])


def _masses(file: Path) -> Iterator[tuple[str, str]]:
    """Return type and mass of each row under Masses in a data file."""
    lines = (line.split("#")[0].split() for line in _lines(file))
    if any(words == ["Masses"] for words in lines):
        next(lines, None)  # an empty line
        for words in lines:
            if len(words) != 2:
                return
            yield words[0], words[1]


def _by_masses(rows: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return the element of each type by its mass; none where a type is missing, or no element has its mass."""
    found = {kind: _element_of(_number(mass)) for kind, mass in rows}
    by_type = tuple(found.get(str(number + 1), "") for number in range(len(found)))
    return by_type if all(by_type) else ()


def _element_of(mass: float | None) -> str:
    from ase.data import atomic_masses, chemical_symbols

    if mass is None:
        return ""
    number = min(range(1, len(atomic_masses)), key=lambda i: abs(atomic_masses[i] - mass))
    return chemical_symbols[number] if abs(atomic_masses[number] - mass) < _MASS_ERROR else ""

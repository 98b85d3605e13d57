"""What LAMMPS leaves beside its trajectories: the time step, the temperature, and what element each type is."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from lzma import LZMAError
from pathlib import Path
from typing import NamedTuple, TypeVar

from migbar.elements import is_element

LOGS = ("log*", "*.log", "*.log.gz")
DATA_FILES = ("*.data", "data.*", "*.lmp")
"""Names that the files beside a trajectory may have; a log is known by its first words besides."""

STEP_FS = {"metal": (1000.0, 1.0), "real": (1.0, 1.0)}
"""Unit of time and usual time step by LAMMPS's units, both in fs. Crystals are simulated in these two."""

_WORDS = {
    "clear": 1,
    "dump": 6,
    "fix": 6,
    "mass": 3,
    "pair_coeff": 4,
    "read_data": 2,
    "read_restart": 2,
    "timestep": 2,
    "units": 2,
}
"""The commands that tell something, with the words that they have at least."""

_MOST_LINES = 200_000
_MASS_ERROR = 0.3
"""In unified atomic mass units: 56 is taken for iron, and 59 for cobalt; 2 for nothing."""

_NEARER = 3
"""The element of a mass is nearer to it than any other by this: 40 may be calcium or argon."""

T = TypeVar("T")
Command = list[str]
"""A command of LAMMPS, in words."""


class Logs(NamedTuple):
    """What the logs in the folder of a trajectory tell, where they do not contradict each other.

    Attributes
    ----------
    trajectory : Path
    logs : list of lists
        The commands of each simulation in the logs: of those that wrote the trajectory, else of all.
    is_own : bool
        Whether these wrote the trajectory.
    """

    trajectory: Path
    logs: list[list[Command]]
    is_own: bool

    @classmethod
    def read(cls, trajectory: Path) -> Logs:
        """Read the logs of LAMMPS beside a trajectory; there may be none."""
        folder = trajectory.parent
        files = sorted({file for pattern in LOGS for file in folder.glob(pattern)})
        logs = [log for file in files for log in _of_file(_read_log, file)]
        name = trajectory.name.removesuffix(".gz")
        own = [log for log in logs if name in _dumps(log)]
        return cls(trajectory, own or logs, bool(own))

    @property
    def step_fs(self) -> float | None:
        """The time step."""
        found: set[float | None] = set()
        for log in self.logs:
            units = _only({words[1] for words in log if words[0] == "units"})
            unit, usual = STEP_FS.get(units or "", (None, None))
            told = {_number(words[1]) for words in log if words[0] == "timestep"}
            if not told and any(words[0] == "read_restart" for words in log):
                continue  # its time step is the one of the simulation before
            found |= {step * unit if step and unit else None for step in told} or {usual}
        return _only(found)

    @property
    def kelvin(self) -> float | None:
        """The temperature of the thermostats. One that heats or cools prepares, and does not count.

        Nor does what held another trajectory of the folder: simulations at several temperatures leave the last log.
        """
        logs = [log for log in self.logs if self.is_own or not _dumps(log)]
        if any(words[:2] == ["units", "lj"] for log in logs for words in log):
            return None  # temperatures of no unit
        fixes = (words for log in logs for words in log if words[0] == "fix")
        ways = (tuple(map(_number, _thermostat(words))) for words in fixes)
        return _only({way[0] for way in ways if len(way) == 2 and way[0] == way[1]})

    @property
    def elements(self) -> list[str]:
        """The element of each type, from 1 on; none where nothing tells.

        ``pair_coeff * *`` of a potential for elements names them; elsewhere masses tell them, in the log, in the
        data file that it reads, or in any of the folder where no log tells them.
        """
        told = {self._elements_by(log) for log in self.logs} - {()}
        if not told:
            folder = self.trajectory.parent
            files = (file for pattern in DATA_FILES for file in folder.glob(pattern))
            told = {_of_file(_by_data, file) for file in files} - {()}
        elements = _only(told)
        return list(elements or ())

    def _elements_by(self, log: list[Command]) -> Sequence[str]:
        named = {_elements_at_end(words) for words in log if words[0] == "pair_coeff"} - {()}
        if named:
            return _only(named) or ()
        if by_log := _by_masses((words[1], words[2]) for words in log if words[0] == "mass"):
            return by_log
        files = [self.trajectory.parent / words[1] for words in log if words[0] == "read_data"]
        return _only({_of_file(_by_data, file) for file in files} - {()}) or ()


def _of_file(read: Callable[[Path], Sequence[T]], file: Path) -> Sequence[T]:
    """Return what a file tells; nothing where it is damaged, as what is missing might contradict the rest."""
    try:
        return read(file)
    except (OSError, EOFError, zlib.error, LZMAError):
        return ()


def _read_log(file: Path) -> list[list[Command]]:
    """Return the commands that tell something, of each simulation that a log is of.

    Those with variables stand twice in it, the second time with their values; those of a loop may be indented.
    """
    lines = _lines(file)
    if not next(lines, "").startswith("LAMMPS ("):
        return []
    logs: list[list[Command]] = [[]]
    for line in map(str.lstrip, lines):
        if not line.startswith(tuple(_WORDS)) or "$" in line:
            continue
        words = line.split("#")[0].split()
        if words[0] not in _WORDS or len(words) < _WORDS[words[0]]:
            continue
        if words[0] == "clear":
            logs.append([])
        else:
            logs[-1].append(words)
    return [log for log in logs if log]


def _lines(file: Path) -> Iterator[str]:
    from monty.io import zopen

    if file.is_file():  # no folder, nor a pipe
        with zopen(file, "rt", encoding="utf-8", errors="replace") as lines:
            yield from map(str, islice(lines, _MOST_LINES))


def _dumps(log: list[Command]) -> set[str]:
    """Return the names of the trajectories that a simulation wrote."""
    return {Path(words[5]).name.removesuffix(".gz") for words in log if words[0] == "dump"}


def _thermostat(words: Command) -> Command:
    """Return the temperatures (K) at which a fix begins and ends; none where it is no thermostat."""
    kind, rest = words[3], words[4:]
    if kind.startswith(("nvt", "npt")) and "temp" in rest:
        return rest[rest.index("temp") + 1 :][:2]
    if kind.startswith("temp/rescale"):
        return rest[1:3]  # how often comes first
    return rest[:2] if kind == "langevin" or kind.startswith("temp/") else []


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


def _by_data(file: Path) -> tuple[str, ...]:
    """Return the element of each type in a data file."""
    return _by_masses(_masses(file))


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
    found = {kind: element_of(_number(mass)) for kind, mass in rows}
    by_type = tuple(found.get(str(number + 1), "") for number in range(len(found)))
    return by_type if all(by_type) else ()


def element_of(mass: float | None) -> str:
    """Return the element of a mass; empty where none has it, or two might."""
    from ase.data import atomic_masses, chemical_symbols

    if mass is None:
        return ""
    apart = {i: abs(atomic_masses[i] - mass) for i in range(1, len(atomic_masses))}
    nearest, second = sorted(apart, key=apart.__getitem__)[:2]
    is_clear = apart[nearest] < _MASS_ERROR and _NEARER * apart[nearest] < apart[second]
    return chemical_symbols[nearest] if is_clear else ""

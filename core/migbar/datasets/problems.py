"""What can be wrong with barrier data, and what can safely be mended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from migbar.datasets import BandRecord


class Level(StrEnum):
    """How bad a problem is."""

    ERROR = "error"
    """The path cannot be used as it is."""
    WARNING = "warning"
    """The path can be used; its owner should know."""


class Mend(StrEnum):
    """What can be done about a problem without guessing."""

    REORDER = "reorder"
    DECIMAL_COMMA = "decimal_comma"
    MEV = "mev"
    RENAME = "rename"
    LEAVE_OUT = "leave_out"


MENDS = {
    Mend.REORDER: "Match the atoms of the two ends by their places.",
    Mend.DECIMAL_COMMA: "Read the comma as a decimal point.",
    Mend.MEV: "Take the barriers of this file as meV.",
    Mend.RENAME: "Put a number behind the name.",
    Mend.LEAVE_OUT: "Leave out what is there twice.",
}
"""What each mend does, for people."""

SAFE_MENDS = frozenset(MENDS)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a path comes from.

    Attributes
    ----------
    file : str
        Name of the file or folder, relative to what was read.
    row : int or None
        Row of a table (the header is row 1), record or band of another file (the first is 1).
    """

    file: str
    row: int | None = None

    def __str__(self) -> str:
        return self.file if self.row is None else f"{self.file}, row {self.row}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one path, or with a whole file.

    Attributes
    ----------
    code : str
        For machines, for example ``no_barrier``.
    text : str
        For people: what is wrong, and what to do.
    source : Source
    name : str
        Of the path; empty where the whole file is meant.
    level : Level
    mend : Mend or None
        What would mend it. A path with an error is used only if every one of its errors is mended.
    """

    code: str
    text: str
    source: Source
    name: str = ""
    level: Level = Level.ERROR
    mend: Mend | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A path as it was read, with everything that is wrong with it.

    Attributes
    ----------
    source : Source
    name : str
    record : BandRecord or None
        As it is after all its mends; None where it could not be read.
    problems : tuple of Problem
    part : str
        What the owner's own column says on the split; empty where there is none.
    """

    source: Source
    name: str
    record: BandRecord | None
    problems: tuple[Problem, ...] = ()
    part: str = ""

    @property
    def is_whole_file(self) -> bool:
        """Whether it stands for a file that could not be read at all."""
        return not self.name and self.source.row is None

    def accepted(self, mends: Collection[Mend] = SAFE_MENDS) -> bool:
        """Whether the path is used when these mends are made."""
        if self.record is None:
            return False
        if any(p.mend is Mend.LEAVE_OUT and p.mend in mends for p in self.problems):
            return False
        errors = [p for p in self.problems if p.level is Level.ERROR]
        return all(p.mend is not None and p.mend in mends for p in errors)

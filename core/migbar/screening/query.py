"""Choosing and sorting results: what the window's table and the exports share."""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from migbar.barriers import GOOD_CONDUCTOR_EV

_ROWS_AT_ONCE = 2000


class Show(StrEnum):
    """Which rows are shown."""

    PATHS = "paths"
    """Every path of every structure."""
    LOWEST = "lowest"
    """The path with the lowest barrier of each structure."""
    FAILED = "failed"
    """Files that failed."""


SORTABLE = (
    "file", "formula", "compound_class", "n_sites", "space_group", "ion", "barrier_ev", "interval_low_ev",
    "length_angstrom", "lowest_barrier_ev", "through_1d_ev", "through_2d_ev", "through_3d_ev", "reason", "number",
)  # fmt: skip
"""Columns of the view ``result`` that rows can be sorted by."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which results to show, in which order.

    Attributes
    ----------
    show : Show
    text : str
        Must occur in the file's path, the formula, or the reason of a failure; capitals do not matter.
    compound_class : str
        Empty for all.
    max_barrier_ev : float, optional
        Highest barrier of a path.
    max_through_ev : float, optional
        Highest barrier for getting through the crystal in `through` dimensions.
    through : int
        1, 2 or 3.
    sort : str
        One of `SORTABLE`; by default in the order in which files finished.
    descending : bool
    """

    show: Show = Show.PATHS
    text: str = ""
    compound_class: str = ""
    max_barrier_ev: float | None = None
    max_through_ev: float | None = None
    through: int = 3
    sort: str = ""
    descending: bool = False

    def condition(self) -> tuple[str, list[Any]]:
        """Return an SQL condition on the view ``result`` and its values; it calls `plain`."""
        parts: list[str] = ["1"]
        values: list[Any] = []
        if self.show is Show.FAILED:
            parts.append("state = 'failed'")
        if self.show is Show.LOWEST:
            # Of several equal ones the first.
            parts.append(
                "(number IS NULL OR number = (SELECT p.number FROM path p WHERE p.structure_id = result.structure_id "
                "ORDER BY p.barrier_ev IS NULL, p.barrier_ev, p.number LIMIT 1))"
            )
        if self.text:
            columns = ("file", "formula", "reason")
            parts.append(f"({' OR '.join(f'instr(plain({c}), ?)' for c in columns)})")
            values += [plain(self.text)] * len(columns)
        if self.compound_class:
            parts.append("compound_class = ?")
            values.append(self.compound_class)
        if self.max_barrier_ev is not None:
            parts.append("barrier_ev <= ?")
            values.append(self.max_barrier_ev)
        if self.max_through_ev is not None:
            parts.append(f"through_{self.through:d}d_ev <= ?")
            values.append(self.max_through_ev)
        return " AND ".join(parts), values

    def order(self) -> str:
        """Return an SQL order; what has no value comes last in both directions."""
        if self.sort not in SORTABLE:
            return "revision, number"
        way = "DESC" if self.descending else "ASC"
        return f'"{self.sort}" IS NULL, "{self.sort}" {way}, file, number'


def plain(text: str | None) -> str | None:
    """Return a text without capitals, and letters with their accents as one sign: macOS takes them apart in names."""
    return None if text is None else unicodedata.normalize("NFC", text).casefold()


def find_rows(connection: sqlite3.Connection, choice: Choice) -> list[tuple[int, int | None]]:
    """Return file and number of each chosen row, in order."""
    where, values = choice.condition()
    query = f"SELECT file_id, number FROM result WHERE {where} ORDER BY {choice.order()}"
    return connection.execute(query, values).fetchall()


def iterate_rows(
    connection: sqlite3.Connection, choice: Choice, columns: Sequence[str]
) -> Iterator[tuple[Any, ...]]:
    """Yield certain columns of each chosen row, in order."""
    where, values = choice.condition()
    names = ", ".join(f'"{column}"' for column in columns)
    cursor = connection.execute(
        f"SELECT {names} FROM result WHERE {where} ORDER BY {choice.order()}", values
    )
    while rows := cursor.fetchmany(_ROWS_AT_ONCE):
        yield from rows


def get_rows(
    connection: sqlite3.Connection, keys: Sequence[tuple[int, int | None]], columns: Sequence[str]
) -> dict[tuple[int, int | None], tuple[Any, ...]]:
    """Return certain columns of some rows by file and number."""
    names = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * len({file for file, _ in keys}))
    cursor = connection.execute(
        f"SELECT file_id, number, {names} FROM result WHERE file_id IN ({marks})",
        tuple({file for file, _ in keys}),
    )
    return {(row[0], row[1]): row[2:] for row in cursor}


@dataclass(frozen=True, slots=True)
class Counts:
    """What is in a results database.

    Attributes
    ----------
    done, failed, duplicates : int
        Files.
    paths : int
    good : int
        Structures that the ion gets through in three dimensions below the threshold.
    """

    done: int
    failed: int
    duplicates: int
    paths: int
    good: int


def count(connection: sqlite3.Connection, threshold_ev: float = GOOD_CONDUCTOR_EV) -> Counts:
    """Count files, paths, and structures with a low barrier."""
    done, failed, duplicates = connection.execute(
        "SELECT coalesce(sum(state = 'done'), 0), coalesce(sum(state = 'failed'), 0), "
        "count(structure_id) - count(DISTINCT structure_id) FROM file"
    ).fetchone()
    paths = connection.execute("SELECT count(*) FROM path").fetchone()[0]
    good = connection.execute(
        "SELECT count(*) FROM structure WHERE through_3d_ev <= ?", (threshold_ev,)
    ).fetchone()[0]
    return Counts(done, failed, duplicates, paths, good)


def compound_classes(connection: sqlite3.Connection) -> list[str]:
    """Return all classes of compounds that there are."""
    query = "SELECT DISTINCT compound_class FROM structure ORDER BY 1"
    return [row[0] for row in connection.execute(query)]

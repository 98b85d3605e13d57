"""What the tests of screenings share: short options, and what a database tells."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from migbar.screening import (
    ScreeningError,
    ScreeningOptions,
)
from migbar.screening.database import read_database

NOT_CONTENT = ("file_id", "revision", "structure_id")


def options(out: Path, **more) -> ScreeningOptions:
    return ScreeningOptions(out=out, workers=more.pop("workers", 1), **more)


def content(database: Path) -> list[tuple]:
    """All that a database tells, whatever the order it came in."""
    with read_database(database) as connection:
        cursor = connection.execute("SELECT * FROM result")
        names = [column[0] for column in cursor.description]
        kept = [n for n, name in enumerate(names) if name not in NOT_CONTENT]
        return sorted((tuple(row[n] for n in kept) for row in cursor), key=repr)


def count_files(database: Path, state: str = "done") -> int:
    try:
        with read_database(database) as connection:
            query = "SELECT count(*) FROM file WHERE state = ?"
            return connection.execute(query, (state,)).fetchone()[0]
    except (ScreeningError, sqlite3.Error):  # not there yet
        return 0


def reasons(database: Path) -> dict[str, str]:
    with read_database(database) as connection:
        query = "SELECT path, reason FROM file WHERE state = 'failed'"
        return {Path(path).name: reason for path, reason in connection.execute(query)}

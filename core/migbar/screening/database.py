"""The results database of a screening: one SQLite file, written by one process, read by anyone.

Its schema, with what every column means, is told in ``README.md`` beside this file.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from migbar import __version__
from migbar.errors import words_of
from migbar.networks import DIRECTIONS
from migbar.screening.inputs import Source
from migbar.screening.options import ScreeningError, Settings
from migbar.screening.query import plain

APPLICATION_ID = 0x4D694742
"""Tells a results database from any other SQLite file (the letters MiGB)."""

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE setting (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL,
    migbar_version TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE structure (
    id INTEGER PRIMARY KEY,
    setting_id INTEGER NOT NULL REFERENCES setting,
    fingerprint TEXT NOT NULL,
    request TEXT NOT NULL,
    formula TEXT NOT NULL,
    compound_class TEXT NOT NULL,
    n_sites INTEGER NOT NULL,
    space_group TEXT NOT NULL,
    ion TEXT NOT NULL,
    mechanism TEXT,
    cutoff_angstrom REAL,
    dimensionality INTEGER,
    n_paths INTEGER NOT NULL,
    lowest_barrier_ev REAL,
    through_1d_ev REAL,
    through_2d_ev REAL,
    through_3d_ev REAL,
    through_a_ev REAL,
    through_b_ev REAL,
    through_c_ev REAL,
    percolation TEXT NOT NULL,
    remarks TEXT NOT NULL,
    seconds REAL NOT NULL,
    UNIQUE (setting_id, fingerprint, request)
);
CREATE TABLE path (
    structure_id INTEGER NOT NULL REFERENCES structure ON DELETE CASCADE,
    number INTEGER NOT NULL,
    ion TEXT NOT NULL,
    start TEXT NOT NULL,
    end TEXT NOT NULL,
    mechanism TEXT,
    length_angstrom REAL,
    multiplicity INTEGER,
    per_site INTEGER,
    barrier_ev REAL,
    interval_low_ev REAL,
    interval_high_ev REAL,
    interval_level REAL,
    supercell TEXT,
    remarks TEXT NOT NULL,
    problem TEXT,
    PRIMARY KEY (structure_id, number)
) WITHOUT ROWID;
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL UNIQUE,
    request TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    setting_id INTEGER NOT NULL REFERENCES setting,
    limits TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('done', 'failed')),
    structure_id INTEGER REFERENCES structure,
    code TEXT,
    reason TEXT,
    finished TEXT NOT NULL,
    revision INTEGER NOT NULL
);
CREATE INDEX file_structure ON file (structure_id, path);
CREATE INDEX file_revision ON file (revision);
CREATE VIEW result AS
SELECT
    file.id AS file_id, file.path AS file, file.sha256, file.state, file.code, file.reason,
    file.revision, file.structure_id,
    s.formula, s.compound_class, s.n_sites, s.space_group, coalesce(path.ion, s.ion) AS ion,
    path.number, path.start AS "from", path.end AS "to", path.mechanism, path.barrier_ev,
    path.interval_low_ev, path.interval_high_ev, path.interval_level, path.length_angstrom,
    path.multiplicity, path.supercell, s.n_paths, s.lowest_barrier_ev, s.dimensionality, s.through_1d_ev,
    s.through_2d_ev, s.through_3d_ev, s.through_a_ev, s.through_b_ev, s.through_c_ev,
    json_extract(setting.settings, '$.model_name') AS model,
    json_extract(setting.settings, '$.model_version') AS model_version,
    EXISTS (SELECT 1 FROM file other WHERE other.structure_id = file.structure_id AND other.path < file.path)
        AS duplicate,
    coalesce(path.problem, '') AS problem,
    coalesce(path.remarks, '[]') AS path_remarks, coalesce(s.remarks, '[]') AS structure_remarks
FROM file
JOIN setting ON setting.id = file.setting_id
LEFT JOIN structure s ON s.id = file.structure_id
LEFT JOIN path ON path.structure_id = s.id;
"""

_PATH_COLUMNS = (
    "number", "ion", "start", "end", "mechanism", "length_angstrom", "multiplicity", "per_site", "barrier_ev",
    "interval_low_ev", "interval_high_ev", "interval_level",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Known:
    """What a database knows of a file.

    Attributes
    ----------
    file_id : int
    state : str
        ``done`` or ``failed``.
    limits : str
        Under which it failed.
    """

    file_id: int
    state: str
    limits: str


@dataclass(frozen=True, slots=True)
class Content:
    """A source and what was read from it.

    Attributes
    ----------
    source : Source
    sha256 : str
        Of the content; empty where it could not be read.
    size : int
        In bytes.
    """

    source: Source
    sha256: str = ""
    size: int = 0


@contextmanager
def write_database(path: Path, settings: Settings) -> Iterator[Writer]:
    """Open a results database to write, and make it where there is none; one process at a time.

    Raises
    ------
    ScreeningError
        If it cannot be written, is something else, comes from a newer version, or another process is at it;
        and for anything that goes wrong with the disk while the block runs.
    """
    if not path.absolute().parent.is_dir():
        raise ScreeningError(
            f"{path} cannot be written: there is no such folder; make it, or choose another place."
        )
    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        if not Path(lock.lock_file).exists():  # there is no place for it
            raise ScreeningError(f"{path} cannot be written; choose another place.") from None
        raise ScreeningError(
            f"Another screening is writing {path}; wait for it, or stop it."
        ) from None
    except OSError as error:
        raise ScreeningError(
            f"{path} cannot be written: {words_of(error).lower()}; choose another place."
        ) from None
    with lock:
        connection = None
        try:
            connection = sqlite3.connect(path, isolation_level=None)
            _prepare(connection, path)
            yield Writer(connection, settings)
            if not path.exists():
                raise ScreeningError(
                    f"{path} was moved or deleted while it was written; if it was deleted, screen again."
                )
        except sqlite3.DatabaseError as error:
            raise _explained(error, path) from error
        finally:
            if connection is not None:
                connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    _check(connection, path)
    if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] != "wal":
        raise ScreeningError(
            f"{path} lies on a file system that SQLite cannot share (a network drive?); choose a local folder."
        )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(
            f"BEGIN; {_SCHEMA} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
        )
    connection.execute("BEGIN IMMEDIATE")  # tells now, not later, that a file is read-only
    connection.execute("COMMIT")


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Raise unless this is a results database of a known version, or an empty file."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (tables or application):
        raise ScreeningError(
            f"{path} is a database of something else, not of a screening; choose another file."
        )
    if version > SCHEMA_VERSION:
        raise ScreeningError(
            f"{path} was written by a newer MigBar (schema {version}; this one knows {SCHEMA_VERSION}); update MigBar."
        )


def _explained(error: sqlite3.DatabaseError, path: Path) -> ScreeningError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        return ScreeningError(
            f"{path} could not be written, for lack of space or by a fault of the disk ({error}). All structures "
            "committed so far are safe: make room and start again to go on."
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
        return ScreeningError(f"{path} cannot be written ({error}); choose another place.")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return ScreeningError(
            f"{path} is no results database, or a damaged one ({error}); choose another file, or screen again."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ScreeningError(
            f"{path} is held by another program ({error}); close that, and try again."
        )
    return ScreeningError(f"{path} is damaged ({error}); choose another file, or screen again.")


class Writer:
    """Adds results; made by `write_database`."""

    def __init__(self, connection: sqlite3.Connection, settings: Settings) -> None:
        self._db = connection
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO setting (digest, settings, migbar_version, created) VALUES (?, ?, ?, ?)",
                (settings.digest, json.dumps(asdict(settings)), __version__, _now()),
            )
        found = self._db.execute("SELECT id FROM setting WHERE digest = ?", (settings.digest,))
        self._setting: int = found.fetchone()[0]
        found = self._db.execute("SELECT coalesce(max(revision), 0) FROM file")
        self._revision: int = found.fetchone()[0]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is written in a block together, once it ends well."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            raise

    def known(self, content: Content) -> Known | None:
        """Return what is known of a file with this very content, under the present settings."""
        source = content.source
        row = self._db.execute(
            "SELECT id, state, limits FROM file WHERE path = ? AND request = ? AND sha256 = ? AND setting_id = ?",
            (str(source.path), source.request, content.sha256, self._setting),
        ).fetchone()
        return None if row is None else Known(*row)

    def structure(self, fingerprint: str, request: str) -> int | None:
        """Return the structure that was judged already under the present settings."""
        row = self._db.execute(
            "SELECT id FROM structure WHERE setting_id = ? AND fingerprint = ? AND request = ?",
            (self._setting, fingerprint, request),
        ).fetchone()
        return None if row is None else int(row[0])

    def add_structure(
        self, fingerprint: str, request: str, judged: Mapping[str, Any], seconds: float
    ) -> int:
        """Add a judged structure with its paths (see `migbar.screening.judging`)."""
        percolation = judged.get("percolation", {})
        barriers = [p["barrier_ev"] for p in judged["paths"] if "barrier_ev" in p]
        columns = {
            "setting_id": self._setting,
            "fingerprint": fingerprint,
            "request": request,
            **{
                key: judged.get(key)
                for key in (
                    "formula", "compound_class", "n_sites", "space_group", "ion", "mechanism", "cutoff_angstrom",
                    "dimensionality",
                )
            },
            "n_paths": len(judged["paths"]),
            "lowest_barrier_ev": min(barriers, default=None),
            **{
                f"through_{direction.lower()}_ev": way[0] if way else None
                for direction in DIRECTIONS
                for way in [percolation.get(direction)]
            },
            "percolation": json.dumps(percolation),
            "remarks": json.dumps(judged["remarks"], ensure_ascii=False),
            "seconds": seconds,
        }  # fmt: skip
        marks = ", ".join("?" * len(columns))
        made = self._db.execute(
            f"INSERT INTO structure ({', '.join(columns)}) VALUES ({marks})",
            tuple(columns.values()),
        )
        assert made.lastrowid is not None
        self._db.executemany(
            f"INSERT INTO path (structure_id, {', '.join(_PATH_COLUMNS)}, supercell, remarks, problem) "
            f"VALUES ({', '.join('?' * (len(_PATH_COLUMNS) + 4))})",
            [_path_row(made.lastrowid, path) for path in judged["paths"]],
        )
        return made.lastrowid

    def add_done(self, content: Content, limits: str, structure: int) -> int:
        """Note that a file is done; returns its id."""
        return self._add_file(content, limits, "done", structure, None, None)

    def add_failed(self, content: Content, limits: str, code: str, reason: str) -> int:
        """Note that a file failed, and why; returns its id."""
        return self._add_file(content, limits, "failed", None, code, reason)

    def rows(self, file_id: int) -> list[dict[str, Any]]:
        """Return the rows of the view ``result`` for a file, with its JSON columns read."""
        query = "SELECT * FROM result WHERE file_id = ? ORDER BY number"
        rows = fetch(self._db, query, (file_id,))
        for row in rows:
            for name in ("supercell", "path_remarks", "structure_remarks"):
                row[name] = json.loads(row[name] or "null")
        return rows

    def _add_file(
        self,
        content: Content,
        limits: str,
        state: str,
        structure: int | None,
        code: str | None,
        reason: str | None,
    ) -> int:
        path = str(content.source.path)
        before = self._db.execute(
            "SELECT structure_id FROM file WHERE path = ?", (path,)
        ).fetchone()
        self._revision += 1
        row = self._db.execute(
            "INSERT INTO file (path, request, sha256, bytes, setting_id, limits, state, structure_id, "
            "code, reason, finished, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) DO UPDATE SET request = excluded.request, sha256 = excluded.sha256, "
            "bytes = excluded.bytes, setting_id = excluded.setting_id, limits = excluded.limits, "
            "state = excluded.state, structure_id = excluded.structure_id, "
            "code = excluded.code, reason = excluded.reason, finished = excluded.finished, "
            "revision = excluded.revision RETURNING id",
            (
                path, content.source.request, content.sha256, content.size, self._setting, limits, state, structure,
                code, reason, _now(), self._revision,
            ),
        ).fetchone()  # fmt: skip
        if before is not None and before[0] not in (None, structure):
            # The file was something else before: nobody may need that any more.
            self._db.execute(
                "DELETE FROM structure WHERE id = ? AND NOT EXISTS (SELECT 1 FROM file WHERE structure_id = ?)",
                (before[0], before[0]),
            )
        return int(row[0])


def _path_row(structure: int, path: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        structure,
        *(path.get(column) for column in _PATH_COLUMNS),
        json.dumps(path["supercell"]) if "supercell" in path else None,
        json.dumps(path.get("remarks", []), ensure_ascii=False),
        path.get("problem"),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


# ------------------------------------------------------------------ reading


@contextmanager
def read_database(path: str | Path) -> Iterator[sqlite3.Connection]:
    """Open a results database to read, also while it is being written.

    Raises
    ------
    ScreeningError
        If there is none, or it is something else.
    """
    path = Path(path).absolute()
    if not path.exists():
        raise ScreeningError(
            f"There is no {path}: if it was moved or renamed, open it where it is now; else screen again."
        )
    connection = None
    try:
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        _check(connection, path)
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            raise ScreeningError(f"{path} is empty: no screening has written to it.")
        connection.create_function("plain", 1, plain, deterministic=True)
        yield connection
    except sqlite3.DatabaseError as error:
        raise _explained(error, path) from error
    except json.JSONDecodeError as error:  # in a cell
        raise ScreeningError(f"{path} is damaged ({error}); screen again.") from error
    finally:
        if connection is not None:
            connection.close()


def fetch(
    connection: sqlite3.Connection, query: str, values: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """Return the rows of a query, each as a dict."""
    cursor = connection.execute(query, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]

"""Screening: what is asked makes sense, and the database is written whole or not at all."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from migbar.errors import ModelError
from migbar.screening import (
    Limits,
    ScreeningError,
    ScreeningOptions,
    run_screening,
    screen,
)
from migbar.screening.database import SCHEMA_VERSION, write_database
from migbar.screening.options import Settings
from tests.core.processes import ENVIRONMENT
from tests.core.screenings import content, count_files, options


def test_that_options_that_make_no_sense_are_told_together(tmp_path):
    wrong = options(
        tmp_path / "results.db",
        ion="Xx",
        mechanism="magic",
        cutoff=99.0,
        symprec=0,
        limits=Limits(seconds=0),
    )
    with pytest.raises(ScreeningError) as caught:
        run_screening([tmp_path], wrong)
    for text in ("'Xx'", "'magic'", "cut-off", "tolerance", "limit of seconds"):
        assert text in str(caught.value)
    with pytest.raises(ModelError, match="no model 'nothing'"):
        run_screening([tmp_path], options(tmp_path / "results.db", model="nothing"))
    assert ScreeningOptions.from_dict(json.loads(json.dumps(wrong.to_dict()))) == wrong


def test_that_two_screenings_do_not_write_one_database(tmp_path, undisturbed):
    folder, _ = undisturbed
    rows = screen(folder, options(tmp_path / "results.db"))
    next(rows)
    with pytest.raises(ScreeningError, match="Another screening"):
        run_screening([folder], options(tmp_path / "results.db"))
    rows.close()


def test_that_other_databases_are_left_alone(tmp_path, undisturbed):
    folder, database = undisturbed
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(ScreeningError, match="something else"):
        run_screening([folder], options(other))
    (tmp_path / "text.db").write_text("no database, but a text of some length\n" * 100)
    with pytest.raises(ScreeningError, match="no results database"):
        run_screening([folder], options(tmp_path / "text.db"))
    newer = tmp_path / "newer.db"
    shutil.copy(database, newer)
    with sqlite3.connect(newer) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ScreeningError, match="newer MigBar"):
        run_screening([folder], options(newer))


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be deleted there")
def test_that_results_that_vanish_while_they_are_written_are_told(tmp_path):
    database = tmp_path / "results.db"
    with (
        pytest.raises(ScreeningError, match="moved or deleted while it was written"),
        write_database(database, Settings.of(ScreeningOptions())),
    ):
        database.unlink()


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_that_an_output_that_cannot_be_written_is_told_before_any_work(tmp_path, undisturbed):
    folder, _ = undisturbed
    for place in ("/proc/results.db", str(tmp_path / "no such folder" / "results.db")):
        with pytest.raises(ScreeningError, match="cannot be written"):
            run_screening([folder], options(Path(place)))


def in_mounted(script: str, place: Path, **names: object) -> str:
    """Run a shell script that may mount file systems, of which nobody else knows; returns its stderr."""
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script.format(place=place, **names)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no file system can be mounted here")
    return done.stderr


READ_ONLY = """
mount -t tmpfs -o size=5m tmpfs {place} || exit 77
cp {database} {place}/old.db
mount -o remount,ro {place}
{batch} --out {place}/old.db && exit 1
{batch} --out {place}/new.db
"""


def test_that_a_read_only_output_is_told(tmp_path, undisturbed):
    folder, database = undisturbed
    batch = f"{sys.executable} -m migbar.cli batch {folder}"
    told = in_mounted(READ_ONLY, tmp_path, database=database, batch=batch).splitlines()
    assert len(told) == 2
    assert all("cannot be written" in line for line in told)


FILL_UP = """
mount -t tmpfs -o size=250k tmpfs {place} || exit 77
{batch} && exit 1
mount -o remount,size=50m {place}
{batch} && cp {place}/results.db {copy}
"""


def test_that_a_full_disk_loses_nothing_that_was_committed(tmp_path, undisturbed):
    folder, expected = undisturbed
    place, copy = tmp_path / "disk", tmp_path / "copy.db"
    place.mkdir()
    batch = f"{sys.executable} -m migbar.cli batch {folder} --out {place}/results.db --workers 2"
    told = in_mounted(FILL_UP, place, batch=batch, copy=copy)
    assert "for lack of space" in told
    assert "make room and start again" in told
    assert "unchanged" in told
    assert content(copy) == content(expected)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")
def test_that_a_quota_loses_nothing_that_was_committed(tmp_path, undisturbed):
    folder, expected = undisturbed
    database = tmp_path / "results.db"
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        f"from migbar.cli import main; main(['batch', {str(folder)!r}, '--out', {str(database)!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "for lack of space" in done.stderr
    saved = count_files(database)
    assert 0 < saved < 30
    assert run_screening([folder], options(database, workers=2)).skipped == saved
    assert content(database) == content(expected)

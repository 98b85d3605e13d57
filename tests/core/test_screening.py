"""Screening: results that survive whatever happens, each structure once, and no file that stops a run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from migbar.ends import name_hop
from migbar.errors import Cancelled, ModelError
from migbar.paths import find_paths
from migbar.prediction import predict_path
from migbar.progress import SILENT
from migbar.screening import (
    GivenHop,
    Limits,
    ScreeningError,
    ScreeningOptions,
    Source,
    read_given_hops,
    run_screening,
    screen,
)
from migbar.screening import crew as crews
from migbar.screening.database import SCHEMA_VERSION, read_database
from migbar.screening.inputs import find_sources
from migbar.screening.run import cut_batch, work
from migbar.structures import read_structure, write_cif
from tests.core.salts import endless, salt, write_salts

ROOT = Path(__file__).resolve().parents[2]
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


def wait_for(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class CancelAfter:
    """Cancels when so many files are finished."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.done = 0

    def report(self, done: int, total: int, message: str = "") -> None:
        self.done = done

    def cancelled(self) -> bool:
        return self.done >= self.number


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, Path]:
    """A folder of 30 salts and the database of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("salts")
    write_salts(folder, 30)
    database = tmp_path_factory.mktemp("undisturbed") / "results.db"
    run_screening([folder], options(database, workers=2))
    return folder, database


def cli(arguments: list[str], **more) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'core'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "migbar.cli", "batch", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **more)


# ------------------------------------------------------------------ results


def test_that_a_screening_finds_what_paths_finds(tmp_path, undisturbed):
    folder, database = undisturbed
    path = folder / "salt-003.cif"
    expected = find_paths(read_structure(path), "Li")
    with read_database(database) as connection:
        rows = connection.execute(
            'SELECT "from", "to", barrier_ev, through_3d_ev, compound_class, space_group FROM result '
            "WHERE file = ? ORDER BY number",
            (str(path),),
        ).fetchall()
    way = expected.percolation["3D"]
    assert way is not None
    assert [row[2:4] for row in rows] == [
        (pytest.approx(p.barrier.barrier_ev), pytest.approx(way.barrier_ev)) for p in expected.paths
    ]
    assert [f"{row[0]} → {row[1].removesuffix('@0,0,0')}" for row in rows] == [
        hop.label for hop in expected.search.hops
    ]
    structure = read_structure(path)
    for (start, end, *_), hop in zip(rows, expected.search.hops, strict=True):
        assert name_hop(structure, "Li", start, end)[0] == hop.hop
    assert rows[0][4:] == ("fluoride", "Fm-3m")


def test_that_rows_come_from_python_also_those_of_before(tmp_path):
    write_salts(tmp_path / "in", 3)
    asked = options(tmp_path / "results.db")
    first = list(screen(tmp_path / "in", asked))
    again = list(screen([tmp_path / "in"], asked))
    assert {Path(row["file"]).name for row in first} == {f"salt-00{n}.cif" for n in range(3)}
    assert sorted(map(repr, again)) == sorted(map(repr, first))
    assert first[0]["barrier_ev"] > 0
    assert isinstance(first[0]["path_remarks"], list)


def test_that_a_screening_without_a_database_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    write_salts(tmp_path / "in", 1)
    rows = list(screen(tmp_path / "in", ScreeningOptions(workers=1)))
    assert rows[0]["formula"] == "LiF"
    assert list((tmp_path / "temporary").iterdir()) == []


def test_that_given_hops_are_predicted_and_a_wrong_one_spoils_no_other(tmp_path):
    path = write_salts(tmp_path, 1)[0]
    (tmp_path / "hops.csv").write_text(
        'file,ion,from,to\nsalt-000.cif,Li,0,1\nsalt-000.cif,,0,99\nsalt-000.cif,Li,0,"2@0,-1,0"\n'
    )
    sources = read_given_hops(tmp_path / "hops.csv")
    rows = list(screen(sources, options(tmp_path / "results.db")))
    structure = read_structure(path)
    expected = predict_path(structure, name_hop(structure, "Li", "0", "1")[0]).barrier
    assert [row["number"] for row in rows] == [0, 1, 2]
    assert rows[0]["barrier_ev"] == pytest.approx(expected.barrier_ev)
    assert "no site 99" in rows[1]["problem"]
    assert rows[1]["barrier_ev"] is None
    assert rows[2]["barrier_ev"] is not None
    # Other hops of the same file are another question.
    other = [Source(path, (GivenHop("0", "2"),))]
    assert [row["to"] for row in screen(other, options(tmp_path / "results.db"))] == ["2"]


def test_that_a_run_screens_the_hops_of_a_table(tmp_path):
    write_salts(tmp_path, 1)
    (tmp_path / "hops.csv").write_text(
        'file,from,to\nsalt-000.cif,0,1\nsalt-000.cif,0,"0.5,0.5,0"\n'
    )
    done = work(tmp_path, {"given_hops": str(tmp_path / "hops.csv"), "workers": 1}, SILENT)
    assert (done["judged"], done["failed"]) == (1, 0)
    with read_database(tmp_path / "results.db") as connection:
        barriers = connection.execute("SELECT barrier_ev FROM result").fetchall()
    assert len(barriers) == 2
    assert None not in barriers[0]


def test_that_a_table_of_hops_is_checked_line_by_line(tmp_path):
    table = tmp_path / "hops.csv"
    table.write_text("file,from\na.cif,0\n")
    with pytest.raises(ScreeningError, match="lacks the columns to"):
        read_given_hops(table)
    table.write_text("file,from,to\na.cif,0,\n,0,1\nb.cif,0,1\n")
    with pytest.raises(ScreeningError, match=r"line 2 .*; line 3 "):
        read_given_hops(table)


def test_that_duplicates_are_predicted_once(tmp_path):
    first = write_salts(tmp_path / "in", 2)[0]
    shutil.copy(first, tmp_path / "in" / "copy.cif")
    commented = "# the same in other words\n" + first.read_text().replace("Li ", "Li   ")
    (tmp_path / "in" / "words.cif").write_text(commented)
    salt(4.0).to(str(tmp_path / "in" / "POSCAR-salt"), fmt="poscar")
    summary = run_screening([tmp_path / "in"], options(tmp_path / "results.db", workers=2))
    assert (summary.judged, summary.duplicates, summary.failed) == (2, 3, 0)
    with read_database(tmp_path / "results.db") as connection:
        assert connection.execute("SELECT count(*) FROM structure").fetchone() == (2,)
        query = "SELECT DISTINCT file FROM result WHERE duplicate"
        assert len(connection.execute(query).fetchall()) == 3


# ------------------------------------------------------------------ going on


def test_that_a_killed_screening_goes_on_to_the_same_result(tmp_path, undisturbed):
    folder, expected = undisturbed
    database = tmp_path / "results.db"
    process = cli([str(folder), "--out", str(database), "--workers", "2"])
    wait_for(lambda: count_files(database) >= 5)
    workers = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate()
    _, left = psutil.wait_procs(workers, timeout=30)
    assert len(workers) == 2
    assert not left  # they see that nobody waits for them
    done = count_files(database)
    assert 5 <= done < 30
    with read_database(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    summary = run_screening([folder], options(database, workers=2))
    assert summary.skipped == done
    assert content(database) == content(expected)


def test_that_a_cancelled_screening_leaves_no_process_and_goes_on(tmp_path, undisturbed):
    folder, expected = undisturbed
    database = tmp_path / "results.db"
    before = _children()
    with pytest.raises(Cancelled):
        run_screening([folder], options(database), CancelAfter(3))
    assert _children() == before
    assert 3 <= count_files(database) < 30
    run_screening([folder], options(database))
    assert content(database) == content(expected)


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_that_changed_files_and_other_settings_are_done_anew(tmp_path):
    paths = write_salts(tmp_path / "in", 3)
    database = tmp_path / "results.db"
    run_screening([tmp_path / "in"], options(database))
    write_cif(salt(4.9), paths[1])
    summary = run_screening([tmp_path / "in"], options(database))
    assert (summary.judged, summary.skipped) == (1, 2)
    summary = run_screening([tmp_path / "in"], options(database, cutoff=3.0))
    assert (summary.judged, summary.skipped) == (3, 0)
    with read_database(database) as connection:  # what nobody needs any more is gone
        assert connection.execute("SELECT count(*) FROM structure").fetchone() == (3,)
        query = "SELECT count(*) FROM path WHERE structure_id NOT IN (SELECT id FROM structure)"
        assert connection.execute(query).fetchone() == (0,)


def test_that_failed_files_are_tried_again_when_asked_or_with_other_limits(tmp_path):
    write_salts(tmp_path / "in", 1)
    (tmp_path / "in" / "broken.cif").write_text("data_x\n")
    database = tmp_path / "results.db"
    few = options(database, limits=Limits(sites=4))
    assert run_screening([tmp_path / "in"], few).failed == 2
    assert "8 sites; at most 4" in reasons(database)["salt-000.cif"]
    assert run_screening([tmp_path / "in"], few).skipped == 2
    assert run_screening([tmp_path / "in"], options(database)).judged == 1
    summary = run_screening([tmp_path / "in"], options(database, retry_failed=True))
    assert (summary.failed, summary.skipped) == (1, 1)


# ------------------------------------------------------------------ bad input


def test_that_broken_files_are_told_and_stop_nothing(tmp_path):
    folder = tmp_path / "in"
    write_salts(folder, 14)
    good = (folder / "salt-000.cif").read_text()
    (folder / "empty.cif").write_text("")
    (folder / "binary.cif").write_bytes(b"\x00\x01\x02" * 100)
    (folder / "cut.cif").write_text(good[: len(good) // 2])
    (folder / "words.json").write_text('{"not": "a structure"}')
    (folder / "zero.vasp").write_text("x\n1.0\n0 0 0\n0 0 0\n0 0 0\nLi\n1\nDirect\n0 0 0\n")
    (folder / "no-ion.cif").write_text(good.replace("Li", "Cs"))
    summary = run_screening([folder], options(tmp_path / "results.db", workers=2))
    assert (summary.judged, summary.failed) == (14, 6)  # 30 % are broken
    told = reasons(tmp_path / "results.db")
    assert "empty file" in told["empty.cif"]
    assert "binary" in told["binary.cif"]
    assert "no usual mobile ion" in told["no-ion.cif"]
    assert all(told.values())


def test_that_a_structure_over_its_time_is_stopped_and_no_other(tmp_path):
    write_salts(tmp_path / "in", 4)
    write_cif(endless(), tmp_path / "in" / "endless.cif")
    started = time.monotonic()
    limits = Limits(seconds=4.0, sites=1000)
    summary = run_screening([tmp_path / "in"], options(tmp_path / "results.db", limits=limits))
    assert (summary.judged, summary.failed) == (4, 1)
    assert "longer than 4 s" in reasons(tmp_path / "results.db")["endless.cif"]
    assert time.monotonic() - started < 60


def test_that_a_worker_that_dies_is_replaced_and_its_structure_tried_again(tmp_path, monkeypatch):
    folder = tmp_path / "in"
    write_salts(folder, 6)
    (folder / "deadly.cif").write_text("data_deadly\n")
    # A worker that ends itself when it meets this file, and once, by chance, another.
    (tmp_path / "mortal.py").write_text(
        "import os, pathlib, sys\n"
        "from migbar.screening import judging, worker\n"
        "honest = judging.answer\n"
        "def answer(job, settings, model):\n"
        f"    memory = pathlib.Path({str(tmp_path / 'once')!r})\n"
        "    unlucky = job['kind'] == 'judge' and job['name'] == 'salt-002.cif' and not memory.exists()\n"
        "    if unlucky:\n"
        "        memory.touch()\n"
        "    if unlucky or job['name'] == 'deadly.cif':\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return honest(job, settings, model)\n"
        "judging.answer = answer\n"
        "worker.main()\n"
    )
    monkeypatch.setattr(
        crews, "worker_command", lambda: [sys.executable, str(tmp_path / "mortal.py")]
    )
    summary = run_screening([folder], options(tmp_path / "results.db"))
    assert (summary.judged, summary.failed) == (6, 1)
    assert "ended twice, killed by signal 9" in reasons(tmp_path / "results.db")["deadly.cif"]


def test_that_the_model_is_loaded_once_by_each_worker(tmp_path, monkeypatch):
    write_salts(tmp_path / "in", 12)
    started = []
    honest = crews.Worker.__init__

    def note(self, settings):
        started.append(self)
        honest(self, settings)

    monkeypatch.setattr(crews.Worker, "__init__", note)
    run_screening([tmp_path / "in"], options(tmp_path / "results.db", workers=2))
    assert len(started) == 2


def test_that_structures_of_like_size_travel_together():
    class Item:
        def __init__(self, n_sites: int) -> None:
            self.n_sites = n_sites

    ready = [Item(n) for n in (5, 180, 6, 300, 7, 90, 80, *[4] * 30)]
    batches = []
    while ready:
        batches.append([item.n_sites for item in cut_batch(ready)])
    assert batches[0] == [300]
    assert batches[1] == [180]
    assert batches[2] == [90, 80, 7, 6, 5, 4, 4, 4]
    assert all(sum(batch) <= 200 or len(batch) == 1 for batch in batches)
    assert max(map(len, batches)) <= 16


# ------------------------------------------------------------------ folders


def test_that_names_of_any_kind_are_screened(tmp_path):
    folder = tmp_path / "in" / "Ωμέγα 材料 #1%20"
    folder.mkdir(parents=True)
    names = ["électrolyte solide ☃.cif", "a'b\"c;--.cif", "n" * 250 + ".cif", "-o.cif"]
    for number, name in enumerate(names):
        write_cif(salt(4.0 + 0.1 * number), folder / name)
    deep = tmp_path / "in"
    for _ in range(5):
        deep = deep / ("d" * 200)
    deep.mkdir(parents=True)
    write_cif(salt(5.0), deep / "deep.cif")
    summary = run_screening([tmp_path / "in"], options(tmp_path / "résultats ☃.db"))
    assert (summary.judged, summary.failed) == (5, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always text")
def test_that_a_name_that_is_no_text_is_told(tmp_path):
    folder = tmp_path / "in"
    path = write_salts(folder, 1)[0]
    path.rename(folder / os.fsdecode(b"\xff\xfe.cif"))
    assert run_screening([folder], options(tmp_path / "results.db")).failed == 1
    assert "no valid UTF-8" in reasons(tmp_path / "results.db")["\\udcff\\udcfe.cif"]


def test_that_folders_that_lead_into_themselves_are_entered_once(tmp_path):
    write_salts(tmp_path / "a", 2)
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    below = tmp_path / "a"
    for level in range(20):  # two links on each of twenty levels: a million ways to the last
        deeper = tmp_path / f"level-{level}"
        write_salts(deeper, 1)
        for link in ("left", "right"):
            (below / link).symlink_to(deeper, target_is_directory=True)
        below = deeper
    (tmp_path / "a" / "itself.cif").symlink_to(tmp_path / "a" / "itself.cif")
    found = find_sources([tmp_path / "a"])
    assert len(found) == 2 + 20 + 1
    assert len({source.path.resolve() for source in found[1:]}) == 22


def test_that_pipes_large_files_and_dead_links_are_told_and_not_opened(tmp_path):
    folder = tmp_path / "in"
    write_salts(folder, 1)
    os.mkfifo(folder / "pipe.cif")
    (folder / "dead.cif").symlink_to(tmp_path / "nowhere.cif")
    with (folder / "sparse.cif").open("wb") as file:
        file.truncate(50_000_000_000)  # takes no room on the disk
    summary = run_screening([folder], options(tmp_path / "results.db"))
    assert (summary.judged, summary.failed) == (1, 3)
    told = reasons(tmp_path / "results.db")
    assert "not a regular file" in told["pipe.cif"]
    assert "no such file" in told["dead.cif"]
    assert "50000.0 MB large; at most 10 MB" in told["sparse.cif"]


def test_that_a_folder_with_too_many_files_is_refused(tmp_path):
    write_salts(tmp_path / "in", 5)
    with pytest.raises(ScreeningError, match="more than 4 structure files"):
        run_screening([tmp_path / "in"], options(tmp_path / "results.db", max_files=4))
    with pytest.raises(ScreeningError, match="no file or folder"):
        run_screening([tmp_path / "nothing"], options(tmp_path / "results.db"))


# ------------------------------------------------------------------ the database


def test_that_options_that_make_no_sense_are_told_together(tmp_path):
    wrong = options(
        tmp_path / "results.db", ion="Xx", mechanism="magic", cutoff=99.0, limits=Limits(seconds=0)
    )
    with pytest.raises(ScreeningError) as caught:
        run_screening([tmp_path], wrong)
    for text in ("'Xx'", "'magic'", "cut-off", "limit of seconds"):
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
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'core'}"},
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
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'core'}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "for lack of space" in done.stderr
    saved = count_files(database)
    assert 0 < saved < 30
    assert run_screening([folder], options(database, workers=2)).skipped == saved
    assert content(database) == content(expected)


# ------------------------------------------------------------------ Dask


class KillOnce:
    """Kills a process when the first files are finished."""

    def __init__(self, pid: int) -> None:
        self._pid: int | None = pid

    def report(self, done: int, total: int, message: str = "") -> None:
        if done >= 3 and self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._pid = None

    def cancelled(self) -> bool:
        return False


def test_that_a_dask_cluster_that_loses_a_worker_gives_every_result_once(tmp_path, undisturbed):
    from distributed import LocalCluster

    folder, expected = undisturbed
    database = tmp_path / "results.db"
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        asked = ScreeningOptions(out=database, scheduler=cluster.scheduler_address)
        summary = run_screening([folder], asked, KillOnce(victim))
    assert (summary.judged, summary.failed, summary.duplicates) == (30, 0, 0)
    assert content(database) == content(expected)


def test_that_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch, undisturbed):
    folder, _ = undisturbed
    monkeypatch.setattr("migbar.screening.engine.PATIENCE_S", 0.5)
    asked = ScreeningOptions(out=tmp_path / "results.db", scheduler="tcp://127.0.0.1:9")
    with pytest.raises(ScreeningError, match="cannot be reached"):
        run_screening([folder], asked)


def test_that_jobs_for_a_batch_system_are_written_as_asked(tmp_path):
    pytest.importorskip("dask_jobqueue")
    from migbar.screening.engine import make_cluster

    asked = ScreeningOptions(
        cluster="slurm", cluster_options={"queue": "long", "memory": "3GB", "walltime": "02:00:00"}
    )
    with make_cluster(asked) as cluster:
        script = cluster.job_script()
    for line in ("#SBATCH -p long", "#SBATCH --mem=3G", "#SBATCH -t 02:00:00", "--nthreads 1"):
        assert line in script
    with pytest.raises(ScreeningError, match="no batch system"):
        make_cluster(ScreeningOptions(cluster="cray"))
    with pytest.raises(ScreeningError, match="does not take"):
        make_cluster(ScreeningOptions(cluster="slurm", cluster_options={"colour": "blue"}))


def test_that_a_batch_system_starts_the_workers(tmp_path, monkeypatch, undisturbed):
    dask_jobqueue = pytest.importorskip("dask_jobqueue")
    from dask_jobqueue.local import LocalCluster  # runs the jobs at once, on this machine

    from migbar.screening import engine

    folder, expected = undisturbed
    monkeypatch.setattr(dask_jobqueue, "LocalCluster", LocalCluster, raising=False)
    monkeypatch.setitem(engine.CLUSTERS, "local", "LocalCluster")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "core"))
    asked = ScreeningOptions(
        out=tmp_path / "results.db",
        cluster="local",
        cluster_options={"scheduler_options": {"host": "127.0.0.1", "dashboard": False}},
    )
    assert run_screening([folder], asked).judged == 30
    assert content(tmp_path / "results.db") == content(expected)


# ------------------------------------------------------------------ workers


def test_that_a_worker_with_another_model_is_refused(tmp_path):
    from dataclasses import replace

    from migbar.screening.crew import Crew
    from migbar.screening.options import Settings

    settings = replace(Settings.of(ScreeningOptions()), model_digest="of another")
    crew = Crew(settings)
    with pytest.raises(ScreeningError, match="is not the one"):
        crew.answer({"kind": "read"}, 10)
    crew.close()


def test_that_closing_a_crew_ends_a_job_in_the_middle(tmp_path):
    from migbar.screening.crew import Crew
    from migbar.screening.options import Settings

    write_cif(endless(), tmp_path / "endless.cif")
    crew = Crew(Settings.of(ScreeningOptions()))
    job = {
        "kind": "judge",
        "name": "endless.cif",
        "data": (tmp_path / "endless.cif").read_text(),
        "hops": [],
    }
    caught: list[Exception] = []

    def ask() -> None:
        try:
            crew.answer(job, 600)
        except ScreeningError as error:
            caught.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_for(lambda: any(worker.jobs_done for worker in crew._all))
    crew.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "stopped" in str(caught[0])

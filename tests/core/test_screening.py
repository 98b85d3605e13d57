"""Screening: results that survive whatever happens, and each structure once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from migbar.ends import name_hop
from migbar.errors import Cancelled
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
from migbar.screening.database import read_database
from migbar.screening.run import work
from migbar.structures import read_structure, write_cif
from tests.core.processes import ENVIRONMENT, wait_for
from tests.core.salts import salt, write_salts
from tests.core.screenings import content, count_files, options, reasons


class CancelAfter:
    """Cancels when so many files are finished."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.done = 0

    def report(self, done: int, total: int, message: str = "") -> None:
        self.done = done

    def cancelled(self) -> bool:
        return self.done >= self.number


def cli(arguments: list[str], **more) -> subprocess.Popen:
    command = [sys.executable, "-m", "migbar.cli", "batch", *arguments]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **more)


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


def test_that_given_hops_that_name_their_ion_need_no_other(tmp_path, examples_dir):
    shutil.copy(examples_dir / "FePO4.cif", tmp_path)  # which holds no usual mobile ion
    (tmp_path / "hops.csv").write_text(
        'file,ion,from,to\nFePO4.cif,Na,v0,v1\nFePO4.cif,Xx,"0,0,0","0,0.5,0"\n'
    )
    first, second = screen(read_given_hops(tmp_path / "hops.csv"), ScreeningOptions(workers=1))
    assert (first["ion"], first["mechanism"]) == ("Na", "insertion")
    assert first["barrier_ev"] > 0
    assert "'Xx' is not a chemical element" in second["problem"]


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


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_that_a_table_of_hops_may_come_from_excel(tmp_path, encoding):
    text = "sep=;\r\nDatei;file;from;to\r\nÜbergang;Öfen\\salz.cif;0;3@1,0,0\r\n;;;\r\n"
    (tmp_path / "hops.csv").write_bytes(text.encode(encoding))
    (source,) = read_given_hops(tmp_path / "hops.csv")
    assert source.path == tmp_path / "Öfen" / "salz.cif"
    assert source.hops == (GivenHop("0", "3@1,0,0"),)


def test_that_a_table_of_hops_is_checked_line_by_line(tmp_path):
    table = tmp_path / "hops.csv"
    table.write_text("file,from\na.cif,0\n")
    with pytest.raises(ScreeningError, match="has no column to; it needs file, from, to"):
        read_given_hops(table)
    table.write_text("file,from,to\na.cif,0,\n,0,1\nb.cif,0,1\n")
    with pytest.raises(ScreeningError, match=r"line 2 .*; line 3 "):
        read_given_hops(table)
    table.write_text("file,from,to\na.cif,0,1,,\na.cif,0,0,0,0.5\n")  # 0 → 0,0,0.5 without quotes
    with pytest.raises(ScreeningError, match="line 3 has more cells"):
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


def test_that_results_of_another_version_are_done_anew(tmp_path, monkeypatch):
    write_salts(tmp_path / "in", 2)
    database = tmp_path / "results.db"
    with monkeypatch.context() as patch:
        patch.setattr("migbar.screening.options.__version__", "0.0.1")
        run_screening([tmp_path / "in"], options(database))
    summary = run_screening([tmp_path / "in"], options(database))
    assert (summary.judged, summary.skipped) == (2, 0)


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

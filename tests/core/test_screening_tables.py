"""Tables and reports of a screening, and the ``migbar batch`` command."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.cli import main
from migbar.datasets.reading import read_records
from migbar.elements import compound_class
from migbar.screening import ScreeningError, ScreeningOptions, run_screening
from migbar.screening.database import Content, read_database, write_database
from migbar.screening.inputs import Source
from migbar.screening.options import Settings
from migbar.screening.query import (
    Choice,
    Counts,
    Show,
    compound_classes,
    count,
    find_rows,
    iterate_rows,
)
from migbar.screening.tables import COLUMNS, export
from migbar.structures import write_cif
from tests.core.salts import salt, write_salts


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("in")
    write_salts(folder, 3)
    write_cif(salt(4.6, "Na"), folder / "=sodium.cif")
    (folder / "broken_100%.cif").write_text("data_x\n")
    (folder / "empty.cif").write_text("")
    out = tmp_path_factory.mktemp("out") / "results.db"
    run_screening([folder], ScreeningOptions(out=out, workers=1))
    return out


def chosen(database: Path, choice: Choice, *columns: str) -> list[tuple]:
    with read_database(database) as connection:
        return list(iterate_rows(connection, choice, columns or ("file",)))


def test_that_csv_xlsx_and_parquet_say_the_same(tmp_path, database):
    from openpyxl import load_workbook
    from pyarrow.parquet import read_table

    for ending in ("csv", "xlsx", "parquet"):
        export(database, tmp_path / f"table.{ending}", threshold_ev=0.7)
    with (tmp_path / "table.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    sheet = load_workbook(tmp_path / "table.xlsx").active
    head, *cells = sheet.iter_rows(values_only=True)
    parquet = read_table(tmp_path / "table.parquet").to_pylist()
    assert list(lines[0]) == list(head) == list(parquet[0]) == list(COLUMNS)
    assert len(lines) == len(cells) == len(parquet) == 6
    for line, row, record in zip(lines, cells, parquet, strict=True):
        named = dict(zip(head, row, strict=True))
        assert line["file"] == named["file"] == record["file"]
        if record["state"] == "done":
            assert float(line["barrier_ev"]) == pytest.approx(record["barrier_ev"], rel=1e-5)
            assert named["barrier_ev"] == record["barrier_ev"]
            assert line["good_conductor"] == str(record["barrier_ev"] <= 0.7).lower()
    assert [line["file"] for line in lines] == sorted(line["file"] for line in lines)
    assert sheet.cell(2, 1).data_type == "s"


def test_that_a_table_with_dft_barriers_added_is_read_as_data(tmp_path, database):
    export(database, tmp_path / "paths.csv")
    with (tmp_path / "paths.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["barrier_ev"]]
    with (tmp_path / "own.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "dft_barrier_ev"])
        writer.writeheader()
        writer.writerows({**row, "dft_barrier_ev": "0.5"} for row in rows)
    records = read_records(tmp_path / "own.csv")
    assert [r.band.length for r in records] == [
        pytest.approx(float(row["path_length_angstrom"]), abs=1e-4) for row in rows
    ]
    assert {record.target_ev for record in records} == {0.5}


@pytest.mark.parametrize("change", ["UPDATE path SET remarks = '{'", "DROP TABLE path"])
def test_that_of_a_database_that_somebody_changed_it_is_said_that_it_is_damaged(
    tmp_path, database, change
):
    with sqlite3.connect(database) as whole, sqlite3.connect(tmp_path / "x.db") as copy:
        whole.backup(copy)
        copy.execute(change)
    with pytest.raises(ScreeningError, match="damaged"):
        export(tmp_path / "x.db", tmp_path / "x.csv")


def test_that_a_database_that_another_program_holds_is_told(tmp_path, database, monkeypatch):
    with sqlite3.connect(database) as whole, sqlite3.connect(tmp_path / "x.db") as copy:
        whole.backup(copy)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0))
    holder = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ScreeningError, match="held by another program"):
        run_screening([tmp_path], ScreeningOptions(out=tmp_path / "x.db", workers=1))
    holder.close()


def test_that_a_report_tells_the_best_and_what_failed(tmp_path, database):
    export(database, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"begun</td><td[^>]*>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00 with MigBar", text)
    assert "Screening for Li, Na" in text
    assert "is an empty file." in text
    assert re.search(r"\d structures? with \d+ distinct hops?\. In three dimensions", text)
    assert re.search(r"\d files? left out as duplicates?, \d failed", text)
    assert "migbar-fast" in text
    assert "<svg" in text
    assert not re.search(r"(src|href)=\"https?:", text)
    order = [
        text.index(name) for name in ("salt-000.cif", "broken_100%.cif", "Where this comes from")
    ]
    assert order == sorted(order)


def test_that_other_endings_and_missing_databases_are_refused(tmp_path, database):
    with pytest.raises(ScreeningError, match=r"\.csv, \.xlsx, \.parquet or \.html"):
        export(database, tmp_path / "table.doc")
    with pytest.raises(ScreeningError, match="There is no"):
        export(tmp_path / "nothing.db", tmp_path / "table.csv")


@pytest.mark.parametrize("typed", ["größe", "GRÖSSE", "Gro\N{COMBINING DIAERESIS}ße"])
def test_that_capitals_and_accents_do_not_matter_in_a_search(tmp_path, typed):
    (tmp_path / "Größe.cif").write_text("data_x\n", encoding="utf-8")
    (tmp_path / "other.cif").write_text("data_x\n", encoding="utf-8")
    results = tmp_path / "results.db"
    run_screening([tmp_path], ScreeningOptions(out=results, workers=1))
    assert [Path(f).name for (f,) in chosen(results, Choice(text=typed))] == ["Größe.cif"]


def test_that_results_can_be_filtered_and_sorted(database):
    files = [Path(row[0]).name for row in chosen(database, Choice(Show.FAILED, sort="file"))]
    assert files == ["broken_100%.cif", "empty.cif"]
    assert len(chosen(database, Choice(Show.LOWEST))) == 6
    assert [Path(f).name for (f,) in chosen(database, Choice(text="_100%"))] == ["broken_100%.cif"]
    assert {f for (f,) in chosen(database, Choice(text="NaF"), "formula")} == {"NaF"}
    assert {f for (f,) in chosen(database, Choice(text="naf"), "formula")} == {"NaF"}
    low = chosen(database, Choice(max_barrier_ev=GOOD_CONDUCTOR_EV), "barrier_ev")
    assert all(barrier <= GOOD_CONDUCTOR_EV for (barrier,) in low)
    through = chosen(database, Choice(max_through_ev=0.9, through=2), "through_2d_ev")
    assert all(barrier <= 0.9 for (barrier,) in through)
    rising = [b for (b,) in chosen(database, Choice(sort="barrier_ev"), "barrier_ev")]
    falling = [
        b for (b,) in chosen(database, Choice(sort="barrier_ev", descending=True), "barrier_ev")
    ]
    known = [b for b in rising if b is not None]
    assert known == sorted(known)
    assert rising[-2:] == falling[-2:] == [None, None]
    assert falling[:-2] == known[::-1]
    with read_database(database) as connection:
        assert compound_classes(connection) == ["fluoride"]
        assert (count(connection).done, count(connection).failed) == (4, 2)
        assert len(find_rows(connection, Choice(compound_class="oxide"))) == 0


def judged(barriers, through, problem=None) -> dict:
    """What a worker says of a structure: barriers of its paths (None: `problem`), and of ways in 1, 2 and 3D."""
    shared = {"ion": "Li", "start": "0", "end": "1"}
    return {
        "formula": "LiF", "compound_class": "fluoride", "n_sites": 2, "space_group": "P1", "ion": "Li", "remarks": [],
        "percolation": {
            f"{n}D": None if barrier is None else [barrier, barrier - 0.1, barrier + 0.1, 0]
            for n, barrier in enumerate(through, start=1)
        },
        "paths": [
            shared | {"number": n} | ({"problem": problem} if barrier is None else {"barrier_ev": barrier})
            for n, barrier in enumerate(barriers)
        ],
    }  # fmt: skip


def test_that_structures_are_counted_and_chosen_by_the_numbers_they_are_asked_for(tmp_path):
    crystals = {
        "easy": judged([0.5, 0.3, 0.3, 0.8], (0.3, 0.5, 0.6)),
        "plane": judged([None, 0.7, 0.2], (0.2, 0.4, 0.9), "no such site"),
        "chain": judged([0.65], (0.65, None, None)),
    }
    path = tmp_path / "results.db"
    with write_database(path, Settings.of(ScreeningOptions())) as writer:
        for name, found in crystals.items():
            number = writer.add_structure(name, "", found, 1.0)
            writer.add_done(Content(Source(tmp_path / f"{name}.cif")), "", number)
        writer.add_done(Content(Source(tmp_path / "twin.cif")), "", number)  # of the chain

    def names(**asked) -> list:
        rows = chosen(path, Choice(**asked), "file", "number")
        return [(Path(file).stem, number) for file, number in rows]

    lowest = [("easy", 1), ("plane", 2), ("chain", 0), ("twin", 0)]
    assert names(show=Show.LOWEST) == lowest
    assert {file for file, _ in names(max_through_ev=0.6)} == {"easy"}
    assert {file for file, _ in names(max_through_ev=0.5, through=2)} == {"easy", "plane"}
    assert {file for file, _ in names(max_through_ev=0.64, through=1)} == {"easy", "plane"}
    assert names(max_barrier_ev=0.3) == [("easy", 1), ("easy", 2), ("plane", 2)]
    assert names(sort="barrier_ev", descending=True)[-1] == ("plane", 0)
    with read_database(path) as connection:
        assert count(connection) == Counts(done=4, failed=0, duplicates=1, paths=8, good=1)
        assert count(connection, 0.9).good == 2
    told = dict(chosen(path, Choice(), "file", "lowest_barrier_ev"))
    assert [told[str(tmp_path / f"{name}.cif")] for name in crystals] == [0.3, 0.2, 0.65]
    assert [duplicate for (duplicate,) in chosen(path, Choice(text="chain"), "duplicate")] == [0]
    assert [duplicate for (duplicate,) in chosen(path, Choice(text="twin"), "duplicate")] == [1]


@pytest.mark.parametrize(
    ("amounts", "name"),
    [
        ({"Li": 1, "Co": 1, "O": 2}, "oxide"),
        ({"Li": 1, "Fe": 1, "P": 1, "O": 4}, "phosphate"),
        ({"Li": 1, "V": 1, "P": 1, "O": 4, "F": 1}, "phosphate fluoride"),
        ({"Na": 3, "P": 1, "S": 4}, "thiophosphate"),
        ({"Li": 6, "P": 1, "S": 5, "Cl": 1}, "thiophosphate chloride"),
        ({"Li": 1, "P": 1, "O": 1}, "oxide"),
        ({"Na": 2, "Fe": 2, "C": 6, "N": 6}, "cyanide"),
        ({"Na": 2, "Fe": 2, "C": 6, "N": 6, "O": 4}, "cyanide oxide"),
        ({"Fe": 1, "C": 1, "N": 2}, "nitride"),  # a carbodiimide
        ({"Li": 1, "Al": 1}, "other"),
    ],
)
def test_that_compounds_are_told_by_their_anions(amounts, name):
    assert compound_class(amounts) == name


def test_that_the_command_screens_and_writes_tables(tmp_path, capsys):
    write_salts(tmp_path / "in", 2)
    out, table = tmp_path / "results.db", tmp_path / "table.csv"
    arguments = ["batch", str(tmp_path / "in"), "--ion", "Li", "--out", str(out), "--workers", "1"]
    with pytest.raises(SystemExit) as done:
        main([*arguments, "--export", str(table), "--json"])
    said = capsys.readouterr()
    assert done.value.code == 0
    told = json.loads(said.out)
    assert (told["total"], told["judged"], told["failed"]) == (2, 2, 0)
    assert "2 predicted" in said.err
    assert table.exists()
    table.unlink()
    with pytest.raises(SystemExit) as done:  # of results that are there already
        main(["batch", "--out", str(out), "--export", str(table)])
    assert done.value.code == 0
    assert table.exists()


def test_that_a_screening_of_which_all_failed_ends_so(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.cif").write_text("data_nothing\n", encoding="utf-8")
    arguments = ["batch", str(tmp_path / "in"), "--ion", "Li", "--out", str(tmp_path / "r.db")]
    with pytest.raises(SystemExit) as done:
        main([*arguments, "--workers", "1"])
    assert done.value.code == 1
    assert "1 failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "name a folder or files"),
        (["in", "--cluster", "slurm", "--cluster-option", "queue"], "NAME=VALUE"),
        (["in", "--cluster", "slurm", "--scheduler", "tcp://x"], "not both"),
        (["in", "--ion", "Xx"], "not a chemical element"),
    ],
)
def test_that_the_command_says_what_is_wrong(tmp_path, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as done:
        main(["batch", *arguments])
    assert done.value.code == 2
    assert text in capsys.readouterr().err

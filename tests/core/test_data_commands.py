"""``migbar data``: the road from files to a dataset, in a terminal."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from migbar.datasets import BandRecord, write_bands
from migbar.datasets.storage import BarrierDataset
from tests.core.conftest import Run
from tests.core.own_bands import own_records, write_dataset


@pytest.fixture
def run(run: Run) -> Run:
    return partial(run, "data")


@pytest.fixture
def bands(tmp_path: Path) -> Path:
    first, *others = own_records(20)
    again = BandRecord("again", first.band, first.target_ev)
    no_barrier = BandRecord("unknown", others[0].band)
    write_bands([first, again, *others, no_barrier], tmp_path / "bands.json")
    return tmp_path / "bands.json"


def test_that_data_are_checked_imported_split_drawn_and_converted(
    run: Run, bands: Path, tmp_path: Path
) -> None:
    code, out, _ = run("check", bands, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["found"], told["used"]) == (22, 20)
    assert {(p["code"], p["row"]) for p in told["problems"]} == {
        ("duplicate", 2),
        ("no_barrier", 22),
    }
    dataset = tmp_path / "own.parquet"
    code, out, _ = run("import", bands, "--out", dataset, "--no-known")
    assert code == 0
    assert "  mended  bands.json, row 2" in out
    assert "   error  bands.json, row 22" in out
    assert "20 of 22 paths can be used" in out
    code, out, _ = run("split", dataset, "--scheme", "random", "--out", tmp_path / "split.parquet")
    assert code == 0
    assert "validation: 4 paths" in out
    assert "! Leak" in out
    assert run("plot", dataset, "--out", tmp_path / "own.png")[0] == 0
    assert (tmp_path / "own.png").stat().st_size > 10_000
    assert run("convert", tmp_path / "split.parquet", tmp_path / "own.json")[0] == 0
    parts = {entry["split"] for entry in json.loads((tmp_path / "own.json").read_text())}
    assert parts == {"train", "validation"}
    code, out, _ = run("merge", dataset, tmp_path / "own.json", "--out", tmp_path / "all.parquet")
    assert code == 0
    assert "20 of 40 paths can be used" in out


def test_that_folds_are_split_again_as_they_were(run: Run, tmp_path: Path) -> None:
    write_dataset(own_records(30), tmp_path / "own.parquet")
    folded, again = tmp_path / "folded.parquet", tmp_path / "again.parquet"
    assert run("split", tmp_path / "own.parquet", "--folds", 3, "--out", folded)[0] == 0
    code, out, _ = run("split", folded, "--scheme", "column", "--out", again)
    assert code == 0
    assert BarrierDataset(again).parts == BarrierDataset(folded).parts
    assert [line.partition(":")[0] for line in out.splitlines()[:3]] == [f"fold {k}" for k in "012"]


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_that_a_seed_no_generator_takes_is_told(run: Run, tmp_path: Path, seed: int) -> None:
    write_dataset(own_records(10), tmp_path / "own.parquet")
    code, _, err = run("split", tmp_path / "own.parquet", "--seed", seed)
    assert code == 2
    assert "--seed" in err


def test_that_a_check_that_finds_nothing_to_use_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("day,weather\n1,rain\n")
    code, out, _ = run("check", tmp_path / "notes.csv")
    assert code == 2
    assert "0 of 0 paths can be used" in out


def test_that_mistakes_on_the_command_line_are_one_line(
    run: Run, bands: Path, tmp_path: Path
) -> None:
    for arguments, words in (
        (("import", bands, "--out", tmp_path / "own.csv"), "ends in .parquet"),
        (("check", bands, "--column", "energy=E"), "the meanings are"),
        (("split", bands), "no dataset of MigBar"),
        (("merge", bands, tmp_path / "x.json", "--out", tmp_path / "x.parquet"), "x.json"),
        (("fetch", "ftp://somewhere/x"), "no address"),
    ):
        code, _, err = run(*arguments)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
    assert not (tmp_path / "x.parquet").exists()

"""Screening: no file and no folder stops a run."""

from __future__ import annotations

import os
import sys

import pytest

from migbar.screening import (
    ScreeningError,
    run_screening,
)
from migbar.screening.inputs import find_sources
from migbar.structures import write_cif
from tests.core.salts import salt, write_salts
from tests.core.screenings import options, reasons


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

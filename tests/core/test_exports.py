"""Tables of paths keep every number and every word."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from openpyxl import load_workbook
from pymatgen.core import Lattice, Structure

from migbar.bands import approaches
from migbar.barriers import Barrier, Remark
from migbar.exports import COLUMNS, TableRow, table_text, write_csv, write_xlsx
from migbar.hops import SiteRef, hop_between_sites
from migbar.prediction import PredictedPath
from migbar.supercells import make_band


@pytest.fixture
def path() -> PredictedPath:
    structure = Structure(Lattice.cubic(4.0), ["Li", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    hop = hop_between_sites(structure, "Li", SiteRef(0), SiteRef(0, (1, 0, 0)))
    cell = 2 * np.eye(3, dtype=int)
    band = make_band(structure, hop, cell)
    barrier = Barrier(0.4321, (0.2, 0.9), "band-forest", "7")
    remarks = (Remark("ordered", "Ordered, for a test."),)
    return PredictedPath(hop, cell, band, tuple(approaches(band)), barrier, remarks)


def test_that_csv_holds_what_was_predicted(path, tmp_path):
    write_csv(
        tmp_path / "t.csv", [TableRow("LiO, cubic", path, 'a "quoted" note', hops_per_cell=6)], 0.4
    )
    (row,) = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
    assert tuple(row) == COLUMNS
    assert row["structure"] == "LiO, cubic"
    assert (row["from"], row["to"]) == ("0", "0@1,0,0")
    assert float(row["barrier_ev"]) == pytest.approx(0.4321)
    assert float(row["path_length_angstrom"]) == pytest.approx(4.0)
    assert row["good_conductor"] == "false"
    assert row["hops_per_cell"] == "6"
    assert row["supercell"] == "2 0 0; 0 2 0; 0 0 2"
    assert row["warnings"] == "Ordered, for a test."
    assert row["note"] == 'a "quoted" note'


def test_that_xlsx_holds_numbers_as_numbers_and_notes_as_text(path, tmp_path):
    row = TableRow("LiO", path, "=1+1\x07")
    write_xlsx(tmp_path / "t.xlsx", [row], 0.65)
    sheet = load_workbook(tmp_path / "t.xlsx").active
    cells = {cell.value: sheet.cell(2, cell.column) for cell in sheet[1]}
    assert tuple(cells) == COLUMNS
    assert cells["barrier_ev"].value == pytest.approx(0.4321)
    assert cells["good_conductor"].value is True
    assert (cells["note"].value, cells["note"].data_type) == ("=1+1", "s")


def test_that_a_relaxed_barrier_stands_beside_the_predicted_one(path, tmp_path):
    from migbar.neb import NebSettings, Vibrations, relax_band
    from migbar.potentials import load_potential

    initial = bulk("Cu", cubic=True)
    final = initial.copy()
    final.positions[0] += (0.3, 0, 0)
    settings = NebSettings(n_images=1, relax_ends=False, max_steps=1)
    result = relax_band(initial, final, load_potential("ase:emt"), settings)
    shaken = Vibrations("initial", (4.0, 5.0, 6.0), (-3.0, 2.0, 6.0), 1, "ase:emt", "")
    result = replace(result, vibrations=shaken)
    write_csv(tmp_path / "t.csv", [TableRow("LiO", path, relaxed=result), TableRow("LiO", path)])
    first, second = csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8"))
    assert float(first["relaxed_ev"]) == pytest.approx(result.barrier_ev, rel=1e-4)
    assert first["relaxed_converged"] == ("true" if result.converged else "false")
    assert first["relaxed_with"].startswith("ase:emt")
    assert float(first["attempt_frequency_per_s"]) == pytest.approx(1e13)
    assert second["attempt_frequency_per_s"] == ""
    assert second["relaxed_ev"] == second["relaxed_with"] == second["hops_per_cell"] == ""


def test_that_a_path_is_judged_by_the_barrier_that_counts(path):
    calculated = Barrier(0.71, (0.71, 0.71), "VASP", "6.3.0")
    rows = [TableRow("LiO", path), TableRow("LiO", path, counted=calculated)]
    first, second = csv.DictReader(io.StringIO(table_text(rows, 0.5)))
    assert first["barrier_ev"] == second["barrier_ev"] == first["counted_ev"] == "0.4321"
    assert (first["good_conductor"], second["good_conductor"]) == ("true", "false")
    assert (second["counted_ev"], second["counted_with"]) == ("0.71", "VASP 6.3.0")


def test_that_text_for_the_clipboard_has_tabs(path):
    text = table_text([TableRow("LiO", path)] * 2, delimiter="\t")
    lines = list(csv.reader(io.StringIO(text), delimiter="\t"))
    assert [len(line) for line in lines] == [len(COLUMNS)] * 3


def test_that_a_table_that_cannot_be_written_leaves_what_was_there(path, tmp_path, monkeypatch):
    target = tmp_path / "t.xlsx"
    target.write_text("before")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("openpyxl.workbook.workbook.Workbook.save", fail)
    with pytest.raises(OSError, match="disk full"):
        write_xlsx(target, [TableRow("LiO", path)])
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]

"""NEB of many known paths: a spread sample, a table that grows and resumes, and what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.datasets import BandRecord, PublishedPath
from migbar.neb import NebSettings, measured
from migbar.neb.baseline import NebRow, read_rows, run_baseline, spread_sample, write_rows
from migbar.neb.measured import measured_error
from migbar.neb.scores import baseline_table, measure, measured_json
from migbar.neb.settings import PRESETS, NebError
from migbar.potentials import load_potential
from tests.core.test_neb import StopAfter, copper_hop


def row(name, barrier, relaxed=True, **changes) -> NebRow:
    """A row of the table."""
    start = NebRow(name, "chgnet", "paper", relaxed, barrier, barrier, barrier, True, 10, 2.0)
    return replace(start, **changes)


@pytest.fixture
def copper(monkeypatch):
    """Two copper hops, the second of which cannot be a band; the preset is made quick."""
    monkeypatch.setitem(PRESETS, "paper", NebSettings(fmax=0.2, ends_fmax=0.2))
    good = copper_hop()
    bad = replace(good, path=np.vstack([good.path[0]] * 5))
    return [BandRecord("good", good, 0.7), BandRecord("bad/../one", bad, 0.5)]


def test_that_a_table_grows_and_is_not_done_twice(copper, tmp_path):
    emt, told = load_potential("ase:emt"), []
    rows = run_baseline(copper, emt, "paper", [True, False], tmp_path, on_row=told.append)
    assert rows == told
    assert [(r.sys_name, r.ends_relaxed, r.converged) for r in rows] == [
        ("good", True, True),
        ("good", False, True),
        ("bad/../one", True, False),
        ("bad/../one", False, False),
    ]
    assert rows[2].remarks.startswith("failed: The two ends make no band")
    assert rows[2].barrier_ev is None
    assert 0.5 < rows[0].barrier_ev < 1.0
    back = read_rows(tmp_path / "neb.csv")
    assert [r.key for r in back] == [r.key for r in rows]
    assert back[0].barrier_ev == pytest.approx(rows[0].barrier_ev, abs=1e-5)
    assert run_baseline(copper, emt, "paper", [True], tmp_path, on_row=told.append) == back
    assert len(told) == 4


def test_that_a_stopped_table_keeps_its_rows(copper, tmp_path):
    from migbar.errors import Cancelled

    emt = load_potential("ase:emt")
    with pytest.raises(Cancelled):
        run_baseline(copper, emt, "paper", [True], tmp_path, StopAfter(2))
    assert [r.sys_name for r in read_rows(tmp_path / "neb.csv")] == ["good"]


def test_that_the_columns_are_those_that_others_read(tmp_path):
    rows = [row("a,b", 0.5, remarks="dip"), row("c", None, relaxed=False, converged=False)]
    write_rows(rows, tmp_path / "t.csv")
    first, *lines = (tmp_path / "t.csv").read_text().splitlines()
    assert first == (
        "sys_name,potential,preset,ends_relaxed,barrier_ev,forward_ev,reverse_ev,"
        "converged,steps,seconds,remarks"
    )
    assert lines[0] == '"a,b",chgnet,paper,true,0.5,0.5,0.5,true,10,2,dip'
    assert read_rows(tmp_path / "t.csv") == rows
    (tmp_path / "t.csv").write_text("name,barrier\na,1\n")
    with pytest.raises(NebError, match="not a table of NEB barriers"):
        read_rows(tmp_path / "t.csv")


def test_that_a_sample_is_spread_and_grows_from_the_front():
    records = []
    for k, (ion, anion, family) in enumerate(
        [("Li", "O", "olivine")] * 4 + [("Na", "O", "olivine"), ("Li", "S", "spinel")]
    ):
        host = Structure(
            Lattice.cubic(9), [anion] * (k + 1), np.random.default_rng(k).random((k + 1, 3))
        )
        band = Band(host, ion, linear_path((0, 0, 0), (0.3, 0, 0)))
        records.append(BandRecord(f"r{k}", band, 0.1 * k, family))
    names = [record.sys_name for record in spread_sample(records, 99)]
    assert names[0] == "r0"
    assert set(names[:3]) == {"r0", "r4", "r5"}
    assert sorted(names) == [f"r{k}" for k in range(6)]
    assert [record.sys_name for record in spread_sample(records[::-1], 4)] == names[:4]
    assert {record.sys_name for record in spread_sample(records, 99, 3)} == {"r0", "r1"}


def test_that_bias_and_spread_are_those_of_what_converged():
    band = copper_hop()
    records = [BandRecord(f"p{i}", band, 1.0, "olivine") for i in range(5)]
    rows = [
        row("p0", 0.7),
        row("p1", 0.8, remarks="end_moved image_order"),
        row("p2", 0.9),
        row("p3", 9.0, converged=False),
        row("p4", None, converged=False),
        row("p0", 0.5, relaxed=False),
        row("p1", 0.5, relaxed=False),
        row("stranger", 5.0),
    ]
    relaxed, given = measure(rows, records)
    assert (relaxed.n, relaxed.not_converged, relaxed.failed, relaxed.moved) == (3, 1, 1, 1)
    assert relaxed.bias_ev == pytest.approx(-0.2)
    assert relaxed.spread_ev == pytest.approx(0.1)
    assert relaxed.mae_ev == pytest.approx(0.2)
    assert relaxed.by_class["olivine"]["n"] == 3
    assert "0.20 eV too low on average" in relaxed.text
    assert not given.ends_relaxed
    mace = {f"p{i}": PublishedPath("", 1.1, None) for i in range(5)}
    table = baseline_table(rows, records, mace)
    assert [(line["barriers"][:4], line["ends"], line["paths"]) for line in table] == [
        ("chgn", "relaxed", 3),
        ("MACE", "relaxed", 3),
        ("chgn", "as given", 2),
    ]
    assert table[1]["bias (eV)"] == "+0.100"


def test_that_a_measured_error_is_told_with_the_barrier(tmp_path, monkeypatch):
    records = [BandRecord(f"p{i}", copper_hop(), 1.0) for i in range(2)]
    found = measure([row("p0", 0.7), row("p1", 0.8)], records)
    (tmp_path / "potentials").mkdir()
    (tmp_path / measured.FILE).write_text(measured_json(found, "migbar neb"))
    monkeypatch.setattr(measured, "resource_dir", lambda: tmp_path)
    measured._measured.cache_clear()
    try:
        assert measured_error("chgnet").bias_ev == pytest.approx(-0.25)
        assert measured_error("chgnet", ends_relaxed=False) is None
        assert measured_error("mace:medium") is None
    finally:
        measured._measured.cache_clear()

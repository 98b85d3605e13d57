from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from migbar.barriers import Barrier, ModelCard, Remark
from migbar.cli.reproduce import app
from migbar.datasets import PublishedPath, write_bands
from migbar.errors import MigbarError
from migbar.models.networks.published import TABLE_S5
from migbar.reproduce.generalisation import (
    QUICK,
    QuickModel,
    by_scenario,
    held_out_chemistries,
    held_out_compositions,
    held_out_pathways,
)
from migbar.reproduce.paper import confusion, dataset_size, pathways, table_s5
from migbar.reproduce.rows import as_csv, as_markdown
from migbar.training import classical
from tests.core.small_bands import example_records


class Told:
    """Predicts what it is told, by hop length in the order given."""

    def __init__(self, barriers: list[float]) -> None:
        self.card = ModelCard("told", "1", "")
        self.barriers = barriers

    def predict(self, bands, progress=None):
        return [Barrier(b, (0.0, 2 * b), "told", "1") for b in self.barriers]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MIGBAR_HOME", str(tmp_path / "home"))


def by_model(rows):
    return {row["model"]: row for row in rows}


def test_that_published_numbers_stand_beside_ours_and_the_rest_is_said_to_be_untrained():
    records = example_records(4)
    published = {r.sys_name: PublishedPath("", r.target_ev + 0.1, None) for r in records[:3]}
    rows = by_model(table_s5(records, published=published))
    assert set(TABLE_S5) <= set(rows)
    assert rows["MODEL-4"]["note"] == "not trained"
    assert rows["MODEL-3"]["published test MAE"] == 0.261
    own = rows["MODEL-3-compact"]
    assert own["train MAE"] > 0
    assert own["grouped MAE se"] > 0
    mace = rows["MACE-NEB-RELAX"]
    assert mace["train MAE"] == pytest.approx(0.1)
    assert "3 training paths" in mace["note"]


def test_that_test_columns_come_with_their_errors():
    records = example_records(6)
    rows = by_model(table_s5(records[:3], records[3:]))
    assert rows["band-forest"]["test MAE se"] > 0
    assert rows["MACE-NEB-RELAX"]["note"].startswith("not trained")


def test_that_classical_rows_are_fitted_or_say_what_is_missing(monkeypatch):
    pytest.importorskip("matminer", reason="the extra migbar[classical] is not installed")
    records = example_records(6)
    rows = by_model(table_s5(records[:4], records[4:]))
    for kind in ("RFR", "GBR"):
        assert rows[kind]["train MAE"] < rows[kind]["grouped MAE"]
        assert rows[kind]["test MAE se"] >= 0
    monkeypatch.setattr(classical, "describe", missing_matminer)
    rows = by_model(table_s5(records[1:4]))
    assert "install migbar[classical]" in rows["RFR"]["note"]


def missing_matminer(band):
    raise classical.ClassicalError


def test_that_paths_count_as_told_apart_if_every_pair_differs():
    one, two = example_records(2)
    records = [one, replace(one, sys_name="b"), two, replace(two, sys_name="d")]
    (row,) = pathways(records, [Told([0.5, 0.505, 0.5, 0.52])])
    assert row["structures with several paths"] == 2
    assert row["share"] == 0.5


def test_that_the_confusion_matrix_adds_up():
    records = [
        replace(r, target_ev=t)
        for r, t in zip(example_records(4), (0.3, 0.4, 0.9, 1.0), strict=True)
    ]
    (row,) = confusion(records, [Told([0.2, 0.8, 0.3, 1.2])])
    assert [row[k] for k in ("good as good", "good as bad", "bad as good", "bad as bad")] == [1] * 4
    assert row["accuracy"] == 0.5
    assert (row["paths"], row["training paths"]) == (4, 0)


def test_that_training_paths_are_counted_beside_the_confusion_matrix():
    class Knowing(Told):
        def predict(self, bands, progress=None):
            known = Remark("training_path", "It was trained on this path.")
            first, *others = super().predict(bands, progress)
            return [replace(first, remarks=(known,)), *others]

    records = [replace(r, target_ev=0.3) for r in example_records(3)]
    (row,) = confusion(records, [Knowing([0.3] * 3)])
    assert row["training paths"] == 1


def test_that_tables_are_written_as_markdown_and_csv():
    rows = [{"model": "a", "x": 1.0, "x se": 0.25}, {"model": "b", "note": "no", "y": 2}]
    lines = as_markdown(rows).splitlines()
    assert lines[0] == "| model | x | y | note |"
    assert lines[2:] == ["| a | 1.000 ± 0.250 |  |  |", "| b |  | 2 | no |"]
    assert as_csv(rows).splitlines() == ["model,x,x se,y,note", "a,1.0,0.25,,", "b,,,2,no"]


# ------------------------------------------------------------------ fewer paths, and what is held out


def family_of_records():
    """Thirty paths of ten frameworks in two classes; a framework has a charged path and two discharged ones."""
    records = []
    for k, record in enumerate(example_records(10)):
        host = record.band.host.copy()
        host.remove_species(["Li"])
        empty = replace(record.band, host=host)
        for name, band in (("a", record.band), ("b", record.band.reversed()), ("c", empty)):
            records.append(
                replace(record, sys_name=f"{k}-{name}", band=band, family=f"class {k % 2}")
            )
    return records


def test_that_what_is_held_out_has_no_kin_but_those_it_should():
    records = family_of_records()
    structures = [record.structure for record in records]
    groups = [r.group for r in records]
    path = held_out_pathways(records, 4)
    assert (path >= 0).sum() == 20
    composition = held_out_compositions(records, 4)
    assert (composition >= 0).all()
    chemistry = held_out_chemistries(records, 4)
    for i in range(len(records)):
        same = [j for j in range(len(records)) if structures[j] == structures[i] and j != i]
        if path[i] >= 0:
            assert all(path[j] != path[i] for j in same)
        kin = [j for j in range(len(records)) if groups[j] == groups[i]]
        empty = ["Li" not in records[j].band.host.symbol_set for j in kin]
        own = "Li" not in records[i].band.host.symbol_set
        for j, charged in zip(kin, empty, strict=True):
            assert (composition[j] == composition[i]) == (charged == own)
            assert chemistry[j] == chemistry[i]


@pytest.fixture
def instant(monkeypatch):
    """A model that remembers what it has seen and says 0.5 eV otherwise."""

    def fit_predict(x, y, new):
        known = {tuple(row): value for row, value in zip(x, y, strict=True)}
        return np.array([known.get(tuple(row), 0.5) for row in new])

    def describe(records, progress):
        return np.array([[hash(r.sys_name) % 10**6] for r in records], float)

    monkeypatch.setitem(QUICK, "instant", QuickModel(describe, fit_predict))


def test_that_nothing_is_scored_on_what_it_was_trained_on(instant):
    records = family_of_records()
    truth = {r.sys_name: r.target_ev for r in records}
    for found in by_scenario(records, ["instant"]):
        errors = [abs(truth[name] - 0.5) for name in found.names]
        assert np.allclose(found.error_ev, errors), found.scenario
    rows = dataset_size(records, ["instant"])
    assert rows[0]["paths trained on"] <= 27
    assert all(row["train MAE"] == 0 for row in rows)
    spread = np.mean([abs(t - 0.5) for t in truth.values()])
    assert rows[-1]["grouped MAE"] == pytest.approx(spread)
    tested = dataset_size(records, ["instant"], example_records(12)[10:])
    assert {"test MAE", "test MAE se"} <= tested[0].keys()


def test_that_a_model_that_is_not_quick_is_refused():
    with pytest.raises(MigbarError, match=r"'MODEL-3' is not fitted in seconds.*RFR"):
        dataset_size(family_of_records(), ["MODEL-3"])


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("table-s5", []),
        ("pathways", ["-m", "band-forest"]),
        ("confusion", ["-m", "band-forest", "-m", "MODEL-3-compact"]),
        ("dataset-size", ["-m", "instant"]),
        ("scenarios", ["-m", "instant"]),
    ],
)
def test_that_each_command_writes_its_table_and_figure(command, options, instant, tmp_path):
    bands, out = tmp_path / "bands.json", tmp_path / "out"
    records = family_of_records()
    write_bands(records[:6] if command == "table-s5" else records, bands)
    app([command, "--bands", str(bands), *options, "--out", str(out)], standalone_mode=False)
    files = sorted(path.name for path in out.iterdir())
    assert files == [f"{command}.{suffix}" for suffix in ("csv", "md", "png", "svg")]
    assert (out / f"{command}.md").read_text().startswith("| model |")
    assert (out / f"{command}.png").stat().st_size > 5000


def test_that_the_command_prints_json(tmp_path, capsys):
    bands = tmp_path / "bands.json"
    write_bands(example_records(4), bands)
    app(["confusion", "--bands", str(bands), "-m", "band-forest", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)[0]["model"] == "band-forest"
    with pytest.raises(Exception, match="no model"):
        app(["confusion", "--bands", str(bands), "-m", "nothing"], standalone_mode=False)

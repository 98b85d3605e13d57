from __future__ import annotations

import json
from dataclasses import replace

import pytest
import typer

from migbar.barriers import Barrier, ModelCard
from migbar.cli.reproduce_tables import register
from migbar.datasets import write_bands
from migbar.models.networks.published import TABLE_S5
from migbar.reproduce import as_csv, as_markdown, confusion, pathways, table_s5
from tests.core.small_bands import example_records


class Told:
    """Predicts what it is told, by hop length in the order given."""

    def __init__(self, barriers: list[float]) -> None:
        self.card = ModelCard("told", "1", "")
        self.barriers = barriers

    def predict(self, bands, progress=None):
        return [Barrier(b, (0.0, 2 * b), "told", "1") for b in self.barriers]


def test_that_published_numbers_stand_beside_ours_and_the_rest_is_said_to_be_untrained():
    rows = {row["model"]: row for row in table_s5(example_records(4))}
    assert set(TABLE_S5) <= set(rows)
    assert rows["MODEL-4"]["train MAE"] == "not trained"
    assert rows["MODEL-3"]["published test MAE"] == "0.261 ± 0.034"
    own = rows["MODEL-3-compact"]
    assert float(own["train MAE"]) > 0
    assert "±" in own["grouped MAE"]


def test_that_test_columns_come_with_their_errors():
    records = example_records(6)
    rows = {row["model"]: row for row in table_s5(records[:3], records[3:])}
    assert "±" in rows["band-forest"]["test MAE"]


def test_that_paths_count_as_told_apart_if_every_pair_differs():
    one, two = example_records(2)
    records = [one, replace(one, sys_name="b"), two, replace(two, sys_name="d")]
    (row,) = pathways(records, [Told([0.5, 0.505, 0.5, 0.52])])
    assert row["structures with several paths"] == 2
    assert row["share"] == "0.500"


def test_that_the_confusion_matrix_adds_up():
    records = [
        replace(r, target_ev=t)
        for r, t in zip(example_records(4), (0.3, 0.4, 0.9, 1.0), strict=True)
    ]
    (row,) = confusion(records, [Told([0.2, 0.8, 0.3, 1.2])])
    assert [row[k] for k in ("good as good", "good as bad", "bad as good", "bad as bad")] == [1] * 4
    assert row["accuracy"] == "0.500"


def test_that_tables_are_written_as_markdown_and_csv():
    rows = [{"model": "a", "x": 1}, {"model": "b", "y": 2}]
    assert as_markdown(rows).splitlines()[2] == "| a | 1 |  |"
    assert as_csv(rows).splitlines() == ["model,x,y", "a,1,", "b,,2"]


def test_that_the_command_prints_json(tmp_path, capsys):
    app = typer.Typer()
    register(app)
    bands = tmp_path / "bands.json"
    write_bands(example_records(4), bands)
    app(["confusion", "--bands", str(bands), "-m", "band-forest", "--json"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out)[0]["model"] == "band-forest"
    with pytest.raises(Exception, match="no model"):
        app(["confusion", "--bands", str(bands), "-m", "nothing"], standalone_mode=False)

"""Predictions that take the barrier of a relaxed band, too."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from migbar.bands import Band
from migbar.cli import main
from migbar.datasets import BandRecord, write_bands
from migbar.errors import BandsFileError, ModelError
from migbar.evaluation import evaluate
from migbar.models.blend import MigbarFast
from migbar.models.relaxed import (
    PUBLISHED_MACE,
    RelaxedBarrier,
    RelaxedBy,
    kind_taken,
    predict_with_relaxed,
    read_relaxed,
)
from migbar.models.store import load_model, save_model
from migbar.neb import relaxed_barrier, settings_from, usable_barrier
from migbar.potentials import Provenance
from migbar.reproduce.cross_validation import WITH_MACE, cross_validation_table
from migbar.reproduce.stress_tests import (
    ALL,
    RELATED,
    as_markdown,
    stress_tests,
    structure_type,
)
from migbar.training.blend import BlendSettings, train_migbar_fast
from migbar.training.forest import ForestSettings
from migbar.training.relaxed import RelaxedPaths
from migbar.training.validation import Protocols
from tests.core.records import rock_salt_records
from tests.core.relaxed_bands import relaxed_band

FAST = BlendSettings(forest=ForestSettings(trees=8))
FEW = Protocols(folds=3, repeats=1)


def off(record: BandRecord) -> float:
    """What a potential says that is always half as high."""
    assert record.target_ev is not None
    return record.target_ev / 2


@pytest.fixture(scope="module")
def records() -> list[BandRecord]:
    """The known barriers hang on what no descriptor says; the relaxed ones know it."""
    rng = np.random.default_rng(3)
    return [
        BandRecord(r.sys_name, r.band, float(rng.uniform(0.2, 1.5)), r.family)
        for r in rock_salt_records()[:24]
    ]


@pytest.fixture(scope="module")
def model(records: list[BandRecord]) -> MigbarFast:
    relaxed = {r.sys_name: RelaxedBarrier(off(r), PUBLISHED_MACE) for r in records[1:]}
    return train_migbar_fast(
        records, cross_validate=False, settings=FAST, protocols=FEW, relaxed=relaxed
    )


def test_that_a_relaxed_barrier_moves_the_prediction(
    model: MigbarFast, records: list[BandRecord]
) -> None:
    assert model.card.training["relaxed"]["paths"] == len(records) - 1
    assert model.card.training["relaxed"]["left_out"] == 1
    band = records[0].band
    low, high = (
        predict_with_relaxed(model, [band], [RelaxedBarrier(e, PUBLISHED_MACE)])[0]
        for e in (0.15, 0.7)
    )
    assert low.barrier_ev < high.barrier_ev
    assert low.interval_ev[0] <= low.barrier_ev <= low.interval_ev[1]
    assert "relaxed_barrier" in [remark.code for remark in low.remarks]


def test_that_a_saved_model_takes_relaxed_barriers_as_before(
    model: MigbarFast, records: list[BandRecord], tmp_path: Path
) -> None:
    again = load_model(str(save_model(model, tmp_path / "fast")))
    assert kind_taken(again) == PUBLISHED_MACE
    bands = [r.band for r in records[:3]]
    helps = [RelaxedBarrier(0.4, PUBLISHED_MACE), None, RelaxedBarrier(0.3, PUBLISHED_MACE)]
    assert predict_with_relaxed(again, bands, helps) == predict_with_relaxed(model, bands, helps)
    assert again.predict(bands)[1] == predict_with_relaxed(model, bands, helps)[1]


@pytest.mark.parametrize(
    "by",
    [
        RelaxedBy("chgnet", "paper", True),
        RelaxedBy("mace:large", "quality", True),
        RelaxedBy("mace:large", "paper", False),
    ],
)
def test_that_another_kind_is_refused(
    model: MigbarFast, records: list[BandRecord], by: RelaxedBy
) -> None:
    with pytest.raises(ModelError, match="takes relaxed barriers by mace:large, preset paper"):
        predict_with_relaxed(model, [records[0].band], [RelaxedBarrier(0.3, by)])


def test_that_a_model_trained_without_says_so(records: list[BandRecord]) -> None:
    plain = train_migbar_fast(records, cross_validate=False, settings=FAST, protocols=FEW)
    for model in (plain, load_model("band-forest")):
        with pytest.raises(ModelError, match="takes no relaxed barriers"):
            kind_taken(model)


def test_that_barriers_of_two_kinds_cannot_be_learnt_from(records: list[BandRecord]) -> None:
    mixed = {
        records[0].sys_name: RelaxedBarrier(0.2, PUBLISHED_MACE),
        records[1].sys_name: RelaxedBarrier(0.2, RelaxedBy("chgnet", "paper", True)),
    }
    with pytest.raises(ValueError, match="2 kinds"):
        RelaxedPaths.of(records, mixed)


# ------------------------------------------------------------------ tables


def table(tmp_path: Path, *rows: str) -> Path:
    head = "sys_name,potential,preset,ends_relaxed,barrier_ev,forward_ev,reverse_ev,converged,steps,seconds"
    path = tmp_path / "neb.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


def test_that_a_table_gives_the_rows_of_its_kind_and_counts_the_others(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "a,mace:large,paper,true,0.31,0.31,0.2,true,12,60.5",
        "b,mace,paper,True,0.42,,,,,",  # as somebody else may write it
        "c,mace,paper,true,,,,true,,",
        "d,mace,paper,true,0.5,0.5,0.5,false,500,90",
        "a,mace,paper,false,0.9,0.9,0.9,true,5,9",
        "e,chgnet,paper,true,0.1,0.1,0.1,true,5,9",
    )
    found = read_relaxed(path, PUBLISHED_MACE)
    assert {n: b.barrier_ev for n, b in found.barriers.items()} == {"a": 0.31, "b": 0.42}
    assert sorted(found.unused.values()) == [1, 1, 1, 1]
    assert found.unused["without a barrier"] == 1


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a,chgnet,paper,true,0.3,,,true,,", "holds no barrier by mace:large"),
        ("a,mace,paper,true,high,,,true,,", "line 2: the barrier 'high' is not a number"),
        ("a,mace,paper,true,nan,,,true,,", "line 2"),
        ("a,mace:large,paper", "holds no barrier"),
    ],
)
def test_that_a_useless_table_is_refused(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(BandsFileError, match=complaint):
        read_relaxed(table(tmp_path, row), PUBLISHED_MACE)


def test_that_a_file_without_the_columns_names_them(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("sys_name,barrier_ev\na,0.3\n", encoding="utf-8")
    with pytest.raises(BandsFileError, match="has no column potential"):
        read_relaxed(path, PUBLISHED_MACE)
    with pytest.raises(BandsFileError, match="cannot be read"):
        read_relaxed(tmp_path / "none.csv", PUBLISHED_MACE)


def test_that_evaluation_uses_what_is_there(model: MigbarFast, records: list[BandRecord]) -> None:
    relaxed = {r.sys_name: RelaxedBarrier(off(r), PUBLISHED_MACE) for r in records[::2]}
    found = evaluate(records, model, relaxed=relaxed)
    codes = [[remark.code for remark in barrier.remarks] for barrier in found.barriers]
    assert ["relaxed_barrier" in code for code in codes] == [r.sys_name in relaxed for r in records]


def test_that_the_command_evaluates_with_a_table(
    model: MigbarFast,
    records: list[BandRecord],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = save_model(model, tmp_path / "fast")
    write_bands(records, tmp_path / "bands.json")
    rows = [f"{r.sys_name},mace,paper,true,{off(r)},,,true,," for r in records[:5]]
    path = table(tmp_path, *rows, f"{records[6].sys_name},mace,paper,true,,,,true,,")
    options = ["--bands", str(tmp_path / "bands.json"), "--model", str(folder), "--json"]
    with pytest.raises(SystemExit) as end:
        main(["evaluate", *options, "--neb", str(path)])
    assert end.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert found["neb"] == {
        "paths_with_relaxed_barrier": 5,
        "rows_not_used": {"without a barrier": 1},
    }


# ------------------------------------------------------------------ one relaxed band


def test_that_the_barrier_of_a_relaxed_band_is_taken_with_its_kind(
    records: list[BandRecord],
) -> None:
    band = records[0].band
    found = relaxed_barrier(relaxed_band(band), band)
    assert found.barrier_ev == pytest.approx(0.41)
    assert found.by == PUBLISHED_MACE
    assert relaxed_barrier(relaxed_band(band.reversed()), band).by == PUBLISHED_MACE
    for settings, by in (
        (settings_from("paper", {"relax_ends": False}), RelaxedBy("mace", "paper", False)),
        (settings_from("quality"), RelaxedBy("mace", "quality", True)),
        (settings_from("paper", {"n_images": 3, "fmax": 0.2}), RelaxedBy("mace", "changed", True)),
    ):
        assert relaxed_barrier(relaxed_band(band, settings=settings), band).by == by


def test_that_the_first_usable_band_is_used(model: MigbarFast, records: list[BandRecord]) -> None:
    band = records[0].band
    result = relaxed_band(band)
    useless = (
        replace(result, potential=Provenance("chgnet", "1")),
        replace(result, converged=False),
        relaxed_band(records[1].band.reversed(), settings=settings_from("quality")),
    )
    assert usable_barrier(model, [*useless, result], band) == RelaxedBarrier(0.41, PUBLISHED_MACE)
    assert usable_barrier(model, useless, band) is None
    assert usable_barrier(load_model("band-forest"), [result], band) is None


def test_that_a_relaxed_band_of_another_hop_is_refused(records: list[BandRecord]) -> None:
    band = records[0].band
    result = relaxed_band(band)
    other = Band(band.host, band.ion, np.linspace(band.path[0], band.path[0] + [0, 0.25, 0], 5))
    with pytest.raises(ModelError, match="of another hop"):
        relaxed_barrier(result, other)
    elsewhere = Band(band.host, band.ion, band.path + np.array([0.5, 0.5, 0.0]))
    with pytest.raises(ModelError, match="elsewhere in the cell"):
        relaxed_barrier(result, elsewhere)
    with pytest.raises(ModelError, match="in this supercell"):
        relaxed_barrier(result, Band(band.host, "Na", band.path))
    with pytest.raises(ModelError, match="not converged"):
        relaxed_barrier(replace(result, converged=False), band)


# ------------------------------------------------------------------ tables of scores


def test_that_the_table_has_a_row_with_mace(records: list[BandRecord]) -> None:
    from migbar.datasets import PublishedPath

    published = {r.sys_name: PublishedPath("", off(r), None) for r in records[1:]}
    rows = cross_validation_table(records, published, settings=FAST, protocols=FEW)
    with_mace = [row for row in rows if row.model == WITH_MACE]
    assert [row.protocol for row in with_mace] == ["grouped", "random"]
    assert all(row.n == len(records) - 1 and row.coverage is not None for row in with_mace)
    assert all(
        row.mae_ev < 0.7 * plain.mae_ev  # though the relaxed ones are half as high
        for row, plain in zip(with_mace, (rows[0], rows[4]), strict=True)
    )


def test_that_stress_tests_hold_out_whole_ions_and_classes(records: list[BandRecord]) -> None:
    families = ["rock salt", "spinel"]
    known = [
        BandRecord(r.sys_name, r.band, r.target_ev, families[i % 2]) for i, r in enumerate(records)
    ]
    rows = stress_tests(known, settings=FAST, protocols=FEW)
    assert [(row.test, row.held_out, row.n) for row in rows] == [
        ("ion", ALL, 24),
        ("ion", "Li", 12),
        ("ion", "Mg", 12),
        ("class", ALL, 24),
        ("class", "rock salt", 12),
        ("class", "spinel", 12),
        ("structure type", ALL, 24),
        ("structure type", RELATED, 24),
    ]
    assert all(0 <= row.coverage <= 1 for row in rows)
    assert "| Li | 12 |" in as_markdown(rows)
    assert len({structure_type(record) for record in known}) == 4
    assert len({record.group for record in known}) == 8

"""The default model: trees and a Gaussian process, and what stands behind a prediction."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.cli import main
from migbar.datasets import BandRecord, read_bands, write_bands
from migbar.descriptors import describe, descriptor_matrix, descriptor_names
from migbar.descriptors.words import subject
from migbar.models.blend import MigbarFast
from migbar.models.domain import Ranges, judge
from migbar.models.process import ION, covariance, distances
from migbar.models.store import load_model, save_model
from migbar.reproduce.cross_validation import as_markdown, cross_validation_table
from migbar.reproduce.rows import as_csv
from migbar.training.blend import (
    BlendSettings,
    fit_blend,
    fit_process,
    normal_scores,
    train_migbar_fast,
)
from migbar.training.cells import doubled_cell, equivalent_cell
from migbar.training.forest import ForestSettings
from migbar.training.validation import Protocols
from tests.core.records import rock_salt_records

FAST = BlendSettings(forest=ForestSettings(trees=8))
FEW = Protocols(folds=3, repeats=1)


@pytest.fixture(scope="module")
def records() -> list[BandRecord]:
    return rock_salt_records()


@pytest.fixture(scope="module")
def model(records: list[BandRecord]) -> MigbarFast:
    labels = {records[4].sys_name: "ALONG a"}
    return train_migbar_fast(records, labels, cross_validate=False, settings=FAST, protocols=FEW)


def test_that_a_saved_model_says_the_same(
    model: MigbarFast, records: list[BandRecord], tmp_path: Path
) -> None:
    again = load_model(str(save_model(model, tmp_path / "fast")))
    assert isinstance(again, MigbarFast)
    band = records[4].band
    assert again.predict([band]) == model.predict([band])
    assert again.explain(band) == model.explain(band)


def test_that_the_process_remembers_its_paths_and_forgets_far_away(
    records: list[BandRecord],
) -> None:
    x = descriptor_matrix(r.band for r in records)
    y = np.array([r.target_ev for r in records], float)
    process = fit_process(x, y, BlendSettings(noise=1e-6))
    assert np.allclose(process.predict(x), y, atol=0.02)
    weak = fit_process(x, y, BlendSettings(length=1e-3))
    far = x[:1] + 1.0
    assert weak.predict(far)[0] == pytest.approx(weak.offset ** (1 / weak.power))


def test_that_normal_scores_follow_ranks_and_take_odd_values_in() -> None:
    x = np.sort(np.exp(np.random.default_rng(0).normal(size=(400, 2)) * [1.0, 0.0]), axis=0)
    scores = normal_scores(x)
    z = scores(x)
    assert (np.diff(z[:, 0]) >= 0).all()
    assert abs(z[:, 0]).max() < 3
    assert (z[:, 1] == 0).all()
    assert np.isfinite(scores(np.array([[1e30, 1.0], [-1e30, 1.0]]))).all()


def test_that_distances_are_root_mean_square_differences() -> None:
    a, b = np.array([[0.0, 0.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])
    assert distances(a, b) == pytest.approx(np.array([[5 / np.sqrt(2), 0.0]]))


def test_that_a_like_path_of_the_same_ion_counts_more_than_one_of_another() -> None:
    assert all(name.startswith("ion_") for name in descriptor_names()[ION])
    assert not any(name.startswith("ion_") for name in descriptor_names()[ION.stop :])
    same, other = np.zeros((1, 40)), np.zeros((1, 40))
    other[0, ION] = 1.0
    near = covariance(same, other, length=1e6, other_ions=0.8)
    assert covariance(same, same, 1.2, 0.8) == pytest.approx(1.0)
    assert near[0, 0] == pytest.approx(0.8, abs=0.01)


def test_that_the_process_has_its_share_in_the_blend(records: list[BandRecord]) -> None:
    x = descriptor_matrix(r.band for r in records)
    y = np.array([r.target_ev for r in records], float)
    half = fit_blend(x[5:], y[5:], 1, FAST)
    trees, process = half.trees.predict(x)[0], half.process.predict(x)
    assert replace(half, share=0.0).predict(x)[0] == pytest.approx(trees)
    assert replace(half, share=1.0).predict(x)[0] == pytest.approx(process)
    assert half.predict(x)[0] == pytest.approx(0.4 * trees + 0.6 * process)


def test_that_similar_paths_carry_their_barrier_and_label(
    model: MigbarFast, records: list[BandRecord]
) -> None:
    first, *others = model.explain(records[4].band.reversed()).similar
    assert first.same
    assert first.path.sys_name == records[4].sys_name
    assert first.path.label == "ALONG a"
    assert first.path.barrier_ev == records[4].target_ev
    assert [s.distance for s in others] == sorted(s.distance for s in others)
    remark = model.predict([records[4].band])[0].remarks[-1]
    assert remark.code == "training_path"
    assert records[4].sys_name in remark.text


def test_that_reasons_add_up_to_what_the_trees_say(
    model: MigbarFast, records: list[BandRecord]
) -> None:
    band = records[10].band
    explanation = model.explain(band)
    total = explanation.base_ev + sum(reason.push_ev for reason in explanation.reasons)
    x = np.array([list(describe(band).values())])
    assert total == pytest.approx(model.blend.trees.leaves(x).mean() ** 2, rel=1e-4)
    sizes = [abs(reason.push_ev) for reason in explanation.reasons]
    assert sizes == sorted(sizes, reverse=True)


def test_that_every_descriptor_has_words() -> None:
    assert all(subject(name) for name in descriptor_names())


def test_that_the_verdict_names_its_reasons(records: list[BandRecord]) -> None:
    band = records[0].band
    values = {
        "opening_min": 0.1, "hop_length": 2.9, "ions_per_anion": 0.0, "ion_charge": 1.0, "anion_charge": 2.0,
    }  # fmt: skip
    spans = {"opening_min": (-0.4, 0.8), "hop_length": (1.5, 9.0)}
    elements = frozenset(band.host.symbol_set)
    known = Ranges({"ions": ["Li"], "elements": elements}, 1.0, 1.5, spans)
    assert judge(band, values, 0.5, known).place == "in"
    assert judge(band, values, 1.2, known).place == "near"
    assert judge(band, values, 1.6, known).place == "outside"

    def codes(**changed: float) -> list[str]:
        return [c.code for c in judge(band, values | changed, 0.5, known).concerns]

    assert codes() == []
    assert codes(opening_min=-0.6) == ["unusual_bottleneck"]
    assert codes(hop_length=12.0) == ["unusual_length"]
    assert codes(ions_per_anion=0.75) == ["concerted"]
    assert codes(ions_per_anion=0.75, ion_charge=2.0) == []
    sodium = judge(Band(band.host, "Na", band.path), values, 0.5, known)
    assert sodium.place == "outside"
    assert "Na" in sodium.text
    fewer = Ranges({"ions": ["Li"], "elements": elements - {"Ti"}}, 1.0, 1.5, spans)
    assert judge(band, values, 0.5, fewer).place == "near"
    fewer = Ranges({"ions": ["Li"], "elements": elements - {"O"}}, 1.0, 1.5, spans)
    assert judge(band, values, 0.5, fewer).place == "outside"


def test_that_the_table_is_made_again_with_all_models(records: list[BandRecord]) -> None:
    rows = cross_validation_table(records, settings=FAST, protocols=FEW)
    assert [(row.protocol, row.model) for row in rows] == [
        (protocol, model)
        for protocol in ("grouped", "random")
        for model in ("migbar-fast", "band-forest", "mean of the class")
    ]
    assert all(row.n == len(records) for row in rows)
    assert rows[0].mae_ev < rows[2].mae_ev
    assert rows[0].coverage is not None
    assert len(as_csv([asdict(row) for row in rows]).splitlines()) == 7
    assert as_markdown(rows).count("| migbar-fast |") == 2


def test_that_the_command_writes_the_table_and_skips_blanks(
    records: list[BandRecord], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bands(records, tmp_path / "bands.json")
    lines = [f"{r.sys_name},PATH 1,{r.target_ev},0.5" for r in records[1:]]
    blank = f"{records[0].sys_name},PATH 1,,0.5"
    head = "sys_name,path_info,mace_neb_relax_ev,mace_neb_no_relax_ev"
    (tmp_path / "table.csv").write_text("\n".join([head, blank, *lines]))
    files = ["--data", str(tmp_path / "bands.json"), "--table", str(tmp_path / "table.csv")]
    options = ["--out", str(tmp_path), "--folds", "3", "--repeats", "1", "--json"]
    with pytest.raises(SystemExit) as end:
        main(["reproduce", "cross-validation", *files, *options])
    assert end.value.code == 0
    rows = json.loads(capsys.readouterr().out)
    published = [row for row in rows if row["model"].startswith("MACE-NEB, ends relaxed")]
    assert [row["n"] for row in published] == [35, 35]
    assert all(row["mae_ev"] == 0 for row in published)
    assert (tmp_path / "cross-validation.csv").read_text().count("\n") == len(rows) + 1
    assert "| migbar-fast | 36 |" in (tmp_path / "cross-validation.md").read_text()


def test_that_an_ion_unlike_all_others_gets_finite_descriptors() -> None:
    host = Structure(Lattice.cubic(8.4), ["N", "Hf"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    values = describe(Band(host, "Cs", np.array([[0.2, 0.1, 0.3], [0.4, 0.6, 0.3]])))
    assert np.isfinite(list(values.values())).all()


@pytest.mark.reference_data
def test_that_the_default_model_does_not_depend_on_the_choice_of_cell(
    training_bands: Path,
) -> None:
    model = load_model("migbar-fast")
    bands = [record.band for record in read_bands(training_bands)[::40]]
    plain = model.predict(bands)
    turned = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]

    def rotated(band: Band) -> Band:
        lattice = Lattice(band.host.lattice.matrix @ turned)
        return Band(
            Structure(lattice, band.host.species, band.host.frac_coords), band.ion, band.path
        )

    for variant in (equivalent_cell, lambda b: doubled_cell(b, "perfect"), Band.reversed, rotated):
        again = model.predict([variant(band) for band in bands])
        for one, other in zip(plain, again, strict=True):
            assert other.barrier_ev == pytest.approx(one.barrier_ev, abs=1e-3)
    assert all("training_path" in [r.code for r in b.remarks] for b in plain)

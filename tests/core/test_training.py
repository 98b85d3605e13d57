from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.datasets import BandRecord, read_bands
from migbar.descriptors import descriptor_matrix
from migbar.errors import BandsFileError, Cancelled
from migbar.models.store import load_model, save_model
from migbar.progress import Silent
from migbar.training.cells import doubled_cell, equivalent_cell
from migbar.training.forest import ForestSettings, grow, train_band_forest
from migbar.training.validation import Protocols
from tests.core.records import rock_salt_records

FAST = ForestSettings(trees=8)
FEW = Protocols(folds=3, repeats=1)


@pytest.fixture(scope="module")
def records() -> list[BandRecord]:
    return rock_salt_records()


def test_that_the_same_seed_gives_the_same_weights(
    records: list[BandRecord], tmp_path: Path
) -> None:
    files = []
    for name, given in (("one", records), ("two", records[::-1])):
        model = train_band_forest(given, seed=5, cross_validate=False, settings=FAST, protocols=FEW)
        files.append((save_model(model, tmp_path / name) / "weights.safetensors").read_bytes())
    assert files[0] == files[1]
    other = train_band_forest(records, seed=6, cross_validate=False, settings=FAST, protocols=FEW)
    assert not np.array_equal(other.trees.threshold, model.trees.threshold)


def test_that_plain_arrays_hold_what_the_trained_trees_do(records: list[BandRecord]) -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    x = np.round(descriptor_matrix(r.band for r in records), 3)
    y = np.array([r.target_ev for r in records], float)
    settings = ForestSettings(trees=5, power=0.5)
    reference = ExtraTreesRegressor(5, max_features=settings.features, random_state=3)
    reference.fit(x, np.sqrt(y))
    expected = np.column_stack([tree.predict(x) for tree in reference.estimators_])
    assert np.allclose(grow(x, y, 3, settings).leaves(x), expected, atol=1e-6)


def test_that_a_trained_model_learns_and_tells_how_well(records: list[BandRecord]) -> None:
    model = train_band_forest(records, settings=FAST, protocols=FEW)
    barriers = model.predict([r.band for r in records])
    targets = np.array([r.target_ev for r in records], float)
    assert np.abs(targets - [b.barrier_ev for b in barriers]).mean() < 0.15
    for protocol in ("random", "grouped"):
        assert model.card.scores[protocol]["n"] == 36
        assert 0 <= model.card.scores[protocol]["coverage"] <= 1
    assert model.card.training["ions"] == ["Li", "Mg"]
    assert model.card.training["paths"] == 36
    assert len(model.card.training["data_sha256"]) == 64
    assert model.card.scores["cells"]["equivalent"]["max_mev"] < 1


def test_that_a_path_from_the_training_data_is_recognised(records: list[BandRecord]) -> None:
    model = train_band_forest(records, cross_validate=False, settings=FAST, protocols=FEW)
    known = records[4].band
    noise = np.random.default_rng(0).normal(0, 1e-5, known.host.frac_coords.shape)
    host = Structure(known.host.lattice, known.host.species, known.host.frac_coords + noise)
    other = Structure(known.host.lattice.scale(540), known.host.species, known.host.frac_coords)
    first, second, third = model.predict(
        [
            known.reversed(),
            Band(host, known.ion, known.path),
            Band(other, known.ion, known.path),
        ]
    )
    assert [r.code for r in first.remarks] == ["training_path"]
    assert [r.code for r in second.remarks] == ["training_path"]
    assert "training_path" not in [r.code for r in third.remarks]


def test_that_too_few_paths_are_refused(records: list[BandRecord]) -> None:
    with pytest.raises(BandsFileError, match="at least 20 paths"):
        train_band_forest(records[:10], settings=FAST, protocols=FEW)
    unknown = [BandRecord(r.sys_name, r.band) for r in records]
    with pytest.raises(BandsFileError, match="0 paths with a barrier"):
        train_band_forest(unknown, settings=FAST, protocols=FEW)


class Impatient(Silent):
    def cancelled(self) -> bool:
        return True


def test_that_training_can_be_cancelled(records: list[BandRecord]) -> None:
    with pytest.raises(Cancelled):
        train_band_forest(records, progress=Impatient(), settings=FAST, protocols=FEW)


@pytest.mark.reference_data
def test_that_the_default_model_knows_its_training_paths_in_any_cell(
    training_bands: Path,
) -> None:
    model = load_model()
    bands = [record.band for record in read_bands(training_bands)[::40]]
    plain = model.predict(bands)
    for variant in (equivalent_cell, lambda b: doubled_cell(b, "perfect"), Band.reversed):
        again = model.predict([variant(band) for band in bands])
        for one, other in zip(plain, again, strict=True):
            assert other.barrier_ev == pytest.approx(one.barrier_ev, abs=1e-3)
    assert all("training_path" in [r.code for r in b.remarks] for b in plain)

import math

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard
from migbar.datasets import BandRecord
from migbar.evaluation import evaluate, grouped_folds, random_folds, score
from migbar.progress import SILENT


def test_that_scores_agree_with_a_calculation_by_hand() -> None:
    result = score([0.2, 0.6, 1.0, 1.4], [0.3, 0.7, 0.8, 1.4], threshold_ev=0.65)
    assert result.n == 4
    assert result.mae_ev == pytest.approx(0.1)
    assert result.median_ev == pytest.approx(0.1)
    assert result.rmse_ev == pytest.approx(math.sqrt(0.06 / 4))
    assert result.r2 == pytest.approx(1 - 0.06 / 0.8)
    assert result.accuracy == pytest.approx(0.75)


def test_that_bootstrap_errors_repeat_and_come_near_the_known_standard_error() -> None:
    rng = np.random.default_rng(5)
    targets = rng.uniform(0, 2, 400)
    predictions = targets + rng.normal(0, 0.3, 400)
    first, again = score(targets, predictions), score(targets, predictions)
    assert first == again
    expected = np.abs(predictions - targets).std() / math.sqrt(400)
    assert first.mae_se_ev == pytest.approx(expected, rel=0.15)


def test_that_scores_without_a_meaning_are_nan() -> None:
    assert math.isnan(score([], []).mae_ev)
    assert math.isnan(score([0.5], [0.4]).r2)
    assert score([0.5], [0.4]).mae_ev == pytest.approx(0.1)


def test_that_bootstrap_samples_of_one_path_have_no_r2() -> None:
    assert score([0.30, 0.60, 0.37], [0.29, 0.42, 0.37]).r2_se < 1


def test_that_random_folds_are_even_and_repeat() -> None:
    folds = random_folds(103, 10, seed=1)
    assert np.array_equal(folds, random_folds(103, 10, seed=1))
    assert not np.array_equal(folds, random_folds(103, 10, seed=2))
    assert set(np.bincount(folds)) == {10, 11}


def test_that_grouped_folds_never_split_a_group() -> None:
    groups = [(f"host{i % 37}", "Li" if i % 2 else "Na") for i in range(300)]
    folds = grouped_folds(groups, 10, seed=3)
    for group in set(groups):
        assert len({folds[i] for i, g in enumerate(groups) if g == group}) == 1
    assert np.bincount(folds, minlength=10).min() >= 25


def test_that_the_largest_group_is_dealt_first() -> None:
    folds = grouped_folds(["large"] * 10 + list("abcdefghij"), 2, seed=0)
    assert np.bincount(folds).tolist() == [10, 10]


class Echo:
    """Predicts the length of the path."""

    card = ModelCard("echo", "1", "")

    def predict(self, bands, progress=SILENT):
        return [Barrier(band.length, (0.0, 9.0), "echo", "1") for band in bands]


def test_that_paths_without_a_known_barrier_are_predicted_but_not_scored(
    empty_layered: Structure,
) -> None:
    band = Band(empty_layered, "Li", np.linspace([0, 0, 0.5], [0, 0, 1.0], 5))
    records = [BandRecord("known", band, band.length + 0.1), BandRecord("unknown", band)]
    result = evaluate(records, Echo())
    assert len(result.barriers) == 2
    assert result.scores.n == 1
    assert result.scores.mae_ev == pytest.approx(0.1)
    assert result.coverage == 1


def test_that_the_coverage_is_the_share_of_known_barriers_within_their_intervals(
    empty_layered: Structure,
) -> None:
    band = Band(empty_layered, "Li", np.linspace([0, 0, 0.5], [0, 0, 1.0], 5))
    targets = (0.0, 9.0, 4.0, 9.1, None)  # Echo's intervals end at 0 and 9 eV
    records = [BandRecord(f"path{n}", band, target) for n, target in enumerate(targets)]
    assert evaluate(records, Echo()).coverage == 0.75
    assert evaluate(records[-1:], Echo()).coverage is None

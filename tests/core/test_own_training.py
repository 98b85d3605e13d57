"""Training on own data: options, the run, the judgement, and the same weights again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from migbar import runs
from migbar.datasets import BandRecord
from migbar.datasets.splits import Scheme, SplitError
from migbar.datasets.storage import write_dataset
from migbar.models.store import load_model
from migbar.runs import RunState
from migbar.training.own.options import (
    OptionsError,
    Preset,
    TrainingOptions,
    read_options,
    write_options,
)
from migbar.training.own.paths import bundled_training_paths
from migbar.training.own.task import estimate
from tests.core.own_bands import own_records


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("migbar.models.store.user_models_dir", lambda: tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("data") / "own.parquet"
    write_dataset(own_records(), target)
    return target


def forest(data: Path, **changes: Any) -> TrainingOptions:
    """The quickest model there is."""
    return TrainingOptions(
        **{
            "name": "mine",
            "data": str(data),
            "start": "scratch",
            "recipe": "band-forest",
            "preset": Preset.QUICK,
            **changes,
        }
    )


def train(folder: Path, options: TrainingOptions) -> runs.Run:
    runs.create_run(folder, "training", "Training", options.to_dict())
    runs.work(folder)
    return runs.read_run(folder)


def test_that_options_survive_toml(tmp_path: Path) -> None:
    options = TrainingOptions(
        "My oxides", str(tmp_path / "own.parquet"), preset=Preset.QUICK, scheme=Scheme.CLASSES,
        folds=5, notes='Said "hello",\nÅngström \\ <b>',
    )  # fmt: skip
    write_options(options, tmp_path / "options.toml")
    assert read_options(tmp_path / "options.toml") == options
    assert TrainingOptions.from_dict(options.to_dict()) == options


def test_that_every_wrong_option_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('data = "x"\nfold = 3\npreset = "slow"\nseed = "1"\n')
    with pytest.raises(OptionsError) as caught:
        read_options(tmp_path / "bad.toml")
    text = " ".join(caught.value.problems)
    assert all(word in text for word in ("'fold'", "'name' is missing", "slow", "seed"))
    with pytest.raises(OptionsError, match="name of a folder"):
        TrainingOptions("../x", "y").check()


def test_that_bundled_models_give_back_their_training_paths() -> None:
    paths = bundled_training_paths()
    assert len(paths) == 559
    assert 250 < len(set(paths.groups)) <= 279
    model = load_model("band-forest")
    values, _ = model.trees.predict(paths.x)
    assert np.abs(values - paths.y).mean() < 0.01


def test_that_a_run_trains_judges_and_keeps_a_model(data: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", forest(data, name="my oxides", notes="Ours."))
    assert run.state is RunState.FINISHED, run.error
    result = run.result
    assert result["model"] == "my oxides"
    assert result["verdict"] in ("better", "unclear", "not_better")
    assert set(result["scores"]) == {"model", "start", "model_where_start", "baseline"}
    count = result["scores"]["model"]["n"]
    assert all(len(column) == count for column in result["parity"].values())
    kinds = {event["kind"] for event in runs.read_events(tmp_path / "run")[0]}
    assert {"stage", "split", "step", "fold", "progress"} <= kinds
    model = load_model("my oxides")
    assert model.card.training["own_data"]["paths"] == 40
    assert len(model.card.training["own_data"]["data_sha256"]) == 64
    assert model.card.training["versions"]["migbar"]
    assert "Ours." in model.card.notes
    assert model.predict([own_records(1)[0].band])[0].model == "my oxides"
    assert (tmp_path / "run" / "options.toml").exists()


def test_that_the_same_options_give_the_same_weights(data: Path, tmp_path: Path) -> None:
    for name, options in (
        ("one", forest(data)),
        ("two", forest(data)),
        ("three", forest(data, seed=5)),
    ):
        train(tmp_path / name, options)
    weights = [
        (tmp_path / "models" / name / "weights.safetensors").read_bytes()
        for name in ("mine", "mine-2", "mine-3")
    ]
    assert weights[0] == weights[1] != weights[2]


def test_that_the_default_predictor_takes_own_paths_in(data: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", forest(data, start="migbar-fast", recipe=""))
    assert run.state is RunState.FINISHED, run.error
    assert run.result["verdict"] == "better"
    model = load_model("mine")
    assert model.card.training["bundled_paths"] == 559
    assert model.card.training["paths"] == 599
    barrier = model.predict([own_records(1)[0].band])[0]
    assert "training_path" in [remark.code for remark in barrier.remarks]


def test_that_a_cross_validation_judges_every_path(data: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", forest(data, folds=3))
    assert run.result["scores"]["model"]["n"] == 40
    assert run.result["split"]["folds"] == 3


def test_that_data_that_cannot_be_split_leave_nothing_behind(tmp_path: Path, store: Path) -> None:
    alone = [BandRecord(f"x{i}", r.band, r.target_ev) for i, r in enumerate(own_records(1) * 30)]
    write_dataset(alone, tmp_path / "alone.parquet")
    run = train(tmp_path / "run", forest(tmp_path / "alone.parquet"))
    assert run.state is RunState.FAILED
    assert "one side would be empty" in run.error
    assert not store.exists()
    with pytest.raises(SplitError):
        estimate(forest(tmp_path / "alone.parquet"))


def test_that_time_is_estimated_from_measured_steps(data: Path) -> None:
    quick = estimate(forest(data))
    assert 0 < quick.seconds < 300
    assert quick.judging > 0
    assert quick.training > 0

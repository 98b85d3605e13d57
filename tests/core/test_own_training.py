"""Training on own data: options, the run, the judgement, and the same weights again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from migbar import runs
from migbar.barriers import Barrier
from migbar.datasets import BandRecord
from migbar.datasets.splits import Scheme, SplitError
from migbar.errors import BandsFileError, Cancelled, MigbarError
from migbar.models.store import load_model
from migbar.neb.volume import scaled
from migbar.paths import find_hops
from migbar.progress import Silent
from migbar.reproduce.own_data import chemistry_parts, random_parts
from migbar.runs import RunState
from migbar.structures import read_structure
from migbar.supercells import make_band
from migbar.training.own.judgement import class_means, compare, judge
from migbar.training.own.options import (
    OptionsError,
    Preset,
    TrainingOptions,
    read_options,
    write_options,
)
from migbar.training.own.paths import bundled_training_paths
from migbar.training.own.task import estimate
from migbar.training.own.task import run as run_training
from tests.core.own_bands import own_records, rock_salt_band, write_dataset
from tests.core.processes import offer_counting, wait_for

COUNT = 28
"""Own paths."""


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("migbar.models.store.user_models_dir", lambda: tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("data") / "own.parquet"
    write_dataset(own_records(COUNT), target)
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
    with pytest.raises(OptionsError, match="name of a model"):
        TrainingOptions("../x", "y").check()
    for seed in (-1, 2**32):
        with pytest.raises(OptionsError, match="seed: a number from 0"):
            TrainingOptions("x", "y", seed=seed).check()


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
    assert model.card.training["own_data"]["paths"] == COUNT
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
    assert model.card.training["paths"] == 559 + COUNT
    barrier = model.predict([own_records(1)[0].band])[0]
    assert "training_path" in [remark.code for remark in barrier.remarks]
    assert not any("Leak: " in text for text in run.result["split"]["warnings"])


def test_that_frameworks_known_to_the_start_are_told(
    data: Path, examples_dir: Path, tmp_path: Path
) -> None:
    olivine = read_structure(examples_dir / "LiFePO4.cif")
    band = make_band(olivine, find_hops(olivine, "Li").hops[0].hop)
    wide = [BandRecord(f"wide {k}", scaled(band, 0.04 + 0.01 * k), 0.3, "olivine") for k in (0, 1)]
    records = [*own_records(COUNT), *wide]
    write_dataset(records, tmp_path / "own.parquet", ("train",) * COUNT + ("test",) * 2)
    asked = forest(tmp_path / "own.parquet", start="migbar-fast", recipe="", scheme=Scheme.COLUMN)
    run = train(tmp_path / "run", asked)
    assert any("Leak: 2 of 2 held-out" in text for text in run.result["split"]["warnings"])


def test_that_a_cross_validation_judges_every_path(data: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", forest(data, folds=3))
    assert run.result["scores"]["model"]["n"] == COUNT
    assert run.result["split"]["folds"] == 3


@pytest.mark.parametrize(
    ("parts", "asked", "folds", "judged"),
    [(("a", "b", "c"), 0, 3, COUNT), (("train", "test"), 3, 0, COUNT // 2)],
)
def test_that_the_own_column_says_whether_it_is_a_cross_validation(
    tmp_path: Path, parts: tuple[str, ...], asked: int, folds: int, judged: int
) -> None:
    write_dataset(own_records(COUNT), tmp_path / "own.parquet", parts)
    options = forest(tmp_path / "own.parquet", scheme=Scheme.COLUMN, folds=asked)
    run = train(tmp_path / "run", options)
    assert run.result["split"]["folds"] == folds
    assert run.result["scores"]["model"]["n"] == judged


def test_that_data_that_cannot_be_split_leave_nothing_behind(tmp_path: Path, store: Path) -> None:
    alone = [BandRecord(f"x{i}", r.band, r.target_ev) for i, r in enumerate(own_records(1) * 30)]
    write_dataset(alone, tmp_path / "alone.parquet")
    run = train(tmp_path / "run", forest(tmp_path / "alone.parquet"))
    assert run.state is RunState.FAILED
    assert "one side would be empty" in run.error
    assert not store.exists()
    with pytest.raises(SplitError):
        estimate(forest(tmp_path / "alone.parquet"))


def test_that_too_few_paths_are_told_before_the_training(tmp_path: Path) -> None:
    write_dataset(own_records(9), tmp_path / "few.parquet")
    few = forest(tmp_path / "few.parquet", scheme=Scheme.RANDOM)
    with pytest.raises(BandsFileError, match="7 paths are left to train on, and"):
        estimate(few)
    run = train(tmp_path / "run", few)
    assert run.state is RunState.FAILED
    assert "start from migbar-fast" in run.error


@pytest.mark.parametrize("recipe", ["band-forest", "migbar-fast"])
def test_that_paths_of_one_framework_alone_make_a_model(tmp_path: Path, recipe: str) -> None:
    bands = [rock_salt_band("Ti", "Li", edge) for edge in np.linspace(3.9, 4.6, 14)]
    records = [BandRecord(f"Ti-{i}", b, 1.5 - 0.05 * i) for i, b in enumerate(bands)]
    write_dataset(records, tmp_path / "one.parquet")
    run = train(
        tmp_path / "run", forest(tmp_path / "one.parquet", recipe=recipe, scheme=Scheme.RANDOM)
    )
    assert run.error == ""
    model = load_model("mine")
    barrier, other = model.predict([bands[3], rock_salt_band("Zr", "Mg")])
    assert np.isfinite([barrier.barrier_ev, *barrier.interval_ev]).all()
    assert "outside" in " ".join(remark.code for remark in other.remarks)


def test_that_time_is_estimated_from_measured_steps(data: Path) -> None:
    quick = estimate(forest(data))
    assert 0 < quick.seconds < 300
    assert quick.judging > 0
    assert quick.training > 0


def test_that_the_report_holds_verdict_scores_and_figures(data: Path, tmp_path: Path) -> None:
    run = train(tmp_path / "run", forest(data))
    page = Path(run.result["report"]).read_text()
    assert run.result["verdict_text"] in page
    assert page.count("<svg") == 2
    assert "own.parquet" in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_that_being_no_better_is_said_plainly() -> None:
    records = own_records(30)
    y = np.array([r.target_ev for r in records])
    rng = np.random.default_rng(0)

    def judged(error: float, start: float) -> dict[str, Any]:
        barriers = [Barrier(v, (v - 0.1, v + 0.1), "x", "1") for v in y + rng.normal(0, error, 30)]
        return judge(records, barriers, np.full(30, y.mean()), y + rng.normal(0, start, 30))

    assert judged(0.3, 0.1)["verdict_text"].startswith("Not better than what you had")
    assert judged(0.02, 0.3)["verdict"] == "better"
    assert judged(0.1, 0.1)["verdict"] in ("unclear", "not_better")
    assert "learnt nothing of use" in judged(2.0, 0.1)["verdict_text"]


def test_that_one_path_tells_no_standard_error() -> None:
    (record, *_) = own_records(1)
    y = np.array([record.target_ev])
    barrier = Barrier(y[0] + 0.2, (0.0, 2.0), "x", "1")
    told = judge([record], [barrier], y, y + 0.1)["verdict_text"]
    assert "MAE 0.200 eV against 0.100 eV" in told
    assert "±" not in told


def test_that_many_paths_of_few_frameworks_are_no_proof() -> None:
    rng = np.random.default_rng(0)
    frameworks = np.repeat(np.arange(6), 20)
    y = rng.uniform(0.2, 1.5, 120)
    gain = np.array([0.3, 0.3, 0.3, -0.2, -0.2, -0.2])[frameworks]
    alone = compare(y, y + 0.4 - gain, y + 0.4)
    together = compare(y, y + 0.4 - gain, y + 0.4, frameworks.tolist())
    assert alone.mae_ev == together.mae_ev < 0
    assert (alone.verdict, together.verdict) == ("better", "unclear")


@pytest.mark.parametrize(("frameworks", "verdict"), [(1, "unclear"), (2, "unclear"), (3, "better")])
def test_that_a_handful_of_frameworks_tells_nothing(frameworks: int, verdict: str) -> None:
    y = np.repeat(0.5, 20)
    groups = (np.arange(20) % frameworks).tolist()
    assert compare(y, y + 0.1, y + 0.4, groups).verdict == verdict
    assert compare(y[:frameworks], y[:frameworks] + 0.1, y[:frameworks] + 0.4).verdict == verdict


def test_that_class_means_fall_back_on_the_ion_and_on_all() -> None:
    band = own_records(1)[0].band
    training = [BandRecord("a", band, 0.2, "x"), BandRecord("b", band, 0.4, "y")]
    judged = [BandRecord("c", band, 0.0, "x"), BandRecord("d", band, 0.0, "z")]
    assert class_means(training, judged) == pytest.approx([0.2, 0.3])


class TestNetworks:
    """The smallest network there is, in place of the bundled ones."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
        from migbar.models.networks.architectures import NetworkSize
        from migbar.models.store import save_model
        from migbar.training.own import network

        size = NetworkSize(hidden=8, embedding=8, alignn_layers=1, gcn_layers=1)
        compact = replace(network.PRESETS["compact"], size=size)
        monkeypatch.setitem(network.PRESETS, "compact", compact)
        monkeypatch.setitem(network.EPOCHS, Preset.QUICK, 2)
        monkeypatch.setattr(network, "HEAD_EPOCHS", 20)
        options = forest(Path("x"), recipe="MODEL-3", name="tiny")
        learner = network.NetworkLearner(options, own_records(12), store / "work", Silent())
        model = learner.train(np.arange(12), np.array([], int), "all", lambda step: None)
        save_model(model, store / "tiny")

    def test_that_a_network_is_trained_on_and_its_error_drawn(
        self, data: Path, tmp_path: Path
    ) -> None:
        for name in ("one", "two"):
            run = train(tmp_path / name, forest(data, start="tiny", recipe="", name=name))
            assert run.state is RunState.FINISHED, run.error
        assert [point["done"] for point in run.result["curve"]] == [1, 2]
        weights = [
            (tmp_path / "models" / n / "weights.safetensors").read_bytes() for n in ("one", "two")
        ]
        assert weights[0] == weights[1]
        card = load_model("one").card
        assert card.training["started_from"]["name"] == "tiny"
        assert run.result["split"]["known"] > 0

    def test_that_heads_alone_leave_the_trunk_as_it_is(self, data: Path, tmp_path: Path) -> None:
        options = forest(data, start="tiny", recipe="", train="heads")
        run = train(tmp_path / "run", options)
        assert run.state is RunState.FINISHED, run.error
        before, after = (load_model(n).network.state_dict() for n in ("tiny", "mine"))
        changed = {key for key in before if not bool((before[key] == after[key]).all())}
        assert changed
        assert all(key.startswith(("conv_to_fc", "fc_hp", "fc_out")) for key in changed)

    def test_that_an_interrupted_training_ends_with_the_same_weights(
        self, data: Path, tmp_path: Path
    ) -> None:
        whole = train(tmp_path / "one", forest(data, start="tiny", recipe="", name="one"))
        options = forest(data, start="tiny", recipe="", name="two")
        runs.create_run(tmp_path / "two", "training", "Training", options.to_dict())
        progress = runs.RunProgress(tmp_path / "two")
        steps = iter(range(3))
        progress.cancelled = lambda: next(steps, None) is None  # type: ignore[method-assign]
        with pytest.raises(Cancelled):
            run_training(tmp_path / "two", options.to_dict(), progress)
        runs.work(tmp_path / "two")
        again = runs.read_run(tmp_path / "two")
        assert again.result["scores"] == whole.result["scores"]


def test_that_the_command_trains_and_goes_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from migbar.cli import main

    monkeypatch.setenv("MIGBAR_HOME", str(tmp_path / "home"))
    command = [
        "train", "my oxides", "--data", str(data), "--from", "scratch", "--recipe", "band-forest", "--preset",
        "quick", "--run", str(tmp_path / "run"),
    ]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "MAE" in out
    assert (tmp_path / "home" / "models" / "my oxides" / "card.json").exists()
    options = str(tmp_path / "run" / "options.toml")
    with pytest.raises(SystemExit):
        main(["train", "again", "--options", options, "--run", str(tmp_path / "again"), "--json"])
    told = json.loads(capsys.readouterr().out)
    weights = [
        (tmp_path / "home" / "models" / n / "weights.safetensors").read_bytes()
        for n in ("my oxides", told["model"])
    ]
    assert weights[0] == weights[1]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--seed", "7"])
    assert ended.value.code == 2
    assert "other options" in capsys.readouterr().err


def test_that_the_command_joins_a_run_that_outlived_its_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from migbar.cli import train_own

    offer_counting(monkeypatch)
    runs.create_run(tmp_path, "count", "Counting", {"to": 20, "pause": 0.05})
    process = runs.start_run(tmp_path)
    wait_for(lambda: runs.read_run(tmp_path).state is runs.RunState.RUNNING)
    assert train_own._run(tmp_path, quiet=True) == {"from": 0, "to": 20}
    assert process.wait() == 0
    assert "Counting is running already" in capsys.readouterr().err


def test_that_a_run_that_was_killed_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from migbar.cli import train_own

    offer_counting(monkeypatch)
    runs.create_run(tmp_path, "count", "Counting", {"to": 1000, "pause": 0.05})
    process = runs.start_run(tmp_path)
    wait_for(lambda: runs.read_run(tmp_path).state is runs.RunState.RUNNING)
    process.kill()
    process.wait()
    with pytest.raises(MigbarError, match=r"was killed, .* the same command goes on"):
        train_own._result(runs.read_run(tmp_path))


def test_that_base_own_paths_and_judge_of_the_experiment_share_nothing() -> None:
    records = own_records(60)
    for parts in (random_parts(60, 1), chemistry_parts(records, "Mg", 1)):
        every = np.concatenate([parts.base, parts.own, parts.judge])
        assert sorted(every) == list(range(60))
    groups = [{records[i].group for i in part} for part in (parts.own, parts.judge)]
    assert not groups[0] & groups[1]
    assert {records[i].band.ion for i in parts.base} == {"Li"}

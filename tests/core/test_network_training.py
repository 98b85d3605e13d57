from __future__ import annotations

import csv
import json
import lzma
from dataclasses import replace

import numpy as np
import pytest
import torch

from migbar.errors import BandsFileError, Cancelled, MigbarError
from migbar.graphs import GraphSettings
from migbar.models.networks.architectures import PROPERTIES, copy_trunk, make_network
from migbar.models.networks.scaling import TargetScaling
from migbar.models.store import load_model, save_model
from migbar.training.networks.finetuning import (
    cross_validate,
    pack_bands,
    single_paths,
    train_model,
)
from migbar.training.networks.loop import (
    CHECKPOINT,
    METRICS,
    Hardware,
    predict_scaled,
    train_network,
)
from migbar.training.networks.packing import (
    SavedNetwork,
    TrainingData,
    TrainingFileError,
    state_arrays,
)
from migbar.training.networks.presets import PRESETS, TrainingSettings, training_settings
from migbar.training.networks.pretraining import pack_corpus
from migbar.training.networks.recipes import Recipe
from tests.core.small_bands import SMALL, example_records, rock_salt, shaken

SHORT = TrainingSettings(epochs=3, batch_size=4, validation=0.25)
GRAPHS = GraphSettings(neighbours=4, surroundings=4.0)


class StopAt:
    """Cancels after some steps."""

    def __init__(self, step: int) -> None:
        self.step, self.done = step, 0

    def report(self, done: int, total: int, message: str = "") -> None:
        self.done = done

    def cancelled(self) -> bool:
        return self.done >= self.step


@pytest.fixture(scope="module")
def bands() -> TrainingData:
    return pack_bands(example_records(), ("band",), GRAPHS)


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.jsonl.xz"
    rng = np.random.default_rng(0)
    with lzma.open(path, "wt") as lines:
        for k in range(12):
            crystal = shaken(rock_salt(4.0 + 0.1 * k), seed=k)
            entry = {
                "lattice": crystal.lattice.matrix.tolist(),
                "frac_coords": crystal.frac_coords.tolist(),
                "species": [s.specie.symbol for s in crystal],
                "targets": {PROPERTIES[k % 7]: float(rng.uniform(-1, 1)), "fe": 0.1 * k - 0.5},
            }
            lines.write(json.dumps(entry) + "\n")
    return path


def fresh(architecture: str = "MODEL-3"):
    torch.manual_seed(1)
    return make_network(architecture, SMALL)


def same(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.values(), b.values(), strict=True))


@pytest.mark.parametrize("step", [1, 3, 4])
def test_that_a_cancelled_run_goes_on_bit_for_bit(bands, tmp_path, step):
    whole = fresh()
    curve = train_network(whole, bands, SHORT, tmp_path / "whole")
    cut = fresh()
    with pytest.raises(Cancelled):
        train_network(cut, bands, SHORT, tmp_path / "cut", progress=StopAt(step))
    again = fresh()
    resumed = train_network(again, bands, SHORT, tmp_path / "cut")
    assert same(whole.state_dict(), again.state_dict())
    assert [e.training_loss for e in curve] == [e.training_loss for e in resumed]
    assert [e.validation_loss for e in curve] == [e.validation_loss for e in resumed]


def test_that_attention_with_dropout_resumes_bit_for_bit(tmp_path):
    data = pack_bands(example_records(8), ("band", "sub"), GraphSettings(neighbours=4))
    settings = replace(SHORT, validation=0.0, epochs=2)
    whole = fresh("MODEL-4")
    train_network(whole, data, settings)
    cut = fresh("MODEL-4")
    with pytest.raises(Cancelled):
        train_network(cut, data, settings, tmp_path, progress=StopAt(1))
    train_network(cut, data, settings, tmp_path)
    assert same(whole.state_dict(), cut.state_dict())


def test_that_the_same_seed_gives_the_same_weights_and_another_seed_others(bands):
    networks = [fresh() for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        train_network(network, bands, replace(SHORT, seed=seed))
    assert same(networks[0].state_dict(), networks[1].state_dict())
    assert not same(networks[0].state_dict(), networks[2].state_dict())


@pytest.mark.parametrize("hardware", [Hardware(precision="bf16-mixed"), Hardware(matmul="medium")])
def test_that_lower_precision_trains_to_nearly_the_same_loss(bands, hardware):
    try:
        exact, rough = (
            train_network(fresh(), bands, SHORT, hardware=h)[-1].training_loss
            for h in (Hardware(), hardware)
        )
    finally:
        torch.set_float32_matmul_precision("highest")
    assert rough == pytest.approx(exact, rel=0.05)


def test_that_metrics_are_written_as_csv(bands, tmp_path):
    curve = train_network(fresh(), bands, SHORT, tmp_path)
    with (tmp_path / METRICS).open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert float(rows[-1]["training_loss"]) == pytest.approx(curve[-1].training_loss, rel=1e-4)


def test_that_the_best_weights_on_the_validation_part_are_kept(bands):
    network = fresh()
    curve = train_network(network, bands, replace(SHORT, epochs=6, max_lr=0.05))
    index = np.random.default_rng(SHORT.seed).permutation(len(bands))
    held_out = index[12:]
    error = np.abs(predict_scaled(network, bands, held_out) - bands.targets[held_out]).mean()
    assert error == pytest.approx(min(e.validation_loss for e in curve), rel=1e-4)


def test_that_a_checkpoint_of_another_run_is_refused(bands, tmp_path):
    train_network(fresh(), bands, SHORT, tmp_path)
    with pytest.raises(TrainingFileError, match="other settings"):
        train_network(fresh(), bands, replace(SHORT, seed=5), tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"damaged")
    with pytest.raises(TrainingFileError, match="no checkpoint"):
        train_network(fresh(), bands, SHORT, tmp_path)


def test_that_unknown_properties_do_not_count(corpus):
    data = pack_corpus(corpus, GraphSettings(neighbours=4))
    assert data.targets.shape == (12, 7)
    assert data.info["labels"] == int(np.isfinite(data.targets).sum())
    network = fresh("MPT")
    before = state_arrays(network)
    nothing = replace(data, targets=np.full_like(data.targets, np.nan))
    settings = TrainingSettings(1, 4, weight_decay=0.0, validation=0.0)
    curve = train_network(network, nothing, settings)
    assert curve[0].training_loss == 0.0
    for key, value in state_arrays(network).items():
        if "running" not in key and "tracked" not in key:
            assert np.array_equal(before[key], value)


def test_that_pre_training_learns_and_large_structures_can_be_left_out(corpus):
    data = pack_corpus(corpus, GraphSettings(neighbours=4))
    settings = TrainingSettings(60, 6, max_lr=0.01, validation=0.0)
    curve = train_network(fresh("MPT"), data, settings)
    assert curve[-1].training_loss < 0.5 * curve[0].training_loss
    with pytest.raises(TrainingFileError, match="no structures"):
        pack_corpus(corpus, GraphSettings(), max_atoms=2)


def test_that_a_faulty_corpus_names_its_line(corpus, tmp_path):
    with lzma.open(corpus, "rt") as lines:
        good = lines.readline()
    bad = tmp_path / "bad.jsonl"
    bad.write_text(good + good.replace('"Li"', '"Xx"'))
    with pytest.raises(TrainingFileError, match=r"bad.jsonl: line 2.*Xx"):
        pack_corpus(bad, GraphSettings())
    corpus.write_bytes(corpus.read_bytes()[:100])
    with pytest.raises(TrainingFileError, match="cannot be read"):
        pack_corpus(corpus, GraphSettings())


def test_that_packed_data_and_networks_come_back_from_disk(bands, tmp_path):
    bands.save(tmp_path / "bands.npz")
    again = TrainingData.load(tmp_path / "bands.npz")
    assert again.info == bands.info
    network = fresh()
    SavedNetwork("MODEL-3", SMALL, GRAPHS, state_arrays(network)).save(tmp_path / "net.npz")
    saved = SavedNetwork.load(tmp_path / "net.npz")
    assert saved.graphs == GRAPHS
    assert np.array_equal(predict_scaled(saved.network(), again), predict_scaled(network, bands))
    whole = (tmp_path / "net.npz").read_bytes()
    middle = len(whole) // 2
    for damaged in (b"PK\x03\x04", whole[:middle] + bytes([255]) * 400 + whole[middle + 400 :]):
        (tmp_path / "net.npz").write_bytes(damaged)
        with pytest.raises(TrainingFileError, match="cannot be read"):
            SavedNetwork.load(tmp_path / "net.npz")
    with pytest.raises(TrainingFileError, match="no saved network"):
        SavedNetwork.load(tmp_path / "bands.npz")


@pytest.mark.parametrize(
    "architecture",
    ["MODEL-1-ADD", "MODEL-1-SUB", "MODEL-1-CC", "MODEL-2", "MODEL-3", "MODEL-4"],
)
def test_that_each_architecture_can_learn_sixteen_paths_by_heart(architecture):
    torch.manual_seed(0)
    network = make_network(architecture, PRESETS["compact"].size)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    records = example_records()
    data = pack_bands(records, network.inputs, GraphSettings(neighbours=3))
    settings = TrainingSettings(epochs=100, batch_size=16, max_lr=5e-3, validation=0.0)
    train_network(network, data, settings)
    scaling = TargetScaling(**data.info["scaling"])
    barriers = scaling.unscale(predict_scaled(network, data)[:, 0])
    assert np.abs(barriers - [r.target_ev for r in records]).mean() < 0.02


def test_that_cross_validation_never_predicts_what_it_was_trained_on(bands):
    fold = np.arange(len(bands)) % 2
    recipe = Recipe("MODEL-3", "compact", replace(SHORT, epochs=1, validation=0.0))
    found = cross_validate(recipe, bands, fold)
    one, known = recipe.fresh(), bands.scaled_by(np.flatnonzero(fold == 1))
    train_network(one, known, recipe.settings, chosen=np.flatnonzero(fold == 1))
    wanted = known.scaling.unscale(predict_scaled(one, known, np.flatnonzero(fold == 0))[:, 0])
    assert np.allclose(found.barrier[fold == 0], wanted)


def test_that_a_fold_is_scaled_by_its_own_barriers(bands):
    chosen = np.arange(len(bands) // 2)
    known = bands.scaled_by(chosen)
    barriers = bands.scaling.unscale(bands.targets[:, 0].astype(float))
    assert known.scaling.mean == pytest.approx(barriers[chosen].mean())
    assert known.targets[chosen].max() == pytest.approx(1.0)
    assert known.targets[chosen].min() == pytest.approx(-1.0)
    assert known.scaling.unscale(known.targets[:, 0]) == pytest.approx(barriers, abs=1e-5)


def test_that_a_model_is_trained_from_a_pre_trained_network_with_a_card(tmp_path):
    torch.manual_seed(0)
    size = PRESETS["compact"].size
    mpt = make_network("MPT", size)
    saved = SavedNetwork("MPT", size, GraphSettings(), state_arrays(mpt), {"labels": 7})
    recipe = Recipe("MODEL-3", "compact", TrainingSettings(2, 8, validation=0.0), pretrained=saved)
    start = make_network("MODEL-3", size)
    copy_trunk(mpt, start)
    first = recipe.fresh().state_dict()
    assert torch.equal(
        first["gcn_layers.0.src_gate.weight"], mpt.state_dict()["gcn_layers.0.src_gate.weight"]
    )
    records = example_records()
    model = train_model("MODEL-3-mine", recipe, records, tmp_path / "run", folds=2)
    card = model.card
    assert card.training["paths"] == 16
    assert card.training["pretraining"]["labels"] == 7
    assert {"training", "grouped"} <= set(card.scores)
    assert card.scores["grouped"]["folds"] == 2
    assert card.scores["cells"]["equivalent"]["max_mev"] < 1
    assert f"the farthest by {card.scores['cells']['doubled']['max_mev']:.0f} meV" in card.notes[-1]
    folder = save_model(model, tmp_path / "model")
    barrier = load_model(str(folder)).predict([records[0].band])[0]
    assert barrier.interval_ev[0] <= barrier.barrier_ev <= barrier.interval_ev[1]
    assert "training_path" in {remark.code for remark in barrier.remarks}


def test_that_too_little_data_is_refused(tmp_path):
    recipe = Recipe("MODEL-3", "compact", SHORT)
    with pytest.raises(BandsFileError, match="3 paths"):
        train_model("m", recipe, example_records(3), tmp_path)


def test_that_single_path_training_keeps_one_path_of_each_structure():
    records = example_records(3)
    twins = [replace(r, sys_name=f"{r.sys_name}-b") for r in records]
    assert [r.sys_name for r in single_paths(twins + records)] == ["band-0", "band-1", "band-2"]


def test_that_the_paper_preset_holds_the_published_settings():
    paper = PRESETS["paper"]
    assert (paper.size.hidden, paper.size.alignn_layers, paper.size.gcn_layers) == (256, 4, 4)
    assert paper.pretraining.max_lr == 1e-4
    for architecture, batch in (("MODEL-3", 128), ("MODEL-4", 64), ("MODEL-2", 16)):
        settings = training_settings("paper", architecture)
        assert (settings.epochs, settings.batch_size, settings.max_lr) == (500, batch, 1e-3)
        assert (settings.seed, settings.validation, settings.pct_start) == (123, 0.1, 0.3)


def test_that_the_commands_train_and_resume(corpus, tmp_path):
    import typer

    from migbar.cli.train_networks import register
    from migbar.datasets import write_bands

    app, train, models = typer.Typer(), typer.Typer(), typer.Typer()
    app.add_typer(train, name="train")
    app.add_typer(models, name="models")
    register(train, models)

    def run(*arguments: object) -> None:
        app([str(a) for a in arguments], standalone_mode=False)

    bands = tmp_path / "bands.json"
    write_bands(example_records(), bands)
    mpt = tmp_path / "mpt"
    run("train", "mpt", "--data", corpus, "--out", mpt, "--preset", "compact", "--epochs", 1)
    saved = SavedNetwork.load(mpt / "network.npz")
    assert saved.architecture == "MPT"
    common = ("--data", bands, "--preset", "compact", "--epochs", 1)
    for name, extra in (
        ("MODEL-3", ("--from", mpt / "network.npz")),
        ("MODEL-2", ("--from", "MPT-compact")),
        ("SCRATCH-CC", ()),
    ):
        run("train", name, *common, *extra, "--out", tmp_path / name)
        model = load_model(str(tmp_path / name / "model"))
        assert model.card.name == f"{name}-compact"
        assert ("surroundings only" in model.card.summary) == (name == "MODEL-3")
    with pytest.raises(MigbarError, match="give --from"):
        run("train", "MODEL-3", *common, "--out", tmp_path / "x")
    with pytest.raises(Cancelled):
        run("train", "SCRATCH-CC", *common, "--out", tmp_path / "cut", "--stop-after", 0)
    run("train", "SCRATCH-CC", *common, "--out", tmp_path / "cut")
    one, two = (load_model(str(tmp_path / n / "model")) for n in ("SCRATCH-CC", "cut"))
    assert same(one.network.state_dict(), two.network.state_dict())


def test_that_packed_data_train_on_their_own(tmp_path, monkeypatch, bands):
    from migbar.training.networks.__main__ import main

    bands.save(tmp_path / "bands.npz")
    options = ["--data", str(tmp_path / "bands.npz"), "--out", str(tmp_path / "run")]
    options += ["--preset", "compact", "--epochs", "1"]
    monkeypatch.setattr("sys.argv", ["train", "MODEL-3", *options, "--stop-after", "0"])
    assert main() == 3
    monkeypatch.setattr("sys.argv", ["train", "MODEL-3", *options])
    assert main() == 0
    assert SavedNetwork.load(tmp_path / "run" / "network.npz").info["epochs"] == 1

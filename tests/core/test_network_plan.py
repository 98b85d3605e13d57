from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from migbar.datasets import write_bands
from migbar.graphs import GraphSettings, load_arrays, pack, structure_graph
from migbar.models.networks.architectures import PROPERTIES
from migbar.models.store import load_model
from migbar.training.networks import parcel, plan
from migbar.training.networks.__main__ import main
from migbar.training.networks.collecting import CURVES, collect_models
from migbar.training.networks.finetuning import pack_everything
from migbar.training.networks.loop import CHECKPOINT
from migbar.training.networks.packing import SavedNetwork, TrainingData, TrainingFileError
from migbar.training.networks.parcel import read_parcel, write_parcel
from migbar.training.networks.plan import Plan, carry_out
from migbar.training.networks.trial import Trial
from tests.core.small_bands import example_records, rock_salt, shaken

FEW = ("MPT", "MODEL-3", "SCRATCH-MODEL-3", *(f"MODEL-3-fold-{k}" for k in range(3)))
LONG = 1e6


@pytest.fixture(scope="module")
def records():
    """Bands of which two are of one structure."""
    first, *others = example_records(12)
    other = replace(first.band, path=first.band.path + 0.01)
    return [first, replace(first, sys_name="band-0-b", band=other, target_ev=0.4), *others]


@pytest.fixture(scope="module")
def packed(records, tmp_path_factory):
    """Files with packed crystals and packed bands."""
    folder = tmp_path_factory.mktemp("packed")
    bands = pack_everything(records, GraphSettings(neighbours=3), folds=3, seed=1)
    bands.save(folder / "bands.npz")
    settings = GraphSettings(neighbours=3)
    crystals = [structure_graph(shaken(rock_salt(), seed=k), settings) for k in range(40)]
    targets = np.random.default_rng(0).uniform(-1, 1, (40, len(PROPERTIES))).astype(np.float32)
    info = {"graphs": {"neighbours": 3, "canonize": True, "surroundings": None}}
    TrainingData({"band": pack(crystals)}, targets, info).save(folder / "crystals.npz")
    return folder / "crystals.npz", folder / "bands.npz"


@pytest.fixture
def small_plan(packed, tmp_path) -> Plan:
    folder = tmp_path / "state"
    folder.mkdir()
    return Plan(folder, *packed, preset="compact", total_seconds=1000.0, most_epochs=3)


def run_named(name: str) -> plan.PlannedRun:
    return next(run for run in plan.RUNS if run.name == name)


def test_that_packed_bands_hold_what_any_network_takes(records, packed):
    data = TrainingData.load(packed[1])
    assert set(data.graphs) == {"band", "sub", "initial", "final"}
    assert all(len(graphs) == len(records) for graphs in data.graphs.values())
    folds, groups = np.array(data.info["folds"]), np.array(data.info["groups"])
    assert set(folds) == {0, 1, 2}
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    assert data.info["single"] == [k for k in range(len(records)) if k != 1]


def test_that_shares_are_of_the_whole_time_and_the_order_is_that_of_worth():
    assert sum(run.share for run in plan.RUNS) == 100
    assert [run.name for run in plan.RUNS[:4]] == ["MPT", "MODEL-3", "SCRATCH-MODEL-3", "MODEL-4"]


def test_that_all_runs_of_a_plan_train_travel_and_become_models(
    monkeypatch, records, packed, tmp_path
):
    monkeypatch.setattr(plan, "RUNS", tuple(run_named(name) for name in FEW))
    monkeypatch.setattr(parcel, "PART_BYTES", 400_000)
    monkeypatch.setattr(parcel, "PARTS", 20)
    options = ["plan", str(tmp_path / "state"), "--out", str(tmp_path / "out")]
    options += ["--pretraining", str(packed[0]), "--finetuning", str(packed[1])]
    options += ["--preset", "compact", "--most-epochs", "3", "--total", "100"]
    monkeypatch.setattr("sys.argv", ["networks", *options, "--seconds", "1000"])
    assert main() == 0
    assert len(list((tmp_path / "out").iterdir())) > 2
    read_parcel(tmp_path / "out", tmp_path / "home")
    made = collect_models(
        tmp_path / "home", TrainingData.load(packed[1]), records, tmp_path / "models"
    )
    assert made["MPT"] == "saved"
    assert made["MODEL-4"] == "not trained"
    card = load_model(str(tmp_path / "models" / "MODEL-3")).card
    assert card.training["half_precision"]
    assert card.training["epochs"] == 3
    assert card.training["pretraining"]["epochs"] == 3
    assert card.scores["grouped"]["folds"] == 3
    assert (tmp_path / "models" / "MODEL-3" / CURVES).read_text().count("\n") == 4
    scratch = load_model(str(tmp_path / "models" / "SCRATCH-MODEL-3")).card
    assert scratch.training["pretraining"] is None
    assert scratch.training["margin_ev"] > 0
    with pytest.raises(TrainingFileError, match="not those that were packed"):
        collect_models(tmp_path / "home", TrainingData.load(packed[1]), records[1:], tmp_path)


def test_that_a_run_cut_short_goes_on_on_another_machine(small_plan, tmp_path):
    run = run_named("SCRATCH-CC")
    place = small_plan.folder / run.name
    assert "next command" in carry_out(run, small_plan, time.time())
    assert (place / CHECKPOINT).exists()
    write_parcel(small_plan, tmp_path / "out")
    elsewhere = replace(small_plan, folder=tmp_path / "elsewhere")
    read_parcel(tmp_path / "out", elsewhere.folder)
    assert not elsewhere.done(run)
    for where in (small_plan, elsewhere):
        carry_out(run, where, time.time() + LONG)
    one, two = (
        SavedNetwork.load(p.folder / run.name / plan.NETWORK) for p in (small_plan, elsewhere)
    )
    assert all(np.array_equal(one.weights[key], two.weights[key]) for key in one.weights)


def test_that_folds_are_trained_for_equal_epochs_on_what_they_do_not_predict(small_plan):
    generous = replace(small_plan, most_epochs=6)
    assert "epochs" in carry_out(run_named("SCRATCH-MODEL-3"), generous, time.time() + LONG)
    found = []
    for name in ("SCRATCH-MODEL-3-fold-0", "SCRATCH-MODEL-3-fold-1"):
        carry_out(run_named(name), generous, time.time() + LONG)
        settings = json.loads((generous.folder / name / plan.RUN).read_text())["settings"]
        found.append(settings["epochs"])
        assert set(load_arrays(generous.folder / name / plan.PREDICTIONS)) == {"scaled"}
    assert found == [3, 3]
    data = TrainingData.load(small_plan.finetuning)
    chosen = plan.chosen_paths(run_named("SCRATCH-MODEL-3-fold-0"), data)
    assert not (np.array(data.info["folds"])[chosen] == 0).any()
    assert 1 not in plan.chosen_paths(run_named("MODEL-1-CC-SINGLE-PATH"), data)


def test_that_a_failure_is_told_and_left_out_by_what_depends_on_it(small_plan):
    broken = replace(small_plan, pretraining=small_plan.folder / "missing.npz")
    said = carry_out(run_named("MPT"), broken, time.time() + LONG)
    assert "failed" in said
    assert "missing.npz" in said
    assert any("MPT: failed" in line for line in plan.progress_table(broken))
    assert not plan._ready(broken, run_named("MODEL-3"), time.time() + LONG)
    assert plan._ready(broken, run_named("SCRATCH-CC"), time.time() + LONG)


def test_that_what_finds_no_room_or_is_at_home_stays_behind(
    small_plan, records, tmp_path, monkeypatch
):
    for run in (run_named("MPT"), run_named("SCRATCH-CC")):
        carry_out(run, small_plan, time.time() + LONG)
    size = (small_plan.folder / "MPT" / plan.NETWORK).stat().st_size
    monkeypatch.setattr(parcel, "PART_BYTES", int(size * 1.5))
    monkeypatch.setattr(parcel, "PARTS", 1)
    assert write_parcel(small_plan, tmp_path / "a") == [f"SCRATCH-CC/{plan.NETWORK}"]
    assert write_parcel(small_plan, tmp_path / "b", at_home=["MPT"]) == []
    data = TrainingData.load(small_plan.finetuning)
    read_parcel(tmp_path / "b", tmp_path / "home")
    made = collect_models(tmp_path / "home", data, records, tmp_path / "models")
    assert "not here" in made["MPT"]
    assert "training MAE" in made["SCRATCH-CC"]
    read_parcel(tmp_path / "a", tmp_path / "home")
    assert (tmp_path / "home" / "MPT" / plan.NETWORK).exists()
    assert (tmp_path / "home" / "SCRATCH-CC" / plan.NETWORK).exists()
    with pytest.raises(TrainingFileError, match="all parts"):
        read_parcel(tmp_path / "none", tmp_path / "home")


def test_that_a_look_at_the_machine_times_every_kind_of_network(packed):
    lines = list(Trial(*packed, preset="compact", steps=1).lines())
    for name in ("MPT", "MODEL-3", "MODEL-4", "MODEL-1-CC", "MODEL-2"):
        assert sum(line.startswith(f"{name} ") for line in lines) == 3


def test_that_training_on_packed_data_needs_little_more_than_pytorch(packed, tmp_path):
    missing = (
        "pymatgen",
        "ase",
        "sklearn",
        "platformdirs",
        "typer",
        "safetensors",
        "triton",
    )
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing})); sys.argv[0] = 'networks';"
        "from migbar.training.networks.__main__ import main; sys.exit(main())"
    )
    options = ["MODEL-2", "--data", str(packed[1]), "--out", str(tmp_path), "--preset", "compact"]
    done = subprocess.run(
        [sys.executable, "-c", code, *options, "--epochs", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("architecture", ["MPT", "MODEL-3"])
def test_that_a_trained_network_tells_how_its_packed_graphs_were_made(
    architecture, packed, tmp_path, monkeypatch
):
    crystals, bands = packed
    data = crystals if architecture == "MPT" else bands
    options = [architecture, "--data", data, "--out", tmp_path, "--preset", "compact"]
    options += ["--epochs", "1"]
    monkeypatch.setattr(sys, "argv", ["networks", *map(str, options)])
    assert main() == 0
    assert SavedNetwork.load(tmp_path / "network.npz").graphs.neighbours == 3


def test_that_the_commands_pack_and_collect(records, tmp_path):
    import typer

    from migbar.cli.train_networks import register

    app, train, models = typer.Typer(), typer.Typer(), typer.Typer()
    app.add_typer(train, name="train")
    register(train, models)

    def run(*arguments: object) -> None:
        app([str(a) for a in arguments], standalone_mode=False)

    bands, packed = tmp_path / "bands.json", tmp_path / "packed.npz"
    write_bands(records, bands)
    run("train", "pack", "--data", bands, "--out", packed, "--preset", "compact", "--seed", 5)
    data = TrainingData.load(packed)
    assert data.info["graphs"]["canonize"]
    small = Plan(tmp_path / "state", packed, packed, preset="compact", most_epochs=2)
    small.folder.mkdir()
    carry_out(run_named("SCRATCH-ADD"), small, time.time() + LONG)
    write_parcel(small, tmp_path / "out")
    shutil.rmtree(small.folder)
    common = ("--packed", packed, "--data", bands, "--out", tmp_path / "models")
    run("train", "collect", tmp_path / "out", *common, "--work", tmp_path / "work")
    assert load_model(str(tmp_path / "models" / "SCRATCH-ADD")).card.name == "SCRATCH-ADD"

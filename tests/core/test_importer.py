from __future__ import annotations

import bz2
import io
from pathlib import Path

import pytest
import torch

from migbar.models.networks.architectures import NetworkSize, make_network
from migbar.models.networks.importer import CheckpointError, import_checkpoint
from migbar.models.networks.published import NETWORKS
from migbar.models.store import load_model, save_model
from tests.core.small_bands import example_bands


@pytest.fixture(scope="module")
def published() -> dict:
    """A checkpoint in the published layout, of random weights."""
    torch.manual_seed(0)
    network = make_network("MODEL-3", NetworkSize())
    optimizer = torch.optim.AdamW(network.parameters())
    return {
        "model": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": {"last_epoch": 3},
        "trainer": {"epoch": 3, "iteration": 12},
    }


def as_file(content: object, path: Path) -> Path:
    stream = io.BytesIO()
    torch.save(content, stream)
    data = stream.getvalue()
    path.write_bytes(bz2.compress(data, 1) if path.suffix == ".bz2" else data)
    return path


@pytest.mark.parametrize("name", ["best_model.pt", "best_model.pt.bz2"])
def test_that_a_published_checkpoint_becomes_a_model(published, tmp_path, name):
    model = import_checkpoint(as_file(published, tmp_path / name), "MODEL-3")
    assert model.card.name == "MODEL-3"
    assert model.card.scores["published_test"]["mae_ev"] == NETWORKS["MODEL-3"].test_mae_ev
    for key, value in published["model"].items():
        assert torch.equal(model.network.state_dict()[key], value)
    folder = save_model(model, tmp_path / "model")
    band = example_bands()["rock salt"]
    before, after = model.predict([band])[0], load_model(str(folder)).predict([band])[0]
    assert before.barrier_ev == after.barrier_ev


def test_that_a_bare_state_dict_of_parallel_training_is_taken_too(published, tmp_path):
    bare = {f"module.{key}": value for key, value in published["model"].items()}
    assert import_checkpoint(as_file(bare, tmp_path / "m.pt"), "SCRATCH-MODEL-3").card.name == (
        "SCRATCH-MODEL-3"
    )


def test_that_a_checkpoint_of_another_model_is_told_apart(published, tmp_path):
    path = as_file(published, tmp_path / "m.pt")
    with pytest.raises(CheckpointError, match=r"does not fit MODEL-4.*attention.*is missing"):
        import_checkpoint(path, "MODEL-4")
    with pytest.raises(CheckpointError, match="no network of the paper"):
        import_checkpoint(path, "MODEL-5")


def test_that_wrong_shapes_and_values_are_named(published, tmp_path):
    state = dict(published["model"])
    state["fc_out.0.bias"] = torch.zeros(2)
    with pytest.raises(CheckpointError, match=r"fc_out.0.bias has shape \(2,\) instead of \(1,\)"):
        import_checkpoint(as_file({"model": state}, tmp_path / "m.pt"), "MODEL-3")
    state["fc_out.0.bias"] = torch.tensor([float("nan")])
    with pytest.raises(CheckpointError, match="not finite"):
        import_checkpoint(as_file({"model": state}, tmp_path / "m.pt"), "MODEL-3")
    state["fc_out.0.bias"] = torch.zeros(1)
    state["extra"] = torch.zeros(1)
    with pytest.raises(CheckpointError, match="extra is not part of it"):
        import_checkpoint(as_file({"model": state}, tmp_path / "m.pt"), "MODEL-3")


@pytest.mark.parametrize("suffix", [".pt", ".pt.bz2"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_that_a_truncated_file_is_refused(published, tmp_path, suffix, share):
    path = as_file(published, tmp_path / f"m{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(CheckpointError, match="Nothing was imported"):
        import_checkpoint(path, "MODEL-3")


def test_that_damage_in_the_middle_is_noticed(published, tmp_path):
    path = as_file(published, tmp_path / "m.pt.bz2")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged"):
        import_checkpoint(path, "MODEL-3")


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"BZh9 no bzip2", b"PK\x03\x04 no zip", b"\x80\x04N."]
)
def test_that_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "m.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        import_checkpoint(path, "MODEL-3")


@pytest.mark.parametrize("content", [[1, 2], {"model": {}}, {"model": {"a": 1}}, {"other": 3}])
def test_that_something_else_in_a_checkpoint_is_refused(tmp_path, content):
    with pytest.raises(CheckpointError, match="no state dict"):
        import_checkpoint(as_file(content, tmp_path / "m.pt"), "MODEL-3")


class Malicious:
    def __init__(self, place: str) -> None:
        self.place = place

    def __reduce__(self):
        return (Path.touch, (Path(self.place),))


def test_that_code_in_a_checkpoint_never_runs(published, tmp_path):
    trap = tmp_path / "it-ran"
    path = as_file({**published, "trainer": Malicious(str(trap))}, tmp_path / "m.pt.bz2")
    with pytest.raises(CheckpointError, match="could run code"):
        import_checkpoint(path, "MODEL-3")
    assert not trap.exists()


def test_that_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere.pt: there is no such file"):
        import_checkpoint(tmp_path / "nowhere.pt", "MODEL-3")

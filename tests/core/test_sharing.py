"""Models as single files: out, in, and nothing half-stored when the file is bad."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from typer.testing import CliRunner

from migbar.cli import app
from migbar.errors import ModelError
from migbar.models import store
from migbar.models.sharing import (
    export_model,
    import_model,
    is_own,
    relabel_model,
    remove_model,
)
from tests.core.small_bands import example_bands


@pytest.fixture(autouse=True)
def own_store(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MIGBAR_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture
def file(tmp_path) -> Path:
    return export_model("band-forest", tmp_path / "forest.migbar-model")


def stored(own_store: Path) -> list[str]:
    return sorted(p.name for p in own_store.glob("*")) if own_store.exists() else []


def test_that_a_model_travels_as_one_file_and_predicts_the_same(file, own_store):
    card = import_model(file)
    assert card.name == "band-forest-2"  # the bundled one keeps its name
    assert is_own("band-forest-2")
    assert not is_own("band-forest")
    band = example_bands()["rock salt"]
    there, here = (store.load_model(n).predict([band])[0] for n in ("band-forest", card.name))
    assert there.barrier_ev == here.barrier_ev
    assert here.model == "band-forest-2"
    remove_model("band-forest-2")
    assert stored(own_store) == []


def test_that_a_bundled_model_stays():
    with pytest.raises(ModelError, match="stays"):
        remove_model("band-forest")
    with pytest.raises(ModelError, match="no model 'x'"):
        remove_model("x")


def rewritten(file: Path, path: Path, **members: bytes | None) -> Path:
    """The same file with some of its members replaced or left out."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = members.get(name.split(".")[0], old.read(name))
            if data is not None:
                new.writestr(name, data)
    return path


def with_card(file: Path, path: Path, **changes: object) -> Path:
    with zipfile.ZipFile(file) as archive:
        card = json.loads(archive.read("card.json"))
    return rewritten(file, path, card=json.dumps(card | changes).encode())


def with_weights(file: Path, path: Path, change) -> Path:
    """The same file with changed weights, of which its card knows."""
    with zipfile.ZipFile(file) as archive:
        arrays = load(archive.read("weights.safetensors"))
    data = save({name: np.ascontiguousarray(change(name, a)) for name, a in arrays.items()})
    return with_bytes(file, path, data)


def with_bytes(file: Path, path: Path, data: bytes) -> Path:
    digest = {"weights.safetensors": hashlib.sha256(data).hexdigest()}
    other = with_card(file, path.with_suffix(".other"), files=digest)
    return rewritten(other, path, weights=data)


BAD = {
    "empty": lambda f, p: p.write_bytes(b""),
    "foreign": lambda f, p: p.write_bytes(b"not a model" * 99),
    "cut off": lambda f, p: p.write_bytes(f.read_bytes()[:9999]),
    "without card": lambda f, p: rewritten(f, p, card=None),
    "without weights": lambda f, p: rewritten(f, p, weights=None),
    "card is no JSON": lambda f, p: rewritten(f, p, card=b"{"),
    "card is a list": lambda f, p: rewritten(f, p, card=b"[]"),
    "other weights": lambda f, p: rewritten(f, p, weights=b"0" * 100),
    "unknown recipe": lambda f, p: with_card(f, p, training={"recipe": "soup"}),
    "outside the folder": lambda f, p: with_card(f, p, files={"../x": "0"}),
    "name is a path": lambda f, p: with_card(f, p, name="../../x"),
    "no name": lambda f, p: with_card(f, p, name=" "),
    "card names no files": lambda f, p: with_card(f, p, files={}),
    "endless name": lambda f, p: with_card(f, p, name="x" * 300),
    "notes are a number": lambda f, p: with_card(f, p, notes=7),
    "recipe is a list": lambda f, p: with_card(f, p, training={"recipe": ["band-forest"]}),
    "weights are no weights": lambda f, p: with_bytes(f, p, b"0"),
    "weights are no numbers": lambda f, p: with_weights(
        f, p, lambda n, a: np.full_like(a, np.nan) if a.dtype.kind == "f" else a
    ),
    "trees go round in circles": lambda f, p: with_weights(
        f, p, lambda n, a: -a if n == "trees.right" else a
    ),
    "trees ask for what is not there": lambda f, p: with_weights(
        f, p, lambda n, a: a * 99 if n == "trees.feature" else a
    ),
    "missing": lambda f, p: None,
}


@pytest.mark.parametrize("kind", BAD)
def test_that_of_a_bad_file_nothing_is_stored(kind, file, tmp_path, own_store):
    path = tmp_path / "bad.migbar-model"
    BAD[kind](file, path)
    with pytest.raises(ModelError) as told:
        import_model(path)
    assert "/model" not in str(told.value)  # where it was unpacked is nobody's business
    assert stored(own_store) == []
    home = own_store.parent
    assert not home.exists() or [p for p in home.iterdir() if p != own_store] == []


def test_that_an_own_model_gets_another_name_and_notes(file):
    import_model(file, "mine")
    with pytest.raises(ModelError, match="already"):
        relabel_model("mine", "migbar-fast", [])
    with pytest.raises(ModelError, match="cannot be the name"):
        relabel_model("mine", "a/b", [])
    with pytest.raises(ModelError, match="keeps its name"):
        relabel_model("migbar-fast", "x", [])
    assert relabel_model("mine", "ours", ["Of our oxides."]).notes == ["Of our oxides."]
    assert store.load_model("ours").card.name == "ours"
    with pytest.raises(ModelError, match="no model 'mine'"):
        store.load_model("mine")


def test_that_the_command_shares_and_removes(tmp_path):
    def run(*words: str) -> str:
        result = CliRunner().invoke(app, ["models", *words], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    path = str(tmp_path / "m.migbar-model")
    run("export", "band-forest", path)
    assert "mine" in run("import", path, "--name", "mine")
    assert "mine " in run("list")
    run("remove", "mine")
    assert "mine " not in run("list")


def test_that_a_damaged_stream_is_told(file, tmp_path, own_store):
    data = bytearray(file.read_bytes())
    data[100:140] = bytes([255]) * 40  # within the packed card: zlib itself gives up
    (tmp_path / "damaged.migbar-model").write_bytes(data)
    with pytest.raises(ModelError, match="is damaged"):
        import_model(tmp_path / "damaged.migbar-model")
    assert stored(own_store) == []


def test_that_an_error_without_words_of_the_system_is_told(file, tmp_path):
    packed = tmp_path / "packed.migbar-model"
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_BZIP2) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    data = bytearray(packed.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = bytes([255]) * 40
    packed.write_bytes(data)
    with pytest.raises(ModelError, match="Invalid data stream"):
        import_model(packed)

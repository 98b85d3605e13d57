"""Models as single files: out, in, and nothing half-stored when the file is bad."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
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
    "missing": lambda f, p: None,
}


@pytest.mark.parametrize("kind", BAD)
def test_that_of_a_bad_file_nothing_is_stored(kind, file, tmp_path, own_store):
    path = tmp_path / "bad.migbar-model"
    BAD[kind](file, path)
    with pytest.raises(ModelError):
        import_model(path)
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

"""The model store: a folder per model, with a JSON card and weight files whose SHA-256 it holds."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import ModelCard, Predictor
from migbar.errors import ModelError, words_of
from migbar.files import replacing, user_dir, write_text
from migbar.resources import resource_dir

DEFAULT_MODEL = "migbar-fast"

BEST_MODEL = "migbar"
"""Stands for the most accurate model that comes with the program: the default one, which no slower one beats."""

CARD = "card.json"
WEIGHTS = "weights.safetensors"

_RECIPES = {
    "band-forest": ("migbar.models.forest", "BandForest"),
    "migbar-fast": ("migbar.models.blend", "MigbarFast"),
    "network": ("migbar.models.networks.predictor", "NetworkPredictor"),
}
"""Module and class that read a model's weights, by the recipe on its card."""


class DamagedModelError(ModelError):
    """Raised when a model's files do not make a model."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"the model in {folder} is damaged: {reason}; install or train it again.")


class StoredModel(Predictor, Protocol):
    """A predictor whose weights are named arrays."""

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return every array that `from_weights` needs."""

    @classmethod
    def from_weights(cls, card: ModelCard, weights: dict[str, NDArray[Any]]) -> StoredModel:
        """Make the model again; raise KeyError or ValueError where the weights do not fit."""


def bundled_models_dir() -> Path:
    """Folder of the models that come with the program."""
    return resource_dir() / "models"


def user_models_dir() -> Path:
    """Folder of the user's own models."""
    return user_dir() / "models"


def list_models() -> list[ModelCard]:
    """Return the cards of all models: the default one, the other bundled ones by name, then the user's by name.

    Folders without a readable card are left out; `load_model` says what is wrong with them.
    """
    cards = []
    for folder in _folders().values():
        try:
            cards.append(read_card(folder))
        except ModelError:
            continue
    return cards


def load_model(name: str | None = None) -> Predictor:
    """Load a model by its name, or from a folder; the default model where none is named.

    Raises
    ------
    ModelError
        If there is no such model, or if its files are damaged.
    """
    return _load(folder_of(DEFAULT_MODEL if name is None else name).resolve())


def folder_of(name: str) -> Path:
    """Return the folder of a model, by its name or by the folder itself; `BEST_MODEL` is a name, too.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    folders = _folders()
    best = name == BEST_MODEL and name not in folders
    folder = folders.get(DEFAULT_MODEL if best else name, Path(name).expanduser())
    if not (folder / CARD).is_file():
        raise ModelError(
            f"there is no model '{name}'; choose one of: {', '.join(folders) or '(none)'}."
        )
    return folder


def is_name(name: str) -> bool:
    """Whether a model can be called so: its folder is."""
    if len(name.encode(errors="replace")) > 200:  # file systems take 255 bytes
        return False
    return bool(name.strip()) and name[0] not in ". " and not set(name) & set('/\\:*?"<>|\n\r\t')


def read_card(folder: Path) -> ModelCard:
    """Read the card of the model in `folder`.

    Raises
    ------
    ModelError
        If the card cannot be read.
    """
    try:
        data = json.loads((folder / CARD).read_text(encoding="utf-8"))
        card = ModelCard(**data)
    except (OSError, ValueError, TypeError) as error:
        raise DamagedModelError(folder, f"its card cannot be read ({error})") from None
    texts = (card.name, card.version, card.summary)
    tables = (card.training, card.scores, card.files)
    if not (
        all(isinstance(t, str) for t in texts)
        and all(isinstance(t, dict) for t in tables)
        and isinstance(card.notes, list)
    ):
        raise DamagedModelError(folder, "its card lacks a name, version, or files")
    return card


def write_card(card: ModelCard, folder: Path) -> None:
    """Write the card of the model in `folder`."""
    write_text(folder / CARD, json.dumps(card.to_dict(), indent=2, ensure_ascii=False) + "\n")


def save_model(model: StoredModel, folder: str | Path | None = None) -> Path:
    """Write a model's weights and card.

    In the user's store it appears whole or not at all; in another folder the card goes last.

    Parameters
    ----------
    model : StoredModel
    folder : path, optional
        Where to; a new folder in the user's store where not given. There the model gets a
        number behind its name if the name is taken, so that none is ever hidden by another.

    Returns
    -------
    Path
        The model's folder.
    """
    write = _write
    if folder is None:
        model.card = replace(model.card, name=free_name(model.card.name))
        write, folder = _write_at_once, user_models_dir() / model.card.name
    folder = Path(folder)
    try:
        write(model, folder)
    except OSError as error:
        raise ModelError(f"cannot write the model to {folder}: {words_of(error)}.") from None
    _load.cache_clear()
    return folder


def _write(model: StoredModel, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    digest = _write_weights(model.weights(), folder / WEIGHTS)
    write_card(replace(model.card, files={WEIGHTS: digest}), folder)


def _write_at_once(model: StoredModel, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as place:
        _write(model, Path(place) / "model")
        (Path(place) / "model").rename(folder)


def _write_weights(weights: dict[str, NDArray[Any]], path: Path) -> str:
    from safetensors.numpy import save

    data = save({k: np.ascontiguousarray(v) for k, v in weights.items()})
    # Not written by safetensors, which tells of a full disk by an error of its own.
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def _folders() -> dict[str, Path]:
    """Folder of each model by name, in the order of `list_models`; a bundled model keeps its name."""
    found: dict[str, Path] = {}
    for store in (bundled_models_dir(), user_models_dir()):
        folders = {card.parent.name: card.parent for card in store.glob(f"*/{CARD}")}
        for name in sorted(folders, key=lambda name: (name != DEFAULT_MODEL, name)):
            found.setdefault(name, folders[name])
    return found


def free_name(name: str) -> str:
    """Return the name, with a number behind it where a model is called so already."""
    taken = _folders()
    number, free = 2, name
    while free in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def forget_loaded() -> None:
    """Read models from their files when they are next asked for."""
    _load.cache_clear()


@cache
def _load(folder: Path) -> Predictor:
    from safetensors.numpy import load

    card = read_card(folder)
    try:
        data = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise DamagedModelError(folder, f"its weights cannot be read ({words_of(error)})") from None
    if hashlib.sha256(data).hexdigest() != card.files.get(WEIGHTS):
        raise DamagedModelError(folder, "its weights are not those that its card describes")
    recipe = card.training.get("recipe")
    if not isinstance(recipe, str) or recipe not in _RECIPES:
        raise ModelError(
            f"the model '{card.name}' was made by the recipe '{recipe}', which this version of "
            "MigBar does not know; update MigBar."
        )
    _check_descriptors(card)
    module, name = _RECIPES[recipe]
    kind: type[StoredModel] = getattr(import_module(module), name)
    try:
        return kind.from_weights(card, load(data))
    except Exception as error:  # what a file from elsewhere lacks shows in many ways
        raise DamagedModelError(folder, f"its weights do not fit ({error})") from None


def _check_descriptors(card: ModelCard) -> None:
    from migbar.descriptors import descriptor_names

    learnt, computed = card.training.get("descriptors"), descriptor_names()
    if isinstance(learnt, list) and tuple(learnt) != computed:
        raise ModelError(
            f"the model '{card.name}' was trained on other descriptors ({len(learnt)}) than this version of MigBar "
            f"computes ({len(computed)}); train it again on the same data."
        )

"""Models as single files, for another machine or a colleague; and the end of a model of one's own.

Such a file is a ZIP archive with the card and the weight files that it names, and nothing else.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path

from pymatgen.core import Lattice, Structure

from migbar.barriers import ModelCard
from migbar.errors import ModelError, words_of
from migbar.files import DAMAGED, replacing, user_dir
from migbar.hops import SiteRef, hop_between_sites
from migbar.models import store
from migbar.supercells import make_band

SUFFIX = ".migbar-model"

MAX_CARD_BYTES = 20_000_000
MAX_WEIGHT_BYTES = 2_000_000_000
"""Larger ones are not unpacked: the bundled models take 4 MB, a network of the paper's size 20 MB."""


def is_own(name: str) -> bool:
    """Whether a model is the user's own and not a bundled one."""
    folder = store.folder_of(name)
    return folder.parent.resolve() == store.user_models_dir().resolve()


def export_model(name: str, path: str | Path) -> Path:
    """Write a model as one file.

    Raises
    ------
    ModelError
        If there is no such model, or it is damaged.
    OSError
        If the file cannot be written; what was there before then still is.
    """
    path = Path(path)
    folder = store.folder_of(name)
    store.load_model(name)  # nobody is sent a damaged one
    card = store.read_card(folder)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.write(folder / store.CARD, store.CARD, zipfile.ZIP_DEFLATED)
        for file in card.files:
            archive.write(folder / file, file)
    return path


def import_model(path: str | Path, name: str | None = None) -> ModelCard:
    """Take a model file into the user's store; it gets a number behind its name where that is taken.

    Nothing is stored unless the whole file is sound and the model can be used.

    Raises
    ------
    ModelError
        If the file cannot be read, is no model, or is damaged.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(dir=_made(user_dir())) as place:
        folder = Path(place) / "model"
        folder.mkdir()
        try:
            card = _unpack(path, folder)
            _try_out(folder)
        except store.DamagedModelError as error:
            raise ModelError(f"{path.name}: is damaged: {error.reason}.") from None
        card = replace(card, name=store.free_name(_checked(path, name or card.name)))
        store.write_card(card, folder)
        folder.rename(_made(store.user_models_dir()) / card.name)
    store.forget_loaded()
    return card


def relabel_model(name: str, new_name: str, notes: Sequence[str]) -> ModelCard:
    """Give one of the user's own models another name and other notes.

    Raises
    ------
    ModelError
        If it comes with the program, there is no such model, or the new name is taken or cannot be one.
    OSError
        If its card cannot be written.
    """
    folder = store.folder_of(name)
    if not is_own(name):
        raise ModelError(f"the model '{name}' comes with MigBar and keeps its name.")
    if not store.is_name(new_name):
        raise ModelError(
            f"'{new_name}' cannot be the name of a model; leave out / \\ : * ? \" < > |."
        )
    if new_name != name and store.free_name(new_name) != new_name:
        raise ModelError(f"there is a model '{new_name}' already; choose another name.")
    card = replace(store.read_card(folder), name=new_name, notes=list(notes))
    store.write_card(card, folder)
    folder.rename(folder.parent / new_name)
    store.forget_loaded()
    return card


def remove_model(name: str) -> None:
    """Delete one of the user's own models.

    Raises
    ------
    ModelError
        If it comes with the program, or there is no such model.
    OSError
        If a file cannot be deleted.
    """
    folder = store.folder_of(name)
    if not is_own(name):
        raise ModelError(f"the model '{name}' comes with MigBar and stays.")
    (folder / store.CARD).unlink()  # first, so that half a model is never listed
    shutil.rmtree(folder)
    store.forget_loaded()


def _try_out(folder: Path) -> None:
    """Raise unless the model in `folder` gives a hop in rock salt a barrier."""
    salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.1), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    band = make_band(salt, hop_between_sites(salt, "Li", SiteRef(0), SiteRef(1)))
    model = store.load_model(str(folder))
    try:
        (barrier,) = model.predict([band])
    except Exception as error:  # what wrong numbers and wrong settings do has no common type
        reason = f"it predicts nothing ({type(error).__name__}: {error})"
        raise store.DamagedModelError(folder, reason) from None
    if not all(map(isfinite, (barrier.barrier_ev, *barrier.interval_ev))):
        raise store.DamagedModelError(folder, "the barriers that it predicts are no numbers")


def _unpack(path: Path, folder: Path) -> ModelCard:
    try:
        with zipfile.ZipFile(path) as archive:
            (folder / store.CARD).write_bytes(_member(path, archive, store.CARD, MAX_CARD_BYTES))
            card = store.read_card(folder)
            for file in card.files:
                if not store.is_name(file) or file == store.CARD:
                    raise ModelError(f"{path.name}: '{file}' cannot be a file of a model.")
                (folder / file).write_bytes(_member(path, archive, file, MAX_WEIGHT_BYTES))
    except FileNotFoundError:
        raise ModelError(f"{path.name}: there is no such file.") from None
    except OSError as error:
        raise ModelError(f"{path.name}: cannot be read ({words_of(error)}).") from None
    except DAMAGED as error:
        raise ModelError(
            f"{path.name}: is damaged, or no model file of MigBar ({error})."
        ) from None
    return card


def _member(path: Path, archive: zipfile.ZipFile, name: str, largest: int) -> bytes:
    if name not in archive.namelist():
        raise ModelError(
            f"{path.name}: holds no {name}; it is no model file of MigBar, or not whole."
        )
    with archive.open(name) as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ModelError(f"{path.name}: its {name} is too large for a model.")
    return data


def _checked(path: Path, name: str) -> str:
    if not store.is_name(name):
        raise ModelError(f"{path.name}: '{name}' cannot be the name of a model; give it another.")
    return name


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder

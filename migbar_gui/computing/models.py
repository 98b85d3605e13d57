"""The models that the window knows, and the one that it predicts with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QSettings, QTimer, Signal

from migbar.barriers import ModelCard
from migbar.errors import ModelError
from migbar.models.sharing import export_model, import_model, remove_model
from migbar.models.store import DEFAULT_MODEL, folder_of, forget_loaded, list_models, read_card
from migbar_gui.background.jobs import Jobs


class Models(QObject):
    """Lists, takes in, gives away and removes models; whatever reads many bytes runs in another thread.

    Parameters
    ----------
    settings : QSettings
        Remembers which model is used.
    jobs : Jobs
    on_failed : callable
        Called with an error that the user should see.
    parent : QObject
    """

    changed = Signal()
    """There are other models, or their cards say something else."""
    used_changed = Signal(str)
    """Another model is used from now on; with its name."""

    def __init__(
        self,
        settings: QSettings,
        jobs: Jobs,
        on_failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._settings = settings
        self._jobs = jobs
        self._on_failed = on_failed
        self.used = str(settings.value("model", DEFAULT_MODEL))
        if self.used not in self.names():
            gone, self.used = self.used, DEFAULT_MODEL
            problem = ModelError(f"the model '{gone}' is gone; {DEFAULT_MODEL} is used instead.")
            QTimer.singleShot(0, lambda: on_failed(problem))  # once the window is there to show it

    def cards(self) -> list[ModelCard]:
        """Return the cards of all models."""
        return list_models()

    def names(self) -> list[str]:
        """Return the names of all models."""
        return [card.name for card in self.cards()]

    def use(self, name: str) -> None:
        """Predict with another model from now on."""
        if name != self.used:
            self.used = name
            self._settings.setValue("model", name)
            self.used_changed.emit(name)

    def refresh(self) -> None:
        """Look at the store again, for example after a training has put a model there."""
        forget_loaded()
        self.changed.emit()

    def take_in(
        self,
        path: Path,
        done: Callable[[ModelCard], None],
        failed: Callable[[Exception], None],
        published_as: str = "",
        name: str = "",
    ) -> None:
        """Import a model file, or with `published_as` a published checkpoint.

        Parameters
        ----------
        path : Path
        done, failed : callable
            Called with the card of the new model, or with the error.
        published_as : str
            The paper's name of the network that the checkpoint is.
        name : str
            What to call it; the name it has where not given.
        """

        def work(_: object) -> ModelCard:
            if not published_as:
                return import_model(path, name or None)
            from migbar.models.networks.importer import import_checkpoint
            from migbar.models.store import save_model

            return read_card(save_model(import_checkpoint(path, published_as, name or None)))

        def arrived(card: ModelCard) -> None:
            self.changed.emit()
            done(card)

        self._jobs.start(f"import {path}", f"Importing {path.name}", work, arrived, failed)

    def give(self, name: str, path: Path, done: Callable[[Path], None]) -> None:
        """Write a model as one file."""
        self._jobs.start(
            f"export {path}",
            f"Writing {path.name}",
            lambda _: export_model(name, path),
            done,
            self._on_failed,
        )

    def remove(self, name: str) -> None:
        """Delete a model of the user's own; where it was used, the default is used from now on."""
        try:
            remove_model(name)
        except (ModelError, OSError) as error:
            self._on_failed(error)
            return
        if name == self.used:
            self.use(DEFAULT_MODEL)
        self.changed.emit()

    def folder(self, name: str) -> Path:
        """Return where a model's files are."""
        return folder_of(name)

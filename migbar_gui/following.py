"""What a change of the preferences does: it is seen at once, everywhere."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QWidget

from migbar.devices import VARIABLE
from migbar_gui.looks import colours, energies
from migbar_gui.looks.energies import ShowsEnergies
from migbar_gui.preferences import Preferences

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


class PreferenceFollower(QObject):
    """Keeps one window in step with the preferences, and these with what is chosen in the window."""

    def __init__(self, window: MainWindow, preferences: Preferences) -> None:
        super().__init__(window)
        self._window = window
        self._preferences = preferences
        self._given_threads = {name: os.environ.get(name) for name in THREAD_VARIABLES}
        self._given_device = os.environ.get(VARIABLE)
        preferences.changed.connect(self.follow)
        # What is chosen here only: a session that is opened has a threshold of its own.
        window.paths_panel.threshold.ev_changed.connect(partial(preferences.set, "threshold_ev"))
        for key in ("energy_unit", "elements", "supercell", "potential", "device", "threads"):
            self.follow(key)

    def follow(self, key: str) -> None:
        """Do what a changed setting asks for."""
        window, value = self._window, self._preferences.get
        if key == "appearance":
            window.refresh_theme()
        elif key in ("energy_unit", "energy_places"):
            energies.set_format(unit=str(value("energy_unit")), places=int(value("energy_places")))
            for widget in window.findChildren(QWidget):
                if isinstance(widget, ShowsEnergies):
                    widget.refresh_unit()
            window.workspace.numbers_changed.emit()
        elif key == "threshold_ev":
            window.workspace.set_threshold(float(value(key)))
        elif key == "model":
            window.models.use(str(value(key)))
        elif key == "supercell":
            window.workspace.usual_supercell = str(value(key))
        elif key == "elements":
            colours.choose(self._preferences.elements())
            window.structure_panel.refresh_colours()
            if window.view is not None:
                window.view.refresh()
        elif key == "potential":
            # Dialogs ask for it like for the theme, without knowing the window.
            _application().setProperty(key, value(key))
        elif key == "device":
            wanted = str(value(key))
            _set_variable(VARIABLE, self._given_device if wanted == "auto" else wanted)
        elif key == "threads":
            self._set_threads(int(value(key)))

    def _set_threads(self, threads: int) -> None:
        for name, given in self._given_threads.items():
            _set_variable(name, str(threads) if threads else given)
        torch = sys.modules.get("torch")
        if torch is not None and threads:
            torch.set_num_threads(threads)


def _application() -> QCoreApplication:
    application = QCoreApplication.instance()
    assert application is not None
    return application


def _set_variable(name: str, value: str | None) -> None:
    """Set an environment variable, which runs inherit; None takes it away."""
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value

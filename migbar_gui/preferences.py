"""What is kept from one start to the next: the settings, their defaults, and the store that tells of changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QSettings, Signal

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.energies import UNITS, USUAL_PLACES

Value = str | int | float
Choices = tuple[tuple[str, str], ...]


def _models() -> Choices:
    from migbar.models.store import list_models

    return tuple((card.name, card.name) for card in list_models())


def _default_model() -> str:
    from migbar.models.store import DEFAULT_MODEL

    return DEFAULT_MODEL


def _potentials() -> Choices:
    from migbar.potentials import potential_choices

    return tuple(
        (choice.name, f"{choice.name} (not installed)" if choice.missing else choice.name)
        for choice in potential_choices()
    )


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that a user can choose.

    Attributes
    ----------
    key : str
        Under which it is stored.
    text, tip : str
        What the page of preferences says.
    group : str
        Where on the page it is.
    default : str, int, float, or a function that returns one
    choices : function, optional
        Returns what can be chosen, each with what it is called; else it is a number.
    low, high : int
        Bounds of a whole number.
    special : str
        What the lowest number is called.
    is_energy : bool
        Whether it is an energy in eV.
    """

    key: str
    text: str
    group: str
    default: Value | Callable[[], Value]
    tip: str = ""
    choices: Callable[[], Choices] | None = None
    low: int = 0
    high: int = 0
    special: str = ""
    is_energy: bool = False

    @property
    def usual(self) -> Value:
        """The default."""
        return self.default() if callable(self.default) else self.default


SETTINGS = (
    Setting(
        "appearance",
        "Colours",
        "Appearance",
        "system",
        "Light or dark",
        lambda: (("system", "As the system"), ("light", "Light"), ("dark", "Dark")),
    ),
    Setting(
        "energy_unit",
        "Unit of energies",
        "Numbers",
        "eV",
        "In the window and in reports; tables in files are always in eV",
        lambda: tuple((unit, unit) for unit in UNITS),
    ),
    Setting(
        "energy_places",
        "Decimals of a barrier in eV",
        "Numbers",
        USUAL_PLACES,
        "Less important energies have one less",
        low=2,
        high=5,
    ),
    Setting(
        "threshold_ev",
        "Good conductor up to",
        "Numbers",
        GOOD_CONDUCTOR_EV,
        "0.65 eV keeps up with a rate of C/2 at 300 K in particles of about 100 nm, 0.525 eV in particles of 1 µm",
        is_energy=True,
    ),
    Setting(
        "model",
        "Model",
        "Predictions",
        _default_model,
        "Predicts the barriers, those in the table, too",
        _models,
    ),
    Setting(
        "potential",
        "Universal potential",
        "Predictions",
        "chgnet",
        "Offered first when a band or a structure is relaxed",
        _potentials,
    ),
    Setting(
        "supercell",
        "Supercell of new structures",
        "Predictions",
        "auto",
        "What a path is put into, where nothing else is chosen for it",
        lambda: (
            ("auto", "Automatic (at least 8 Å)"),
            ("none", "The cell as it is"),
            ("2,2,2", "2 × 2 × 2"),
            ("3,3,3", "3 × 3 × 3"),
        ),
    ),
    Setting(
        "device",
        "Compute on",
        "Computing",
        "auto",
        "For networks and potentials; automatic is a CUDA card where there is one",
        lambda: (("auto", "Automatic"), ("cpu", "Processor"), ("cuda", "CUDA card")),
    ),
    Setting(
        "threads",
        "Threads",
        "Computing",
        0,
        "For numerical work of new jobs; less is faster where several jobs share a machine",
        low=0,
        high=os.cpu_count() or 1,
        special="Automatic",
    ),
)


class Preferences(QObject):
    """The settings of this user, stored by Qt."""

    changed = Signal(str)
    """With the key of what has another value now; ``elements`` for colours and radii."""

    def __init__(self, settings: QSettings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._known = {setting.key: setting for setting in SETTINGS}

    def get(self, key: str) -> Value:
        """Return a value; the default where none, or no sensible one, is stored."""
        setting = self._known[key]
        usual = setting.usual
        try:
            value = type(usual)(str(self._settings.value(key, usual)))
        except ValueError:
            return usual
        known = setting.choices is None or value in dict(setting.choices())
        return value if known else usual

    def set(self, key: str, value: Value) -> None:
        """Store a value, and tell."""
        if value != self.get(key):
            self._settings.setValue(key, value)
            self.changed.emit(key)

    def reset(self, key: str) -> None:
        """Go back to the default."""
        self.set(key, self._known[key].usual)

    def is_usual(self, key: str) -> bool:
        """Whether a value is the default."""
        return self.get(key) == self._known[key].usual

    def reset_all(self) -> None:
        """Go back to all defaults, elements included."""
        for setting in SETTINGS:
            self.reset(setting.key)
        for symbol in self.elements():
            self.set_element(symbol, "", 0.0)

    # -------------------------------------------------------------- elements

    def elements(self) -> dict[str, tuple[str, float]]:
        """Return colour (``#rrggbb``) and radius (Å) of the elements that were changed; empty or 0 where not."""
        self._settings.beginGroup("elements")
        stored = {
            symbol: str(self._settings.value(symbol)) for symbol in self._settings.childKeys()
        }
        self._settings.endGroup()
        return {symbol: _read_element(text) for symbol, text in stored.items()}

    def set_element(self, symbol: str, colour: str, radius: float) -> None:
        """Draw an element in another colour, with another radius; empty and 0 are the usual ones."""
        if colour or radius:
            self._settings.setValue(f"elements/{symbol}", f"{colour} {radius:g}")
        else:
            self._settings.remove(f"elements/{symbol}")
        self.changed.emit("elements")


def _read_element(text: str) -> tuple[str, float]:
    colour, _, radius = text.rpartition(" ")
    try:
        return colour, float(radius)
    except ValueError:
        return "", 0.0

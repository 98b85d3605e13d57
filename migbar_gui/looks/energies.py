"""How the window writes energies: in eV or meV, with as many decimals as the user likes.

Every number that the window shows goes through here, so that a change of the unit is seen everywhere: what follows
the workspace connects to `migbar_gui.workspace.Workspace.numbers_changed`, any other widget has `refresh_unit`
(`ShowsEnergies`). Reports are written alike; tables in files are always in eV.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol, runtime_checkable

from migbar.energies import USUAL_PLACES, EnergyFormat
from migbar.wording import without_options


@runtime_checkable
class ShowsEnergies(Protocol):
    """A widget of the window, or of one of its dialogs, that shows energies."""

    def refresh_unit(self) -> None:
        """Write them anew."""
        ...


_current = EnergyFormat()

_NUMBER = r"\d+(?:\.\d+)?"
_IN_TEXT = re.compile(rf"((?:[+−-]?{_NUMBER}(?: ± | to | – ))*{_NUMBER}) eV(?![/\w])")
"""An energy, or several with the unit behind the last one: ``0.32 ± 0.12 eV``."""


def set_format(**changes: str | int) -> None:
    """Write energies otherwise from now on."""
    global _current
    _current = replace(_current, **changes)  # type: ignore[arg-type]


def current() -> EnergyFormat:
    """Return how energies are written now."""
    return _current


def unit() -> str:
    """Return the unit."""
    return _current.unit


def scaled(ev: float) -> float:
    """See `EnergyFormat.scaled`."""
    return _current.scaled(ev)


def number(ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
    """See `EnergyFormat.number`."""
    return _current.number(ev, places, sign)


def energy(ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
    """See `EnergyFormat.energy`."""
    return _current.energy(ev, places, sign)


def interval(low: float, high: float, between: str = " to ", places: int = 2) -> str:
    """See `EnergyFormat.interval`."""
    return _current.interval(low, high, between, places)


def in_text(text: str) -> str:
    """Write a text of the core as everything else in the window: its energies are in eV, and it may name options."""

    def written(found: re.Match[str]) -> str:
        return number(float(found[0]), len(found[0].partition(".")[2]))

    return _IN_TEXT.sub(
        lambda found: f"{re.sub(_NUMBER, written, found[1])} {unit()}", without_options(text)
    )


def short(ev: float) -> str:
    """See `EnergyFormat.short`."""
    return _current.short(ev)

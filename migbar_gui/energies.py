"""How the window writes energies: in eV or meV, with as many decimals as the user likes.

Every number that the window shows goes through here, so that a change of the unit is seen everywhere: what follows
the workspace connects to `migbar_gui.workspace.Workspace.numbers_changed`, any other widget has `refresh_unit`
(`ShowsEnergies`). Files are always written in eV.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

UNITS = {"eV": 0, "meV": 3}
"""Decimals by which each unit moves the point to the right."""

USUAL_PLACES = 3


@runtime_checkable
class ShowsEnergies(Protocol):
    """A widget of the window, or of one of its dialogs, that shows energies."""

    def refresh_unit(self) -> None:
        """Write them anew."""
        ...


@dataclass(frozen=True, slots=True)
class EnergyFormat:
    """A unit, and decimals of a barrier in eV; less important numbers have one less."""

    unit: str = "eV"
    places: int = USUAL_PLACES


_current = EnergyFormat()


def set_format(**changes: str | int) -> None:
    """Write energies otherwise from now on."""
    global _current
    _current = replace(_current, **changes)  # type: ignore[arg-type]


def unit() -> str:
    """Return the unit."""
    return _current.unit


def scaled(ev: float) -> float:
    """Return an energy (eV) in the unit."""
    return ev * 10.0 ** UNITS[_current.unit]


def number(ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
    """Write an energy (eV) without its unit.

    Parameters
    ----------
    ev : float
    places : int
        Decimals in eV, where the user wants the usual number of them.
    sign : bool
        Whether to write a plus, too.
    """
    decimals = max(0, places + _current.places - USUAL_PLACES - UNITS[_current.unit])
    return f"{scaled(ev):{'+' if sign else ''}.{decimals}f}"


def energy(ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
    """Write an energy (eV) with its unit."""
    return f"{number(ev, places, sign)} {unit()}"


def interval(low: float, high: float, between: str = " to ", places: int = 2) -> str:
    """Write two energies (eV) without their unit."""
    return f"{number(low, places)}{between}{number(high, places)}"


def short(ev: float) -> str:
    """Write a chosen energy (eV), for example a threshold, without needless zeros and without its unit."""
    return f"{round(scaled(ev), 6):.6g}"

"""How energies are written for people: in eV or meV, with more or fewer decimals."""

from __future__ import annotations

from dataclasses import dataclass

from migbar.wording import with_minus

UNITS = {"eV": 0, "meV": 3}
"""Decimals by which each unit moves the point to the right."""

USUAL_PLACES = 3


@dataclass(frozen=True, slots=True)
class EnergyFormat:
    """A unit, and decimals of a barrier in eV; less important numbers have one less.

    Attributes
    ----------
    unit : str
        One of `UNITS`.
    places : int
    """

    unit: str = "eV"
    places: int = USUAL_PLACES

    def scaled(self, ev: float) -> float:
        """Return an energy (eV) in the unit."""
        return ev * 10.0 ** UNITS[self.unit]

    def number(self, ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
        """Write an energy (eV) without its unit.

        Parameters
        ----------
        ev : float
        places : int
            Decimals in eV, where the usual number of them is wanted.
        sign : bool
            Whether to write a plus, too.
        """
        decimals = max(0, places + self.places - USUAL_PLACES - UNITS[self.unit])
        return with_minus(f"{self.scaled(ev):{'+' if sign else ''}z.{decimals}f}")

    def energy(self, ev: float, places: int = USUAL_PLACES, sign: bool = False) -> str:
        """Write an energy (eV) with its unit."""
        return f"{self.number(ev, places, sign)} {self.unit}"

    def interval(self, low: float, high: float, between: str = " to ", places: int = 2) -> str:
        """Write two energies (eV) without their unit."""
        return f"{self.number(low, places)}{between}{self.number(high, places)}"

    def short(self, ev: float) -> str:
        """Write a chosen energy (eV), for example a threshold, without needless zeros and without its unit."""
        return with_minus(f"{round(self.scaled(ev), 6):.6g}")


IN_EV = EnergyFormat()
"""As the command line and all tables in files have it."""

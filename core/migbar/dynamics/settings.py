"""How molecular dynamics is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from migbar.errors import MigbarError

LIGHT_STEP_FS = 0.5
"""Step of a crystal with hydrogen, whose bonds swing in 10 fs."""

USUAL_STEP_FS = 2.0
"""Step of all others: the fastest ions, of Li beside O, take 60 fs for a swing."""

HOTTEST_K = 5000.0

LONGEST_STEP_FS = 5.0

SHORTEST_PS = 2.0
"""A shorter simulation cannot be divided into pieces that each give a diffusivity."""

LONGEST_PS = 1e5


class DynamicsError(MigbarError):
    """Raised when molecular dynamics cannot be run, falls apart, or data are not what it has left."""


class FallsApartError(DynamicsError):
    """Raised when a crystal does not hold together at a temperature."""


@dataclass(frozen=True, slots=True)
class DynamicsSettings:
    """What is simulated, and for how long.

    Attributes
    ----------
    temperatures_k : tuple of float
        One after the other, each for itself.
    length_ps : float
        What is looked at, at each temperature.
    warm_up_ps : float
        What goes before, and is not looked at.
    step_fs : float
    carriers : int
        Vacancies that are made where the crystal holds the ion, else ions that are put into its voids.
    seed : int
        Of the velocities to begin with and of the thermostat.

    Raises
    ------
    DynamicsError
        If a number makes no sense.
    """

    temperatures_k: tuple[float, ...] = (800.0, 1000.0, 1200.0)
    length_ps: float = 20.0
    warm_up_ps: float = 2.0
    step_fs: float = USUAL_STEP_FS
    carriers: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        hot = self.temperatures_k
        if not hot or not all(0 < kelvin <= HOTTEST_K for kelvin in hot):
            raise DynamicsError(f"give temperatures above 0 and up to {HOTTEST_K:g} K.")
        if len(set(hot)) < len(hot):
            raise DynamicsError("a temperature is given twice.")
        if not 0 < self.step_fs <= LONGEST_STEP_FS:
            raise DynamicsError(f"give a time step above 0 and up to {LONGEST_STEP_FS:g} fs.")
        if not SHORTEST_PS <= self.length_ps <= LONGEST_PS:
            raise DynamicsError(f"give a length of {SHORTEST_PS:g} to {LONGEST_PS:,.0f} ps.")
        if not 0 <= self.warm_up_ps <= LONGEST_PS:
            raise DynamicsError(f"give a warm-up of 0 to {LONGEST_PS:,.0f} ps.")
        if self.carriers < 0:
            raise DynamicsError("there cannot be fewer than no carriers.")

    @property
    def n_steps(self) -> int:
        """Steps of the whole simulation."""
        whole = len(self.temperatures_k) * (self.warm_up_ps + self.length_ps)
        return round(1000 * whole / self.step_fs)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        return asdict(self) | {"temperatures_k": list(self.temperatures_k)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DynamicsSettings:
        """Read what `to_dict` gives, or a part of it.

        Raises
        ------
        DynamicsError
            If it is something else.
        """
        try:
            given = dict(data)
            if "temperatures_k" in given:
                given["temperatures_k"] = tuple(float(kelvin) for kelvin in given["temperatures_k"])
            return cls(**given)
        except (TypeError, ValueError) as error:
            raise DynamicsError(f"these are no settings of molecular dynamics ({error}).") from None

"""How a band is relaxed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from migbar.errors import MigbarError

OPTIMIZERS = ("BFGS", "FIRE")
STARTS = ("linear", "idpp", "aside")


class NebError(MigbarError):
    """Raised when a band cannot be relaxed: its ends, its settings, or what was saved of it do not fit."""


@dataclass(frozen=True, slots=True)
class NebSettings:
    """How a band is relaxed.

    Attributes
    ----------
    n_images : int
        Images between the ends.
    relax_ends : bool
        Whether the two ends are relaxed first, by quasi-Newton steps (BFGS).
    start : str
        First guess of the images: ``linear``, ``idpp`` (image-dependent pair potential), or ``aside`` (linear, the ion
        on an arc to the roomiest side, for bands that symmetry would keep on a ridge).
    climb : bool
        Whether the highest image climbs to the saddle, once the band is within `CLIMB_FROM` of its path.
    optimizer : str
        ``BFGS`` or ``FIRE``.
    fmax : float
        The band is converged once no atom of any image feels more than this, eV/Å.
    max_steps : int
        Steps of the band at most, those with the climbing image counted apart.
    ends_fmax : float
        The same limit for the ends, eV/Å.
    ends_max_steps : int
        Steps of each end at most.
    spring : float
        Spring constant between images, eV/Å².
    """

    n_images: int = 3
    relax_ends: bool = True
    start: str = "linear"
    climb: bool = False
    optimizer: str = "BFGS"
    fmax: float = 0.05
    max_steps: int = 1000
    ends_fmax: float = 0.05
    ends_max_steps: int = 1000
    spring: float = 0.1

    def __post_init__(self) -> None:
        problems = []
        if not 1 <= self.n_images <= 99:
            problems.append(f"{self.n_images} images; 1 to 99 are possible")
        if self.start not in STARTS:
            problems.append(f"the start '{self.start}'; choose {', '.join(STARTS)}")
        if self.optimizer not in OPTIMIZERS:
            problems.append(f"the optimiser '{self.optimizer}'; choose {' or '.join(OPTIMIZERS)}")
        for name in ("fmax", "ends_fmax", "spring"):
            if not 0 < getattr(self, name) < 1e3:
                problems.append(f"{name} = {getattr(self, name)}; a positive number is needed")
        for name in ("max_steps", "ends_max_steps"):
            if getattr(self, name) < 0:
                problems.append(f"{name} = {getattr(self, name)}; it cannot be negative")
        if problems:
            raise NebError("The settings of the NEB do not fit: " + "; ".join(problems) + ".")

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as JSON data."""
        return asdict(self)


PRESETS: dict[str, NebSettings] = {
    "paper": NebSettings(),
    "quality": NebSettings(n_images=5, start="idpp", climb=True, optimizer="FIRE", fmax=0.03),
}
"""``paper``: Devi, Butler and Sai Gautam (2026), Table S4. ``quality``: more images and a climbing one."""

DEFAULT_PRESET = "paper"

CLIMB_FROM = 0.2
"""The climbing image is let loose once the plain band is relaxed to this, eV/Å (or to `fmax` where that is more)."""


def settings_from(preset: str, changes: Mapping[str, Any] | None = None) -> NebSettings:
    """Return a preset with changes.

    Raises
    ------
    NebError
        If there is no such preset or setting, or a value does not fit.
    """
    if preset not in PRESETS:
        raise NebError(f"There is no NEB preset '{preset}'; choose {' or '.join(PRESETS)}.")
    changes = dict(changes or {})
    known = {
        field.name: type(getattr(PRESETS[preset], field.name)) for field in fields(NebSettings)
    }
    for name, value in changes.items():
        if name not in known:
            raise NebError(f"There is no NEB setting '{name}'; there are {', '.join(known)}.")
        if known[name] is float and isinstance(value, int) and not isinstance(value, bool):
            changes[name] = float(value)
        elif type(value) is not known[name]:
            raise NebError(f"The NEB setting {name} is a {known[name].__name__}, not {value!r}.")
    return replace(PRESETS[preset], **changes)

"""How far the ions got: mean squared displacement, tracer diffusivity with its error bar, and hops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from migbar.dynamics.collective import haven_ratio
from migbar.dynamics.displacements import Paths, lags_between, slope, squared_displacements
from migbar.dynamics.settings import DynamicsError
from migbar.dynamics.trajectory import Trajectory
from migbar.wording import counted

BLOCKS = 4
"""Pieces of a simulation that each give a diffusivity; how these differ is the error bar."""

LEVEL = 0.9
"""What an interval is meant to hold."""

STUDENT = 2.353
"""Student's t for `LEVEL` with `BLOCKS` − 1 degrees of freedom."""

FITTED = (0.3, 0.9)
"""Lags, as fractions of a block, that the slope is taken over: over shorter ones hops that are undone still count."""

FEWEST_FRAMES = 10
"""In each piece."""

HOP = 2.0
"""An ion that is so far (Å) from where it was settled has hopped."""

SETTLED_PS = 0.2
"""Over this time positions are averaged to tell hops from swings."""

FEWEST_HOPS = 20
"""With fewer hops there is chance, and no diffusivity."""

LEVELLED = 0.25
"""Ions whose squared displacement grows at less than this part of its slope over longer times go back and forth."""

CM2_PER_S = 1e-4
"""An Å²/ps."""


@dataclass(frozen=True, slots=True)
class TracerDiffusion:
    """How the ions of a crystal spread at one temperature.

    Attributes
    ----------
    kelvin : float
        What the thermostat was set to.
    measured_kelvin : float
        Mean over the simulation.
    length_ps : float
    value : float
        Tracer diffusivity of the ions, mean of all directions, cm²/s.
    interval : tuple of 2 floats
        It holds the value of an endless simulation in nine of ten cases; the lower end may be below zero.
    hops : int
        Seen in the simulation, there and back counted each.
    host_shift : float
        How far the other atoms are from where they began, on (quadratic) average, Å.
    lags_ps, squared_displacements : tuple of float
        The mean squared displacement of the ions, Å².
    haven_ratio : tuple of 3 floats, optional
        Of the diffusivity to that of the charge, with the ends of its interval, which holds the ratio of an endless
        simulation in nine of ten cases; None where it is not known.
    """

    kelvin: float
    measured_kelvin: float
    length_ps: float
    value: float
    interval: tuple[float, float]
    hops: int
    host_shift: float
    lags_ps: tuple[float, ...]
    squared_displacements: tuple[float, ...]
    haven_ratio: tuple[float, float, float] | None = None

    @property
    def is_resolved(self) -> bool:
        """Whether the simulation was long enough to tell the diffusivity from none."""
        return self.hops >= FEWEST_HOPS and self.interval[0] > 0

    @property
    def lack(self) -> str:
        """Why it is not resolved: its hops are too ``few``, or too ``uneven``, so that the error bar reaches zero."""
        return "few" if self.hops < FEWEST_HOPS else "uneven"

    @property
    def levels_off(self) -> bool:
        """Whether the ions go back and forth, and get on much more slowly over times longer than the slope's."""
        first, last = self.slope_ps[1], self.lags_ps[-1]
        grown = self.squared_displacements[-1] - np.interp(
            first, self.lags_ps, self.squared_displacements
        )
        return bool(grown < LEVELLED * self.slope * (last - first))

    @property
    def slope(self) -> float:
        """Of the mean squared displacement, Å²/ps."""
        return 6 * self.value / CM2_PER_S

    @property
    def slope_ps(self) -> tuple[float, float]:
        """Between these times it is taken."""
        shortest, longest = (share * self.length_ps / BLOCKS for share in FITTED)
        return shortest, longest

    def __str__(self) -> str:
        hops = counted(self.hops, "hop")
        if not self.is_resolved:
            return f"{hops}, too {self.lack} for a diffusivity"
        low, high = self.interval
        return f"{self.value:.2e} cm²/s ({low:.1e} to {high:.1e}), {hops}"

    @property
    def haven_text(self) -> str:
        """The Haven ratio in words; empty where it is not known."""
        return f"Haven ratio {ratio_text(self.haven_ratio)}" if self.haven_ratio else ""

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        lists = ("interval", "lags_ps", "squared_displacements")
        told = asdict(self) | {name: list(getattr(self, name)) for name in lists}
        return told | {"haven_ratio": self.haven_ratio and list(self.haven_ratio)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TracerDiffusion:
        """Read what `to_dict` gives.

        Raises
        ------
        DynamicsError
            If it is something else.
        """
        try:
            low, high = (float(end) for end in data["interval"])
            ratio = data.get("haven_ratio")  # earlier versions did not tell it
            names = ("kelvin", "measured_kelvin", "length_ps", "value", "host_shift")
            return cls(
                **{name: float(data[name]) for name in names},
                interval=(low, high),
                hops=int(data["hops"]),
                lags_ps=tuple(float(x) for x in data["lags_ps"]),
                squared_displacements=tuple(float(x) for x in data["squared_displacements"]),
                haven_ratio=ratio and (float(ratio[0]), float(ratio[1]), float(ratio[2])),
            )
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise DynamicsError(f"this is no diffusivity of a simulation ({error!r}).") from None


def ratio_text(ratio: tuple[float, float, float]) -> str:
    """Write a ratio with the ends of its interval."""
    value, low, high = (f"{number:.2g}" for number in ratio)
    return f"{value} ({low} to {high})"


def tracer_diffusion(trajectory: Trajectory, ion: str) -> TracerDiffusion:
    """Return how fast the ions of a simulation spread.

    The diffusivity is a sixth of the slope of the mean squared displacement, over `FITTED` lags. Its error bar is
    that of the mean of `BLOCKS` pieces of the simulation, so it knows of ions that move together.

    Parameters
    ----------
    trajectory : Trajectory
    ion : str
        Element that moves.

    Raises
    ------
    DynamicsError
        If the simulation is too short to be divided, or holds no such ion.
    """
    n_frames = len(trajectory.positions)
    moving = is_ion(trajectory, ion)
    if n_frames // BLOCKS < FEWEST_FRAMES:
        needed = trajectory.frame_ps * BLOCKS * FEWEST_FRAMES
        raise DynamicsError(
            f"{trajectory.length_ps:.1f} ps are too short for a diffusivity; {needed:.1f} ps or more are needed."
        )
    ions, host = beside_the_host(trajectory, moving)
    size = n_frames // BLOCKS
    first, last = (round(share * size) for share in FITTED)
    slopes = np.array(
        [slope(ions[start : start + size], first, last) for start in range(0, BLOCKS * size, size)]
    )
    mean, deviation = float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(BLOCKS))
    per_frame = CM2_PER_S / (6 * trajectory.frame_ps)
    value, error = per_frame * mean, per_frame * STUDENT * deviation
    hops = count_hops(ions, trajectory.frame_ps)
    lags = lags_between(1, n_frames // 2)
    found = TracerDiffusion(
        trajectory.kelvin,
        float(trajectory.temperatures.mean()),
        trajectory.length_ps,
        value,
        (value - error, value + error),
        hops,
        _shift(host),
        tuple((lags * trajectory.frame_ps).tolist()),
        tuple(squared_displacements(ions, lags).tolist()),
    )
    if not (found.is_resolved and host.shape[1]):
        return found
    ratio = haven_ratio(ions, trajectory.frame_ps, (mean, deviation / mean), hops)
    return replace(found, haven_ratio=ratio)


def count_hops(ions: Paths, frame_ps: float) -> int:
    """Count how often an ion has settled elsewhere.

    Parameters
    ----------
    ions : ndarray, shape (n_frames, n_ions, 3)
        Unwrapped positions in Å.
    frame_ps : float
    """
    together = max(1, round(SETTLED_PS / frame_ps))
    n = len(ions) // together
    settled = ions[: n * together].reshape(n, together, *ions.shape[1:]).mean(axis=1)
    home, hops = settled[0].copy(), 0
    for now in settled[1:]:
        away = np.linalg.norm(now - home, axis=1) > HOP
        hops += int(away.sum())
        home[away] = now[away]
    return hops


def is_ion(trajectory: Trajectory, ion: str) -> NDArray[np.bool_]:
    """Return which atoms are ions of an element, shape (n_atoms,).

    Raises
    ------
    DynamicsError
        If none is.
    """
    from ase.data import atomic_numbers

    found = trajectory.numbers == atomic_numbers[ion]
    if not found.any():
        raise DynamicsError(f"the simulation holds no {ion}.")
    return np.asarray(found)


def beside_the_host(trajectory: Trajectory, moving: NDArray[np.bool_]) -> tuple[Paths, Paths]:
    """Return positions of the ions and of the other atoms, shifted so that these stay where they are as a whole."""
    positions = trajectory.positions.astype(float)
    host = positions[:, ~moving]
    if host.shape[1]:
        drift = host.mean(axis=1, keepdims=True) - host[:1].mean(axis=1, keepdims=True)
        positions = positions - drift
    return positions[:, moving], positions[:, ~moving]


def _shift(host: Paths) -> float:
    """Return how far apart the mean positions in the first and in the last tenth are, Å."""
    if not host.shape[1]:
        return 0.0
    tenth = max(1, len(host) // 10)
    moved = host[-tenth:].mean(axis=0) - host[:tenth].mean(axis=0)
    return float(np.sqrt((moved**2).sum(axis=1).mean()))

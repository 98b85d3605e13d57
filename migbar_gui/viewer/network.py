"""The hops of a crystal as tubes coloured by the height of their saddle, and the scale that tells the colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from migbar_gui.looks import energies
from migbar_gui.looks.colours import rgb

Floats = NDArray[np.float64]
Ints = NDArray[np.int_]

TUBE_RADIUS, ACTIVE_RADIUS = 0.085, 0.13
"""Radii in Å; the active hop is told by more than its colour."""

NODE_RADIUS = 0.2
"""Radius in Å of the ball at an end of a tube, where no atom is drawn."""

# Viridis (matplotlib, CC0) without its ends, which fade into white and black: even steps for the eye,
# also without colour and for the colour-blind.
_VIRIDIS = np.array(
    [
        rgb(colour)
        for colour in (
            "#482475",
            "#414487",
            "#355f8d",
            "#2a788e",
            "#21918c",
            "#22a884",
            "#44bf70",
            "#7ad151",
            "#bddf26",
        )
    ]
)

# Where all barriers are alike, the scale is this wide (eV), so that it has two ends.
_NARROWEST = 0.1


@dataclass(frozen=True, slots=True)
class Scale:
    """Energies in eV to colours. What is easy stands out from the background."""

    low: float
    high: float
    is_dark: bool

    @classmethod
    def of(cls, barriers: Floats, is_dark: bool) -> Scale:
        """Span all barriers."""
        low, high = float(barriers.min()), float(barriers.max())
        spare = max(0.0, _NARROWEST - (high - low)) / 2
        return cls(low - spare, high + spare, is_dark)

    def colours(self, energies: Floats) -> Floats:
        """Return red, green and blue from 0 to 1, shape (n, 3)."""
        share = np.clip((np.asarray(energies) - self.low) / (self.high - self.low), 0, 1)
        if self.is_dark:
            share = 1 - share
        at = share * (len(_VIRIDIS) - 1)
        return np.column_stack([np.interp(at, range(len(_VIRIDIS)), c) for c in _VIRIDIS.T])


@dataclass(frozen=True, slots=True)
class NetworkDrawing:
    """The hops of a cell as they are drawn.

    Attributes
    ----------
    hop : ndarray of int, shape (n,)
        Which of the distinct hops a tube is.
    ends : ndarray, shape (n, 2, 3)
        Of the tubes in Å.
    barriers, heights : ndarray, shape (m,)
        Of the distinct hops in eV; how high their saddles are above the best place is what their colours tell.
    labels : tuple of str, length m
        Names of the distinct hops.
    ion : str
        Symbol of what hops.
    highest : float
        Higher hops (eV) are hidden.
    active : int or None
        The distinct hop being looked at.
    """

    hop: Ints
    ends: Floats
    barriers: Floats
    heights: Floats
    labels: tuple[str, ...]
    ion: str
    highest: float = np.inf
    active: int | None = None

    @property
    def measure(self) -> str:
        """What the colours tell, in a word: where places are alike both are the same."""
        return "Barrier" if np.array_equal(self.barriers, self.heights) else "Saddle"

    @property
    def shown(self) -> Ints:
        """Rows of the tubes that are not hidden."""
        return np.flatnonzero(self.heights[self.hop] <= self.highest)

    def radii(self) -> Floats:
        """Return the radius of each tube in Å."""
        return np.where(self.hop == self.active, ACTIVE_RADIUS, TUBE_RADIUS)

    def label(self, row: int) -> str:
        """Return what to write beside a tube."""
        hop = self.hop[row]
        return f"{self.labels[hop]}   {energies.energy(self.barriers[hop], 2)}"

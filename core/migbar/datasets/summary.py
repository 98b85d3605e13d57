"""Barrier data at a glance: how high, of which ions, of which classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar.files import replacing
from migbar.pages import ACCENT, GRID, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_CLASSES = 15
"""Rarer classes are shown as one."""


def summary_figure(barriers: ArrayLike, ions: Sequence[str], families: Sequence[str]) -> Figure:
    """Return the histogram of the barriers, and the numbers of paths by ion and by class.

    Parameters
    ----------
    barriers : array_like, shape (n,)
        In eV; NaN where unknown.
    ions, families : sequence of str
        Of each path.
    """
    figure, axes = new_figure(9.0, 3.6)
    axes.remove()
    columns = figure.subplots(1, 3, width_ratios=(3, 1.4, 2.4))
    for column in columns:
        column.spines[["top", "right"]].set_visible(False)
    known = np.asarray(barriers, float)
    known = known[np.isfinite(known)]
    columns[0].hist(known, bins="auto" if len(known) else 1, color=ACCENT, edgecolor=GRID)
    columns[0].axvline(GOOD_CONDUCTOR_EV, color=INK, linewidth=1, linestyle="--")
    columns[0].set(xlabel="E$_m$ (eV)", ylabel="paths")
    columns[0].set_xlim(left=0)
    _bars(columns[1], Counter(ions).most_common(), "ion")
    _bars(columns[2], _most(Counter(family or "(no class)" for family in families)), "class")
    return figure


def write_summary(path: str | Path, figure: Figure) -> None:
    """Write the figure, as PNG, SVG or PDF by the ending of the name."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150)


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    shown = counts.most_common(MOST_CLASSES)
    rest = counts.total() - sum(number for _, number in shown)
    return [*shown, ("others", rest)] if rest else shown


def _bars(axes: Axes | Any, counts: Sequence[tuple[str, int]], label: str) -> None:
    names, numbers = [name for name, _ in counts][::-1], [number for _, number in counts][::-1]
    axes.barh(range(len(names)), numbers, color=ACCENT, height=0.7)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.set(xlabel="paths", title=f"by {label}")

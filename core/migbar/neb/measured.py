"""How far a potential's NEB barriers are from known ones: measured, and told with every barrier.

The numbers are aggregates over a sample of the published training paths, made by `migbar.neb.baseline` and
`migbar.neb.scores`; the command that makes them again stands in their file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache

from migbar.resources import resource_dir

FILE = "potentials/measured.json"


@dataclass(frozen=True, slots=True)
class MeasuredError:
    """Barriers by NEB with a potential beside known DFT-NEB barriers.

    Attributes
    ----------
    potential, preset : str
    ends_relaxed : bool
    n : int
        Paths whose NEB converged: those that are scored.
    failed, not_converged : int
        Paths without a barrier, and paths whose NEB did not converge.
    moved : int
        Scored paths of which an end moved into another site when it was relaxed.
    bias_ev, median_ev, spread_ev : float
        Mean, median and standard deviation of NEB minus known barrier, eV.
    mae_ev, mae_se_ev, r2, r2_se : float
        Scores and their bootstrap standard errors.
    seconds : float
        Median wall time of a path.
    by_class : dict
        ``n``, ``bias_ev`` and ``spread_ev`` of structural classes with some paths.
    """

    potential: str
    preset: str
    ends_relaxed: bool
    n: int
    failed: int
    not_converged: int
    moved: int
    bias_ev: float
    median_ev: float
    spread_ev: float
    mae_ev: float
    mae_se_ev: float
    r2: float
    r2_se: float
    seconds: float
    by_class: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One sentence for people."""
        ends = "relaxed" if self.ends_relaxed else "unrelaxed"
        return (
            f"This potential's barriers are {_off(self.bias_ev)} on average ({_off(self.median_ev)} in the "
            f"median), with a spread of {self.spread_ev:.2f} eV from path to path "
            f"({self.n} paths with known DFT-NEB barriers; preset {self.preset}, {ends} ends)."
        )


def _off(error_ev: float) -> str:
    return f"{abs(error_ev):.2f} eV too {'low' if error_ev < 0 else 'high'}"


@cache
def _measured() -> tuple[MeasuredError, ...]:
    try:
        data = json.loads((resource_dir() / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    return tuple(MeasuredError(**entry) for entry in data["measured"])


def measured_error(potential: str, ends_relaxed: bool = True) -> MeasuredError | None:
    """Return what was measured of a potential's barriers, None where nothing was."""
    for found in _measured():
        if (found.potential, found.ends_relaxed) == (potential, ends_relaxed):
            return found
    return None

"""A barrier from a relaxed band as one more input of a model, and where such barriers come from.

A model takes barriers of the one kind only that it was trained on: of one potential, one preset of the NEB, and ends
relaxed or not. They are off in ways of their own, which the model has learnt to correct.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from migbar.bands import Band
from migbar.barriers import Barrier, ModelCard, Predictor
from migbar.errors import BandsFileError, ModelError
from migbar.progress import SILENT, Progress

NEEDED = ("sys_name", "potential", "preset", "ends_relaxed", "barrier_ev")
"""Columns of a table of relaxed barriers; ``converged`` counts where it is there, all others do not."""

_OTHER_NAMES = {"mace": "mace:large"}


@dataclass(frozen=True, slots=True)
class RelaxedBy:
    """How bands were relaxed.

    Attributes
    ----------
    potential : str
        As `migbar.potentials` names it; ``mace`` alone means the paper's, ``mace:large``.
    preset : str
        Of the NEB.
    ends_relaxed : bool
    """

    potential: str
    preset: str
    ends_relaxed: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "potential", _OTHER_NAMES.get(self.potential, self.potential))

    def __str__(self) -> str:
        ends = "relaxed" if self.ends_relaxed else "not relaxed"
        return f"{self.potential}, preset {self.preset}, ends {ends}"


PUBLISHED_MACE = RelaxedBy("mace:large", "paper", True)
"""How the published MACE-NEB barriers with relaxed ends were made."""


@dataclass(frozen=True, slots=True)
class RelaxedBarrier:
    """The barrier of a relaxed band: highest image above the lower end, in eV."""

    barrier_ev: float
    by: RelaxedBy


@runtime_checkable
class TakesRelaxed(Protocol):
    """A model that can take relaxed barriers, of one kind."""

    card: ModelCard

    @property
    def takes(self) -> RelaxedBy | None:
        """The kind it was trained on; None where it was trained without."""

    def predict(
        self,
        bands: Sequence[Band],
        progress: Progress = SILENT,
        relaxed: Sequence[RelaxedBarrier | None] | None = None,
    ) -> list[Barrier]:
        """Predict the barrier of each band, with the help of its relaxed one where that is given."""


def kind_taken(model: Predictor) -> RelaxedBy:
    """Return the kind of relaxed barriers that a model takes.

    Raises
    ------
    ModelError
        If it takes none.
    """
    kind = model.takes if isinstance(model, TakesRelaxed) else None
    if kind is None:
        raise ModelError(
            f"{model.card.name} takes no relaxed barriers; use migbar-fast, or the straight path "
            "(on the command line: no --neb)."
        )
    return kind


def predict_with_relaxed(
    model: Predictor,
    bands: Sequence[Band],
    relaxed: Sequence[RelaxedBarrier | None],
    progress: Progress = SILENT,
) -> list[Barrier]:
    """Predict barriers with the help of relaxed ones where they are given.

    Raises
    ------
    ModelError
        If the model takes none, or not of this kind.
    """
    kind = kind_taken(model)
    for given in relaxed:
        if given is not None and given.by != kind:
            raise ModelError(
                f"{model.card.name} takes relaxed barriers by {kind}, not by {given.by}: errors of "
                "another kind are others. Relax the band so, or predict without it."
            )
    assert isinstance(model, TakesRelaxed)
    return model.predict(bands, progress, relaxed)


@dataclass(frozen=True, slots=True)
class RelaxedTable:
    """Relaxed barriers of paths by name, and how many rows were of no use, by reason."""

    barriers: Mapping[str, RelaxedBarrier]
    unused: Mapping[str, int]


def read_relaxed(path: str | Path, kind: RelaxedBy) -> RelaxedTable:
    """Read the relaxed barriers of one kind from a table, such as ``migbar neb --bands`` writes.

    Rows of another kind, without a barrier, or not converged are counted, not used.

    Raises
    ------
    BandsFileError
        If the file is no such table, or holds no barrier of this kind.
    """
    path = Path(path)
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError) as error:
        raise BandsFileError(path.name, [f"cannot be read ({error})"]) from None
    missing = [name for name in NEEDED if rows and name not in rows[0]]
    if missing or not rows:
        raise BandsFileError(path.name, [f"has no column {n}" for n in missing] or ["has no rows"])
    barriers: dict[str, RelaxedBarrier] = {}
    unused: Counter[str] = Counter()
    problems = []
    for number, row in enumerate(rows, start=2):
        by = RelaxedBy(row["potential"], row["preset"], _is_true(row["ends_relaxed"]))
        text = (row["barrier_ev"] or "").strip()
        if by != kind:
            unused[f"by {by}"] += 1
        elif not text:
            unused["without a barrier"] += 1
        elif not _is_true(row.get("converged") or "true"):
            unused["not converged"] += 1
        elif (value := _number(text)) is None:
            problems.append(f"line {number}: the barrier '{text}' is not a number")
        else:
            barriers[row["sys_name"]] = RelaxedBarrier(value, by)
    if not barriers and not problems:
        held = ", ".join(f"{count} {reason}" for reason, count in unused.items())
        problems.append(f"holds no barrier by {kind}, only: {held}")
    if problems:
        raise BandsFileError(path.name, problems)
    return RelaxedTable(barriers, dict(unused))


def _is_true(text: str | None) -> bool:
    return (text or "").strip().lower() in ("true", "1", "1.0", "yes")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None

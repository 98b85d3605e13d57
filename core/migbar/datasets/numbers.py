"""Barriers as people write them: with units, with decimal commas, in meV, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from migbar.datasets.problems import Level, Mend, Problem, Source

_BLANK = {"", "-", "–", "na", "n/a", "nan", "none", "null", "?", "tbd"}
_MEV_MEDIAN = 20.0
"""A file whose median barrier is larger is in meV."""


class Barriers:
    """Reads the barriers of one file.

    Parameters
    ----------
    values : iterable
        All of them as they stand there; where the median of those without a unit is too large for eV, meV are
        meant by these.
    in_mev : bool
        Whether the file says that they are in meV.
    """

    def __init__(self, values: Iterable[Any], in_mev: bool = False) -> None:
        bare = (value for value in values if not _has_unit(value))
        known = [number for number, _ in map(_parse, bare) if number is not None]
        self._said = in_mev
        self._mev = not in_mev and len(known) >= 3 and float(np.median(known)) > _MEV_MEDIAN

    def read(
        self, value: Any, source: Source, name: str
    ) -> tuple[float | None, tuple[Problem, ...]]:
        """Return a barrier in eV, mended where that is safe, and what was wrong with it."""
        number, comma = _parse(value)
        if number is None:
            if _is_blank(value):
                return None, ()
            text = f"The barrier {str(value)[:40]!r} is not a number."
            return None, (Problem("bad_barrier", text, source, name),)
        problems = []
        if self._said and not _has_unit(value):
            number /= 1000
        if comma:
            text = f"The barrier '{value}' has a decimal comma; it would be read as {number:g} eV."
            problems.append(
                Problem("decimal_comma", text, source, name, Level.ERROR, Mend.DECIMAL_COMMA)
            )
        if self._mev and not _has_unit(value):
            text = (
                f"The barriers of this file look like meV ({number:g} here); this one would be read as "
                f"{number / 1000:g} eV."
            )
            problems.append(Problem("mev", text, source, name, Level.ERROR, Mend.MEV))
            number /= 1000
        return number, tuple(problems)


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _BLANK)


def _has_unit(value: Any) -> bool:
    return str(value).strip().endswith("eV")


def _parse(value: Any) -> tuple[float | None, bool]:
    """Return a number with its unit undone, and whether it had a decimal comma."""
    if isinstance(value, bool) or _is_blank(value):
        return None, False
    if isinstance(value, int | float):
        return (float(value), False) if np.isfinite(value) else (None, False)
    if not isinstance(value, str):
        return None, False
    match = re.fullmatch(r"([-+]?\d*[.,]?\d+(?:[eE][-+]?\d+)?)\s*(m?eV)?", value.strip())
    if match is None:
        return None, False
    number = float(match[1].replace(",", "."))
    return number / (1000 if match[2] == "meV" else 1), "," in match[1]

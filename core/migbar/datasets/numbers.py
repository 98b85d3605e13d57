"""Barriers as people write them: with units, with decimal commas, in meV, Ry or kJ/mol, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from migbar.datasets.problems import Level, Mend, Problem, Source

_BLANK = {"", "-", "–", "na", "n/a", "nan", "none", "null", "?", "tbd"}
_MEV_MEDIAN = 150.0
"""A file whose median barrier is larger is in meV; below that it may be in kJ/mol, and is asked about."""

_IN_EV = {
    "ev": 1.0,
    "mev": 1e-3,
    "ry": 13.605693,
    "rydberg": 13.605693,
    "ha": 27.211386,
    "hartree": 27.211386,
    "kj": 1 / 96.48533,
    "kcal": 1 / 23.06055,
}
"""What the units are worth; the last two per mole."""

UNIT = r"(?:(m?ev|ry|rydberg|ha|hartree)|(kj|kcal)[\s/·⋅.*_]*(?:per[\s_]*)?mol(?:e|\^?\{?[-−]1\}?|⁻¹)?)"
"""``meV``, ``Ry``, ``kJ/mol``, ``kcal·mol⁻¹`` as a regular expression of two groups, where capitals do not matter."""

_NUMBER = re.compile(rf"([-+]?\d*[.,]?\d+(?:e[-+]?\d+)?)\s*{UNIT}?", re.IGNORECASE)
_WITH_UNIT = re.compile(rf"{UNIT}$", re.IGNORECASE)


def unit_in_ev(match: re.Match[str], first: int = 1) -> float | None:
    """Return what the `UNIT` of a match is worth in eV, None where there is none.

    Parameters
    ----------
    match : re.Match
    first : int
        Number of the first of the unit's two groups.
    """
    unit = match[first] or match[first + 1]
    return _IN_EV[unit.lower()] if unit else None


class Barriers:
    """Reads the barriers of one file.

    Parameters
    ----------
    values : iterable
        All of them as they stand there; where the median of those without a unit is too large for eV, meV are
        meant by these.
    unit_ev : float, optional
        What their unit is worth (eV), where the file says it.
    """

    def __init__(self, values: Iterable[Any], unit_ev: float | None = None) -> None:
        bare = (value for value in values if not _has_unit(value))
        known = [number for number, _ in map(_parse, bare) if number is not None]
        self._unit_ev = unit_ev
        many_large = len(known) >= 3 and float(np.median(known)) > _MEV_MEDIAN
        # A column may be in meV though its name says eV: barrier_ev is what MigBar calls it itself.
        self._mev = unit_ev in (None, 1.0) and many_large

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
        if self._unit_ev is not None and not _has_unit(value):
            number *= self._unit_ev
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
    return _WITH_UNIT.search(str(value).strip()) is not None


def _parse(value: Any) -> tuple[float | None, bool]:
    """Return a number with its unit undone, and whether it had a decimal comma."""
    if isinstance(value, bool) or _is_blank(value):
        return None, False
    if isinstance(value, int | float):
        return (float(value), False) if np.isfinite(value) else (None, False)
    if not isinstance(value, str):
        return None, False
    match = _NUMBER.fullmatch(value.strip())
    if match is None:
        return None, False
    number = float(match[1].replace(",", "."))
    return number * (unit_in_ev(match, 2) or 1.0), "," in match[1]

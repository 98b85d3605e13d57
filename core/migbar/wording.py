"""How numbers are written in the texts that people read."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"(?<![\w.])−?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")
_OPTIONS = re.compile(r" \((?:in the window: ([^()]+); )?on the command line[:,] [^()]+\)")

_UNITS = "m?eV|Å|cm|S/cm|[mnµ]m|[fpn]?s|1/s|min|h|days|K|GPa|[kMG]B|%|°|e|C"
_TOGETHER = re.compile(
    rf"(?<=[\d⁰¹²³⁴⁵⁶⁷⁸⁹]) (?=[×±]|(?:{_UNITS})(?![A-Za-z]))|(?<=[×±=≤]) |(?<=h) (?=\d\d min)"
    r"|(?<=\d,) (?=-?\d\.\d{3}[,)])| (?==)|(?<=\D[ (][^\W\daAI]) (?!\()|(?<=[a-z]²) (?=[^\W\d] )"
)
"""Spaces where a line does not end: before a unit, and in ``0.3 ± 0.1``, ``2 × 10⁻⁷``, ``(0.000, 0.500, 0.500)``,
``x = 0.1`` and ``q² x D/kT``."""

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")

SMALLEST_UM = 0.001
"""No particle is smaller."""

LENGTHS = ((1.0, 1e3, "nm"), (1e3, 1.0, "µm"), (1e4, 1e-3, "mm"))
"""Up to how many µm a unit is used, and how many of it a µm is."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 path``, ``2 paths``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_minus(text: str) -> str:
    """Return numbers with the minus sign that people read, where they have a hyphen."""
    return text.replace("-", "−")


def unbroken(text: str) -> str:
    """Return a text whose lines do not end between a number and its unit, or within a formula."""
    return _TOGETHER.sub("\N{NO-BREAK SPACE}", text)


def formula_text(name: str) -> str:
    """Write the numbers after the elements of a formula, or of a name that holds one, as subscripts.

    Those of a space group are none: ``CaNi2O4_P21m`` is CaNi₂O₄_P21m.
    """
    return re.sub(
        r"(?:(?<=[A-Z)])|(?<=[A-Z][a-z]))\d+(?:\.\d+)?(?![a-z\d]|\.\d)",
        lambda m: m[0].translate(_SUBSCRIPTS),
        name,
    )


def space_group_text(symbol: str) -> str:
    """Write the screw axes of a Hermann-Mauguin symbol with subscripts: ``P6_3/mmc`` as P6₃/mmc."""
    return re.sub(r"_(\d)", lambda m: m[1].translate(_SUBSCRIPTS), symbol)


def duration(seconds: float) -> str:
    """Say how long in words that are short."""
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 60 * 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes / 1440:.1f} days"


def power(value: float) -> str:
    """Return a number's order of magnitude as terminals have it, ``3e-10``; none is ``0``."""
    return f"{value:.0e}" if value else "0"


def power_of_ten(exponent: int) -> str:
    """Write 10 with its exponent as small raised figures."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def scientific(value: float, digits: int = 1) -> str:
    """Write a number as ``3.2 × 10⁻¹⁰``; near to one as ``0.32`` or ``32``."""
    rounded = f"{value:.{digits}e}"
    mantissa, _, exponent = rounded.partition("e")
    if abs(int(exponent)) <= 1:
        return f"{float(rounded):.{max(0, digits - int(exponent))}f}"
    return f"{mantissa} × {power_of_ten(int(exponent))}"


def size_text(micrometres: float) -> str:
    """Write the size of a particle: none is as small as a unit cell, and no matter how much larger than 1 cm."""
    if micrometres < SMALLEST_UM:
        return "none"
    for limit, factor, unit in LENGTHS:
        if micrometres < limit:
            return f"{float(f'{factor * micrometres:.2g}'):g} {unit}"
    return "1 cm or more"


def without_options(text: str) -> str:
    """Return a text as the window tells it: what it says of the command line alone, in brackets, is left out."""
    return _OPTIONS.sub(lambda found: f" ({found[1]})" if found[1] else "", text)


def without_numbers(text: str) -> str:
    """Return what is the same in texts that say the same of different numbers."""
    return _NUMBER.sub("#", text)


def with_ranges(texts: Sequence[str]) -> str:
    """Return texts that differ in nothing but numbers as one: of ``1.2 Å`` and ``1.5 Å`` it has ``1.2 to 1.5 Å``."""

    def span(numbers: Sequence[str]) -> str:
        ordered = sorted(set(numbers), key=_value)
        return " to ".join(dict.fromkeys((ordered[0], ordered[-1])))

    spans = map(span, zip(*map(_NUMBER.findall, texts), strict=True))
    return _NUMBER.sub(lambda _: next(spans), texts[0])


def _value(number: str) -> float:
    return float(number.replace("−", "-").replace(",", ""))

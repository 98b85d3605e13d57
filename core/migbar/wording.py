"""How numbers are written in the texts that people read."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 path``, ``2 paths``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def with_minus(text: str) -> str:
    """Return numbers with the minus sign that people read, where they have a hyphen."""
    return text.replace("-", "−")

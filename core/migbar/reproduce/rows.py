"""Tables of scores as Markdown and CSV: a row is a dict, and all columns that occur are shown."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

_ERROR = " se"

Row = dict[str, Any]
"""Values by column; a column ``x se`` holds the standard errors of ``x``."""


def as_markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as a Markdown table; a score and its standard error share a column."""
    names = [n for n in _column_names(rows) if not n.endswith(_ERROR)]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row, n) for n in names) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any], name: str) -> str:
    value, error = row.get(name), row.get(name + _ERROR)
    text = f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
    return text if error is None else f"{text} ± {error:.3f}"


def _column_names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(key for row in rows for key in row))
    return sorted(names, key=lambda name: name == "note")


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows as CSV."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _column_names(rows), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value

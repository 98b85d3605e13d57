"""Pages of HTML that need nothing else, not even a network: what the reports are put together from."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, GRID, ACCENT = "#1f2933", "#d9dee3", "#2f6fab"
"""Colours of text, of lines and of what is shown."""

LONGEST_WHOLE = 16
"""Letters of a text in a table that stays on one line, as ``0.02 to 0.51`` and ``10 → 11@0,0,-1``."""

LONGEST_WORD = 24
"""Letters of a word that is never broken; a file's name and a checksum have more."""


def page(title: str, parts: Iterable[str]) -> str:
    """Return a whole page; empty parts are left out."""
    return _PAGE.format(title=escape(title), style=_STYLE, body="\n".join(p for p in parts if p))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of texts; without a head where all its names are empty."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head) if any(head) else ""
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    """Return a cell: a short text stays on one line, and only a very long word is broken within."""
    longest = max(map(len, text.split()), default=0)
    kind = "name" if longest > LONGEST_WORD else "text" if len(text) > LONGEST_WHOLE else ""
    return f"<td class='{kind}'>{escape(text)}</td>" if kind else f"<td>{escape(text)}</td>"


def new_figure(width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of this size in inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg(figure: Figure) -> str:
    """Return a figure as SVG to be put into a page."""
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context(
        {"svg.fonttype": "none", "svg.hashsalt": "migbar", "font.family": "sans-serif"}
    ):
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    picture = text.getvalue()
    picture = picture[picture.index("<svg") :]
    # What describes the file names outside addresses; the page should name none.
    return re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid #d9dee3; }
.lead { font-size: 1.1rem; } .small, figcaption { font-size: .85rem; color: #52606d; }
table { border-collapse: collapse; font-size: .9rem; margin: .8rem 0; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #e8ecf0; vertical-align: top; }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.text, td.name { white-space: normal; } td.name { overflow-wrap: anywhere; }
figure { margin: 1rem 0; } svg, img { max-width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; }
  svg, img { width: auto; max-height: 21cm; } }
"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

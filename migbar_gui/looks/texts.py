"""How texts of the core are written in the window: errors, and where lines may end."""

from __future__ import annotations

import re

from migbar import wording
from migbar.wording import without_options

_LONG = re.compile(r"\S{60,}")
"""Words such as names of files that would make a window as wide as they are."""


def unbroken(text: str) -> str:
    """Return a text whose lines do not end within a number or a formula, but may within a very long word."""
    folded = _LONG.sub(lambda word: re.sub(r"\S{30}", "\\g<0>\N{ZERO WIDTH SPACE}", word[0]), text)
    return wording.unbroken(folded)


def verbatim(text: str) -> str:
    """Return a text as a button or a menu has to be given it, where & marks no letter: ``gut & schlecht.cif``."""
    return text.replace("&", "&&")


def in_words(error: object) -> str:
    """Return what went wrong, without options; of an error of the system, its words and the file."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return without_options(str(error))


def sentence(text: str) -> str:
    """Begin a text with a capital, unless a file's name does."""
    return text[:1].upper() + text[1:] if text[:1].islower() and " " in text.split(".")[0] else text

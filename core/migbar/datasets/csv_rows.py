"""CSV as it comes: from Excel of any language and from a Mac, in any encoding that is usual."""

from __future__ import annotations

import codecs
import csv
import io
import re
from pathlib import Path

from migbar.errors import BandsFileError

_TOLD_DELIMITER = re.compile(r'"?sep=([^"\n])[^\n]*\n', re.IGNORECASE)
"""What Excel is told in a line of its own, above the header."""


def csv_rows(path: Path) -> list[list[str]]:
    """Read the cells of a CSV table, parted by commas, semicolons or tabs, as other programs write it.

    Raises
    ------
    BandsFileError
        If it is no such table.
    OSError
        If it cannot be read.
    """
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # Excel's "Unicode text"
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data:
        raise BandsFileError(
            path.name, ["is a binary file and no CSV; is it an XLSX by another name?"]
        )
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # Excel for Mac ends lines with \r alone
    told = _TOLD_DELIMITER.match(text)
    text = text[told.end() :] if told else text
    head = text.lstrip().split("\n", 1)[0]
    # A table with decimal commas is parted by semicolons.
    delimiter = told[1] if told else max(";\t,", key=head.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise BandsFileError(
            path.name, [f"is no readable table ({error}); is a quotation mark left open?"]
        ) from None

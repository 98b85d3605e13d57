"""Smoothness of the table of a screening with 100,000 rows: ``python -m tests.benchmarks.screening_table``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from migbar.screening.database import read_database
from migbar.screening.query import Choice, find_rows
from migbar_gui.app import make_application
from migbar_gui.screening.table import Column, ResultTable
from tests.gui.test_screening import fill_database

ROWS = 100_000
STEPS = 300


def measure() -> None:
    """Fill a table, sort it, and scroll through all of it."""
    app = make_application()
    from PySide6.QtWidgets import QTableView

    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "many.db"
        fill_database(database, ROWS)
        table, view = ResultTable(), QTableView()
        view.setModel(table)
        view.resize(1100, 600)
        view.show()
        for choice in (Choice(), Choice(sort="barrier_ev", descending=True)):
            started = time.perf_counter()
            with read_database(database) as connection:
                keys = find_rows(connection, choice)
            found = time.perf_counter()
            table.show(database, keys)
            view.repaint()
            shown = time.perf_counter()
            print(
                f"{len(keys):,} rows by {choice.sort or 'arrival'}: found in {found - started:.2f} s (in a thread), "
                f"shown in {1000 * (shown - found):.0f} ms"
            )
        times, busy = [], time.process_time()
        for row in np.linspace(0, ROWS - 1, STEPS).astype(int):
            started = time.perf_counter()
            view.scrollTo(table.index(int(row), Column.FILE))
            view.viewport().repaint()
            app.processEvents()
            times.append(1000 * (time.perf_counter() - started))
        print(
            f"a jump to another place: {np.median(times):.1f} ms, 95 % within {np.percentile(times, 95):.1f} ms, "
            f"the slowest {max(times):.1f} ms; {1000 * (time.process_time() - busy) / STEPS:.1f} ms of processor each"
        )


if __name__ == "__main__":
    measure()

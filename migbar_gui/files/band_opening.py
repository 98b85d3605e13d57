"""Shows a band of a dataset in the window: its host as the structure, its path in the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from migbar.datasets import BandRecord
from migbar.hops import Hop, Mechanism, hop_between_points
from migbar_gui.background.jobs import Jobs
from migbar_gui.files.documents import describe
from migbar_gui.looks import energies
from migbar_gui.workspace import Document, Workspace

NEARLY = 1e-5
"""A fractional coordinate this far below 0 is 0."""


def open_record(
    workspace: Workspace, jobs: Jobs, name: str, load: Callable[[], BandRecord]
) -> None:
    """Open a path with its surroundings just as they are in the data; undo brings back what was open.

    Parameters
    ----------
    workspace : Workspace
    jobs : Jobs
    name : str
        Of the path.
    load : callable
        Reads it; called in another thread.
    """

    def work(_: object) -> tuple[Document, Hop, float | None]:
        record = load()
        return (*document_of(record), record.target_ev)

    def show(made: tuple[Document, Hop, float | None]) -> None:
        document, hop, known = made
        note = "" if known is None else f"known barrier {energies.energy(known)}"
        workspace.open_path(document, hop, note)

    jobs.start("open", f"Opening {name}", work, show)


def document_of(record: BandRecord) -> tuple[Document, Hop]:
    """Describe the host, and make the hop of one more ion in it."""
    band = record.band
    mechanism = Mechanism.INTERSTITIAL if band.ion in band.host.symbol_set else Mechanism.INSERTION
    path = band.path[[0, -1]] - np.floor(band.path[0] + NEARLY)
    start, end = np.where(
        abs(path) < NEARLY, 0.0, path
    )  # a coordinate of -0.000 is read as a fault
    hop = hop_between_points(band.host, band.ion, start, end, mechanism)
    document = describe(record.sys_name, None, band.host)
    if band.ion not in (*document.ions, *document.guests):
        document = replace(document, guests=(band.ion, *document.guests))
    return document, hop

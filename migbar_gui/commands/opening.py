"""Opening files: read in another thread, ask where a file leaves a choice, never lose what was open."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from migbar import structures
from migbar_gui.background.jobs import Jobs
from migbar_gui.dialogs.blocks import BlockDialog
from migbar_gui.dialogs.ordering import OrderingDialog
from migbar_gui.files.documents import (
    PartlyOccupied,
    SeveralBlocks,
    keep_text,
    order_document,
    read_document,
)
from migbar_gui.files.session import SUFFIX
from migbar_gui.workspace import Document, Workspace

STRUCTURE_NAMES = " ".join(structures.FILE_NAMES)
OPEN_FILTER = (
    f"All that MigBar opens ({STRUCTURE_NAMES} *{SUFFIX});;"
    f"Crystal structures ({STRUCTURE_NAMES});;MigBar sessions (*{SUFFIX});;All files (*)"
)


class Opener(QObject):
    """Opens files into the workspace."""

    opened = Signal(Path)

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        on_failed: Callable[[Exception], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._on_failed = on_failed
        self._window = parent

    def open(self, path: Path, block: str | None = None) -> None:
        """Read a file; what is open stays until the new structure is complete."""
        self._jobs.start(
            "open",
            f"Reading {path.name}",
            lambda progress: read_document(path, block),
            self._take,
            self._on_failed,
        )

    def open_text(self, text: str) -> None:
        """Open a structure that was pasted."""
        self._jobs.start(
            "open",
            "Reading what was pasted",
            lambda _: keep_text(text),
            self.open,
            self._on_failed,
        )

    def _take(self, read: Document | SeveralBlocks | PartlyOccupied) -> None:
        if isinstance(read, SeveralBlocks):
            self._ask_block(read)
        elif isinstance(read, PartlyOccupied):
            self._offer_ordering(read)
        else:
            self._workspace.open(read)
            if read.source is not None:
                self.opened.emit(read.source)

    def _ask_block(self, several: SeveralBlocks) -> None:
        dialog = BlockDialog(several.path.name, several.blocks, self._window)
        dialog.chosen.connect(lambda block: self.open(several.path, block))
        dialog.open()

    def _offer_ordering(self, partly: PartlyOccupied) -> None:
        dialog = OrderingDialog(
            partly.name,
            structures.formula(partly.structure),
            partly.partial_labels,
            len(partly.structure),
            self._window,
        )
        dialog.chosen.connect(partial(self._order, partly))
        dialog.open()

    def _order(self, partly: PartlyOccupied, max_atoms: int, time_limit: float) -> None:
        self._jobs.start(
            "open",
            f"Ordering {partly.name}",
            lambda progress: order_document(partly, max_atoms, time_limit, progress),
            self._take,
            self._on_failed,
        )

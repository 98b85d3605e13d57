"""Opening a row of the results: its structure in the main window, with its path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymatgen.core import Structure
from PySide6.QtCore import QObject

from migbar.barriers import Remark
from migbar.ends import name_hop, parse_mechanism, parse_point
from migbar.hops import Hop, Mechanism
from migbar_gui.background.jobs import Jobs
from migbar_gui.files.opening import Opener
from migbar_gui.workspace import Workspace


@dataclass(frozen=True, slots=True)
class WantedPath:
    """A path in a file, as a results database names it.

    Attributes
    ----------
    file : Path
    ion : str
    start, end : str
        Empty where only the structure is wanted.
    mechanism : str
    """

    file: Path
    ion: str = ""
    start: str = ""
    end: str = ""
    mechanism: str = ""


class PathOpener(QObject):
    """Opens structures with a path in them, once the user has answered what there is to ask."""

    def __init__(
        self,
        workspace: Workspace,
        jobs: Jobs,
        opener: Opener,
        on_failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._opener = opener
        self._on_failed = on_failed
        self._wanted: WantedPath | None = None
        workspace.document_changed.connect(self._document_came)

    def open(self, wanted: WantedPath) -> None:
        """Open a file, then find its path and add it."""
        self._wanted = wanted
        self._opener.open(wanted.file)

    def _document_came(self) -> None:
        wanted, document = self._wanted, self._workspace.document
        if wanted is None or document is None:
            return
        self._wanted = None
        if document.source != wanted.file or not wanted.start:
            return
        if wanted.ion in (*document.ions, *document.guests):
            self._workspace.set_ion(wanted.ion)
        mechanism = parse_mechanism(wanted.mechanism) if wanted.mechanism else None
        if mechanism in document.mechanisms(wanted.ion):
            self._workspace.set_mechanism(mechanism)
        self._jobs.start(
            "screened path",
            f"Finding {wanted.start} → {wanted.end}",
            lambda _: _find(document.structure, wanted, mechanism),
            self._add,
            self._on_failed,
        )

    def _add(self, found: tuple[Hop, Sequence[Remark]]) -> None:
        self._workspace.add_path(*found)


def _find(
    structure: Structure, wanted: WantedPath, mechanism: Mechanism | None
) -> tuple[Hop, list[Remark]]:
    start, end = (
        parse_point(text) if text.count(",") == 2 and "@" not in text else text
        for text in (wanted.start, wanted.end)
    )
    return name_hop(structure, wanted.ion, start, end, mechanism)

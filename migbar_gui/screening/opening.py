"""Opening a row of the results: its structure in the main window, with its path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from migbar.barriers import Remark
from migbar.ends import name_hop, parse_end, parse_mechanism
from migbar.errors import MigbarError
from migbar.hops import Hop, Mechanism
from migbar_gui.background.jobs import Jobs
from migbar_gui.workspace import Document, Workspace

if TYPE_CHECKING:
    from migbar_gui.commands.opening import Opener


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
    sha256 : str
        Of the file as it was screened; empty where that is not known.
    """

    file: Path
    ion: str = ""
    start: str = ""
    end: str = ""
    mechanism: str = ""
    sha256: str = ""


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
        """Open a file, then find its path and add it; to those that are there where it is open as it was screened."""
        self._wanted = wanted
        document = self._workspace.document
        if document is not None and (document.source, document.sha256) == (
            wanted.file,
            wanted.sha256,
        ):
            self._document_came()
        else:
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
            lambda _: _find(document, wanted, mechanism),
            self._add,
            self._on_failed,
        )

    def _add(self, found: tuple[Hop, Sequence[Remark]]) -> None:
        self._workspace.add_path(*found)


class ChangedFileError(MigbarError):
    """Raised when a path is not there any more, in a file that was changed since it was screened."""


def _find(
    document: Document, wanted: WantedPath, mechanism: Mechanism | None
) -> tuple[Hop, list[Remark]]:
    ends = parse_end(wanted.start), parse_end(wanted.end)
    changed = f"{wanted.file.name} was changed since it was screened"
    is_changed = wanted.sha256 not in ("", document.sha256)
    try:
        hop, remarks = name_hop(document.structure, wanted.ion, *ends, mechanism)
    except MigbarError as error:
        if is_changed:
            raise ChangedFileError(f"{changed}, and {error}") from None
        raise
    if is_changed:
        text = f"{changed}: the table's path and barrier are those of the file as it was."
        remarks = [*remarks, Remark("changed_file", text)]
    return hop, remarks

"""New structures from the open one: made in another thread, opened with a note of how they were made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from migbar.barriers import Remark
from migbar.wording import space_group_text
from migbar_gui.background.jobs import Jobs
from migbar_gui.dialogs.substitution import SubstitutionDialog
from migbar_gui.dialogs.symmetry import SymmetryDialog
from migbar_gui.files.documents import describe
from migbar_gui.workspace import Document, Workspace

if TYPE_CHECKING:
    from migbar.derive import Derived
    from migbar.structures import Restored


def derive_document(document: Document, change: str, derived: Derived) -> Document:
    """Describe a derived structure; its notes are those of the structure it comes from, and its own.

    Parameters
    ----------
    document : Document
        What it was derived from.
    change : str
        What was done in a few words, for its name.
    derived : Derived
    """
    notes = (*document.notes, Remark("derived", derived.note))
    return describe(
        f"{document.name} · {change}", document.source, derived.structure, notes, document.sha256
    )


class Deriver(QObject):
    """Derives structures from the open one into the workspace."""

    def __init__(self, workspace: Workspace, jobs: Jobs, parent: QWidget) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._jobs = jobs
        self._window = parent

    def charge(self) -> None:
        """Open the structure without the current ion."""
        from migbar.derive import charged_limit

        self._derive("charged limit", charged_limit)

    def discharge(self) -> None:
        """Open the structure filled with the current ion."""
        from migbar.derive import discharged_limit

        self._derive("discharged limit", discharged_limit)

    def ask_substitution(self) -> None:
        """Ask which elements to exchange, and open the structure that results."""
        document = self._workspace.document
        if document is not None:
            dialog = SubstitutionDialog(document, self._substitute, self._window)
            dialog.rejected.connect(lambda: self._jobs.cancel("substitute"))
            dialog.open()

    def ask_symmetry(self) -> None:
        """Ask which symmetry the structure is meant to have, and open it on that."""
        document = self._workspace.document
        if document is None:
            return
        from migbar.structures import nearby_symmetries

        structure = document.structure

        def look(
            show: Callable[[list[Restored]], None], on_failed: Callable[[Exception], None]
        ) -> None:
            self._jobs.start(
                "symmetry",
                "Looking for symmetries",
                lambda progress: nearby_symmetries(structure, progress),
                show,
                on_failed,
            )

        dialog = SymmetryDialog(document, look, self._window)
        dialog.rejected.connect(lambda: self._jobs.cancel("symmetry"))
        dialog.chosen.connect(lambda restored: self._restore(document, restored))
        dialog.open()

    def _restore(self, document: Document, restored: Restored) -> None:
        from migbar.derive import Derived

        ion = self._workspace.state.ion
        derived = Derived(restored.structure, f"Symmetry restored: {restored}.")
        self._jobs.start(
            "open",
            "Restoring the symmetry",
            lambda _: derive_document(document, space_group_text(restored.symbol), derived),
            lambda made: self._workspace.open(made, ion),
        )

    def _derive(self, change: str, derive: Callable[..., Derived]) -> None:
        document, ion = self._workspace.document, self._workspace.state.ion
        assert document is not None
        self._jobs.start(
            "open",
            f"Deriving the {change}",
            lambda _: derive_document(document, change, derive(document.structure, ion)),
            lambda made: self._workspace.open(made, ion),
        )

    def _substitute(
        self,
        exchange: Mapping[str, str],
        on_done: Callable[[], object],
        on_failed: Callable[[Exception], None],
    ) -> None:
        document, ion = self._workspace.document, self._workspace.state.ion
        assert document is not None
        change = ", ".join(f"{new} for {old}" for old, new in exchange.items())

        def substitute(_: object) -> Document:
            from migbar.derive import substitute

            return derive_document(document, change, substitute(document.structure, exchange))

        def show(made: Document) -> None:
            self._workspace.open(made, exchange.get(ion, ion))
            on_done()

        self._jobs.start("substitute", "Substituting elements", substitute, show, on_failed)

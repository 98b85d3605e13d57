"""Add a path by naming its ends, without a mouse."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QLineEdit, QWidget

from migbar.barriers import Remark
from migbar.ends import name_hop, parse_end
from migbar.hops import Hop
from migbar_gui.background.jobs import Jobs
from migbar_gui.looks.widgets import ProblemLabel, Question, field_rows, label
from migbar_gui.workspace import Workspace


class CoordinatesDialog(Question):
    """Takes two ends as sites (``3@1,0,0``), voids (``v0``) or fractional coordinates (``0.5, 0, 1/4``)."""

    def __init__(self, workspace: Workspace, jobs: Jobs, parent: QWidget | None) -> None:
        between_sites = workspace.state.mechanism.between_sites
        ends = f"occupied {workspace.state.ion} sites" if between_sites else "voids"
        super().__init__(
            "Add a path",
            f"Mechanism {workspace.state.mechanism}: both ends are {ends}.",
            "Add path",
            parent,
        )
        self._workspace = workspace
        self._jobs = jobs
        self.start = QLineEdit(placeholderText="0" if between_sites else "v0")
        self.end = QLineEdit(placeholderText="3@1,0,0" if between_sites else "0.5, 0.5, 1/4")
        self.body.addLayout(field_rows((("&From", self.start), ("&To", self.end))))
        self.body.addWidget(
            label(
                "A site is its index (0, 1, …), or index@i,j,k for its image so many cells away along a, b and c; "
                "v0, v1, … are voids. Where the final end names no image, the nearest one is taken. A position is x, "
                "y, z in fractions of the cell.",
                "muted",
                wrap=True,
            )
        )
        self.problem = ProblemLabel()
        self.body.addWidget(self.problem)
        self.start.setFocus()

    def accept(self) -> None:
        """Find the hop; then add its path, or say what is wrong and stay open."""
        structure, state = self._workspace.structure, self._workspace.state
        assert structure is not None
        texts = self.start.text(), self.end.text()

        def find(_: object) -> tuple[Hop, list[Remark]]:
            start, end = map(parse_end, texts)
            return name_hop(structure, state.ion, start, end, state.mechanism)

        self._jobs.start("ends", "", find, self._add, self._complain)

    def reject(self) -> None:
        """Leave without a path."""
        self._jobs.cancel("ends")
        super().reject()

    def _add(self, found: tuple[Hop, Sequence[Remark]]) -> None:
        self._workspace.clear_picks()
        self._workspace.add_path(*found)
        super().accept()

    def _complain(self, error: Exception) -> None:
        self.problem.tell(error)
        self.fit()

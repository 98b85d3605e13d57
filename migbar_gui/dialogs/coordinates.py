"""Add a path by naming its ends, without a mouse."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QLineEdit, QWidget

from migbar.errors import MigbarError, SiteError
from migbar.hops import SiteRef, nearest_image, parse_site
from migbar_gui.widgets import Question, label
from migbar_gui.workspace import Pick, Workspace


class CoordinatesDialog(Question):
    """Takes two ends as sites (``3@1,0,0``) or as fractional coordinates (``0.5, 0, 0.25``)."""

    def __init__(self, workspace: Workspace, parent: QWidget | None) -> None:
        between_sites = workspace.state.mechanism.between_sites
        ends = f"occupied {workspace.state.ion} sites" if between_sites else "voids"
        super().__init__(
            "Add a path",
            f"Mechanism {workspace.state.mechanism}: both ends are {ends}.",
            "Add path",
            parent,
        )
        self._workspace = workspace
        self.start = QLineEdit(placeholderText="0" if between_sites else "0.5, 0, 0.25")
        self.end = QLineEdit(placeholderText="3@1,0,0" if between_sites else "0.5, 0.5, 0.25")
        form = QFormLayout()
        form.addRow("&From", self.start)
        form.addRow("&To", self.end)
        self.body.addLayout(form)
        self.body.addWidget(
            label(
                "A site is its index in the file (0, 1, …), or index@i,j,k for the periodic image i, j, k cells "
                "away; without an image the nearest one is taken. A position is x, y, z in fractions of the cell.",
                "muted",
                wrap=True,
            )
        )
        self.problem = label("", wrap=True)
        self.problem.setObjectName("problem")
        self.problem.setProperty("verdict", "poor")
        self.problem.hide()
        self.body.addWidget(self.problem)
        self.start.setFocus()

    def accept(self) -> None:
        """Make the path, or say what is wrong and stay open."""
        try:
            start = self._read(self.start.text(), None)
            end = self._read(self.end.text(), start.site)
            self._workspace.join(start, end)
        except MigbarError as error:
            self.problem.setText(str(error))
            self.problem.show()
            return
        super().accept()

    def _read(self, text: str, start: SiteRef | None) -> Pick:
        structure = self._workspace.structure
        assert structure is not None
        numbers = text.replace(";", ",").split(",") if "@" not in text else []
        if len(numbers) == 3:
            try:
                x, y, z = (float(n) for n in numbers)
            except ValueError:
                raise SiteError(f"'{text}' is not three numbers x, y, z.") from None
            return Pick((x, y, z))
        index, image = parse_site(text)
        if index >= len(structure):
            raise SiteError(f"there is no site {index}; sites run from 0 to {len(structure) - 1}.")
        if image is not None:
            site = SiteRef(index, image)
        elif start is not None:
            site = nearest_image(structure, start, index)[0]
        else:
            site = SiteRef(index)
        return Pick(site.frac_coords(structure), site)

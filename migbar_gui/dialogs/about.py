"""What this program is, and whom to cite."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialogButtonBox, QWidget

from migbar import __version__
from migbar_gui.looks.widgets import Question, label

CITATION = (
    "R. Devi, K. T. Butler, G. Sai Gautam, “Leveraging transfer learning for accurate estimation of ionic "
    "migration barriers in solids”, npj Computational Materials (2026), doi:10.1038/s41524-026-01972-8."
)


class AboutDialog(Question):
    """Says what the program is, and copies the citation."""

    def __init__(self, parent: QWidget | None) -> None:
        super().__init__(
            f"MigBar {__version__}",
            "Predicts ionic migration barriers in crystals from the two ends of a hop.",
            "Close",
            parent,
        )
        self.body.addWidget(label("Please cite", "section"))
        citation = label(CITATION, wrap=True)
        citation.setTextInteractionFlags(citation.textInteractionFlags().TextSelectableByMouse)
        self.body.addWidget(citation)
        self.body.addWidget(
            label(
                "A predicted barrier is an estimate of a DFT-NEB value with an interval, and no replacement "
                "for one where it matters. MIT licence.",
                "muted",
                wrap=True,
            )
        )
        self.cancel_button.hide()  # one taken out crashes Qt at the next change of the theme
        # Else it would stand before the other one, unlike in all dialogs that are closed.
        self.buttons.addButton(self.accept_button, QDialogButtonBox.ButtonRole.RejectRole)
        copy = self.buttons.addButton("Copy citation", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(CITATION))

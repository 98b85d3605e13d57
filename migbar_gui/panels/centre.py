"""The middle of the window: messages above the welcome page, or above the 3D view with its prompt."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import QFrame, QStackedWidget, QWidget

from migbar_gui.looks.notice import Notice
from migbar_gui.looks.widgets import ElidedLabel, button, centred, in_column, in_row, restyle
from migbar_gui.panels.level_bar import LevelBar
from migbar_gui.panels.path_table import NO_VOID
from migbar_gui.panels.welcome import WelcomePage
from migbar_gui.workspace import Workspace

HINT_MS = 5000


class Centre(QWidget):
    """Two pages: without a structure a welcome, with one the view.

    Attributes
    ----------
    notice, run_notice : Notice
        For messages about what is open, and about jobs.
    welcome : WelcomePage
    view_page : QWidget
        The parent of the view.
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.notice = Notice()
        self.run_notice = Notice()
        self.welcome = WelcomePage()
        self.level_bar = LevelBar(workspace)
        self.view_page = QWidget()
        self._waiting = centred("Starting the 3D view …")
        self._view_layout = in_column(
            self._make_prompt(), self._waiting, self.level_bar, grow=self._waiting, spacing=0
        )
        self.view_page.setLayout(self._view_layout)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.view_page)
        # Qt makes a new native window, which flickers and loses the focus, when the first OpenGL widget
        # comes into one that is shown; with this one in it from the start it does not.
        QOpenGLWidget(self.view_page).hide()
        parts = (self.notice, self.run_notice, self._pages)
        self.setLayout(in_column(*parts, grow=self._pages, spacing=0))
        self._hint = QTimer(self, singleShot=True, interval=HINT_MS)
        self._hint.timeout.connect(self._show_prompt)
        workspace.anything_changed.connect(self._show_prompt)
        workspace.image_changed.connect(self._show_prompt)
        workspace.voids_changed.connect(self._show_prompt)

    @property
    def shows_view(self) -> bool:
        """Whether the view is seen, or the welcome page."""
        return self._pages.currentWidget() is self.view_page

    def show_view(self, shown: bool) -> None:
        """Show the page with the view, or the welcome."""
        self._pages.setCurrentWidget(self.view_page if shown else self.welcome)
        self._show_prompt()

    def add_view(self, view: QWidget) -> None:
        """Put the view under its prompt."""
        self._waiting.hide()
        self._view_layout.insertWidget(1, view, 1)

    def hint(self, text: str) -> None:
        """Say above the view, for some seconds, why a click in it was of no use."""
        self._say(text, is_hint=True)
        self._hint.start()

    def _make_prompt(self) -> QFrame:
        frame = QFrame()
        frame.setObjectName("prompt")
        self.prompt = ElidedLabel()  # a long text must not push the docks aside
        self._back = button("Back to the crystal", lambda: self._workspace.show_image(None), "link")
        self._back.setToolTip("Show the crystal again (Esc)")
        self._back.hide()
        frame.setLayout(in_row(self.prompt, self._back, grow=self.prompt, margins=(14, 7, 14, 7)))
        return frame

    def _show_prompt(self) -> None:
        state, picks = self._workspace.state, self._workspace.picks
        image = self._workspace.shown_image
        self._back.setVisible(image is not None)
        place = f"{state.ion} site" if state.mechanism.between_sites else "void"
        if image is not None:
            text = image.text
        elif not state.ion:
            text = "This structure has no ion that could migrate, and none can be put in."
        elif self._workspace.lacks_voids:
            text = NO_VOID.format(state.ion)
        elif picks:
            text = f"Initial: {state.ion} at {picks[0]}. Now click the final {place}, or press Esc."
        else:
            text = f"Click the initial {place}, then the final one."
        self._say(text)

    def _say(self, text: str, is_hint: bool = False) -> None:
        self._hint.stop()
        self.prompt.setText(text)
        self.prompt.setToolTip(text)
        if self.prompt.property("hint") is not is_hint:
            self.prompt.setProperty("hint", is_hint)
            restyle(self.prompt)

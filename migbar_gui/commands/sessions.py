"""The window's commands about sessions: save, open, and bring back what a crash left behind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMessageBox

from migbar.wording import counted
from migbar_gui.files.keeping import SessionKeeper, recovery_folder
from migbar_gui.files.saving import ask_path
from migbar_gui.files.session import SUFFIX, Session
from migbar_gui.log import logger
from migbar_gui.workspace.camera import Camera
from migbar_gui.workspace.events import raising

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

SESSION_FORMATS = {f"MigBar sessions (*{SUFFIX})": SUFFIX}


class Sessions(QObject):
    """What the window does about session files."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._camera: Camera | None = None
        self.keeper = SessionKeeper(
            window.workspace,
            window.jobs,
            self.now,
            self.show,
            window.show_error,
            recovery_folder(window.settings),
            self,
        )
        self.keeper.changed.connect(self.show_title)
        self.keeper.saved.connect(lambda path: window.say(f"Saved {path}"))

    # -------------------------------------------------------------- what the window shows

    def now(self) -> Session:
        """Return the session as it is seen now."""
        window = self._window
        switches = {name: it.isChecked() for name, it in window.commands.switches.items()}
        camera = window.view.camera() if window.view is not None else self._camera
        hidden = tuple(sorted(window.structure_panel.hidden_elements))
        return Session(window.workspace.snapshot(), camera, switches, hidden)

    def show(self, session: Session) -> None:
        """Show a session in place of what is open; that stays where the session makes no sense.

        Raises
        ------
        Exception
            What went wrong with showing it.
        """
        before = self.now()
        try:
            with raising():
                self._become(session)
        except Exception:
            self._become(before)
            raise

    def _become(self, session: Session) -> None:
        window = self._window
        window.workspace.restore(session.workspace)
        window.structure_panel.hide_elements(session.hidden)
        for name, command in window.commands.switches.items():
            command.setChecked(session.switches.get(name, command.isChecked()))
        self._camera = session.camera
        self.aim()

    def aim(self) -> None:
        """Look from where the session was looked at, as soon as there is a view."""
        view = self._window.view
        if view is not None and self._camera is not None:
            if self._camera.is_sound:
                view.set_camera(self._camera)
            self._camera = None

    def show_title(self) -> None:
        """Name the session file, else the structure, in the window's title."""
        document, path = self._window.workspace.document, self.keeper.path
        name = path.name if path else document.name if document else ""
        self._window.setWindowTitle(f"{name}[*] – MigBar" if name else "MigBar")
        self._window.setWindowModified(self.keeper.is_modified)

    # -------------------------------------------------------------- commands

    def save(self, then: Callable[[], object] = lambda: None) -> None:
        """Save to the session's file; ask for one where it has none, and before what others saved there is lost."""
        path = self.keeper.path
        if path is None:
            self.ask_save(then)
        elif not self.keeper.is_replaced or self._may_replace(path):
            self.keeper.save(path, then)

    def _may_replace(self, path: Path) -> bool:
        answer = QMessageBox.StandardButton
        box = self._question(QMessageBox.Icon.Warning, "Save session?")
        box.setText(
            f"{path.name} was saved elsewhere since it was opened here, in another window for example."
        )
        box.setInformativeText("Save replaces that. Save session as… in the menu keeps both.")
        box.setStandardButtons(answer.Save | answer.Cancel)
        box.setDefaultButton(answer.Cancel)
        chosen = box.exec()
        box.deleteLater()
        return chosen == answer.Save

    def _question(self, kind: QMessageBox.Icon, title: str) -> QMessageBox:
        box = QMessageBox(self._window)
        box.setIcon(kind)
        box.setWindowTitle(title)
        return box

    def ask_save(self, then: Callable[[], object] = lambda: None) -> None:
        """Ask where to save the session, and save it."""
        suggested = self._window.suggest(f"session{SUFFIX}")
        path = ask_path(self._window, "Save session", suggested, SESSION_FORMATS)
        if path is not None:
            self.keeper.save(path, then)

    def open(self, path: Path) -> None:
        """Open a session file in place of what is open; paths in no session file can be gone on with later."""
        if not self.may_leave(partial(self.keeper.open, path)):
            return
        try:
            self._leave_off()
        except OSError as error:  # what is open would be lost
            self._window.show_error(error)
        else:
            self.keeper.open(path)

    def may_leave(self, then: Callable[[], object]) -> bool:
        """Ask what to do with changes to a session file; whether it may be left now, or `then` once it is saved."""
        if not self.keeper.is_modified:
            return True
        assert self.keeper.path is not None
        answer = QMessageBox.StandardButton
        box = self._question(QMessageBox.Icon.Question, "Save changes?")
        box.setText(f"{self.keeper.path.name} has changes that were not saved.")
        box.setStandardButtons(answer.Save | answer.Discard | answer.Cancel)
        chosen = box.exec()
        box.deleteLater()
        if chosen == answer.Save:
            self.save(then)
        return chosen == answer.Discard

    def offer_recovery(self) -> None:
        """Offer to bring back what was open when the program ended without being closed, the latest first."""
        left = self.keeper.left_behind()
        if not left:
            return
        text = "MigBar did not end properly last time. What was open then was kept."
        if len(left) > 1:
            text = (
                f"MigBar did not end properly: what was open in {len(left)} windows was kept. "
                "This is about the latest; the others are offered after it, or at the next start."
            )
        self._window.notice.show_message(
            text,
            "info",
            action=("Bring it back", partial(self.keeper.recover, left[0])),
            other_action=("Discard", partial(self._discard, left[0])),
        )

    # -------------------------------------------------------------- from one start to the next

    def end(self) -> None:
        """Keep paths that are in no session file for the next time; the window ends."""
        try:
            self._leave_off()
        except OSError:
            # Nobody is there to be told; what was kept in case of a crash is offered next time.
            logger.exception("What is open could not be kept.")
        else:
            self.keeper.end()

    def _leave_off(self) -> None:
        state, settings = self._window.workspace.state, self._window.settings
        kept = self.keeper.keep_for_later()
        if kept is None or state.document is None:
            return
        about = f"{state.document.name}, {counted(len(state.paths), 'path')}"
        told = self._left_off() | {kept: about}
        settings.remove("left_off")  # with what is told of files that are gone
        for path, about in told.items():
            settings.setValue(f"left_off/{path.stem}", about)

    def _left_off(self) -> dict[Path, str]:
        """Return the files with unsaved paths, the latest first, and what is told of each."""
        told, settings = self.keeper.left_off(), self._window.settings
        return {path: str(settings.value(f"left_off/{path.stem}", "")) for path in told}

    def show_recent(self) -> None:
        """List on the welcome page what was open lately."""
        self._window.welcome.show_recent(self._window.recent.paths(), self._left_off())

    def _discard(self, left: Path) -> None:
        self.keeper.discard(left)
        self.offer_recovery()  # of another window

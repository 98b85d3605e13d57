"""Use the window at random, and tell what goes wrong: ``python -m tests.gui.random_use SEED STEPS``.

Run by hand on a screen of its own (``xvfb-run``). Commands are chosen, files opened, keys pressed, and anything that
can be seen clicked. It prints exceptions that nobody caught, with what was done before, and steps that kept the
window busy for longer than a second. The same seed does not give the same use: what is seen depends on the time, too.
"""

from __future__ import annotations

import faulthandler
import os
import random
import sys
import tempfile
import time
import traceback
from collections import deque
from pathlib import Path
from types import TracebackType

from PySide6.QtCore import QEventLoop, QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenuBar,
    QScrollBar,
    QSlider,
    QTabBar,
    QWidget,
)

from migbar import runs
from migbar.errors import MigbarError
from migbar.resources import resource_dir
from migbar_gui.app import make_application
from migbar_gui.background.garbage import GarbageCollector
from migbar_gui.main_window import MainWindow
from tests.core.calculations import copper_images, write_vasp

PAUSE_MS = 25
LONG_S = 1.0
DEEPEST = 4
"""Dialogs and menus on top of each other, from where on they are only left."""

CONTROLS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QMenuBar,
    QSlider,
    QTabBar,
)
_K = Qt.Key
KEYS = [
    *map(Qt.Key, (*range(_K.Key_0, _K.Key_9 + 1), *b"ABCDLNOPSZ")),
    *(_K.Key_Escape, _K.Key_Return, _K.Key_Tab, _K.Key_Space, _K.Key_Delete, _K.Key_Backspace),
    *(_K.Key_Up, _K.Key_Down, _K.Key_Left, _K.Key_Right, _K.Key_Home, _K.Key_End, _K.Key_F1),
]
NONE, SHIFT, CONTROL = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
)
QUICK = ("screening", "suggestion")
"""Tasks that really run; processes of all others end at once."""


class RandomUser:
    """Does one thing after another in a window.

    Parameters
    ----------
    window : MainWindow
    folder : Path
        For what is saved, and with broken files to be opened.
    seed, steps : int
    """

    def __init__(self, window: MainWindow, folder: Path, seed: int, steps: int) -> None:
        self.window, self.folder, self.steps = window, folder, steps
        self.chance = random.Random(seed)
        write_vasp(folder / "neb", copper_images())
        self.files = [
            *sorted((resource_dir() / "examples").glob("*.cif")),
            *_broken_files(folder),
            folder / "neb",
        ]
        self.done = self.faults = self._depth = 0
        self._last: deque[str] = deque(maxlen=25)
        self._loop = QEventLoop()

    def use(self) -> None:
        """Do it all."""
        QTimer.singleShot(PAUSE_MS, self._step)
        self._loop.exec()

    def note_fault(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        """Print what went wrong, and what was done before."""
        self.faults += 1
        print(f"=== fault {self.faults} at step {self.done}")
        traceback.print_exception(kind, error, trace, file=sys.stdout)
        print("after:", *self._last, sep="\n    ", flush=True)

    def _step(self) -> None:
        if self.done >= self.steps or not self.window.isVisible():
            self._loop.quit()
            return
        QTimer.singleShot(PAUSE_MS, self._step)  # first: a menu that opens has a loop of its own
        self.done += 1
        self._depth += 1
        began = time.monotonic()
        try:
            if self._depth > DEEPEST:
                self._leave()
            else:
                self._act()
        except RuntimeError as error:  # the click before may have closed what this one was for
            if "already deleted" not in str(error):
                raise
        finally:
            self._depth -= 1
        took = time.monotonic() - began
        if took > LONG_S and not self._depth:
            print(f"{took:.1f} s: {self._last[-1]}", flush=True)

    def _act(self) -> None:
        on_top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        draw = self.chance.random()
        if on_top is None and draw < 0.12:
            self._choose_command()
        elif on_top is None and draw < 0.17:
            path = self.chance.choice(self.files)
            self._last.append(f"open {path.name}")
            self.window.open_files([path])
        elif draw < 0.2:
            self._close_dialogs()
        elif draw < 0.32:
            self._press_key(on_top)
        else:
            self._click(on_top)

    def _choose_command(self) -> None:
        listed = [
            command for command in self.window.commands.listed() if command.action.isEnabled()
        ]
        command = self.chance.choice(listed)
        if "Quit" not in command.title:
            self._last.append(command.title)
            command.action.trigger()

    def _close_dialogs(self) -> None:
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible() and self.chance.random() < 0.5:
                self._last.append(f"close {type(widget).__name__}")
                widget.close()

    def _press_key(self, on_top: QWidget | None) -> None:
        key = self.chance.choice(KEYS)
        modifier = self.chance.choice([NONE] * 5 + [CONTROL, SHIFT, CONTROL | SHIFT])
        widget = QApplication.focusWidget() or on_top or self.window
        self._last.append(f"{modifier.name} {key.name} on {_name(widget)}")
        QTest.keyClick(widget, key, modifier)

    def _click(self, on_top: QWidget | None) -> None:
        shown = [widget for widget in QApplication.topLevelWidgets() if widget.isVisible()]
        top = on_top or self.chance.choice(shown)
        seen = [part for part in top.findChildren(QWidget) if _can_be_clicked(part)] or [top]
        controls = [part for part in seen if isinstance(part, CONTROLS)]
        widget = self.chance.choice(controls if controls and self.chance.random() < 0.7 else seen)
        if isinstance(widget, QAbstractItemView):
            widget = widget.viewport()
        place = QPoint(*(self.chance.randrange(max(1, n)) for n in widget.size().toTuple()))
        left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
        how = self.chance.choices(("click", "menu", "double click", "drag"), (72, 12, 8, 8))[0]
        self._last.append(f"{how} {_name(widget)} in {_name(top)} at {place.toTuple()}")
        if how == "click":
            QTest.mouseClick(widget, left, self.chance.choice([NONE] * 6 + [SHIFT, CONTROL]), place)
        elif how == "menu":
            QTest.mouseClick(widget, right, NONE, place)
        elif how == "double click":
            QTest.mouseDClick(widget, left, NONE, place)
        else:
            end = place + QPoint(self.chance.randrange(-90, 90), self.chance.randrange(-60, 60))
            QTest.mousePress(widget, left, NONE, place)
            QTest.mouseMove(widget, end)
            QTest.mouseRelease(widget, left, NONE, end)

    def _leave(self) -> None:
        on_top = QApplication.activePopupWidget() or QApplication.activeModalWidget()
        if on_top is not None:
            QTest.keyClick(on_top, Qt.Key.Key_Escape)
        if on_top is not None and self._depth > DEEPEST + 2:
            on_top.close()

    # -------------------------------------------------------------- instead of the dialogs of the system

    def answer_file_dialogs(self) -> None:
        """Name files at random where the program asks for them, or none."""
        QFileDialog.getOpenFileName = lambda *_, **__: (self._file(), "")
        QFileDialog.getOpenFileNames = lambda *_, **__: (
            [self._file() for _ in range(self.chance.randrange(3))],
            "",
        )
        folders = [self.folder, self.folder / "neb", self.folder / "nowhere"]
        folders.append(resource_dir() / "examples")
        QFileDialog.getExistingDirectory = lambda *_, **__: self.chance.choice(
            ["", *map(str, folders)]
        )
        QFileDialog.getSaveFileName = self._file_to_save
        QDesktopServices.openUrl = lambda _: True

    def _file(self) -> str:
        return "" if self.chance.random() < 0.2 else str(self.chance.choice(self.files))

    def _file_to_save(
        self, _parent: object, _title: str, name: str = "", kinds: str = "", **_: object
    ) -> tuple[str, str]:
        if self.chance.random() < 0.2:
            return "", ""
        return str(self.folder / Path(name).name), self.chance.choice(kinds.split(";;"))


def _broken_files(folder: Path) -> list[Path]:
    (folder / "broken.cif").write_text("data_x\n_cell_length_a oops\n")
    (folder / "empty.cif").write_text("")
    (folder / "notes.txt").write_text("hello")
    return [*folder.iterdir(), folder / "missing.cif", folder]


def _can_be_clicked(widget: QWidget) -> bool:
    large = widget.width() > 2 and widget.height() > 2
    return (
        large and widget.isVisible() and widget.isEnabled() and not isinstance(widget, QScrollBar)
    )


def _name(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return (
        f"{type(widget).__name__} {text or widget.accessibleName() or widget.objectName()}".strip()
    )


def main() -> None:
    """Use a window, and end the process: with 1 where something went wrong."""
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    faulthandler.enable()
    folder = Path(tempfile.mkdtemp(prefix="migbar-random-use-"))
    os.environ["MIGBAR_HOME"] = str(folder / "home")
    process = runs._command
    runs._command = lambda run: (
        process(run) if run.name.startswith(QUICK) else [sys.executable, "-V"]
    )
    GarbageCollector(make_application())
    window = MainWindow(QSettings(str(folder / "settings.ini"), QSettings.Format.IniFormat))
    (folder / "files").mkdir()
    user = RandomUser(window, folder / "files", seed, steps)
    user.answer_file_dialogs()
    sys.excepthook = user.note_fault
    show_error = window.show_error

    def note_error(error: Exception) -> None:
        if not isinstance(error, (MigbarError, OSError)):
            user.note_fault(type(error), error, error.__traceback__)
        show_error(error)

    window.show_error = note_error
    window.show()
    user.use()
    window.sessions.keeper.path = None
    print(f"{user.done} steps, {user.faults} faults; files in {folder}", flush=True)
    os._exit(1 if user.faults else 0)  # whatever is open


if __name__ == "__main__":
    main()

"""Start-up of the window."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from migbar_gui.main_window import MainWindow


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window, with a structure file where one is named.

    Parameters
    ----------
    argv : sequence of str, optional
        File names; those of the command line where not given.

    Returns
    -------
    int
        Exit code: 0, or 1 where there is no display.
    """
    names = list(sys.argv[1:] if argv is None else argv)
    if sys.platform.startswith("linux"):
        # VTK's window needs X11; under Wayland it comes through XWayland.
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
        if os.environ["QT_QPA_PLATFORM"] == "xcb" and not os.environ.get("DISPLAY"):
            print(
                "migbar-gui: no display (DISPLAY is not set). Without a screen, use the command line: "
                "migbar predict structure.cif --ion Li --from 0 --to 1",
                file=sys.stderr,
            )
            return 1

    from PySide6.QtCore import QTimer

    from migbar_gui.background.garbage import GarbageCollector
    from migbar_gui.main_window import MainWindow

    app = make_application()
    GarbageCollector(app)
    window = MainWindow()
    _show_faults_in(window)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    window.show()
    if names:
        QTimer.singleShot(0, lambda: window.open_files(map(Path, names)))
    return app.exec()


def make_application() -> QApplication:
    """Make the Qt application with the program's name, under which its settings are kept.

    Whatever the country, boxes write numbers as the rest of the window does: 0.65 eV.
    """
    from PySide6.QtCore import QLocale
    from PySide6.QtWidgets import QApplication

    from migbar import __version__

    app = QApplication.instance() or QApplication(["migbar-gui"])
    assert isinstance(app, QApplication)
    QLocale.setDefault(QLocale.c())
    app.setOrganizationName("MigBar")
    app.setApplicationName("MigBar")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("migbar")
    return app


def _show_faults_in(window: MainWindow) -> None:
    """Show an exception that nobody caught in the window, besides printing it."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, error, trace)
        if isinstance(error, Exception):
            window.show_error(error)

    sys.excepthook = hook


if __name__ == "__main__":
    sys.exit(main())

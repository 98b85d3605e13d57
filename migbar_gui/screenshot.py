"""Make a picture of the window for the README: ``python -m migbar_gui.screenshot OUT.png``.

Opens the example LiFePO4, adds the hop along the b channel and one across, and grabs the window.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from migbar.files import replacing
from migbar.resources import resource_dir

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

HOPS = (("0", "0@0,0,1"), ("0", "3"))
TIMEOUT_MS = 120_000
SETTLE_MS = 800


def main(argv: list[str] | None = None) -> int:
    """Write the picture; return an exit code."""
    names = sys.argv[1:] if argv is None else argv
    if len(names) != 1:
        print("usage: python -m migbar_gui.screenshot OUT.png", file=sys.stderr)
        return 2
    if sys.platform.startswith("linux"):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")

    from PySide6.QtCore import QSettings

    from migbar_gui.app import make_application
    from migbar_gui.main_window import MainWindow

    make_application()
    with tempfile.TemporaryDirectory() as folder:
        settings = QSettings(f"{folder}/settings.ini", QSettings.Format.IniFormat)
        settings.setValue("appearance", "light")
        window = MainWindow(settings)
        window.resize(1440, 900)
        window.show()
        _add_paths(window)
        with replacing(names[0]) as temporary:
            if not window.grab().save(str(temporary), "PNG"):
                print(f"migbar_gui.screenshot: cannot write {names[0]}", file=sys.stderr)
                return 1
        window.close()
    return 0


def _add_paths(window: MainWindow) -> None:
    from migbar.ends import name_hop

    workspace = window.workspace
    _wait(lambda: window.view is not None)
    window.open_file(Path(resource_dir() / "examples" / "LiFePO4.cif"))
    _wait(lambda: workspace.structure is not None)
    structure = workspace.structure
    assert structure is not None
    for start, end in HOPS:
        workspace.add_path(*name_hop(structure, "Li", start, end))
    _wait(lambda: not workspace.unjudged)
    _wait_ms(SETTLE_MS)


def _wait(done: Callable[[], bool]) -> None:
    """Let the event loop run until something is the case."""
    from PySide6.QtCore import QElapsedTimer

    clock = QElapsedTimer()
    clock.start()
    while not done():
        if clock.elapsed() > TIMEOUT_MS:
            raise TimeoutError("the window did not get ready in time")
        _wait_ms(20)


def _wait_ms(duration: int) -> None:
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(duration, loop.quit)
    loop.exec()


if __name__ == "__main__":
    sys.exit(main())

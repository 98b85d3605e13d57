"""Does the window leak? ``python tests/benchmarks/memory.py``, on a screen.

Opens and closes 50 windows with a structure, a path and a search each, and tells the memory after each. After the
first ten it may grow by 50 MB.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile

import psutil

if sys.platform.startswith("linux"):
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")

ROUNDS, FIRST, MOST_MB = 50, 10, 50.0


def one_round(folder: str, number: int) -> None:
    """Open a window with an example, judge a path, close it."""
    from PySide6.QtCore import QSettings

    from migbar.ends import name_hop
    from migbar.resources import examples
    from migbar_gui.main_window import MainWindow
    from migbar_gui.screenshot import _wait, _wait_ms

    small = [p for p in examples() if p.stem in ("LiFePO4", "LiCoO2", "NaFePO4", "Li3OCl")]
    window = MainWindow(QSettings(f"{folder}/s.ini", QSettings.Format.IniFormat))
    window.show()
    _wait(lambda: window.view is not None)
    window.open_file(small[number % len(small)])
    _wait(lambda: window.workspace.structure is not None)
    workspace = window.workspace
    sites = [i for i, s in enumerate(workspace.structure) if s.specie.symbol == workspace.state.ion]
    end = str(sites[1]) if len(sites) > 1 else f"{sites[0]}@1,0,0"
    workspace.add_path(*name_hop(workspace.structure, workspace.state.ion, str(sites[0]), end))
    _wait(lambda: not workspace.unjudged)
    _wait_ms(50)
    window.close()
    window.deleteLater()


def main() -> int:
    """Tell the memory after each round; return 1 where it grew too much."""
    from PySide6.QtCore import QCoreApplication, QEvent

    from migbar_gui.app import make_application

    make_application()
    process = psutil.Process()
    used = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            one_round(folder, number)
            QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
            gc.collect()
            used.append(process.memory_info().rss / 1e6)
            print(f"{number + 1:3d}  {used[-1]:7.1f} MB", flush=True)
    grown = used[-1] - used[FIRST - 1]
    print(f"after round {FIRST}: {grown:+.1f} MB")
    return int(grown > MOST_MB)


if __name__ == "__main__":
    sys.exit(main())

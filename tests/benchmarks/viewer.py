"""How fast the 3D view is on this machine; run by hand under a display.

For example ``xvfb-run -a -s "-screen 0 1280x800x24" python tests/benchmarks/viewer.py``. Wall time is what a
user feels, processor time what the machine worked: they part ways where other programs run, or
where software rendering uses several cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from pymatgen.core import Structure

from migbar.resources import resource_dir
from migbar.structures import read_structure

os.environ.setdefault("QT_API", "pyside6")
if sys.platform.startswith("linux"):
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication


def olivine(*repeats: int) -> Structure:
    structure = read_structure(resource_dir() / "examples" / "LiFePO4.cif")
    return structure.make_supercell(repeats)


def timed(text: str, work: Callable[[], object], times: int = 1) -> None:
    wall, work_time = [], []
    for _ in range(times):
        start, cpu = perf_counter(), process_time()
        work()
        wall.append(perf_counter() - start)
        work_time.append(process_time() - cpu)
    print(
        f"{text:52s} {1e3 * np.median(wall):8.0f} ms wall {1e3 * np.median(work_time):8.0f} ms processor"
    )


def main() -> None:
    app = QApplication([])
    timed("import pyvista and pyvistaqt", lambda: __import__("pyvistaqt"))
    from migbar_gui.viewer import CrystalView

    view = CrystalView()
    view.resize(1000, 700)

    def shown(structure: Structure) -> None:
        view.show_structure(structure, "Li")
        app.processEvents()

    def turned() -> None:
        view.turn(4.0)
        app.processEvents()

    timed("empty view on the screen", lambda: (view.show(), QTest.qWaitForWindowExposed(view)))
    QTest.qWait(500)
    small, medium, large = olivine(1, 1, 1), olivine(1, 3, 3), olivine(4, 9, 10)
    timed(f"first structure shown, {len(small)} atoms", lambda: shown(small))
    for structure in (medium, large):
        QTest.qWait(500)
        timed(f"structure shown, {len(structure)} atoms", lambda s=structure: shown(s), 3)
        for _ in range(10):
            turned()
        timed(f"one frame while turning, {len(structure)} atoms", turned, 30)
        QTest.qWait(500)
        timed("which atom is at a pixel", lambda: view.atom_at(view.rect().center()), 30)
    view.close()


if __name__ == "__main__":
    main()

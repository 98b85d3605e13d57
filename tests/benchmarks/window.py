"""How fast the window is. Run by hand: ``python tests/benchmarks/window.py`` (needs a display).

Measures, each in a fresh process or window, and prints beside what is asked for:

- start to a visible window, warm, without importing torch (2.5 s);
- a 200-atom CIF to its picture in 3D (0.5 s);
- the second click to its barrier in the table, for a 128-atom supercell (0.3 s);
- the longest time for which the event loop stood still meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

RUNS = 3

START = """
import sys, time
begin = time.perf_counter()
from migbar_gui.app import make_application
from migbar_gui.main_window import MainWindow
app = make_application()
window = MainWindow()
window.show()
while not window.windowHandle().isExposed():
    app.processEvents()
app.processEvents()
print(time.perf_counter() - begin, "torch" in sys.modules)
window.close()
"""


def start_up() -> None:
    times = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", START], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            inside, torch = process.stdout.readline().split()
            seen = time.perf_counter() - begin
        times.append(seen)
        assert torch == "False", "torch was imported"
    warm = times[1:]
    show("start to visible window, warm, no torch", warm, 2.5)
    print(f"{'':46}of it after the interpreter's start: {float(inside):.2f} s")


class Window:
    """A window whose event loop is watched."""

    def __init__(self) -> None:
        from PySide6.QtCore import QSettings, QTimer

        from migbar_gui.app import make_application
        from migbar_gui.main_window import MainWindow

        self.app = make_application()
        folder = tempfile.mkdtemp()
        self.window = MainWindow(QSettings(f"{folder}/s.ini", QSettings.Format.IniFormat))
        self.window.show()
        self.longest = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._beat)
        self._timer.start(1)
        self.wait(lambda: self.window.view is not None)
        self.wait(lambda: not self.window.jobs.is_running("preload"))

    def wait(self, done) -> None:  # type: ignore[no-untyped-def]
        end = time.perf_counter() + 120
        while not done():
            assert time.perf_counter() < end, "timed out"
            self.app.processEvents()

    def rest(self, seconds: float = 0.5) -> None:
        end = time.perf_counter() + seconds
        self.wait(lambda: time.perf_counter() > end)
        self.longest = 0.0

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now


def write_cif(path: Path, repeats: tuple[int, int, int]) -> int:
    """Write rock-salt-like LiFeO2 in P1; return its number of atoms."""
    import numpy as np
    from pymatgen.core import Lattice, Structure

    from migbar import structures

    layered = Structure.from_spacegroup(
        "R-3m",
        Lattice.hexagonal(2.95, 14.5),
        ["Li", "Fe", "O"],
        [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.24]],
    )
    cell = layered.make_supercell(np.diag(repeats), in_place=False)
    structures.write_cif(cell, path)
    return len(cell)


def open_and_click() -> None:
    from migbar.hops import SiteRef
    from migbar_gui.workspace import Pick

    bench = Window()
    window, workspace = bench.window, bench.window.workspace
    folder = Path(tempfile.mkdtemp())
    n_atoms = write_cif(folder / "large.cif", (4, 4, 1))
    openings, stalls = [], []
    for run in range(RUNS):
        path = folder / f"large{run}.cif"
        path.write_bytes((folder / "large.cif").read_bytes())
        bench.rest()
        begin = time.perf_counter()
        window.open_file(path)
        bench.wait(lambda name=path.name: workspace.document and workspace.document.name == name)
        bench.app.processEvents()
        openings.append(time.perf_counter() - begin)
        stalls.append(bench.longest)
    show(f"CIF of {n_atoms} atoms to 3D", openings, 0.5)
    show("  event loop stood still", stalls, 0.05)

    n_atoms = write_cif(folder / "host.cif", (1, 1, 1))
    window.open_file(folder / "host.cif")
    bench.wait(lambda: workspace.document is not None and workspace.document.name == "host.cif")
    structure = workspace.structure
    assert structure is not None
    workspace.set_supercell("4,3,1")  # 144 atoms; chosen by itself it would have 108
    clicks, stalls, atoms = [], [], []
    for image in [(1, 0, 0), (0, 1, 0), (1, 1, 0), (2, 1, 0)][: RUNS + 1]:
        start, end = SiteRef(0), SiteRef(0, image)
        bench.rest()
        workspace.pick(Pick(start.frac_coords(structure), start))
        bench.rest(0.2)
        begin = time.perf_counter()
        path_id = workspace.pick(Pick(end.frac_coords(structure), end))
        bench.wait(lambda path_id=path_id: path_id in workspace.results)
        clicks.append(time.perf_counter() - begin)
        stalls.append(bench.longest)
        result = workspace.result(path_id)
        assert result is not None, workspace.results[path_id]
        atoms.append(len(result.predicted.band.host) + 1)
    print(f"first click after start: {clicks[0]:.2f} s")
    show(f"second click to barrier, {atoms[0]}-atom supercell", clicks[1:], 0.3)
    show("  event loop stood still", stalls[1:], 0.05)
    window.close()


def show(what: str, seconds: list[float], asked: float) -> None:
    mark = "ok" if median(seconds) <= asked else "SLOW"
    print(
        f"{what:46}{median(seconds):7.3f} s   (worst {max(seconds):.3f}, asked {asked:g})   {mark}"
    )


if __name__ == "__main__":
    if sys.platform.startswith("linux"):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
    start_up()
    open_and_click()

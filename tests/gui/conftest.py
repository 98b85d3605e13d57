"""A real window on a screen, with settings of its own."""

from __future__ import annotations

import atexit
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def start_screen() -> str:
    """Start a virtual screen that goes with this process: windows that share one take the keyboard from each other."""
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    atexit.register(screen.terminate)
    os.close(write)
    with os.fdopen(read) as number:
        return f":{number.readline().strip()}"


if "PYTEST_XDIST_WORKER" in os.environ and os.environ.get("DISPLAY"):
    os.environ["DISPLAY"] = start_screen()
HAS_SCREEN = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY"))
if sys.platform.startswith("linux"):
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HAS_SCREEN:
        return
    for item in items:
        if item.get_closest_marker("gui"):
            item.add_marker(pytest.mark.skip(reason="no display: run packaging/test"))


@pytest.fixture(scope="session", autouse=True)
def garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    """As in the program, garbage is collected in the GUI thread alone."""
    if not HAS_SCREEN:
        yield
        return
    from migbar_gui.background.garbage import GarbageCollector

    collector = GarbageCollector(request.getfixturevalue("qapp"))
    yield
    collector.deleteLater()
    gc.enable()


@pytest.fixture(autouse=True)
def usual_format() -> Iterator[None]:
    """Numbers and atoms are shown as usual again: the program has one way at a time."""
    yield
    from migbar_gui.looks import colours, energies

    energies.set_format(unit="eV", places=3)
    colours.choose({})


LIFEPO4 = """\
data_LiFePO4
_cell_length_a 10.332
_cell_length_b 6.010
_cell_length_c 4.692
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P n m a'
_symmetry_Int_Tables_number 62
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Li1 Li 0 0 0
Fe1 Fe 0.2822 0.25 0.9747
P1 P 0.0948 0.25 0.4182
O1 O 0.0968 0.25 0.7428
O2 O 0.4571 0.25 0.2060
O3 O 0.1656 0.0465 0.2848
"""


@pytest.fixture
def olivine(tmp_path: Path) -> Path:
    path = tmp_path / "olivine.cif"
    path.write_text(LIFEPO4, encoding="utf-8")
    return path


@pytest.fixture
def empty_olivine(tmp_path: Path) -> Path:
    path = tmp_path / "host.cif"
    path.write_text(LIFEPO4.replace("Li1 Li 0 0 0\n", ""), encoding="utf-8")
    return path


@pytest.fixture
def two_blocks(tmp_path: Path) -> Path:
    path = tmp_path / "two.cif"
    second = LIFEPO4.replace("data_LiFePO4", "data_host").replace("Li1 Li 0 0 0\n", "")
    path.write_text(LIFEPO4 + "\n" + second, encoding="utf-8")
    return path


@pytest.fixture
def half_filled(tmp_path: Path) -> Path:
    path = tmp_path / "half.cif"
    text = LIFEPO4.replace("_atom_site_fract_z\n", "_atom_site_fract_z\n_atom_site_occupancy\n")
    lines = [
        f"{line} {0.5 if line.startswith('Li1') else 1}"
        if line[-1:].isdigit() and " " in line and line.split()[0][-1].isdigit()
        else line
        for line in text.splitlines()
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch) -> Iterator:  # type: ignore[no-untyped-def, type-arg]
    monkeypatch.setenv("MIGBAR_HOME", str(tmp_path / "home"))  # neither models nor runs of the user
    from PySide6.QtCore import QSettings

    from migbar_gui.app import make_application
    from migbar_gui.main_window import MainWindow

    make_application()
    settings = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    window = MainWindow(settings)
    window.move(0, 0)
    window.show()
    window.activateWindow()  # shortcuts go to the active window only
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.waitUntil(lambda: window.view is not None, timeout=60_000)
    yield window
    window.sessions.keeper.path = None  # or it would ask about changes
    window.close()
    window.deleteLater()


@pytest.fixture
def opened(window, olivine, qtbot):  # type: ignore[no-untyped-def]
    """The window with an olivine in it, drawn."""
    window.open_file(olivine)
    wait_for_document(qtbot, window, "olivine.cif")
    return window


def wait_for_document(qtbot, window, name: str) -> None:  # type: ignore[no-untyped-def]
    def shown() -> bool:
        document = window.workspace.document
        return document is not None and document.name == name

    qtbot.waitUntil(shown, timeout=30_000)


def wait_for_barriers(qtbot, window) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: not window.workspace.unjudged, timeout=60_000)


def site(window, index: int, image: tuple[int, int, int] = (0, 0, 0)):  # type: ignore[no-untyped-def]
    """A pick of a site of the open structure."""
    from migbar.hops import SiteRef
    from migbar_gui.workspace import Pick

    ref = SiteRef(index, image)
    return Pick(ref.frac_coords(window.workspace.structure), ref)


def words(remarks) -> str:  # type: ignore[no-untyped-def]
    """What a list of remarks says."""
    return " ".join(remark.text for remark in remarks.told)

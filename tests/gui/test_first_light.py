"""The main job, end to end: drop a file, click two ions with a real mouse, read off the barrier."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.gui.conftest import wait_for_barriers, wait_for_document

pytestmark = [
    pytest.mark.gui,
    pytest.mark.skipif(shutil.which("xdotool") is None, reason="xdotool sends the mouse clicks"),
]

SCREENSHOT = Path(os.environ.get("MIGBAR_TEST_PICTURES", "build/test-pictures"))


def drop(widget, path: Path) -> None:
    from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
    from PySide6.QtGui import QDragEnterEvent, QDropEvent
    from PySide6.QtWidgets import QApplication

    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    place, copy = widget.rect().center(), Qt.DropAction.CopyAction
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(place, copy, mime, left, none)
    QApplication.sendEvent(widget, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(widget, QDropEvent(QPointF(place), copy, mime, left, none))


def click_with_the_mouse(view, position) -> None:
    """Move the X pointer to where a place in space is drawn, and press its left button."""
    at = view.mapToGlobal(view.world_to_widget(position)) * view.devicePixelRatioF()
    subprocess.run(["xdotool", "mousemove", str(at.x()), str(at.y()), "click", "1"], check=True)


def clear_pair(window) -> tuple[np.ndarray, np.ndarray]:
    """Two neighbouring ions that can both be seen, nearest pair first."""
    view, structure = window.view, window.workspace.structure
    ions = [i for i, s in enumerate(structure) if s.specie.symbol == window.workspace.state.ion]
    images = [(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)]
    seen = []
    for index in ions:
        for image in images:
            frac = structure[index].frac_coords + image
            place = structure.lattice.get_cartesian_coords(frac)
            found = view.atom_at(view.world_to_widget(place))
            if found is not None and (found.index, found.image) == (index, image):
                seen.append(place)
    pairs = [(a, b) for n, a in enumerate(seen) for b in seen[n + 1 :]]
    return min(pairs, key=lambda pair: np.linalg.norm(pair[0] - pair[1]))


def test_that_two_clicks_give_the_barrier_that_the_command_prints(window, qtbot, olivine):
    drop(window.welcome, olivine)
    wait_for_document(qtbot, window, "olivine.cif")
    qtbot.wait(300)  # let the view paint: what is clicked must be what is seen
    start, end = clear_pair(window)
    click_with_the_mouse(window.view, start)
    qtbot.waitUntil(lambda: len(window.workspace.picks) == 1)
    click_with_the_mouse(window.view, end)
    qtbot.waitUntil(lambda: len(window.workspace.state.paths) == 1)
    wait_for_barriers(qtbot, window)

    hop = window.workspace.state.paths[0].hop
    assert (hop.ion, hop.mechanism) == ("Li", "vacancy")
    image = ",".join(map(str, hop.end_site.image))  # written out: the nearest might be another
    ends = ["--from", str(hop.start_site), "--to", f"{hop.end_site.index}@{image}"]
    command = [sys.executable, "-m", "migbar.cli", "predict", str(olivine), "--ion", "Li", *ends]
    printed = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    told = json.loads(printed.stdout)

    table = window.paths_panel.view.model()
    shown = [str(table.index(0, column).data()) for column in range(table.columnCount())]
    low, high = told["interval_ev"]
    assert shown[1] == f"{told['barrier_ev']:.3f}"
    assert shown[2] == f"{low:.2f} – {high:.2f}"
    assert shown[4] == f"{told['path_length_angstrom']:.2f}"
    assert shown[6] == f"{told['model']} {told['model_version']}"
    assert shown[3].startswith("good") is told["good_conductor"]
    assert told["path_length_angstrom"] == pytest.approx(3.0, abs=0.1)
    qtbot.wait(300)
    SCREENSHOT.mkdir(parents=True, exist_ok=True)
    assert window.grab().save(str(SCREENSHOT / "first-light.png"))

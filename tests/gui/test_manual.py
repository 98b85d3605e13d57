"""The pictures of the manual are taken from the real window, so that they cannot go stale.

They go to MIGBAR_TEST_PICTURES; ``packaging/docs`` puts them into the pages.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget

from migbar.resources import examples
from tests.core.own_bands import own_records
from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui

PICTURES = Path(os.environ.get("MIGBAR_TEST_PICTURES", "build/test-pictures"))
SETTLE_MS = 600


def take(qtbot, widget: QWidget, name: str) -> None:
    qtbot.wait(SETTLE_MS)
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = widget.grab()
    assert picture.width() > 300
    assert picture.save(str(PICTURES / f"{name}.png"), "PNG")


@pytest.fixture
def iron_phosphate(window, qtbot):
    window.preferences.set("appearance", "light")
    window.resize(1280, 800)
    window.open_file(next(path for path in examples() if path.stem == "LiFePO4"))
    wait_for_document(qtbot, window, "LiFePO4.cif")
    return window


def test_that_the_welcome_page_is_pictured(window, qtbot):
    take(qtbot, window, "welcome")


def test_that_a_hop_is_pictured_from_click_to_barrier(iron_phosphate, qtbot):
    window = iron_phosphate
    window.workspace.pick(site(window, 0))
    take(qtbot, window, "first-click")
    window.workspace.pick(site(window, 3))
    wait_for_barriers(qtbot, window)
    window.workspace.join(site(window, 0), site(window, 0, (0, 0, 1)))
    wait_for_barriers(qtbot, window)
    window.workspace.activate(1)
    take(qtbot, window, "barrier")


def test_that_the_network_is_pictured(iron_phosphate, qtbot):
    window = iron_phosphate
    window.predictions.find_all()
    qtbot.waitUntil(lambda: window.workspace.state.group is not None, timeout=60_000)
    take(qtbot, window, "network")
    window.docks.show("Transport")
    panel = window.transport_panel
    panel.case.setCurrentIndex(panel.case.findData("b"))
    panel.case.activated.emit(panel.case.currentIndex())
    take(qtbot, window, "transport")


def test_that_the_preferences_and_the_palette_are_pictured(iron_phosphate, qtbot):
    from migbar_gui.dialogs.palette import CommandPalette
    from migbar_gui.dialogs.preferences import PreferencesDialog

    window = iron_phosphate
    window.ask_preferences()
    (preferences,) = window.findChildren(PreferencesDialog)
    take(qtbot, preferences, "preferences")
    preferences.close()
    window.show_palette()
    palette = next(p for p in window.findChildren(CommandPalette) if p.isVisible())
    palette.field.setText("path")
    palette.field.textEdited.emit("path")
    take(qtbot, palette, "palette")
    palette.close()


def test_that_the_screening_is_pictured(window, qtbot, tmp_path):
    from migbar_gui.screening.dialog import BatchDialog

    folder = tmp_path / "candidates"
    folder.mkdir()
    for path in examples()[:4]:
        shutil.copy(path, folder)
    window.commands["file.batch"].trigger()
    dialog = window.findChild(BatchDialog)
    dialog.form.source.setText(str(folder))
    take(qtbot, dialog, "screening")
    dialog.close()


def test_that_the_retraining_is_pictured(window, qtbot, tmp_path):
    from migbar.datasets import write_bands
    from tests.gui.test_retraining import started_at

    path = tmp_path / "barriers.json"
    write_bands(own_records(), path)
    wizard = started_at(qtbot, window, path)
    take(qtbot, wizard, "retraining")
    wizard.close()

"""Preferences: stored, searched, reset, and seen at once everywhere."""

from __future__ import annotations

import os
import re

import pytest
from PySide6.QtCore import QAbstractListModel, QSettings, Qt
from PySide6.QtWidgets import QAbstractItemView, QLabel

from migbar_gui.looks import colours, energies
from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


@pytest.fixture
def dialog(opened, qtbot):
    from migbar_gui.dialogs.preferences import PreferencesDialog

    opened.ask_preferences()
    (found,) = opened.findChildren(PreferencesDialog)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("unit", "places", "texts"),
    [
        ("eV", 3, ("0.286 eV", "0.29 eV", "0.15 to 0.54", "0.65")),
        ("eV", 2, ("0.29 eV", "0.3 eV", "0.1 to 0.5", "0.65")),
        ("meV", 3, ("286 meV", "286 meV", "146 to 544", "650")),
        ("meV", 5, ("286.25 meV", "286.2 meV", "145.6 to 544.3", "650")),
    ],
)
def test_that_energies_are_written_in_the_unit_asked_for(unit, places, texts):
    energies.set_format(unit=unit, places=places)
    written = (
        energies.energy(0.286249),
        energies.energy(0.286249, 2),
        energies.interval(0.14561, 0.54432),
        energies.short(0.65),
    )
    assert written == texts


def seen_texts(window) -> list[str]:
    """Everything that is written in the window, in tables and lists too."""
    texts = [label.text() for label in window.findChildren(QLabel)]
    for view in window.findChildren(QAbstractItemView):
        model = view.model()
        if model is None:
            continue
        for row in range(model.rowCount()):
            first = model.index(row, 0)
            cells = [first] if isinstance(model, QAbstractListModel) else _row(model, row)
            texts += [str(cell.data() or "") for cell in cells]
    return texts


def _row(model, row: int) -> list:
    return [model.index(row, column) for column in range(model.columnCount())]


def test_that_another_unit_is_seen_everywhere_at_once(opened, qtbot):
    workspace = opened.workspace
    workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    workspace.pin([1])
    opened.predictions.find_all()
    qtbot.waitUntil(lambda: workspace.state.group is not None, timeout=60_000)
    for dock in opened.docks:
        opened.docks.show(dock.windowTitle())
        qtbot.wait(30)
    in_ev = re.compile(r"\d(\.\d+)? eV")
    assert any(in_ev.search(text) for text in seen_texts(opened))
    opened.preferences.set("energy_unit", "meV")
    qtbot.wait(50)
    assert not [text for text in seen_texts(opened) if in_ev.search(text)]
    table = opened.paths_panel.view.model()
    assert table.headerData(1, Qt.Orientation.Horizontal) == "Barrier (meV)"
    barrier = workspace.result(1).predicted.barrier.barrier_ev
    assert opened.path_panel.barrier.text().endswith(" meV")
    assert f"{1000 * barrier:.0f} meV" in " ".join(seen_texts(opened))
    assert opened.paths_panel.threshold.text() == "650 meV"
    opened.paths_panel.threshold.setValue(300)
    assert workspace.threshold == pytest.approx(0.3)
    # files keep to eV
    from migbar.exports import table_text

    assert "barrier_ev" in table_text(opened.exports.table_rows())


@pytest.mark.parametrize(("unit", "places"), [("eV", 5), ("meV", 3), ("meV", 4), ("meV", 5)])
def test_that_nothing_in_the_panel_of_a_path_is_cut_off_by_a_long_barrier(
    opened, qtbot, unit, places
):
    opened.workspace.join(site(opened, 0), site(opened, 1))
    wait_for_barriers(qtbot, opened)
    assert (
        1 < opened.workspace.result(1).predicted.barrier.barrier_ev < 10
    )  # the longest that is usual, "1020.85 meV"
    opened.preferences.set("energy_unit", unit)
    opened.preferences.set("energy_places", places)
    qtbot.wait(100)
    scroll = opened.path_panel._scrolled
    assert scroll.widget().minimumSizeHint().width() <= scroll.viewport().width()


def test_that_what_is_chosen_is_there_at_the_next_start(opened, dialog, tmp_path):
    from migbar_gui.preferences import Preferences

    dialog.editors["energy_unit"].setCurrentIndex(1)
    dialog.editors["energy_unit"].activated.emit(1)
    told = [text.text() for text in dialog.findChildren(QLabel)]
    assert any(text.startswith("650 meV keeps up") for text in told)
    assert "650 meV: an electrode" in dialog.editors["threshold_ev"].toolTip()
    dialog.editors["threads"].setValue(1)
    dialog.editors["threshold_ev"].setValue(400)
    opened.settings.sync()
    again = Preferences(QSettings(opened.settings.fileName(), QSettings.Format.IniFormat))
    assert (again.get("energy_unit"), again.get("threads")) == ("meV", 1)
    assert again.get("threshold_ev") == pytest.approx(0.4)


def test_that_each_setting_and_all_can_be_reset(opened, dialog):
    preferences = opened.preferences
    preferences.set("energy_places", 5)
    preferences.set("appearance", "dark")
    assert dialog.resets["energy_places"].isEnabled()
    dialog.resets["energy_places"].click()
    assert preferences.get("energy_places") == 3
    assert not dialog.resets["energy_places"].isEnabled()
    assert preferences.get("appearance") == "dark"
    dialog.set_colour("#123456")
    dialog.reset_all.click()
    assert preferences.get("appearance") == "system"
    assert preferences.elements() == {}


def test_that_a_message_follows_the_colours(window):
    window.preferences.set("appearance", "light")
    window.notice.show_message("Something", "warning")
    light = window.notice._close.icon().pixmap(16).toImage()
    window.preferences.set("appearance", "dark")
    assert window.notice._close.icon().pixmap(16).toImage() != light


def test_that_the_search_leaves_what_fits(dialog, qtbot):
    dialog.search.setText("thre")
    shown = {key for key, editor in dialog.editors.items() if not editor.isHidden()}
    assert shown == {"threads"}
    dialog.search.setText("colour radius")
    assert not dialog.element.parentWidget().isHidden()
    assert all(editor.isHidden() for editor in dialog.editors.values())
    assert dialog.nothing.isHidden()
    qtbot.keyClick(dialog.search, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert not dialog.search.hasFocus()
    dialog.search.setText("zzz")
    assert not dialog.nothing.isHidden()
    dialog.search.clear()
    assert not any(editor.isHidden() for editor in dialog.editors.values())
    assert dialog.nothing.isHidden()


def pixels(window) -> bytes:
    picture = window.view.picture(1)
    return bytes(picture.constBits())  # which do not keep the picture alive


def test_that_elements_are_drawn_in_the_colour_and_size_chosen(opened, dialog, qtbot):
    before = pixels(opened)
    dialog.element.setCurrentText("Fe")
    dialog.set_colour("#00ff00")
    dialog.radius.setValue(1.0)
    assert colours.element_colour("Fe") == "#00ff00"
    assert colours.ball_radius("Fe") == pytest.approx(1.0)
    qtbot.waitUntil(lambda: pixels(opened) != before, timeout=10_000)
    dialog.element.setCurrentText("O")
    assert colours.element_colour("O") != "#00ff00"
    opened.preferences.reset_all()
    assert colours.element_colour("Fe") != "#00ff00"


def test_that_a_new_structure_takes_the_supercell_asked_for(opened, qtbot, empty_olivine):
    opened.preferences.set("supercell", "2,2,2")
    opened.open_file(empty_olivine)
    wait_for_document(qtbot, opened, "host.cif")
    assert opened.workspace.state.supercell == "2,2,2"


def test_that_device_and_threads_reach_the_processes_of_jobs(opened):
    opened.preferences.set("threads", 1)
    opened.preferences.set("device", "cpu")
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert os.environ["MIGBAR_DEVICE"] == "cpu"
    opened.preferences.reset_all()
    assert "MIGBAR_DEVICE" not in os.environ


def test_that_nonsense_in_the_settings_file_does_no_harm(qtbot, tmp_path):
    from migbar_gui.preferences import SETTINGS, Preferences

    settings = QSettings(str(tmp_path / "odd.ini"), QSettings.Format.IniFormat)
    for setting in SETTINGS:
        settings.setValue(setting.key, "ünsinn")
    settings.setValue("elements/Li", "?")
    preferences = Preferences(settings)
    assert all(preferences.is_usual(setting.key) for setting in SETTINGS)
    assert preferences.elements() == {"Li": ("", 0.0)}


def test_that_the_potential_asked_for_is_offered_first(opened):
    from migbar_gui.dialogs.potential import potential_box

    opened.preferences.set("potential", "chgnet:r2scan")
    assert potential_box().currentText() == "chgnet:r2scan"
    opened.preferences.reset("potential")
    assert potential_box().currentText() == "chgnet"

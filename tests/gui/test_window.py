"""The window around the 3D view: every way in, every way back, and what goes wrong on the way."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from migbar.hops import Mechanism
from tests.gui.conftest import site, wait_for_barriers, wait_for_document, words
from tests.gui.test_accessibility import nameless

pytestmark = pytest.mark.gui


def texts(window, row: int = 0) -> list[str]:
    table = window.paths_panel.view.model()
    return [str(table.index(row, column).data()) for column in range(table.columnCount())]


def add_path(qtbot, window, end=3) -> int:
    path_id = window.workspace.join(site(window, 0), site(window, end))
    wait_for_barriers(qtbot, window)
    return path_id


def test_that_an_empty_window_shows_the_examples(window):
    from migbar.resources import examples

    assert window.welcome.isVisible()
    assert len(window.welcome._cards) == len(examples()) > 0
    assert not any(dock.isVisible() for dock in window.docks)


def test_that_an_example_opens_with_one_click(window, qtbot):
    from PySide6.QtCore import Qt

    card = next(c for c in window.welcome._cards if c.accessibleName().endswith(" LiFePO4"))
    qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    wait_for_document(qtbot, window, "LiFePO4.cif")
    assert window.view.isVisible()
    assert window.structure_panel.ion.currentData() == "Li"


def test_that_a_bad_file_leaves_what_is_open(opened, qtbot, tmp_path):
    bad = tmp_path / "bad.cif"
    bad.write_bytes(b"\x00\x01\x02 not a structure")
    opened.open_file(bad)
    qtbot.waitUntil(opened.notice.isVisible)
    assert "bad.cif" in opened.notice.text.text()
    assert opened.workspace.document.name == "olivine.cif"


@pytest.mark.parametrize("text", ["", "data_x\n_cell_length_a 3", "Li\n1.0\n", "\ufeffäöü" * 2000])
def test_that_files_that_are_no_structures_are_explained(window, qtbot, tmp_path, text):
    bad = tmp_path / "bad.cif"
    bad.write_text(text, encoding="utf-8")
    window.open_file(bad)
    qtbot.waitUntil(window.notice.isVisible)
    assert "Traceback" not in window.notice.text.text()
    assert window.workspace.document is None


def test_that_escape_forgets_the_first_pick(opened, qtbot):
    from PySide6.QtCore import Qt

    opened.workspace.pick(site(opened, 0))
    assert "final" in opened.centre.prompt.text()
    qtbot.keyClick(opened, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: opened.workspace.picks == ())
    assert "initial" in opened.centre.prompt.text()


def test_that_the_same_site_twice_takes_the_pick_back(opened):
    opened.workspace.pick(site(opened, 0))
    opened.workspace.pick(site(opened, 0))
    assert opened.workspace.picks == ()
    assert opened.workspace.state.paths == ()


def test_that_a_click_on_another_element_only_gives_a_hint(opened):
    from migbar_gui.viewer import AtomInfo

    opened.workspace.pick(site(opened, 0))
    oxygen = AtomInfo("atom", 12, (0, 0, 0), "O", "O12", (0.1, 0.25, 0.74), (1.0, 1.5, 3.5))
    opened.view.site_clicked.emit(oxygen)
    assert "O12" in opened.centre.prompt.text()  # where one looks
    assert len(opened.workspace.picks) == 1
    opened.workspace.clear_picks()
    assert opened.centre.prompt.text().startswith("Click the initial")


def test_that_removing_a_path_can_be_undone_with_its_barrier(opened, qtbot):
    from PySide6.QtCore import Qt

    add_path(qtbot, opened)
    barrier = texts(opened)[1]
    qtbot.keyClick(opened.paths_panel.view, Qt.Key.Key_Delete)
    assert opened.workspace.state.paths == ()
    opened.commands["edit.undo"].trigger()
    assert texts(opened)[1] == barrier
    opened.commands["edit.redo"].trigger()
    assert opened.workspace.state.paths == ()


@pytest.mark.parametrize("where", ["jobs", "bars", "log", "canvas"])
def test_that_the_key_that_removes_paths_does_so_where_paths_are_looked_at(opened, qtbot, where):
    from PySide6.QtCore import Qt

    from migbar_gui.viewer.canvas import Canvas

    add_path(qtbot, opened)
    title, part = {
        "jobs": ("Jobs", opened.jobs_panel),
        "bars": ("Comparison", opened.comparison_panel.bars),
        "log": ("Log", opened.docks["Log"].widget().text),
        "canvas": ("Paths", opened.view.findChild(Canvas)),
    }[where]
    opened.docks.show(title)
    part.setFocus()
    qtbot.keyClick(part, Qt.Key.Key_Delete)
    assert (opened.workspace.state.paths == ()) == (where == "canvas")


def test_that_opening_another_file_can_be_undone_with_all_paths(opened, qtbot, empty_olivine):
    add_path(qtbot, opened)
    opened.open_file(empty_olivine)
    wait_for_document(qtbot, opened, "host.cif")
    assert opened.workspace.state.paths == ()
    opened.commands["edit.undo"].trigger()
    assert opened.workspace.document.name == "olivine.cif"
    assert len(opened.workspace.state.paths) == 1


def test_that_the_verdict_follows_the_threshold(opened, qtbot):
    from migbar_gui.panels.path_table import Column

    path_id = add_path(qtbot, opened)
    barrier = opened.workspace.result(path_id).predicted.barrier.barrier_ev
    opened.paths_panel.threshold.setValue(barrier + 0.01)
    assert texts(opened)[3] == "good conductor"
    table = opened.paths_panel.view
    assert table.sizeHintForColumn(Column.VERDICT) <= table.columnWidth(Column.VERDICT)
    opened.paths_panel.threshold.setValue(barrier - 0.01)
    assert texts(opened)[3] == "poor conductor"
    assert float(str(opened.settings.value("threshold_ev"))) == pytest.approx(
        opened.workspace.threshold
    )


def test_that_notes_are_kept_and_undoable(opened, qtbot):
    from PySide6.QtCore import Qt

    from migbar_gui.panels.path_table import Column

    add_path(qtbot, opened)
    table = opened.paths_panel.view.model()
    table.setData(table.index(0, Column.NOTE), "along b", Qt.ItemDataRole.EditRole)
    assert opened.workspace.state.paths[0].note == "along b"
    opened.workspace.undo()
    assert opened.workspace.state.paths[0].note == ""


def test_that_a_path_can_be_added_with_the_keyboard_alone(opened, qtbot):
    from PySide6.QtCore import Qt

    from migbar_gui.dialogs.coordinates import CoordinatesDialog

    opened.commands["path.add"].trigger()
    dialog = opened.findChild(CoordinatesDialog)
    qtbot.keyClicks(dialog.start, "0")
    qtbot.keyClick(dialog.start, Qt.Key.Key_Tab)
    qtbot.keyClicks(dialog.end, "99")
    qtbot.keyClick(dialog.end, Qt.Key.Key_Return)
    qtbot.waitUntil(dialog.problem.isVisible)
    assert "no site 99" in dialog.problem.text()
    assert opened.workspace.state.paths == ()
    dialog.end.clear()
    qtbot.keyClicks(dialog.end, "0@0,1,0")
    qtbot.keyClick(dialog.end, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(opened.workspace.state.paths) == 1)
    wait_for_barriers(qtbot, opened)
    assert opened.workspace.state.paths[0].hop.label == "0 → 0@0,1,0"
    assert float(texts(opened)[1]) > 0


def test_that_an_empty_host_offers_insertion_between_voids(window, qtbot, empty_olivine):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    assert window.workspace.state.mechanism == "insertion"
    assert window.structure_panel.ion.currentData() == "Li"
    qtbot.waitUntil(lambda: window.workspace.voids is not None, timeout=30_000)
    from migbar_gui.workspace import Pick

    first, second = window.workspace.voids[:2]
    window.workspace.pick(Pick(first.frac_coords))
    window.workspace.pick(Pick(second.frac_coords))
    wait_for_barriers(qtbot, window)
    assert float(texts(window)[1]) > 0
    assert texts(window)[5] == "insertion"


def test_that_only_sensible_mechanisms_can_be_chosen(opened):
    enabled = {m.value for m, b in opened.structure_panel.mechanisms.items() if b.isEnabled()}
    assert enabled == {"vacancy", "single_ion", "interstitial"}
    ion = opened.structure_panel.ion
    ion.setCurrentIndex(ion.findData("Na"))
    ion.activated.emit(ion.currentIndex())
    enabled = {m.value for m, b in opened.structure_panel.mechanisms.items() if b.isEnabled()}
    assert enabled == {"insertion"}
    opened.workspace.undo()
    assert opened.structure_panel.ion.currentData() == "Li"


def test_that_a_file_with_two_structures_asks_which(window, qtbot, two_blocks):
    from migbar_gui.dialogs.blocks import BlockDialog

    window.open_file(two_blocks)
    qtbot.waitUntil(lambda: window.findChild(BlockDialog) is not None, timeout=30_000)
    dialog = window.findChild(BlockDialog)
    assert not nameless(dialog)
    first, second = (dialog.list.visualItemRect(dialog.list.item(row)) for row in (0, 1))
    assert second.top() >= first.top() + first.height()
    dialog.list.setCurrentRow(1)
    dialog.accept()
    wait_for_document(qtbot, window, "two.cif · host")
    assert window.workspace.state.mechanism == "insertion"


def test_that_a_folder_is_offered_to_the_screening(window, qtbot, tmp_path):
    from migbar_gui.screening.dialog import BatchDialog

    window.open_files([tmp_path])
    told = f"{tmp_path.name} is a folder"
    qtbot.waitUntil(lambda: told in window.notice.text.text(), timeout=20_000)
    window.notice.action.click()
    dialog = window.findChild(BatchDialog)
    assert dialog.form.sources.paths() == [str(tmp_path)]
    dialog.close()


def test_that_a_file_whose_symmetry_is_cut_short_says_so(window, qtbot, tmp_path):
    from migbar.resources import examples

    (olivine,) = (path for path in examples() if path.stem == "LiFePO4")
    lines = olivine.read_text().splitlines()
    left = [line for line in lines if not line.startswith(("'-", "'x+", "'x,-", "_chemical"))]
    (tmp_path / "cut.cif").write_text("\n".join(left))
    window.open_file(tmp_path / "cut.cif")
    wait_for_document(qtbot, window, "cut.cif")
    assert "has 8 operations, but lists 1" in words(window.structure_panel.notes)


def test_that_a_partly_occupied_file_offers_ordering(window, qtbot, half_filled):
    from migbar_gui.dialogs.ordering import OrderingDialog

    window.open_file(half_filled)
    qtbot.waitUntil(lambda: window.findChild(OrderingDialog) is not None, timeout=30_000)
    window.findChild(OrderingDialog).accept()
    wait_for_document(qtbot, window, "half.cif (ordered)")
    note = window.workspace.document.notes[0].text
    sites = [i for i, s in enumerate(window.workspace.structure) if s.specie.symbol == "Li"]
    path_id = window.workspace.join(site(window, sites[0]), site(window, sites[1]))
    wait_for_barriers(qtbot, window)
    remarks = window.workspace.result(path_id).predicted.remarks
    assert note in [remark.text for remark in remarks]


def test_that_declining_to_order_leaves_what_is_open(opened, qtbot, half_filled):
    from migbar_gui.dialogs.ordering import OrderingDialog

    opened.open_file(half_filled)
    qtbot.waitUntil(lambda: opened.findChild(OrderingDialog) is not None, timeout=30_000)
    opened.findChild(OrderingDialog).reject()
    assert opened.workspace.document.name == "olivine.cif"


def test_that_the_table_is_exported_as_shown(opened, qtbot, tmp_path):
    from openpyxl import load_workbook
    from PySide6.QtGui import QGuiApplication

    add_path(qtbot, opened, 3)
    add_path(qtbot, opened, 1)
    opened.exports.write_table(tmp_path / "paths.csv")
    opened.exports.write_table(tmp_path / "paths.xlsx")
    qtbot.waitUntil(lambda: not opened.jobs.shown, timeout=20_000)
    rows = list(csv.DictReader((tmp_path / "paths.csv").open(encoding="utf-8")))
    assert [f"{float(row['barrier_ev']):.3f}" for row in rows] == [
        texts(opened, 0)[1],
        texts(opened, 1)[1],
    ]
    sheet = load_workbook(tmp_path / "paths.xlsx").active
    assert sheet.max_row == 3
    opened.exports.copy_table()
    assert QGuiApplication.clipboard().text().count("\n") == 3


def test_that_a_table_that_cannot_be_written_is_explained(opened, qtbot, tmp_path):
    add_path(qtbot, opened)
    opened.exports.write_table(tmp_path / "no such folder" / "paths.csv")
    qtbot.waitUntil(opened.notice.isVisible, timeout=10_000)
    assert "no such" in opened.notice.text.text().lower()


def test_that_a_picture_is_saved_at_the_size_asked_for(opened, qtbot, tmp_path):
    from PySide6.QtGui import QImage

    target = tmp_path / "Bild ü.png"
    opened.exports.save_picture(target, 2, True)
    qtbot.waitUntil(target.exists, timeout=10_000)
    picture = QImage(str(target))
    assert picture.width() == 2 * opened.view.width()
    assert picture.hasAlphaChannel()


def test_that_a_picture_that_cannot_be_written_is_explained(opened, qtbot, tmp_path):
    opened.exports.save_picture(tmp_path / "no such folder" / "view.png", 1, False)
    qtbot.waitUntil(opened.notice.isVisible, timeout=10_000)
    assert "no such" in opened.notice.text.text().lower()


def test_that_a_picture_that_takes_long_can_be_given_up(opened, qtbot, tmp_path, monkeypatch):
    from migbar_gui.dialogs.picture import DrawingProgress

    seen = []

    def give_up(self) -> bool:
        seen.append(self)
        return len(seen) > 2

    monkeypatch.setattr(DrawingProgress, "wasCanceled", give_up)
    opened.exports.save_picture(tmp_path / "view.png", 2, False)
    assert len(seen) == 3
    assert not (tmp_path / "view.png").exists()
    assert opened.view.updatesEnabled()
    assert opened.isEnabled()


def test_that_the_size_of_a_picture_can_be_typed_at_once(opened, qtbot):
    from PySide6.QtTest import QTest

    from migbar_gui.dialogs.picture import PictureDialog

    opened.commands["file.picture"].trigger()
    dialog = opened.findChild(PictureDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    QTest.keyClicks(dialog.focusWidget(), "5")
    assert dialog.scale.value() == 5
    width = round(5 * opened.view.width() * opened.view.devicePixelRatioF())
    assert dialog.pixels.text().startswith(f"{width} ×")
    dialog.reject()


def test_that_one_enter_accepts_a_dialog_whose_first_field_is_a_list(opened, qtbot):
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from migbar_gui.dialogs.relax_structure import RelaxStructureDialog

    opened.commands["structure.relax"].trigger()
    dialog = opened.findChild(RelaxStructureDialog)
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.accepted.disconnect()
    with qtbot.waitSignal(dialog.accepted):
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)


def test_that_opened_files_are_remembered(opened, olivine: Path):
    assert opened.recent.paths() == [olivine.resolve()]


def test_that_a_long_name_makes_the_welcome_page_no_wider(window, qtbot, olivine):
    window.resize(1280, 800)
    file = olivine.rename(olivine.parent / f"{'x' * 240}.cif")
    window.open_file(file)
    wait_for_document(qtbot, window, file.name)
    window.workspace.undo()
    window.welcome.show_recent([file], {file: f"{file.name}, 3 paths"})
    qtbot.wait(50)
    assert window.welcome.isVisible()
    assert window.welcome.widget().sizeHint().width() <= window.welcome.viewport().width()


def test_that_names_with_an_ampersand_are_written_as_they_are(window, qtbot, olivine):
    from PySide6.QtWidgets import QMenu, QPushButton

    from migbar_gui.commands.actions import fill_recent

    file = olivine.rename(olivine.parent / "gut & schlecht.cif")
    window.open_file(file)
    wait_for_document(qtbot, window, file.name)
    assert window.commands["edit.undo"].text() == "&Undo open gut && schlecht.cif"
    assert "Edit: Undo open gut & schlecht.cif" in [c.title for c in window.commands.listed()]
    menu = QMenu(window)
    fill_recent(window, menu)
    assert menu.actions()[0].text() == "gut && schlecht.cif"
    window.workspace.undo()
    links = window.welcome.findChildren(QPushButton)
    assert any(link.text().startswith("gut && schlecht.cif    ") for link in links)


def test_that_cancelling_drops_the_result(window, qtbot):
    import time

    from migbar.progress import check_cancelled

    done: list[object] = []

    def slow(progress) -> str:
        for step in range(200):
            check_cancelled(progress)
            progress.report(step, 200, "counting")
            time.sleep(0.01)
        return "done"

    window.jobs.start("slow", "Counting", slow, done.append)
    qtbot.waitUntil(window.status.cancel.isVisible)
    window.status.cancel.click()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=5_000)
    assert done == []
    assert not window.status.cancel.isVisible()


def test_that_every_command_has_a_name_and_no_shortcut_is_taken_twice(window):
    from migbar_gui.commands.actions import ACTIONS, Submenu

    keys = [a.keys for a in ACTIONS if not isinstance(a, Submenu) and a.keys]
    assert len(keys) == len(set(keys))
    assert len({a.id for a in ACTIONS}) == len(ACTIONS)


def test_that_the_window_starts_without_torch():
    import subprocess
    import sys

    program = (
        "import sys\n"
        "from migbar_gui.app import make_application\n"
        "app = make_application()\n"
        "from migbar_gui.main_window import MainWindow\n"
        "from PySide6.QtCore import QSettings\n"
        "w = MainWindow(QSettings('/nonexistent/x.ini', QSettings.Format.IniFormat)); w.show()\n"
        "while w.view is None or w.jobs.is_running('preload'): app.processEvents()\n"
        "print('torch' in sys.modules); w.close()\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert ran.stdout.strip() == "False"


def test_that_without_a_display_one_line_says_what_to_do(monkeypatch, capsys):
    from migbar_gui.app import main

    monkeypatch.delenv("DISPLAY")
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    assert main([]) == 1
    assert "no display" in capsys.readouterr().err


def test_that_a_cancelled_path_says_so_and_can_be_added_again(opened, qtbot, monkeypatch):
    import threading

    go_on = threading.Event()
    load = opened.predictions._load
    monkeypatch.setattr(opened.predictions, "_load", lambda: go_on.wait(20) and load())
    opened.workspace.join(site(opened, 0), site(opened, 3))
    opened.status.cancel.click()
    assert texts(opened)[1] == "cancelled"
    go_on.set()
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    assert float(texts(opened)[1]) > 0


def test_that_a_closed_window_is_forgotten(qtbot, tmp_path, olivine):
    """Nothing that lives as long as the application holds on to a window."""
    import gc
    import weakref

    from PySide6.QtCore import QCoreApplication, QEvent, QSettings

    from migbar_gui.main_window import MainWindow

    settings = QSettings(str(tmp_path / "short.ini"), QSettings.Format.IniFormat)

    def use_one():
        window = MainWindow(settings)
        window.show()
        qtbot.waitUntil(lambda: window.view is not None, timeout=60_000)
        window.open_file(olivine)
        wait_for_document(qtbot, window, "olivine.cif")
        window.close()
        window.deleteLater()
        return weakref.ref(window.workspace)

    seen = use_one()

    def gone() -> bool:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        gc.collect()
        return seen() is None

    qtbot.waitUntil(gone, timeout=5_000)


def test_that_a_copied_structure_is_pasted(window, qtbot, olivine):
    QGuiApplication.clipboard().setText(olivine.read_text())
    window.commands["edit.paste"].trigger()
    qtbot.waitUntil(lambda: window.workspace.document is not None, timeout=30_000)
    document = window.workspace.document
    assert document.name.startswith("LiFePO4_pasted_")
    assert document.source.read_text() == olivine.read_text()


def test_that_pasting_what_is_no_structure_leaves_all_as_it_is(window, qtbot):
    QGuiApplication.clipboard().setText("good morning")
    window.commands["edit.paste"].trigger()
    qtbot.waitUntil(window.notice.isVisible, timeout=30_000)
    assert "what was pasted" in window.notice.text.text().lower()
    assert window.workspace.document is None


def test_that_undo_by_its_keys_leaves_the_active_path_selected(opened, qtbot):
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    first = opened.workspace.join(site(opened, 0), site(opened, 1))
    opened.workspace.join(site(opened, 0), site(opened, 2))
    # Through the window of the system: so Qt knows that Ctrl is held down.
    QTest.keyClick(opened.windowHandle(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(opened.workspace.state.paths) == 1)
    assert opened.paths_panel.selected_ids() == [first]
    assert opened.commands["path.remove"].isEnabled()


def test_that_a_job_with_a_long_name_makes_the_window_no_wider(window, qtbot):
    window.resize(1000, 700)
    seen = threading.Event()
    title = f"Reading {'a_very_long_name_' * 20}.cif"
    window.jobs.start("long", title, lambda _: seen.wait(10), lambda _: None)
    qtbot.wait(100)
    width = window.width()
    seen.set()
    assert width == 1000


def test_that_voids_that_are_clicked_keep_their_names(window, qtbot, empty_olivine):
    from migbar_gui.viewer import AtomInfo

    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    qtbot.waitUntil(lambda: window.workspace.voids is not None, timeout=30_000)
    corner = window.workspace.voids[1].frac_coords
    for image in ((0, 0, 0), (0, 1, 0)):
        place = tuple(x + n for x, n in zip(corner, image, strict=True))
        void = AtomInfo("void", 1, image, "Li", "void v1", place, (0.0, 0.0, 0.0))
        window.view.site_clicked.emit(void)
    (path,) = window.workspace.state.paths
    assert path.label == "v1 → v1@0,1,0"
    assert window.commands["edit.undo"].text() == "&Undo add v1 → v1@0,1,0"


def test_that_nobody_is_asked_to_click_voids_where_there_are_none(opened, qtbot):
    opened.workspace.set_mechanism(Mechanism.INTERSTITIAL)
    qtbot.waitUntil(lambda: opened.workspace.voids == (), timeout=30_000)
    assert opened.centre.prompt.text().startswith("No void has room for Li")
    assert opened.paths_panel.hint.text() == opened.centre.prompt.text()
    opened.workspace.set_mechanism(Mechanism.VACANCY)
    assert opened.centre.prompt.text().startswith("Click the initial Li site")


def test_that_the_dock_tells_cell_and_volume_with_even_digits(opened):
    facts = {key: label.text() for key, label in opened.structure_panel._fact_labels.items()}
    assert facts["α, β, γ (°)"] == "90.00  90.00  90.00"
    assert facts["Volume (Å³)"] == "291.35"

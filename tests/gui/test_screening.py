"""The batch dialog: from a folder to a table, and from its rows back to a structure."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from migbar.runs import Run, RunState
from migbar.screening import ScreeningOptions, run_screening
from migbar.screening.database import write_database
from migbar.screening.options import Settings
from migbar.screening.query import Show
from migbar.structures import write_cif
from tests.core.salts import endless, write_salts
from tests.gui.conftest import LIFEPO4, wait_for_barriers, wait_for_document
from tests.gui.test_accessibility import check

pytest.importorskip("PySide6")

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog

from migbar_gui.background.run_watcher import Watched

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path) -> Path:
    write_salts(tmp_path / "in", 4)
    (tmp_path / "in" / "broken.cif").write_text("data_x\n")
    return tmp_path / "in"


@pytest.fixture
def dialog(window, qtbot):
    window.commands["file.batch"].trigger()
    from migbar_gui.screening.dialog import BatchDialog

    found = window.findChild(BatchDialog)
    qtbot.waitExposed(found)
    return found


def fill(dialog, folder: Path, out: Path) -> None:
    form = dialog.form
    form.source.setText(str(folder))
    form.processes.setValue(1)
    form.out.setText(str(out))


def start(dialog, qtbot, folder: Path, out: Path) -> None:
    fill(dialog, folder, out)
    qtbot.mouseClick(dialog.form.start, Qt.MouseButton.LeftButton)


def wait_until_finished(dialog, qtbot, rows: int) -> None:
    def finished() -> bool:
        watched = dialog.progress.watched
        return (
            watched is not None
            and watched.run.state is RunState.FINISHED
            and dialog.table.rowCount() == rows
        )

    qtbot.waitUntil(finished, timeout=90_000)


def texts(dialog, column: int) -> list[str]:
    table = dialog.table
    return [table.data(table.index(row, column)) for row in range(table.rowCount())]


def test_that_a_folder_becomes_a_table_and_a_file(
    window, dialog, qtbot, tmp_path, folder, monkeypatch
):
    from migbar_gui.screening.table import Column

    start(dialog, qtbot, folder, tmp_path / "results.db")
    wait_until_finished(dialog, qtbot, 5)
    assert dialog._counts.text().startswith("4 paths shown  ·  4 structures")
    check(dialog)
    assert "1 failed" in dialog._counts.text()
    assert window.runs.get(dialog.progress.folder).run.outcome == "4 predicted, 1 failed"
    assert dialog.progress._state.text() == "Finished: 4 predicted, 1 failed"

    # sort by barrier, largest first
    dialog.view.sortByColumn(Column.BARRIER, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(lambda: texts(dialog, Column.BARRIER)[0] != "failed")
    barriers = [float(text) for text in texts(dialog, Column.BARRIER)[:4]]
    assert barriers == sorted(barriers, reverse=True)

    # filter: what failed, with its reason; a low barrier; a word
    dialog.filters.shown.setCurrentIndex(list(Show).index(Show.FAILED))
    qtbot.waitUntil(lambda: texts(dialog, Column.FILE) == ["broken.cif"])
    assert texts(dialog, Column.NOTE)[0]
    dialog.view.selectRow(0)
    assert dialog.reason.isVisible()
    assert dialog.reason.text() == f"broken.cif: {texts(dialog, Column.NOTE)[0]}"
    assert dialog.view.isColumnHidden(Column.BARRIER)
    dialog.filters.shown.setCurrentIndex(0)
    qtbot.keyClicks(dialog.filters.text, "salt-002")
    qtbot.waitUntil(lambda: texts(dialog, Column.FILE) == ["salt-002.cif"])
    dialog.filters.text.clear()
    dialog.filters.barrier.setValue(barriers[2])
    qtbot.waitUntil(lambda: 0 < dialog.table.rowCount() < 4)
    dialog.filters.barrier.setValue(0)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5)

    # the unit that the user likes
    window.preferences.set("energy_unit", "meV")
    assert dialog.table.headerData(Column.BARRIER, Qt.Orientation.Horizontal) == "Barrier (meV)"
    assert texts(dialog, Column.BARRIER)[0] == f"{1000 * barriers[0]:.0f}"
    dialog.filters.barrier.setValue(1000 * barriers[2])
    qtbot.waitUntil(lambda: 0 < dialog.table.rowCount() < 4)
    dialog.filters.barrier.setValue(0)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5)
    window.preferences.set("energy_unit", "eV")

    # export what is shown
    table = tmp_path / "table.csv"
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_, **__: (str(table), "CSV (*.csv)")
    )
    qtbot.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Wrote" in dialog.notice.text.text(), timeout=30_000)
    with table.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 5
    assert float(lines[0]["barrier_ev"]) == pytest.approx(barriers[0], abs=1e-3)

    # and back to the structure, with its path
    dialog.view.activated.emit(dialog.table.index(1, 0))
    name = texts(dialog, Column.FILE)[1]
    wait_for_document(qtbot, window, name)
    qtbot.waitUntil(lambda: len(window.workspace.state.paths) == 1)
    wait_for_barriers(qtbot, window)
    path = window.workspace.state.paths[0]
    result = window.workspace.result(path.id)
    assert result.predicted.barrier.barrier_ev == pytest.approx(barriers[1], abs=1e-3)


def test_that_a_screening_pauses_resumes_and_tries_failed_files_again(
    dialog, qtbot, tmp_path, folder
):
    write_cif(endless(), folder / "a-endless.cif")
    dialog.form.sites.setValue(1000)
    start(dialog, qtbot, folder, tmp_path / "results.db")
    qtbot.waitUntil(lambda: dialog.table.rowCount() >= 1, timeout=60_000)
    qtbot.mouseClick(dialog.progress.pause, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.progress.watched.run.state is RunState.STOPPED, timeout=30_000)
    qtbot.waitUntil(lambda: dialog.progress.pause.text() == "Resume")
    (folder / "a-endless.cif").unlink()
    qtbot.mouseClick(dialog.progress.pause, Qt.MouseButton.LeftButton)
    wait_until_finished(dialog, qtbot, 5)
    (folder / "broken.cif").write_text((folder / "salt-000.cif").read_text())
    before = dialog.progress.folder
    qtbot.mouseClick(dialog.retry, Qt.MouseButton.LeftButton)
    assert dialog.progress.folder != before
    wait_until_finished(dialog, qtbot, 5)
    dialog.filters.shown.setCurrentIndex(list(Show).index(Show.FAILED))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 0)


def test_that_a_closed_dialog_leaves_the_screening_and_shows_it_again(
    window, dialog, qtbot, tmp_path, folder
):
    start(dialog, qtbot, folder, tmp_path / "results.db")
    run = dialog.progress.folder
    dialog.close()

    def ended() -> bool:
        watched = window.runs.get(run)
        return watched is not None and watched.run.state is RunState.FINISHED

    qtbot.waitUntil(ended, timeout=60_000)
    finished = window.runs.get(run).run
    window.runs.opener(finished).open(finished)
    from migbar_gui.screening.dialog import BatchDialog

    qtbot.waitUntil(lambda: any(d.table.rowCount() == 5 for d in window.findChildren(BatchDialog)))


def test_that_the_form_says_what_is_wrong(dialog, qtbot, tmp_path, folder):
    form = dialog.form

    def complaint() -> str:
        qtbot.mouseClick(form.start, Qt.MouseButton.LeftButton)
        return form.problem.text()

    assert "Choose a folder" in complaint()
    form.source.setText(str(folder / "nothing"))
    assert form.problem.isHidden()
    assert "There is no" in complaint()
    form.source.setText(str(folder))
    assert form.out.text() == str(folder / "migbar-results.db")  # suggested
    form.ion.setEditText("Xx")
    assert "'Xx' is not a chemical element" in complaint()
    form.given_paths.setChecked(True)
    assert "Choose the table" in complaint()
    assert dialog.progress.folder is None


def test_that_a_bare_name_of_the_results_is_meant_beside_the_structures(dialog, folder):
    asked = []
    dialog.form.asked.disconnect()
    dialog.form.asked.connect(lambda _, options: asked.append(options["out"]))
    for source in (folder, folder / "broken.cif"):
        fill(dialog, source, Path("mine.db"))
        dialog.form.ask()
    assert asked == [str(folder / "mine.db")] * 2


def test_that_a_screening_that_cannot_write_says_so(dialog, qtbot, tmp_path, folder):
    start(dialog, qtbot, folder, tmp_path / "no such folder" / "results.db")
    qtbot.waitUntil(lambda: "there is no such folder" in dialog.notice.text.text(), timeout=60_000)


def test_that_many_rows_are_read_only_where_they_are_seen(dialog, qtbot, tmp_path, monkeypatch):
    from migbar_gui.screening import table

    read = []

    def counted(connection, keys, columns):
        read.extend(keys)
        return get_rows(connection, keys, columns)

    get_rows = table.get_rows
    monkeypatch.setattr(table, "get_rows", counted)
    database = tmp_path / "many.db"
    fill_database(database, 100_000)
    dialog.show_results(database)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 100_000, timeout=30_000)
    dialog.view.viewport().repaint()
    assert 0 < len(read) < 1000
    dialog.view.scrollToBottom()
    dialog.view.viewport().repaint()
    assert dialog.table.data(dialog.table.index(99_999, 0)) == "file-99999.cif"
    assert 0 < len(read) < 1000
    # What is selected stays so when rows are sorted.
    dialog.view.selectRow(99_999)
    dialog.view.sortByColumn(5, Qt.SortOrder.DescendingOrder)
    qtbot.waitUntil(
        lambda: dialog.view.selectionModel().selectedRows()[0].row() == 0, timeout=30_000
    )


def fill_database(database: Path, rows: int) -> None:
    """Write a database with so many files, each with a path of its own."""
    settings = Settings.of(ScreeningOptions())
    with write_database(database, settings):
        pass
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO structure (id, setting_id, fingerprint, request, formula, compound_class, n_sites, "
            "space_group, ion, n_paths, percolation, remarks, seconds) "
            "VALUES (?, 1, ?, '', 'LiF', 'fluoride', 8, 'Fm-3m', 'Li', 1, '{}', '[]', 0)",
            ((n, str(n)) for n in range(rows)),
        )
        connection.executemany(
            "INSERT INTO path (structure_id, number, ion, start, end, barrier_ev, interval_low_ev, "
            "interval_high_ev, remarks) VALUES (?, 0, 'Li', '0', '1@0,0,0', ?, 0, 2, '[]')",
            ((n, n / rows) for n in range(rows)),
        )
        connection.executemany(
            "INSERT INTO file (path, request, sha256, bytes, setting_id, limits, state, structure_id, finished, "
            "revision) VALUES (?, '', '', 1, 1, '{}', 'done', ?, '', ?)",
            ((f"/somewhere/file-{n}.cif", n, n) for n in range(rows)),
        )


def test_that_results_of_before_can_be_opened(dialog, qtbot, tmp_path, folder, monkeypatch):
    database = tmp_path / "earlier.db"
    run_screening([folder], ScreeningOptions(out=database, workers=1))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_, **__: (str(database), ""))
    qtbot.mouseClick(dialog.open_results, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5, timeout=30_000)
    assert not dialog.progress.pause.isVisible()
    assert not dialog.retry.isVisible()


def test_that_nothing_of_other_results_stands_under_the_name_of_damaged_ones(
    dialog, qtbot, tmp_path, folder
):
    run_screening([folder], ScreeningOptions(out=tmp_path / "good.db", workers=1))
    dialog.show_results(tmp_path / "good.db")
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5, timeout=30_000)
    (tmp_path / "bad.db").write_text("no database at all\n")
    dialog.show_results(tmp_path / "bad.db")
    assert dialog.table.rowCount() == 0
    qtbot.waitUntil(dialog.notice.isVisible, timeout=30_000)
    assert "bad.db is no results database" in dialog.notice.text.text()
    assert dialog.table.rowCount() == 0
    assert dialog._counts.text() == ""
    assert not dialog.export.isEnabled()
    dialog.show_results(tmp_path / "good.db")
    assert not dialog.notice.isVisible()
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5, timeout=30_000)


def test_that_an_opened_row_is_seen_in_the_main_window(window, dialog, qtbot, tmp_path, folder):
    run_screening([folder], ScreeningOptions(out=tmp_path / "good.db", workers=1))
    dialog.show_results(tmp_path / "good.db")
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 5, timeout=30_000)
    assert not dialog.show_in_window.isEnabled()
    dialog.view.selectRow(1)
    qtbot.mouseClick(dialog.show_in_window, Qt.MouseButton.LeftButton)
    wait_for_document(qtbot, window, texts(dialog, 0)[1])
    assert dialog.isVisible()
    assert dialog.windowHandle().transientParent() is None  # else it would hide the window


def test_that_rows_of_one_file_are_opened_beside_one_another_and_a_changed_file_is_told(
    window, dialog, qtbot, tmp_path, folder
):
    (folder / "olivine.cif").write_text(LIFEPO4)
    run_screening([folder / "olivine.cif"], ScreeningOptions(out=tmp_path / "good.db", workers=1))
    dialog.show_results(tmp_path / "good.db")
    qtbot.waitUntil(lambda: dialog.table.rowCount() > 1, timeout=30_000)
    workspace = window.workspace
    for count in (1, 2):
        dialog.open_row(dialog.table.index(count - 1, 0))
        qtbot.waitUntil(lambda: len(workspace.state.paths) == count, timeout=30_000)  # noqa: B023
    assert workspace.state.paths[1].remarks == ()
    (folder / "olivine.cif").write_text(LIFEPO4.replace("10.332", "10.4"))
    window.open_file(folder / "olivine.cif")
    qtbot.waitUntil(lambda: workspace.state.paths == (), timeout=30_000)
    dialog.open_row(dialog.table.index(0, 0))
    qtbot.waitUntil(lambda: len(workspace.state.paths) == 1, timeout=30_000)
    assert "was changed since" in workspace.state.paths[0].remarks[0].text
    (folder / "olivine.cif").write_text(LIFEPO4.replace("Li1 Li", "Na1 Na"))
    dialog.open_row(dialog.table.index(0, 0))
    qtbot.waitUntil(window.notice.isVisible, timeout=30_000)
    assert "was changed since it was screened, and" in window.notice.text.text()


def test_that_a_table_of_paths_is_looked_at_before_it_is_screened(dialog, qtbot, tmp_path):
    table = tmp_path / "paths.csv"
    dialog.form.given_paths.setChecked(True)
    dialog.form.table.setText(str(table))
    assert dialog.form.out.text() == str(tmp_path / "paths-results.db")
    for text, told in (
        ("Datei;from\n", "no column file and no column to"),
        ("file;from;to\n", "no rows"),
    ):
        table.write_text(text)
        qtbot.mouseClick(dialog.form.start, Qt.MouseButton.LeftButton)
        assert told in dialog.form.problem.text()
        assert dialog.form.isVisible()


def test_that_a_screening_that_waits_for_its_turn_does_not_look_busy(dialog, tmp_path):
    dialog.show_results(tmp_path / "none.db", tmp_path / "run")
    for state, busy in ((RunState.WAITING, False), (RunState.RUNNING, True)):
        run = Run(tmp_path / "run", "screening", "Screening", {}, state)
        dialog.progress.show_state(Watched(run))
        assert dialog.progress.bar.isVisible() is busy
        assert dialog.progress._state.text().startswith("Waiting for its turn") is not busy


def test_that_a_screening_that_goes_on_has_no_negative_pace(dialog, tmp_path):
    dialog.show_results(tmp_path / "none.db", tmp_path / "run")
    run = Run(tmp_path / "run", "screening", "Screening", {}, RunState.RUNNING)
    for done in (7, 9, 2):
        dialog.progress.show_state(Watched(run, done, 500))
    assert "per minute" not in dialog.progress._state.text()
    dialog.progress.show_state(Watched(run, 4, 500))
    assert "-" not in dialog.progress._state.text()
    assert "per minute" in dialog.progress._state.text()


def test_that_a_folder_can_be_dropped(dialog, folder):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder))])
    where = dialog.form.sources.rect().center()
    drop = QDropEvent(
        where.toPointF(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    dialog.form.sources.dropEvent(drop)
    assert dialog.form.source.text() == str(folder)
    assert dialog.form.out.text().startswith(str(folder))
    files = [str(path) for path in sorted(folder.glob("*.cif"))[:2]]
    dialog.form.sources.set_names([str(folder), *files])
    assert dialog.form.source.text() == "1 folder, 2 files"


@pytest.mark.parametrize(
    ("address", "taken"), [("https://x.org/a.cif", False), ("file:///x", True)]
)
def test_that_files_can_be_dropped_and_addresses_on_the_web_cannot(dialog, address, taken):
    data = QMimeData()
    data.setUrls([QUrl(address)])
    event = QDragEnterEvent(
        dialog.form.sources.rect().center(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    event.ignore()
    dialog.form.sources.dragEnterEvent(event)
    assert event.isAccepted() == taken


def test_that_an_empty_table_says_why(dialog, qtbot, tmp_path, folder):
    (tmp_path / "nothing").mkdir()
    start(dialog, qtbot, tmp_path / "nothing", tmp_path / "none.db")
    assert "appear here" in dialog.empty.text()
    qtbot.waitUntil(lambda: "No structure file was found" in dialog.empty.text(), timeout=60_000)
    assert dialog.empty.isVisible()
    dialog.close()

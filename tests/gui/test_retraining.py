"""The retraining wizard in a real window: from own barriers to a model that predicts."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

from migbar.barriers import Barrier
from migbar.datasets import write_bands
from migbar.datasets.problems import Mend
from migbar.models.sharing import export_model, import_model
from migbar.models.store import list_models
from migbar.runs import RunState, create_run, runs_dir
from migbar.training.own.judgement import judge
from migbar.training.own.options import TrainingOptions
from tests.core.own_bands import own_records, write_dataset
from tests.gui.conftest import wait_for_barriers
from tests.gui.test_accessibility import check

pytestmark = pytest.mark.gui
WAIT_MS = 120_000


@pytest.fixture
def oxides(tmp_path) -> Path:
    path = tmp_path / "my oxides.json"
    write_bands(own_records(40), path)
    return path


def page(wizard):
    return wizard.currentPage()


def click(qtbot, widget) -> None:
    from PySide6.QtCore import Qt

    qtbot.waitUntil(widget.isEnabled, timeout=WAIT_MS)
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def go_on(qtbot, wizard, name: str = "Next") -> None:
    from PySide6.QtWidgets import QWizard

    before = wizard.currentId()
    click(qtbot, wizard.button(QWizard.WizardButton[f"{name}Button"]))
    qtbot.waitUntil(lambda: wizard.currentId() != before or not wizard.isVisible())
    if wizard.isVisible():
        check(wizard)


def wizards(window):
    from migbar_gui.dialogs.retraining.wizard import RetrainingWizard

    return [w for w in window.findChildren(RetrainingWizard) if w.isVisible()]


def opened_wizard(qtbot, window, run=None):
    window.retraining.open(run)
    qtbot.waitUntil(lambda: bool(wizards(window)), timeout=WAIT_MS)
    return wizards(window)[-1]


def started_at(qtbot, window, path: Path):
    """The wizard with data in it, on the page that checks them."""
    wizard = opened_wizard(qtbot, window)
    page(wizard).add([path])
    go_on(qtbot, wizard)
    qtbot.waitUntil(lambda: page(wizard).reading is not None, timeout=WAIT_MS)
    return wizard


def test_that_own_barriers_become_a_model_in_the_window(window, qtbot, oxides):
    from PySide6.QtCore import Qt

    from migbar.datasets.splits import Scheme

    wizard = started_at(qtbot, window, oxides)
    assert "40 paths" in page(wizard).summary.text()
    go_on(qtbot, wizard)
    page(wizard).schemes[Scheme.RANDOM].click()
    qtbot.waitUntil(lambda: "Leak" in texts(page(wizard)))
    page(wizard).schemes[Scheme.GROUPS].click()
    go_on(qtbot, wizard)
    model = page(wizard)
    assert model.name.text() == "my oxides"
    choose(model.start, "scratch")
    choose(model.recipe, "band-forest")
    qtbot.waitUntil(lambda: "About" in model.estimate.text(), timeout=WAIT_MS)
    go_on(qtbot, wizard, "Commit")
    training, folder = page(wizard), wizard.folder
    qtbot.waitUntil(lambda: bool(training.stage.text()), timeout=WAIT_MS)
    click(qtbot, training.pause)
    qtbot.waitUntil(lambda: wizard.run_now().state is RunState.STOPPED, timeout=WAIT_MS)
    wizard.close()
    assert not wizards(window)
    # The list of jobs leads back to it.
    window.show_run(folder)
    click(qtbot, window.jobs_panel.open)
    qtbot.waitUntil(lambda: bool(wizards(window)), timeout=WAIT_MS)
    wizard = wizards(window)[0]
    qtbot.waitUntil(lambda: page(wizard).pause.text() == "Resume", timeout=WAIT_MS)
    click(qtbot, page(wizard).pause)
    qtbot.waitUntil(page(wizard).isComplete, timeout=WAIT_MS)
    assert page(wizard)._steps[-1]["done"] == page(wizard)._steps[-1]["total"]
    go_on(qtbot, wizard)
    judgement = page(wizard)
    assert "what you had" in judgement.verdict.text()
    assert "±" in texts(judgement)
    worst = judgement.worst.item(0, 0).text()
    judgement.worst.setFocus()
    judgement.worst.setCurrentCell(0, 0)
    qtbot.keyClick(judgement.worst, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.workspace.document is not None, timeout=WAIT_MS)
    assert page(wizard) is judgement  # Enter was for the row, not for the next page
    assert window.workspace.document.name == worst
    go_on(qtbot, wizard)
    page(wizard).name.setText("Our oxides")
    page(wizard).notes.setPlainText("From forty hops.")
    page(wizard).use.setChecked(True)
    go_on(qtbot, wizard, "Finish")
    assert "Our oxides" in [card.name for card in list_models()]
    assert window.paths_panel.chooser.currentText() == "Our oxides"
    wait_for_barriers(qtbot, window)
    path = window.workspace.state.paths[0]
    barrier = window.workspace.result(path.id).predicted.barrier
    assert barrier.model == "Our oxides"
    known = next(r.target_ev for r in own_records(40) if r.sys_name == worst)
    assert abs(barrier.barrier_ev - known) < 0.2
    card = next(card for card in list_models() if card.name == "Our oxides")
    assert card.notes[0] == "From forty hops."


def texts(widget) -> str:
    from PySide6.QtWidgets import QLabel

    return "\n".join(label.text() for label in widget.findChildren(QLabel))


def choose(box, data: str) -> None:
    box.setCurrentIndex(box.findData(data))


def test_that_reading_tells_how_far_it_is_and_can_be_stopped(window, qtbot, oxides):
    from migbar_gui.dialogs.retraining.wizard import RetrainingWizard

    asked = []

    def known(band):
        asked.append(band)
        time.sleep(0.05)

    wizard = RetrainingWizard(window)
    wizard.known = known
    wizard.show()
    page(wizard).add([oxides])
    wizard.next()
    check = page(wizard)
    qtbot.waitUntil(lambda: " of 40 paths" in check.summary.text(), timeout=WAIT_MS)
    click(qtbot, check.stop)
    assert check.summary.text().startswith("Stopped")
    assert check.reading is None
    assert not check.isComplete()
    qtbot.waitUntil(lambda: window.jobs.idle)
    assert len(asked) < 40
    click(qtbot, check.stop)  # reads again
    qtbot.waitUntil(check.isComplete, timeout=WAIT_MS)
    assert check.reading.found == 40
    assert check.stop.text() == "Read again"
    wizard.close()


def test_that_every_problem_is_listed_and_mends_are_a_choice(window, qtbot, oxides):
    records = json.loads(oxides.read_text())[:12]
    records[1]["target"] = None
    records[2]["target"] = "0,83"
    records.append({"sys_name": "broken"})
    oxides.write_text(json.dumps(records))
    wizard = started_at(qtbot, window, oxides)
    check = page(wizard)
    assert check.reading.used == 11
    rows = {p.code: str(p.source) for p in check.table.problems}
    assert rows["no_barrier"] == "my oxides.json, row 2"
    box = check.mend_boxes[Mend.DECIMAL_COMMA]
    assert box.isChecked()
    box.setChecked(False)
    qtbot.waitUntil(lambda: check.reading is not None and check.reading.used == 10, timeout=WAIT_MS)
    wizard.close()


def test_that_data_that_were_put_right_are_read_again(window, qtbot, oxides):
    from PySide6.QtWidgets import QWizard

    entries = json.loads(oxides.read_text())
    wizard = started_at(qtbot, window, oxides)
    check = page(wizard)
    for count, read_again in (
        (12, lambda: (click(qtbot, wizard.button(QWizard.WizardButton.BackButton)), wizard.next())),
        (13, lambda: click(qtbot, check.stop)),
    ):
        oxides.write_text(json.dumps([*entries[:count], {"sys_name": "broken"}]))
        read_again()
        qtbot.waitUntil(
            lambda: check.reading is not None and check.reading.used == count,  # noqa: B023
            timeout=WAIT_MS,
        )
        assert check.stop.text() == "Read again"
    wizard.close()


def test_that_a_full_disk_is_told_in_words_and_reading_can_be_tried_again(
    window, qtbot, oxides, monkeypatch
):
    import migbar.datasets.reading as reading

    def full(target):
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(reading, "writing", full)
    wizard = opened_wizard(qtbot, window)
    page(wizard).add([oxides])
    go_on(qtbot, wizard)
    check = page(wizard)
    qtbot.waitUntil(lambda: "No space left" in check.summary.text(), timeout=WAIT_MS)
    assert check.summary.text().startswith("No space left on device: ")
    monkeypatch.undo()
    click(qtbot, check.stop)
    qtbot.waitUntil(check.isComplete, timeout=WAIT_MS)
    wizard.close()


def test_that_another_name_goes_after_one_that_cannot_be_and_choices_stay(window, qtbot, oxides):
    from PySide6.QtWidgets import QWizard

    wizard = started_at(qtbot, window, oxides)
    go_on(qtbot, wizard)
    go_on(qtbot, wizard)
    model, train = page(wizard), wizard.button(QWizard.WizardButton.CommitButton)
    choose(model.start, "scratch")
    choose(model.recipe, "band-forest")
    click(qtbot, wizard.button(QWizard.WizardButton.BackButton))
    go_on(qtbot, wizard)
    assert model.options().recipe == "band-forest"
    for name in ("oxides 10:30", "o" * 300):
        model.name.setText(name)
        click(qtbot, train)
        assert "cannot be the name of a model" in model.estimate.text()
        assert not train.isEnabled()
        model.name.setText("oxides")
        assert train.isEnabled()
    wizard.close()


def test_that_unusable_data_are_explained_and_nothing_is_left(window, qtbot, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text("[1, 2]")
    wizard = started_at(qtbot, window, path)
    assert not page(wizard).isComplete()
    assert page(wizard).table.problems
    wizard.close()
    assert not runs_dir().exists() or list(runs_dir().iterdir()) == []


def test_that_a_file_that_cannot_be_read_beside_others_is_told_above_the_list(
    window, qtbot, oxides, tmp_path
):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    wizard = opened_wizard(qtbot, window)
    page(wizard).add([oxides, tmp_path / "bad.csv"])
    go_on(qtbot, wizard)
    qtbot.waitUntil(lambda: page(wizard).reading is not None, timeout=WAIT_MS)
    assert "Not read at all: 1 file." in page(wizard).summary.text()
    wizard.close()


def test_that_data_are_looked_for_where_the_last_were_and_taken_out_by_a_key(
    window, qtbot, oxides, tmp_path, monkeypatch
):
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QFileDialog

    window.settings.setValue("folder", str(tmp_path / "structures"))
    places = []
    monkeypatch.setattr(
        QFileDialog,
        "getOpenFileNames",
        lambda _parent, _title, place, _kinds: (places.append(place), ([str(oxides)], ""))[1],
    )
    wizard = opened_wizard(qtbot, window)
    data = page(wizard)
    for _ in range(2):
        click(qtbot, data.add_files)
    assert places == [str(tmp_path / "structures"), str(oxides.parent)]
    assert data.list.count() == 1
    data.list.setCurrentRow(0)
    data.list.setFocus()
    qtbot.keyClick(data.list, Qt.Key.Key_Delete)
    assert not data.isComplete()
    wizard.close()


def test_that_columns_of_a_table_can_have_other_names(window, qtbot, tmp_path):
    from migbar_gui.dialogs.retraining.columns import ColumnsDialog

    own_records(1)[0].band.host.to(str(tmp_path / "host.cif"), "cif")
    table = tmp_path / "own.csv"
    table.write_text(
        'cif,von,nach,Li?,E_act\nhost.cif,"0.125,0.125,0.125","0.375,0.125,0.125",Li,0.71\n'
    )
    wizard = opened_wizard(qtbot, window)
    click(qtbot, page(wizard).columns)
    dialog = next(d for d in wizard.findChildren(ColumnsDialog) if d.isVisible())
    for key, name in {"from": "von", "to": "nach", "ion": "Li?", "barrier": "E_act"}.items():
        dialog.fields[key].setText(name)
    dialog.accept()
    page(wizard).add([table])
    go_on(qtbot, wizard)
    qtbot.waitUntil(lambda: page(wizard).reading is not None, timeout=WAIT_MS)
    assert page(wizard).reading.used == 1, page(wizard).table.problems
    assert page(wizard).reading.barriers[0] == pytest.approx(0.71)
    wizard.close()


def test_that_a_training_that_cannot_be_judged_is_not_begun(window, qtbot, oxides):
    from migbar.training.own.starts import Kind

    wizard = started_at(qtbot, window, oxides)
    go_on(qtbot, wizard)
    wizard.all_known = True  # as if these were the paths of the bundled models
    go_on(qtbot, wizard)
    model = page(wizard)
    assert "has seen all of these paths" in model.estimate.text()
    assert not model.isComplete()
    scratch = next(s.name for s in model._starts.values() if s.kind is Kind.SCRATCH)
    model.start.setCurrentIndex(model.start.findData(scratch))
    qtbot.waitUntil(model.isComplete, timeout=WAIT_MS)
    wizard.close()


def test_that_a_wizard_that_was_left_is_found_again(window, qtbot, oxides):
    wizard = started_at(qtbot, window, oxides)
    window.raise_()
    window.retraining.open()
    qtbot.wait(300)
    assert wizards(window) == [wizard]
    assert page(wizard).reading is not None
    widths = {wizard._side.width()}
    for _ in range(2):
        go_on(qtbot, wizard)
        widths.add(wizard._side.width())
    assert len(widths) == 1  # nothing jumps where another step is in bold
    wizard.close()


def test_that_a_wizard_that_was_closed_has_its_files_again(window, qtbot, oxides):
    wizard = opened_wizard(qtbot, window)
    page(wizard).add([oxides, oxides.parent])
    page(wizard)._name_columns({"barrier": "Barriere"})
    choose(page(wizard).ion, "Na")
    wizard.close()
    wizard = opened_wizard(qtbot, window)
    files = page(wizard).list
    assert [files.item(row).text() for row in (0, 1)] == [str(oxides), str(oxides.parent)]
    first, second = (files.visualItemRect(files.item(row)) for row in (0, 1))
    assert second.top() >= first.top() + first.height()
    assert wizard.read_options.columns == {"barrier": "Barriere"}
    assert page(wizard).ion.currentData() == "Na"


@pytest.fixture
def finished(window, qtbot, tmp_path):
    """A training that ended badly: the model is not better than what was there before."""
    records = own_records(12)
    import_model(export_model("band-forest", tmp_path / "f.migbar-model"), "mine")
    folder = runs_dir() / "training-1"
    folder.mkdir(parents=True)
    write_dataset(records, folder / "bands.parquet")
    options = TrainingOptions("mine", str(folder / "bands.parquet"), notes="First try.").to_dict()
    truth = np.array([r.target_ev for r in records])
    own = [Barrier(1.0, (0.5, 1.5), "mine", "1") for _ in records]
    result = judge(records, own, truth + 0.1, truth - 0.05)
    curve = [{"fold": 0, "done": 4, "unit": "paths", "training_ev": 0.1, "validation_ev": None}]
    split = {"folds": 0, "warnings": []}
    result |= {"model": "mine", "options": options, "curve": curve, "split": split}
    result["parity"] |= {"file": ["own.json"] * 12, "row": list(range(1, 13))}
    create_run(folder, "training", "Training mine", options)
    (folder / "outcome.json").write_text(json.dumps({"state": "finished", "result": result}))
    window.runs._watcher.look()
    qtbot.waitUntil(lambda: window.runs.get(folder) is not None)
    return window.runs.get(folder).run


def test_that_not_better_is_said_plainly(window, qtbot, finished):
    wizard = opened_wizard(qtbot, window, finished)
    assert page(wizard).verdict.text().startswith("Not better than what you had")
    assert page(wizard).verdict.property("verdict") == "poor"
    page(wizard).parity.clicked.emit(3)
    qtbot.waitUntil(lambda: bool(window.workspace.state.paths), timeout=WAIT_MS)
    assert window.workspace.document.name == own_records(12)[3].sys_name
    assert wizard.windowHandle().transientParent() is None  # else it would hide the path
    assert window.runs.get(finished.folder).run.outcome == "not better than what you had"
    go_on(qtbot, wizard)
    assert page(wizard).advice.isVisible()
    assert not page(wizard).use.isChecked()
    wizard.close()


def test_that_the_numbers_of_a_judgement_are_whole_in_a_narrow_window(window, qtbot, finished):
    wizard = opened_wizard(qtbot, window, finished)
    shown = page(wizard)
    numbers = shown.scores.itemAt(0).widget()
    qtbot.waitUntil(lambda: numbers.x() > shown.parity.geometry().right())  # beside the plot
    wizard.resize(wizard.minimumWidth(), wizard.height())
    qtbot.waitUntil(lambda: numbers.y() > shown.parity.geometry().bottom())
    assert numbers.width() >= numbers.minimumSizeHint().width()
    assert numbers.geometry().right() <= shown._area.viewport().width()
    wizard.close()


def test_that_the_judgement_is_written_in_the_unit_asked_for(
    window, qtbot, finished, tmp_path, monkeypatch
):
    from PySide6.QtGui import QDesktopServices

    wizard = opened_wizard(qtbot, window, finished)
    judgement = page(wizard)
    assert " eV" in judgement.verdict.text()
    window.preferences.set("energy_unit", "meV")
    qtbot.wait(20)  # so that what was replaced is gone
    written = texts(judgement) + judgement.verdict.text() + judgement.calibration.text()
    titles = [judgement.worst.horizontalHeaderItem(column).text() for column in range(2, 6)]
    assert " eV" not in written
    assert "(eV)" not in written
    assert all("(meV)" in title for title in titles)
    errors = [judgement.worst.item(row, 4).text() for row in range(judgement.worst.rowCount())]
    assert any(error.startswith("−") for error in errors)
    assert not any("-" in error for error in errors)
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(url)))
    judgement._result["report"] = str(tmp_path / "report.html")
    judgement._open_report()
    qtbot.waitUntil(lambda: bool(opened), timeout=WAIT_MS)
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "MAE (meV)" in report
    assert " eV" not in report.partition("<h2>Options")[0]
    known = float(judgement.worst.item(0, 2).text())
    assert known == round(
        1000 * judgement._result["parity"]["target_ev"][judgement._result["worst"][0]]
    )
    wizard.close()


def test_that_a_kept_model_can_be_named_shared_and_thrown_away(window, qtbot, finished, tmp_path):
    from migbar_gui.looks.widgets import Question

    wizard = opened_wizard(qtbot, window, finished)
    go_on(qtbot, wizard)
    keep = page(wizard)
    keep.name.setText("migbar-fast")
    assert not wizard.validateCurrentPage()
    assert keep.message.text().startswith("There is a model 'migbar-fast' already")
    keep.name.selectAll()
    qtbot.keyClicks(keep.name, "ours")
    assert keep.message.text() == ""
    assert keep.command.text().endswith('--model "ours"')
    assert wizard.validateCurrentPage()
    keep.export(tmp_path / "ours.migbar-model")
    qtbot.waitUntil(lambda: "Wrote" in keep.message.text(), timeout=WAIT_MS)
    assert (tmp_path / "ours.migbar-model").exists()
    wizard.close()
    wizard = opened_wizard(qtbot, window, finished)
    go_on(qtbot, wizard)
    assert page(wizard).name.text() == "ours"
    click(qtbot, page(wizard).drop)
    next(q for q in wizard.findChildren(Question) if q.isVisible()).accept()
    assert "ours" not in [card.name for card in list_models()]


def test_that_cancelling_a_training_deletes_it(window, qtbot):
    from migbar_gui.looks.widgets import Question

    folder = runs_dir() / "training-1"
    create_run(folder, "training", "Training", TrainingOptions("x", "nowhere.parquet").to_dict())
    (folder / "events.jsonl").write_text('{"kind": "started", "time": 1, "pid": 1}\n')
    window.runs._watcher.look()
    qtbot.waitUntil(lambda: window.runs.get(folder) is not None)
    wizard = opened_wizard(qtbot, window, window.runs.get(folder).run)
    assert "interrupted" in page(wizard).state.text()
    click(qtbot, page(wizard).cancel)
    next(q for q in wizard.findChildren(Question) if q.isVisible()).accept()
    qtbot.waitUntil(lambda: not folder.exists(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not wizards(window))


def test_that_fields_begin_at_one_place_and_end_where_the_buttons_do(window, qtbot):
    from PySide6.QtCore import QPoint
    from PySide6.QtWidgets import QWizard

    from migbar_gui.dialogs.retraining.wizard import Page

    wizard = opened_wizard(qtbot, window)
    wizard.setStartId(Page.MODEL)
    wizard.restart()
    model = page(wizard)
    qtbot.waitUntil(model.device.isVisible)

    def ends(widget) -> tuple[int, int]:
        left = widget.mapTo(wizard, QPoint()).x()
        return left, left + widget.width()

    assert ends(model.name) == ends(model.device) == ends(model.seed)
    close = wizard.button(QWizard.WizardButton.CancelButton)
    qtbot.waitUntil(lambda: ends(close)[1] == ends(model.name)[1])
    wizard.close()

"""Models in the window: chosen where the barriers are, shared as files, imported, removed."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QScrollArea
from shiboken6 import isValid

from migbar.models.store import DEFAULT_MODEL, list_models
from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


@pytest.fixture
def dialog(window, qtbot):
    from migbar_gui.dialogs.models import ModelsDialog

    window.commands["model.list"].trigger()
    qtbot.waitUntil(lambda: bool(window.findChildren(ModelsDialog)))
    dialog = window.findChildren(ModelsDialog)[0]
    yield dialog
    if isValid(dialog):
        dialog.close()


def choose(window, name: str) -> None:
    chooser = window.paths_panel.chooser
    row = chooser.findText(name)
    chooser.setCurrentIndex(row)
    chooser.activated.emit(row)


def select(dialog, name: str) -> None:
    from PySide6.QtCore import Qt

    items = [dialog.list.item(row) for row in range(dialog.list.count())]
    item = next(i for i in items if i.data(Qt.ItemDataRole.UserRole) == name)
    dialog.list.setCurrentItem(item)


def question(dialog):
    from migbar_gui.looks.widgets import Question

    return next(q for q in dialog.findChildren(Question) if q.isVisible())


def take_in(qtbot, dialog, path) -> None:
    dialog.take_in(path)
    qtbot.waitUntil(lambda: "Reading" not in dialog.notice.text.text(), timeout=60_000)


def test_that_cards_are_not_cut_off(dialog, qtbot):
    area = dialog.findChild(QScrollArea)
    for card in list_models():
        select(dialog, card.name)
        qtbot.wait(50)
        assert area.widget().minimumSizeHint().width() <= area.viewport().width(), card.name


def test_that_another_model_judges_the_paths_anew_and_is_remembered(opened, qtbot):
    path_id = opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    assert opened.workspace.result(path_id).predicted.barrier.model == DEFAULT_MODEL
    choose(opened, "band-forest")
    wait_for_barriers(qtbot, opened)
    assert opened.workspace.result(path_id).predicted.barrier.model == "band-forest"
    assert opened.settings.value("model") == "band-forest"
    choose(opened, "Models…")
    assert opened.paths_panel.chooser.currentText() == "band-forest"


def test_that_another_model_judges_the_whole_network_anew(opened, qtbot):
    opened.find_paths()
    qtbot.waitUntil(lambda: opened.workspace.state.group is not None, timeout=60_000)
    chosen = opened.workspace.state.group.paths[2]
    opened.workspace.activate(chosen.id)
    told = []
    opened.paths_panel.model.dataChanged.connect(lambda *_: told.append(True))
    choose(opened, "band-forest")
    told.clear()

    def judged() -> bool:
        return opened.workspace.state.group.found.model.name == "band-forest"

    qtbot.waitUntil(judged, timeout=60_000)
    assert {r.predicted.barrier.model for r in opened.workspace.results.values()} == {"band-forest"}
    assert told  # the table is drawn anew
    assert opened.workspace.active == chosen.id  # and what the user looks at stays


def test_that_a_model_that_is_gone_is_told_and_the_default_used(window, qtbot):
    from migbar_gui.main_window import MainWindow

    window.settings.setValue("model", "lost")
    again = MainWindow(window.settings)
    qtbot.addWidget(again)
    again.show()
    qtbot.waitUntil(again.notice.isVisible)
    assert "'lost' is gone" in again.notice.text.text()
    assert again.models.used == DEFAULT_MODEL
    again.close()


def test_that_the_dialog_shows_cards_and_chooses(dialog, window, qtbot):
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QLabel

    select(dialog, "band-forest")
    texts = [widget.text() for widget in dialog.findChildren(QLabel)]
    assert any("Unseen frameworks" in text for text in texts)
    assert any("±" in text for text in texts)
    assert any(text.startswith("band-forest, version") for text in texts)
    assert not dialog.remove.isEnabled()
    qtbot.mouseClick(dialog.use, Qt.MouseButton.LeftButton)
    assert window.models.used == "band-forest"
    assert not dialog.use.isEnabled()
    assert window.paths_panel.chooser.currentText() == "band-forest"


def test_that_a_model_goes_out_comes_in_and_is_deleted(dialog, window, qtbot, tmp_path):
    from PySide6.QtCore import Qt

    path = tmp_path / "forest.migbar-model"
    dialog.export("band-forest", path)
    qtbot.waitUntil(lambda: "Wrote" in dialog.notice.text.text(), timeout=60_000)
    take_in(qtbot, dialog, path)
    assert dialog.current() == "band-forest-2"
    dialog.use.click()
    assert window.paths_panel.chooser.findText("band-forest-2") >= 0
    qtbot.mouseClick(dialog.remove, Qt.MouseButton.LeftButton)
    question(dialog).accept()
    assert "band-forest-2" not in [card.name for card in list_models()]
    assert window.models.used == DEFAULT_MODEL


def test_that_the_window_tells_what_came_of_it_where_the_dialog_is_closed(
    dialog, window, qtbot, tmp_path
):
    path = tmp_path / "forest.migbar-model"
    dialog.export("band-forest", path)
    dialog.close()
    qtbot.waitUntil(lambda: "Wrote" in window.notice.text.text(), timeout=60_000)
    assert path.exists()
    assert not isValid(dialog)


def test_that_a_checkpoint_is_asked_what_it_is_and_refused_where_it_does_not_fit(
    dialog, qtbot, tmp_path
):
    path = tmp_path / "best_model.pt"
    path.write_bytes(b"nothing of the kind")
    before = list_models()
    dialog.take_in(path)
    asked = question(dialog)
    assert asked.network.currentText() == "MODEL-3"
    asked.accept()
    qtbot.waitUntil(lambda: "Nothing was imported" in dialog.notice.text.text(), timeout=60_000)
    assert list_models() == before


def test_that_a_bad_model_file_is_explained(dialog, qtbot, tmp_path):
    path = tmp_path / "bad.migbar-model"
    path.write_bytes(b"x")
    take_in(qtbot, dialog, path)
    assert "no model file of MigBar" in dialog.notice.text.text()


def test_that_a_closed_list_of_models_hears_no_more_of_them(window, dialog, qtbot):
    dialog.close()
    qtbot.waitUntil(lambda: not isValid(dialog))
    with qtbot.capture_exceptions() as raised:
        choose(window, "band-forest")
        choose(window, DEFAULT_MODEL)
    assert not raised
    assert not window.notice.isVisible()


def test_that_an_undone_path_comes_back_with_a_barrier_by_the_model_in_use(opened, qtbot):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    opened.workspace.undo()
    choose(opened, "band-forest")
    opened.workspace.redo()
    wait_for_barriers(qtbot, opened)
    assert opened.workspace.result(1).predicted.barrier.model == "band-forest"


def test_that_going_back_to_what_another_model_found_brings_its_barriers_back(opened, qtbot):
    workspace = opened.workspace
    opened.find_paths()
    qtbot.waitUntil(lambda: workspace.state.group is not None, timeout=60_000)
    first = workspace.state.group
    choose(opened, "band-forest")
    qtbot.waitUntil(lambda: workspace.state.group is not first, timeout=60_000)
    workspace.undo()
    assert workspace.state.group is first
    qtbot.wait(100)
    shown = [workspace.result(path.id) for path in first.paths]
    assert [r.predicted.barrier for r in shown] == [
        r.predicted.barrier for r in first.found.results
    ]


def test_that_the_r2_of_a_few_paths_is_not_shown():
    from migbar_gui.dialogs.models import with_error

    scores = {"n": 3, "r2": -8.28, "r2_se": 4531.51}
    assert with_error(scores, "r2", 2) == "–"
    assert with_error(scores | {"n": 40, "r2": 0.61, "r2_se": 0.07}, "r2", 2) == "0.61 ± 0.07"
    assert with_error(scores | {"n": 40, "r2": -0.001, "r2_se": 0.07}, "r2", 2) == "0.00 ± 0.07"

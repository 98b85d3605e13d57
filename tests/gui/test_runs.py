"""Long jobs in the window: listed, stopped, resumed, queued, and still there when it is opened again."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from migbar.runs import (
    RunState,
    create_run,
    queue_run,
    read_events,
    read_run,
    runs_dir,
    take_from_queue,
)
from tests.core.processes import offer_counting
from tests.gui.conftest import wait_for_document
from tests.gui.test_accessibility import nameless
from tests.gui.test_network import labels

pytestmark = pytest.mark.gui
WAIT_MS = 30_000


@pytest.fixture(autouse=True)
def counting(monkeypatch):
    """A small task that counts; the processes know it, too."""
    offer_counting(monkeypatch)


@pytest.fixture
def listed(window, qtbot):
    """The window with the dock of the jobs in it; at the end no run is left."""
    window.docks.show("Jobs")
    yield window
    window.runs.stop_all()
    qtbot.waitUntil(lambda: not window.runs.under_way, timeout=WAIT_MS)


def count(window, to: int, pause: float = 0.0, title: str = "Counting", **options) -> Path:
    return window.runs.start("count", title, {"to": to, "pause": pause, **options})


def wait_for_state(qtbot, window, folder: Path, state: RunState):
    def reached() -> bool:
        watched = window.runs.get(folder)
        return watched is not None and watched.run.state is state

    qtbot.waitUntil(reached, timeout=WAIT_MS)
    return window.runs.get(folder)


def wait_for_steps(qtbot, window, folder: Path, steps: int) -> None:
    qtbot.waitUntil(lambda: window.runs.get(folder).done >= steps, timeout=WAIT_MS)


def click(qtbot, widget) -> None:
    from PySide6.QtCore import Qt

    qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled())
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def dialog(window, kind):
    """The dialog of a kind that is open."""
    return next((d for d in window.findChildren(kind) if d.isVisible()), None)


def row(window, folder: Path) -> list[str]:
    table = window.jobs_panel.model
    number = table.row_of(folder)
    return [str(table.index(number, column).data()) for column in range(table.columnCount())]


def test_that_an_empty_list_says_what_will_be_in_it(listed):
    assert not listed.jobs_panel.view.isVisible()
    assert not listed.jobs_panel.stop.isEnabled()
    assert not listed.job_news.summary.isVisible()


def test_that_a_run_is_listed_told_and_its_result_opened(listed, qtbot):
    from migbar_gui.background.runs import ResultOpener

    opened = []
    listed.runs.register("count", ResultOpener("Open numbers", opened.append))
    folder = count(listed, 3)
    with qtbot.waitSignal(listed.runs.ended, timeout=WAIT_MS) as end:
        pass
    assert end.args[0].run.result == {"from": 0, "to": 3}
    assert "finished" in listed.centre.run_notice.text.text()
    qtbot.waitUntil(lambda: row(listed, folder)[:2] == ["Counting", "finished"])
    click(qtbot, listed.centre.run_notice.action)
    click(qtbot, listed.jobs_panel.open)
    assert [run.folder for run in opened] == [folder, folder]
    assert listed.jobs_panel.open.text() == "Open numbers"


def test_that_the_news_of_a_run_goes_once_it_is_known(listed, qtbot, olivine):
    from migbar_gui.background.runs import ResultOpener

    notice = listed.centre.run_notice
    listed.runs.register("count", ResultOpener("Open numbers", lambda _: None))

    def finish() -> Path:
        folder = count(listed, 2)
        wait_for_state(qtbot, listed, folder, RunState.FINISHED)
        assert notice.isVisible()
        return folder

    listed.jobs_panel.select(finish())
    click(qtbot, listed.jobs_panel.open)
    assert notice.isHidden()
    finish()
    listed.escape()
    assert notice.isHidden()
    finish()
    listed.open_file(olivine)
    wait_for_document(qtbot, listed, "olivine.cif")
    assert notice.isHidden()
    folder = count(listed, 9, fail_at=6)
    wait_for_state(qtbot, listed, folder, RunState.FAILED)
    listed.workspace.undo()
    assert notice.isVisible()  # what failed stays until it is closed


def test_that_a_follower_hears_everything_from_the_start_and_before_the_end(listed, qtbot):
    folder = count(listed, 40, 0.02)
    wait_for_steps(qtbot, listed, folder, 5)
    heard, at_end = [], []
    follower = listed.runs.follow(folder)
    follower.arrived.connect(heard.extend)
    listed.runs.ended.connect(lambda _: at_end.append(len(heard)))
    qtbot.waitUntil(lambda: bool(at_end), timeout=WAIT_MS)
    assert heard == read_events(folder)[0]
    assert at_end == [len(heard)]
    follower.close()


def test_that_a_run_is_stopped_and_resumed_by_its_buttons(listed, qtbot):
    folder = count(listed, 120, 0.02)
    wait_for_steps(qtbot, listed, folder, 3)
    assert "Counting" in listed.job_news.summary.text()
    listed.jobs_panel.select(folder)
    click(qtbot, listed.jobs_panel.stop)
    wait_for_state(qtbot, listed, folder, RunState.STOPPED)
    click(qtbot, listed.jobs_panel.resume)
    assert wait_for_state(qtbot, listed, folder, RunState.FINISHED).run.result["from"] >= 3


def test_that_runs_wait_for_their_turn_and_one_can_jump_the_queue(listed, qtbot):
    first = count(listed, 500, 0.02, "First")
    second = count(listed, 500, 0.02, "Second")
    third = count(listed, 2, title="Third")
    wait_for_steps(qtbot, listed, first, 1)
    assert listed.runs.get(second).run.state is RunState.WAITING
    qtbot.waitUntil(lambda: "2 waiting" in listed.job_news.summary.text())
    listed.jobs_panel.select(third)
    click(qtbot, listed.jobs_panel.resume)  # Start now
    wait_for_state(qtbot, listed, third, RunState.FINISHED)
    assert listed.runs.get(second).run.state is RunState.WAITING
    listed.runs.stop(first)
    wait_for_state(qtbot, listed, second, RunState.RUNNING)


def test_that_two_windows_share_one_queue(listed, qtbot, monkeypatch):
    from migbar_gui.background import run_watcher
    from migbar_gui.background.runs import Runs

    monkeypatch.setattr(run_watcher, "BUSY_PAUSE_S", 0.02)  # no state is overlooked
    monkeypatch.setattr(run_watcher, "IDLE_PAUSE_S", 0.02)
    states, spans = [], []
    other = Runs(listed.show_error, listed)
    other.changed.connect(lambda watched: states.append(watched.run.state))
    folders = [count(listed, 20, 0.02, f"Run {number}") for number in range(3)]
    for folder in folders:
        wait_for_state(qtbot, listed, folder, RunState.FINISHED)
    other.shut_down()
    assert RunState.INTERRUPTED not in states
    for folder in folders:
        events, _ = read_events(folder)
        assert [event["kind"] for event in events].count("started") == 1
        spans.append((events[0]["time"], events[-1]["time"]))
    spans.sort()
    assert all(end < start for (_, end), (start, _) in pairwise(spans))  # one at a time


def test_that_no_run_is_started_beside_one_that_was_taken_since_the_last_look(tmp_path):
    from migbar_gui.background.run_watcher import RunWatcher

    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        create_run(folder, "count", folder.name, {"to": 2})
        queue_run(folder)
    watcher = RunWatcher(tmp_path, lambda _: None, at_once=1)
    watcher._look()
    assert take_from_queue(folders[0])  # by another window
    assert not watcher._start_next()
    assert read_run(folders[1]).state is RunState.WAITING


def test_that_a_run_that_somebody_else_has_made_is_left_to_them(listed, qtbot):
    folder = runs_dir() / "theirs"
    create_run(folder, "count", "Theirs", {"to": 2})
    mine = count(listed, 2)
    wait_for_state(qtbot, listed, mine, RunState.FINISHED)
    assert read_run(folder).state is RunState.WAITING
    listed.jobs_panel.select(folder)
    click(qtbot, listed.jobs_panel.resume)  # Start now
    wait_for_state(qtbot, listed, folder, RunState.FINISHED)


def test_that_a_waiting_run_can_be_taken_out_of_the_queue_and_comes_back(listed, qtbot):
    first = count(listed, 500, 0.02, "First")
    second = count(listed, 2, title="Second")
    wait_for_steps(qtbot, listed, first, 1)
    listed.runs.stop(second)
    wait_for_state(qtbot, listed, second, RunState.STOPPED)
    listed.runs.resume(second)
    wait_for_state(qtbot, listed, second, RunState.WAITING)
    listed.jobs_panel.at_once.setValue(2)
    wait_for_state(qtbot, listed, second, RunState.FINISHED)
    assert str(listed.settings.value("runs_at_once")) == "2"


def test_that_a_failure_is_told_in_words_and_its_log_can_be_read(listed, qtbot):
    from migbar_gui.dialogs.log import LogDialog

    folder = count(listed, 9, fail_at=6)
    wait_for_state(qtbot, listed, folder, RunState.FAILED)
    assert "unlucky" in listed.centre.run_notice.text.text()
    qtbot.waitUntil(lambda: "unlucky" in row(listed, folder)[-1])
    (folder / "log.txt").write_text("seven\n")
    listed.jobs_panel.select(folder)
    click(qtbot, listed.jobs_panel.log)
    log = dialog(listed, LogDialog)
    assert "seven" in log.text.toPlainText()
    assert not nameless(log)
    log.close()


def test_that_a_run_that_was_just_begun_is_the_selected_one(listed, qtbot):
    first = count(listed, 1)
    wait_for_state(qtbot, listed, first, RunState.FINISHED)
    qtbot.waitUntil(lambda: listed.jobs_panel.selected().key == first)
    second = count(listed, 50, 0.05, title="Counting on")
    qtbot.waitUntil(lambda: listed.jobs_panel.selected().key == second)
    wait_for_steps(qtbot, listed, second, 2)
    listed.jobs_panel.select(first)
    qtbot.wait(400)
    assert listed.jobs_panel.selected().key == first  # what the user chose stays


def test_that_a_killed_run_offers_to_resume(listed, qtbot):
    folder = count(listed, 100, 0.02)
    wait_for_steps(qtbot, listed, folder, 3)
    started = next(e for e in read_events(folder)[0] if e["kind"] == "started")
    os.kill(started["pid"], signal.SIGKILL)
    wait_for_state(qtbot, listed, folder, RunState.INTERRUPTED)
    assert "interrupted" in listed.centre.run_notice.text.text()
    click(qtbot, listed.centre.run_notice.action)
    assert wait_for_state(qtbot, listed, folder, RunState.FINISHED).run.result["from"] >= 3


def test_that_a_run_that_does_not_heed_stop_can_be_ended_at_once(listed, qtbot):
    folder = count(listed, 3, 20.0)
    wait_for_steps(qtbot, listed, folder, 1)
    listed.jobs_panel.select(folder)
    click(qtbot, listed.jobs_panel.stop)
    qtbot.waitUntil(lambda: listed.jobs_panel.stop.text() == "Stop at once")
    click(qtbot, listed.jobs_panel.stop)
    wait_for_state(qtbot, listed, folder, RunState.INTERRUPTED)


def test_that_a_run_is_removed_with_its_files(listed, qtbot):
    from migbar_gui.looks.widgets import Question

    folder = count(listed, 2)
    wait_for_state(qtbot, listed, folder, RunState.FINISHED)
    listed.jobs_panel.select(folder)
    click(qtbot, listed.jobs_panel.remove)
    dialog(listed, Question).accept()
    qtbot.waitUntil(lambda: listed.runs.get(folder) is None, timeout=WAIT_MS)
    assert not folder.exists()


def test_that_a_job_within_the_window_is_listed_and_can_be_stopped(listed, qtbot):
    def work(progress):
        while not progress.cancelled():
            progress.report(1, 4, "thinking")

    listed.jobs.start("think", "Thinking", work, lambda _: None)
    panel = listed.jobs_panel
    qtbot.waitUntil(
        lambda: bool(panel.model.entries) and panel.model.entries[0].title == "Thinking"
    )
    click(qtbot, panel.stop)
    qtbot.waitUntil(lambda: not panel.model.entries)


def test_that_the_steps_of_another_stage_are_counted_anew(listed, qtbot):
    folder = runs_dir() / "staged"
    create_run(folder, "count", "Staged", {"to": 2})
    events = [
        {"kind": "started", "time": 1, "pid": 1},
        {"kind": "progress", "time": 2, "done": 1, "total": 4, "message": "reading"},
        {"kind": "progress", "time": 5, "done": 3, "total": 4, "message": "reading"},
    ]
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    wait_for_state(qtbot, listed, folder, RunState.INTERRUPTED)
    watched = listed.runs.get(folder)
    assert (watched.done, watched.total, watched.message) == (3, 4, "reading")
    assert watched.seconds_left == pytest.approx(1.5)
    with path.open("a") as file:
        file.write('{"kind": "stage", "time": 6, "text": "Training"}\n')
    qtbot.waitUntil(lambda: listed.runs.get(folder).message == "Training", timeout=WAIT_MS)
    assert (listed.runs.get(folder).total, listed.runs.get(folder).seconds_left) == (0, None)


def test_that_closing_asks_and_the_run_goes_on_or_is_stopped(listed, qtbot):
    from migbar_gui.panels.job_news import CloseQuestion

    folder = count(listed, 1000, 0.02)
    wait_for_steps(qtbot, listed, folder, 1)
    listed.close()
    question = dialog(listed, CloseQuestion)
    assert "A long job is running." in " ".join(labels(question))
    assert question.accept_button.text() == "Keep it running"
    assert listed.isVisible()
    click(qtbot, question.cancel_button)
    assert listed.isVisible()
    listed.close()
    click(qtbot, dialog(listed, CloseQuestion).accept_button)
    assert not listed.isVisible()
    assert read_run(folder).state is RunState.RUNNING
    again = reopened(qtbot, listed)
    wait_for_state(qtbot, again, folder, RunState.RUNNING)
    again.close()
    click(qtbot, dialog(again, CloseQuestion).stop_button)
    assert not again.isVisible()
    qtbot.waitUntil(lambda: read_run(folder).state is RunState.STOPPED, timeout=WAIT_MS)
    listed.runs._runs.clear()  # this window watches no more


def test_that_nothing_is_stopped_before_it_is_sure_that_the_window_closes(
    listed, qtbot, monkeypatch
):
    from migbar_gui.panels.job_news import CloseQuestion

    folder = count(listed, 1000, 0.02)
    wait_for_steps(qtbot, listed, folder, 1)
    with monkeypatch.context() as patch:
        patch.setattr(listed.sessions, "may_leave", lambda _: False)  # changes are to be kept
        listed.close()
    assert listed.isVisible()
    assert listed.findChild(CloseQuestion) is None
    assert read_run(folder).state is RunState.RUNNING


def test_that_interrupted_runs_offer_to_resume_when_the_window_is_opened(qtbot, window):
    folder = runs_dir() / "old"
    create_run(folder, "count", "Old", {"to": 2})
    (folder / "events.jsonl").write_text('{"kind": "started", "time": 1, "pid": 1}\n')
    again = reopened(qtbot, window)
    wait_for_state(qtbot, again, folder, RunState.INTERRUPTED)
    assert "Old was interrupted" in again.centre.run_notice.text.text()
    again.close()


def reopened(qtbot, window):
    """A second window with the same settings and folders."""
    from migbar_gui.main_window import MainWindow

    again = MainWindow(window.settings)
    qtbot.addWidget(again)
    again.show()
    return again

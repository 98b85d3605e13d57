"""Runs: processes that outlive their starter, stop when asked, and go on after a kill."""

from __future__ import annotations

import os
import signal

import pytest

from migbar import runs
from migbar.runs import RunError, RunState
from tests.core.processes import offer_counting, wait_for


@pytest.fixture
def tasks(monkeypatch):
    """A task that counts."""
    offer_counting(monkeypatch)


def counted(folder) -> int:
    """How far the run in a folder has counted."""
    memory = folder / "count.txt"
    return int(memory.read_text()) if memory.exists() else 0


def test_that_a_run_ends_with_its_result(tmp_path, tasks):
    folder = tmp_path / "a"
    assert runs.create_run(folder, "count", "Counting", {"to": 3}).state is RunState.WAITING
    runs.start_run(folder, threads=1).wait()
    run = runs.read_run(folder)
    assert (run.state, run.result) == (RunState.FINISHED, {"from": 0, "to": 3})
    events, end = runs.read_events(folder)
    assert events[0]["kind"] == "started"
    assert events[-1] | {"time": 0} == {
        "kind": "progress",
        "time": 0,
        "done": 3,
        "total": 3,
        "message": "counting",
    }
    assert runs.read_events(folder, end) == ([], end)


def test_that_a_run_whose_process_is_on_its_way_is_running_for_everybody(tmp_path, tasks):
    folder = tmp_path / "a"
    runs.create_run(folder, "count", "Counting", {"to": 3})
    process = runs.start_run(folder)
    assert runs.read_run(folder).state is RunState.RUNNING
    process.wait()
    assert runs.read_run(folder).state is RunState.FINISHED
    assert not (folder / "starting").exists()


def test_that_a_run_is_taken_from_the_queue_once(tmp_path, tasks):
    runs.create_run(tmp_path / "a", "count", "Counting", {"to": 3})
    runs.queue_run(tmp_path / "a")
    assert runs.take_from_queue(tmp_path / "a")
    assert runs.read_run(tmp_path / "a").state is RunState.RUNNING  # nobody starts one beside it
    assert not runs.take_from_queue(tmp_path / "a")
    runs.start_run(tmp_path / "a", taken=True).wait()
    assert runs.read_run(tmp_path / "a").state is RunState.FINISHED


def test_that_a_killed_run_is_told_apart_and_goes_on(tmp_path, tasks):
    folder = tmp_path / "a"
    runs.create_run(folder, "count", "Counting", {"to": 60, "pause": 0.02})
    process = runs.start_run(folder)
    wait_for(lambda: counted(folder) >= 3)
    assert runs.read_run(folder).state is RunState.RUNNING
    with pytest.raises(RunError, match="running already"):
        runs.start_run(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert runs.read_run(folder).state is RunState.INTERRUPTED
    runs.start_run(folder).wait()
    assert runs.read_run(folder).result["from"] >= 3


def test_that_a_run_stops_when_asked_and_goes_on(tmp_path, tasks):
    folder = tmp_path / "a"
    runs.create_run(folder, "count", "Counting", {"to": 100, "pause": 0.02})
    process = runs.start_run(folder)
    wait_for(lambda: counted(folder) >= 2)
    runs.stop_run(folder)
    process.wait()
    assert runs.read_run(folder).state is RunState.STOPPED
    assert 2 <= counted(folder) < 100
    assert runs.read_events(folder)[0][-1]["done"] == counted(folder)  # however soon after another
    runs.start_run(folder).wait()
    assert runs.read_run(folder).state is RunState.FINISHED


def test_that_a_failure_is_told_in_words(tmp_path, tasks):
    folder = tmp_path / "a"
    runs.create_run(folder, "count", "Counting", {"to": 9, "fail_at": 6})
    runs.start_run(folder).wait()
    run = runs.read_run(folder)
    assert (run.state, run.error) == (RunState.FAILED, "Seven is unlucky; count to six.")
    assert runs.read_events(folder)[0][-1]["done"] == 6


def test_that_a_folder_holds_one_run_of_a_task_that_there_is(tmp_path, tasks):
    runs.create_run(tmp_path / "a", "count", "First", {"to": 1})
    assert runs.read_run(tmp_path / "a").title == "First"
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "run.json").write_text("{")
    with pytest.raises(RunError, match="missing or damaged"):
        runs.read_run(tmp_path / "c")
    with pytest.raises(RunError, match="holds a run already"):
        runs.create_run(tmp_path / "a", "count", "Third", {"to": 1})
    with pytest.raises(RunError, match="no task"):
        runs.create_run(tmp_path / "d", "dance", "Fourth", {})


def test_that_half_a_line_waits_for_its_other_half(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "a"}\n{"ki')
    events, place = runs.read_events(tmp_path)
    assert [event["kind"] for event in events] == ["a"]
    with path.open("a") as file:
        file.write('nd": "b"}\n')
    assert [event["kind"] for event in runs.read_events(tmp_path, place)[0]] == ["b"]

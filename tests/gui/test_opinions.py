"""The part of the path's dock in which all models are asked."""

import json
import shutil

import pytest
from PySide6.QtWidgets import QLabel

from migbar.errors import MigbarError
from migbar.models.store import CARD, bundled_models_dir, user_models_dir
from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


@pytest.fixture
def judged(opened, qtbot):  # type: ignore[no-untyped-def]
    """The window with a path that was judged."""
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    return opened


def answers(window):  # type: ignore[no-untyped-def]
    return window.opinions.found(window.workspace.active)


def ask(qtbot, window) -> None:  # type: ignore[no-untyped-def]
    window.commands["path.models"].trigger()
    qtbot.waitUntil(lambda: answers(window) is not None, timeout=120_000)


def test_that_all_models_are_asked_when_told_to(judged, qtbot):  # type: ignore[no-untyped-def]
    section = judged.path_panel.opinions
    assert section.ask.isVisibleTo(section)
    assert answers(judged) is None
    ask(qtbot, judged)
    assert not section.ask.isVisibleTo(section)
    assert section.plot.isVisible()
    used = next(o for o in answers(judged) if o.card.name == judged.models.used)
    result = judged.workspace.result(judged.workspace.active)
    assert used.barrier == result.predicted.barrier
    told = section.plot.accessibleDescription()
    for opinion in answers(judged):
        assert (
            f"{opinion.card.name} {opinion.card.version}: {opinion.barrier.barrier_ev:.3f}" in told
        )


def test_that_answers_stay_with_their_path_whichever_model_is_used(judged, qtbot):  # type: ignore[no-untyped-def]
    window, section = judged, judged.path_panel.opinions
    first = window.workspace.active
    ask(qtbot, window)
    before = answers(window)
    window.workspace.join(site(window, 0), site(window, 1))
    wait_for_barriers(qtbot, window)
    assert answers(window) is None
    assert section.ask.isVisibleTo(section)
    window.workspace.activate(first)
    assert answers(window) is before
    window.models.use("band-forest")
    wait_for_barriers(qtbot, window)
    assert answers(window) is before
    assert section.plot.isVisible()


def test_that_a_new_model_is_asked_too(judged, qtbot):  # type: ignore[no-untyped-def]
    ask(qtbot, judged)
    own = user_models_dir() / "mine"
    shutil.copytree(bundled_models_dir() / "band-forest", own)
    card = json.loads((own / CARD).read_text()) | {"name": "mine", "scores": {}}
    (own / CARD).write_text(json.dumps(card))
    (own / "weights.safetensors").write_bytes(b"")
    judged.models.refresh()
    assert answers(judged) is None
    ask(qtbot, judged)
    last = answers(judged)[-1]
    assert last.card.name == "mine"
    assert last.barrier is None
    assert "mine 4: the model in" in judged.path_panel.opinions.plot.accessibleDescription()


def test_that_asking_can_be_cancelled_and_begun_again(judged, qtbot):  # type: ignore[no-untyped-def]
    section = judged.path_panel.opinions
    section.ask.click()
    assert judged.opinions.is_asked(judged.workspace.active)
    assert not section.ask.isVisibleTo(section)
    judged.jobs.cancel_shown()
    assert section.ask.isVisibleTo(section)
    ask(qtbot, judged)
    assert section.plot.isVisible()


def test_that_an_error_is_told_and_asking_again_possible(judged, qtbot, monkeypatch):  # type: ignore[no-untyped-def]
    section = judged.path_panel.opinions

    def fail(*_: object) -> None:
        raise MigbarError("no model answers today.")

    with monkeypatch.context() as patched:
        patched.setattr("migbar.models.opinions.ask_all_models", fail)
        ask(qtbot, judged)
    assert "no model answers today." in [part.text() for part in section.findChildren(QLabel)]
    assert section.ask.isVisibleTo(section)
    section.ask.click()
    qtbot.waitUntil(section.plot.isVisible, timeout=120_000)


def test_that_another_path_can_be_asked_about_meanwhile(judged, qtbot):  # type: ignore[no-untyped-def]
    window, section = judged, judged.path_panel.opinions
    first = window.workspace.active
    second = window.workspace.join(site(window, 0), site(window, 1))
    wait_for_barriers(qtbot, window)
    window.workspace.activate(first)
    section.ask.click()
    window.workspace.activate(second)
    assert section.ask.isVisibleTo(section)
    section.ask.click()
    assert window.opinions.is_asked(second)
    assert not window.opinions.is_asked(first)
    qtbot.waitUntil(section.plot.isVisible, timeout=120_000)
    assert window.opinions.found(second) is not None
    assert window.opinions.found(first) is None

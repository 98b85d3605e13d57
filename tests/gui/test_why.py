"""The dock that says what stands behind a barrier."""

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QLabel

from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


def join(window, start: int, end: int) -> int:  # type: ignore[no-untyped-def]
    return window.workspace.join(site(window, start), site(window, end))


@pytest.fixture
def asked(opened, qtbot):  # type: ignore[no-untyped-def]
    """The window with a path, and the dock open."""
    join(opened, 0, 1)
    wait_for_barriers(qtbot, opened)
    opened.path_panel.why.click()
    wait_for_reasons(qtbot, opened)
    return opened


def wait_for_reasons(qtbot, window) -> None:  # type: ignore[no-untyped-def]
    qtbot.waitUntil(lambda: window.why_panel.currentIndex() == 1, timeout=60_000)


def rows(window) -> list:  # type: ignore[no-untyped-def, type-arg]
    layout = window.why_panel.similar
    return [layout.itemAt(n).widget() for n in range(layout.count())]


def test_that_nothing_is_computed_before_somebody_looks(opened, qtbot) -> None:  # type: ignore[no-untyped-def]
    path = join(opened, 0, 1)
    wait_for_barriers(qtbot, opened)
    qtbot.waitUntil(lambda: opened.jobs.idle, timeout=30_000)
    assert opened.explainer.found(path) is None
    opened.commands["path.why"].trigger()
    wait_for_reasons(qtbot, opened)
    assert opened.explainer.found(path) is not None


def test_that_the_dock_says_what_the_core_says(asked) -> None:  # type: ignore[no-untyped-def]
    window = asked
    found = window.explainer.found(window.workspace.active)
    assert "domain" in window.why_panel.place.text()
    assert len(rows(window)) == len(found.similar)
    for row, known in zip(rows(window), found.similar, strict=True):
        assert row.head.accessibleName() == f"{known.path.sys_name}, {known.path.barrier_ev:.2f} eV"
    texts = window.why_panel.reasons.texts
    assert texts[:-1] == [reason.subject for reason in found.reasons[: len(texts) - 1]]
    assert texts[-1].endswith("more together")


def test_that_a_click_on_a_known_path_says_how_it_differs(asked) -> None:  # type: ignore[no-untyped-def]
    first, second, *_ = rows(asked)
    first.head.click()
    assert first.details.isVisible()
    texts = " ".join(part.text() for part in first.details.findChildren(QLabel))
    assert "Distance" in texts
    assert "Differs most in" in texts
    second.head.click()
    assert second.details.isVisible()
    assert not first.details.isVisible()
    second.head.click()
    assert not second.details.isVisible()


def test_that_the_dock_follows_the_active_path(asked, qtbot) -> None:  # type: ignore[no-untyped-def]
    window = asked
    first = window.workspace.active
    second = join(window, 0, 2)
    wait_for_barriers(qtbot, window)
    qtbot.waitUntil(lambda: window.explainer.found(second) is not None, timeout=60_000)
    wait_for_reasons(qtbot, window)
    window.workspace.activate(first)
    assert window.why_panel.currentIndex() == 1  # at once, from memory
    window.workspace.remove_paths([first, second])
    assert window.why_panel.currentIndex() == 0


def test_that_another_barrier_gets_another_explanation(asked, qtbot) -> None:  # type: ignore[no-untyped-def]
    window = asked
    path = window.workspace.active
    before = window.explainer.found(path)
    window.workspace.set_result(path, replace(window.workspace.results[path]))
    assert window.explainer.found(path) is None
    wait_for_reasons(qtbot, window)
    assert window.explainer.found(path) is not before

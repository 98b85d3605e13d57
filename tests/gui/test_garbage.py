"""What is in cycles is freed in the GUI thread, whoever made it."""

import gc
import sys
import threading
import weakref

import pytest

pytestmark = pytest.mark.gui


class Node:
    """Something in a cycle with itself."""

    def __init__(self) -> None:
        self.me = self


def test_that_garbage_of_another_thread_is_freed_in_the_gui_thread(qtbot) -> None:  # type: ignore[no-untyped-def]
    freed: list[threading.Thread] = []
    kept: list[list[int]] = []

    def work() -> None:
        weakref.finalize(Node(), lambda: freed.append(threading.current_thread()))
        kept.extend([] for _ in range(10_000))  # more than would start a collection

    assert not gc.isenabled()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not freed
    qtbot.waitUntil(lambda: bool(freed), timeout=30_000)
    assert freed == [threading.main_thread()]


def test_that_what_the_program_is_made_of_is_looked_at_but_once(qapp, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    from migbar_gui.background.garbage import MANY_MODULES, GarbageCollector

    collector = GarbageCollector(qapp)
    monkeypatch.setattr(gc, "get_count", lambda: (9999, 99, 99))
    collector.collect()
    frozen = gc.get_freeze_count()
    assert frozen > 10_000
    collector.collect()
    assert gc.get_freeze_count() <= frozen
    library = [Node() for _ in range(1000)]
    for number in range(MANY_MODULES):
        monkeypatch.setitem(sys.modules, f"large_library.part{number}", library)
    collector.collect()
    assert gc.get_freeze_count() > frozen + len(library)
    collector.deleteLater()

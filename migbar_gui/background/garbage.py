"""Python's garbage is collected in the GUI thread alone.

A collection takes place in whichever thread happens to make the object too many, and frees all that is in cycles,
Qt objects of closed dialogs among them. In another thread than their own that corrupts the memory.
"""

from __future__ import annotations

import gc
import sys

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 1000

MANY_MODULES = 200
"""So many are loaded at the start, or with a library as large as PyTorch."""


class GarbageCollector(QObject):
    """Collects, in the thread of its parent, what Python would collect in any thread.

    It begins at once, and goes on as long as the parent lives.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._modules = 0
        timer = QTimer(self)
        timer.timeout.connect(self.collect)
        timer.start(EVERY_MS)

    def collect(self) -> None:
        """Collect the oldest generation that is due."""
        due = [count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        for generation in (2, 1, 0):
            if due[generation]:
                gc.collect(generation)
                if generation == 2 and len(sys.modules) >= self._modules + MANY_MODULES:
                    # What is left then are mostly modules: to look at them each time takes 0.1 s and more.
                    gc.freeze()
                    self._modules = len(sys.modules)
                return

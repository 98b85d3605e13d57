"""The OpenGL widget: draws on change only, tells clicks from drags, and knows nothing of crystals."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor
from vtkmodules.vtkRenderingCore import vtkLight
from vtkmodules.vtkRenderingOpenGL2 import vtkRenderStepsPass, vtkSSAAPass

from migbar.progress import SILENT, Progress
from migbar_gui.looks.widgets import local_files
from migbar_gui.viewer.enlargement import enlarged

CLICK_RANGE = 4
"""A press and release closer than this (pixels) are a click, not a drag."""

FRAME_LIMITS = {"ssaa": 0.033, "fxaa": 0.033, "full": 0.08, "coarse": 0.08}
"""Ways to draw a frame while the picture is turned, the best first, each taken if it lasts no longer (s)."""

STILL_LIMITS = {"ssaa": 0.1, "fxaa": 0.2}
"""The same for a picture at rest."""

COARSE = ("coarse", "plain")
"""Ways that draw one pixel for four; the last resort leaves details out as well."""

SETTLE = 150
"""Milliseconds without motion after which the picture is drawn at its best."""

HOVER_INTERVAL = 33

TABBED = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
FOR_A_WHILE = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)


class Canvas(QtInteractor):
    """A pyvista interactor without its hot keys, file drops, timers and second rendering of each frame.

    Parameters
    ----------
    parent : QWidget
    before_frame : callable
        Called before each frame, to set what depends on the camera; told whether details are drawn too.
    """

    clicked = Signal(QPointF)
    pointed = Signal(object)
    dropped = Signal(list)
    changed = Signal()
    turned = Signal()
    reached = Signal(bool)
    """Whether keys go here because Tab led here."""

    def __init__(self, parent: QWidget, before_frame: Callable[[bool], None]) -> None:
        self._before_frame = before_frame
        self._moving = False
        self._quality = ""
        self._frame_seconds: dict[str, float] = {}
        self._press: QPointF | None = None
        self._point: QPointF | None = None
        super().__init__(parent, auto_update=False, multi_samples=0, lighting="none")
        for x, y, z, intensity in ((-0.5, 0.7, 1.2, 0.92), (0.8, -0.2, 0.9, 0.38)):
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(x, y, z)
            light.SetIntensity(intensity)
            self.renderer.AddLight(light)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE)
        self._settle.timeout.connect(self._stop_moving)
        self._hover = QTimer(self, singleShot=True, interval=HOVER_INTERVAL)
        self._hover.timeout.connect(lambda: self.pointed.emit(self._point))
        self._best = vtkSSAAPass()
        self._best.SetDelegatePass(vtkRenderStepsPass())

        # VTK's style renders at once and the widget once more to show it; ask the widget only.
        self._Iren.EnableRenderOff()
        self._Iren.AddObserver("RenderEvent", lambda *_: self.request_frame())
        style = self._Iren.GetInteractorStyle()
        style.AutoAdjustCameraClippingRangeOff()
        style.AddObserver("StartInteractionEvent", lambda *_: self._on_turned())
        style.AddObserver("EndInteractionEvent", lambda *_: self._settle.start())

    def close(self) -> None:
        """Let go of what is drawn, and of the surface it was drawn on."""
        window = self.GetRenderWindow()
        if window is not None:  # else it is closed already
            # VTK releases what draws now only; the rest it would free later, in another view's context.
            window.MakeCurrent()
            self._best.ReleaseGraphicsResources(window)
        super().close()
        # PySide does not notice the surface's end: a wrapper that is kept would be taken for whatever
        # widget comes to lie at its address.
        self._forget_context()

    # -------------------------------------------------------------- frames

    def request_frame(self) -> None:
        """Draw soon, once, however often this is called before."""
        if not self._in_paint:
            self.update()
            self.changed.emit()

    def request_quick_frame(self) -> None:
        """Draw soon and quickly, and once more at its best when nothing has changed for a while."""
        self._start_moving()
        self._settle.start()
        self.request_frame()

    def picture(
        self, scale: int, transparent: bool, progress: Progress = SILENT
    ) -> NDArray[np.uint8]:
        """Render what is seen, `scale` times as large, as RGBA with shape (height, width, 4)."""
        self._set_quality("full")
        self.setUpdatesEnabled(False)  # else the parts are seen
        try:
            return enlarged(self.renderer, scale, transparent, progress)
        finally:
            self.setUpdatesEnabled(True)

    def forget_speed(self) -> None:
        """Measure anew how long frames take, because there is something else to draw."""
        self._frame_seconds.clear()

    def paintGL(self) -> None:  # noqa: N802
        if self._closed:
            return
        self._set_quality(self._choose_quality())
        start = perf_counter()
        window = self.GetRenderWindow()
        size = window.GetSize()
        if self._quality in COARSE:
            window.SetSize(size[0] // 2, size[1] // 2)  # the widget stretches what it is given
        self._Iren.EnableRenderOn()
        super().paintGL()
        self._Iren.EnableRenderOff()
        window.SetSize(size)
        self._note_speed(perf_counter() - start)

    def _note_speed(self, seconds: float) -> None:
        before = self._frame_seconds.get(self._quality)
        if before is None:
            seconds = 0.0  # the first frame of its kind also compiles shaders: it says nothing
        elif before > 0:
            seconds = min(seconds, 1.3 * before)
        self._frame_seconds[self._quality] = seconds

    def _choose_quality(self) -> str:
        limits = FRAME_LIMITS if self._moving else STILL_LIMITS
        for quality, limit in limits.items():
            seconds = self._frame_seconds.get(quality, 0.0)
            untried = self._moving and not seconds
            if quality == "ssaa" and (untried or self.devicePixelRatioF() >= 1.5):
                # Four samples a pixel gain little on small pixels, and are first tried at rest.
                continue
            if seconds < limit:
                return quality
        return "plain" if self._moving else "full"

    def _set_quality(self, quality: str) -> None:
        if quality != self._quality:
            self.renderer.SetPass(self._best if quality == "ssaa" else None)
            self.renderer.SetUseFXAA(quality == "fxaa")
            self._quality = quality
        self._before_frame(quality != "plain")

    def _on_turned(self) -> None:
        self._start_moving()
        if self._press is None:  # else it may be but a click
            self.turned.emit()

    def _start_moving(self) -> None:
        self._settle.stop()
        self._moving = True

    def _stop_moving(self) -> None:
        self._moving = False
        self.request_frame()

    # -------------------------------------------------------------- mouse and keys

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        left = event.button() == Qt.MouseButton.LeftButton
        self._press = event.position() if left else None
        super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        super().mouseReleaseEvent(event)
        press, self._press = self._press, None
        if press is not None and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        if self._press is not None:
            moved = event.position() - self._press
            if max(abs(moved.x()), abs(moved.y())) <= CLICK_RANGE:
                return  # a shaky click does not turn the crystal
            self._press = None
            self.turned.emit()
        super().mouseMoveEvent(event)
        self._point = None if event.buttons() else event.position()
        if not self._hover.isActive():
            self._hover.start()

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        super().leaveEvent(event)
        self._point = None
        self._hover.start()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        if event.reason() in TABBED:
            self.reached.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        if event.reason() not in FOR_A_WHILE:
            self.reached.emit(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.ignore()  # no hot keys of its own

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.ignore()

    # -------------------------------------------------------------- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self.dropped.emit(local_files(event.mimeData()))

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
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QWidget
from pyvistaqt import QtInteractor
from vtkmodules.vtkRenderingCore import vtkLight
from vtkmodules.vtkRenderingOpenGL2 import vtkRenderStepsPass, vtkSSAAPass

CLICK_RANGE = 4
"""A press and release closer than this (pixels) are a click, not a drag."""

MOVING_FRAME, STILL_FRAME = 0.033, 0.1
"""Edges are smoothed as well as frames of this length (s) allow, while the picture is turned and at rest."""

SETTLE = 150
"""Milliseconds without motion after which the picture is drawn at its best."""

HOVER_INTERVAL = 33

_SMOOTHING = ("ssaa", "fxaa", "none")


class Canvas(QtInteractor):
    """A pyvista interactor without its hot keys, file drops, timers and second rendering of each frame.

    Parameters
    ----------
    parent : QWidget
    before_frame : callable
        Called before each frame, to set what depends on the camera.
    """

    clicked = Signal(QPointF)
    pointed = Signal(object)
    dropped = Signal(list)
    changed = Signal()
    turned = Signal()

    def __init__(self, parent: QWidget, before_frame: Callable[[], None]) -> None:
        self._before_frame = before_frame
        self._moving = False
        self._smoothing = ""
        self._frame_seconds: dict[str, float] = {}
        self._press: QPointF | None = None
        self._dragged = False
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

    def picture(self, scale: int, transparent: bool) -> NDArray[np.uint8]:
        """Render what is seen at its best, `scale` times as large, as RGBA with shape (height, width, 4)."""
        self._before_frame()
        self._smooth("ssaa")
        pixels = np.asarray(
            self.screenshot(None, transparent_background=transparent, return_img=True, scale=scale)
        )
        if pixels.shape[2] == 3:
            pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
        return np.ascontiguousarray(pixels)

    def forget_speed(self) -> None:
        """Measure anew how long frames take, because there is something else to draw."""
        self._frame_seconds.clear()

    def paintGL(self) -> None:  # noqa: N802
        self._before_frame()
        self._smooth(self._affordable_smoothing())
        start = perf_counter()
        self._Iren.EnableRenderOn()
        super().paintGL()
        self._Iren.EnableRenderOff()
        self._note_speed(perf_counter() - start)

    def _note_speed(self, seconds: float) -> None:
        before = self._frame_seconds.get(self._smoothing)
        if before is None:
            seconds = 0.0  # the first frame of its kind also compiles shaders: it says nothing
        elif before > 0:
            seconds = min(seconds, 1.3 * before)
        self._frame_seconds[self._smoothing] = seconds

    def _affordable_smoothing(self) -> str:
        # Four samples a pixel gain little where a pixel is small already.
        levels = _SMOOTHING if self.devicePixelRatioF() < 1.5 else _SMOOTHING[1:]
        return next((level for level in levels if self._affordable(level)), "none")

    def _affordable(self, level: str) -> bool:
        seconds = self._frame_seconds.get(level, 0.0)
        if self._moving:
            tried = level != "ssaa" or seconds > 0  # the slowest one is first tried at rest
            return tried and seconds < MOVING_FRAME
        return seconds < STILL_FRAME

    def _smooth(self, level: str) -> None:
        if level != self._smoothing:
            self.renderer.SetPass(self._best if level == "ssaa" else None)
            self.renderer.SetUseFXAA(level == "fxaa")
            self._smoothing = level

    def _on_turned(self) -> None:
        self._start_moving()
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
        self._press = event.position() if left and not event.modifiers() else None
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
        super().mouseMoveEvent(event)
        self._point = None if event.buttons() else event.position()
        if not self._hover.isActive():
            self._hover.start()

    def leaveEvent(self, event) -> None:  # type: ignore[no-untyped-def]  # noqa: N802
        super().leaveEvent(event)
        self._point = None
        self._hover.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.ignore()  # no hot keys: shortcuts are the window's

    def keyReleaseEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        event.ignore()

    # -------------------------------------------------------------- drops

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        event.acceptProposedAction()
        self.dropped.emit(
            [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        )

"""The 3D view, in a real window on whatever screen there is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

os.environ.setdefault("QT_API", "pyside6")
if sys.platform.startswith("linux"):
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QColor, QDropEvent, QImage, QPainter, QSurface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow
from shiboken6 import Shiboken

from migbar_gui.looks.colours import ball_radius, element_colour
from migbar_gui.looks.theme import current_theme
from migbar_gui.viewer import AtomInfo, CrystalView, PathDrawing, scene, themes
from tests.gui.crystals import layered_oxide, olivine

pytestmark = pytest.mark.gui


@pytest.fixture
def view(qtbot) -> Iterator[CrystalView]:
    crystal_view = CrystalView()
    crystal_view.resize(800, 600)
    crystal_view.show()
    qtbot.waitExposed(crystal_view)
    yield crystal_view
    crystal_view.close()
    crystal_view.deleteLater()


def settle(qtbot) -> None:
    qtbot.wait(350)


def ions(view: CrystalView, element: str = "Li") -> list[AtomInfo]:
    """Every ion that is seen at its own centre."""
    balls = scene.atom_balls(view.structure, element)
    infos = [balls.info(row) for row in np.flatnonzero(balls.elements == element)]
    return [info for info in infos if view.atom_at(view.world_to_widget(info.position)) == info]


def pixel(view: CrystalView, point: QPoint) -> QColor:
    return view.grab().toImage().pixelColor(point * view.devicePixelRatioF())


def surfaces() -> int:
    """How many surfaces to draw on PySide knows."""
    return sum(type(known) is QSurface for known in Shiboken.getAllValidWrappers())


def values(image: QImage) -> np.ndarray:
    """Colours and opacity, shape (height, width, 4)."""
    shown = image.convertToFormat(QImage.Format.Format_RGBA8888)
    buffer = np.frombuffer(shown.constBits(), np.uint8)
    return buffer.reshape(shown.height(), shown.width(), 4).astype(float)


def test_that_an_empty_view_shows_nothing_to_click(view, qtbot):
    view.show_structure(None, None)
    settle(qtbot)
    assert view.atom_at(QPoint(400, 300)) is None
    view.zoom_to_fit()
    view.view_along("a")


def test_that_balls_are_where_picking_expects_them(view, qtbot):
    view.set_style(bonds=False)
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    picture = view.grab().toImage()
    found = ions(view, "Fe")
    assert found
    for info in found:
        colour = picture.pixelColor(view.world_to_widget(info.position))
        wanted = QColor(element_colour("Fe"))
        assert abs(colour.hslHue() - wanted.hslHue()) < 15


def test_that_the_edge_of_a_ball_is_where_picking_expects_it(view, qtbot):
    view.show_structure(Structure(Lattice.cubic(4), ["Na"], [[0.5] * 3]), None)
    view.view_along("c")
    settle(qtbot)
    centre = np.array([2.0, 2.0, 2.0])
    picture = view.grab().toImage()
    for share, inside in ((0.93, True), (1.07, False)):
        point = view.world_to_widget(centre + share * ball_radius("Na") * np.array([1, 0, 0]))
        assert (view.atom_at(point) is not None) is inside
        assert (picture.pixelColor(point) != QColor("white")) is inside


def test_that_a_click_selects_and_a_drag_turns(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    settle(qtbot)
    info = ions(view)[0]
    point = view.world_to_widget(info.position)
    with qtbot.waitSignal(view.site_clicked) as signal:
        QTest.mouseClick(view.childAt(point), Qt.MouseButton.LeftButton, pos=point)
    assert signal.args == [info]

    before = view.world_to_widget(info.position)
    with qtbot.assertNotEmitted(view.site_clicked):
        canvas = view.childAt(point)
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=point)
        for step in range(1, 6):
            QTest.mouseMove(canvas, point + QPoint(12 * step, 4 * step))
            qtbot.wait(20)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=point + QPoint(60, 20))
    assert view.world_to_widget(info.position) != before


def test_that_a_click_leaves_the_view_fitted_and_a_drag_does_not(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    settle(qtbot)
    point = view.world_to_widget(ions(view)[0].position)
    canvas, height = view.childAt(point), view.camera().scale
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=point)
    view.set_voids([[2.0, 2.0, 0.5]])
    fitted = view.camera().scale
    assert fitted > height  # what is new is brought into the picture
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=point)
    QTest.mouseMove(canvas, point + QPoint(40, 12))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=point + QPoint(40, 12))
    view.set_voids([])
    assert view.camera().scale == pytest.approx(fitted)


def test_that_a_click_beside_everything_is_told(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    settle(qtbot)
    with qtbot.waitSignal(view.background_clicked):
        QTest.mouseClick(view.childAt(5, 5), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))


def test_that_keys_turn_and_zoom_where_tab_has_led_to_the_view(view, qtbot):
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    before = view.camera()
    view.activateWindow()
    qtbot.waitUntil(view.isActiveWindow)
    view._canvas.clearFocus()
    view._canvas.setFocus(Qt.FocusReason.TabFocusReason)
    qtbot.waitUntil(view._canvas.hasFocus)
    accent = QColor(current_theme().accent)
    qtbot.waitUntil(lambda: pixel(view, QPoint(1, 300)) == accent)
    QTest.keyClick(view._canvas, Qt.Key.Key_Right)
    turned = view.camera()
    angle = np.degrees(np.arccos(np.dot(turned.towards, before.towards)))
    assert angle == pytest.approx(15, abs=1)
    QTest.keyClick(view._canvas, Qt.Key.Key_Plus)
    assert view.camera().scale == pytest.approx(turned.scale / 1.25)
    QTest.keyClick(view._canvas, Qt.Key.Key_Minus)
    QTest.keyClick(view._canvas, Qt.Key.Key_Left)
    assert np.allclose(view.camera().towards, before.towards)
    view._canvas.clearFocus()
    qtbot.waitUntil(lambda: pixel(view, QPoint(1, 300)) != accent)


@pytest.mark.skipif(shutil.which("xdotool") is None, reason="needs xdotool")
def test_that_real_mouse_events_click_hover_and_turn(view, qtbot):
    def xdotool(*words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], check=True)

    def move(x: float, y: float) -> None:  # the display counts its own pixels
        xdotool("mousemove", *(round(n * view.devicePixelRatioF()) for n in (x, y)))

    view.show_structure(layered_oxide(), "Li")
    settle(qtbot)
    info = ions(view)[0]
    spot = view.mapToGlobal(view.world_to_widget(info.position))
    with qtbot.waitSignal(view.hovered, check_params_cb=lambda hovered: hovered == info):
        move(spot.x() - 3, spot.y())
        move(spot.x(), spot.y())
    with qtbot.waitSignal(view.site_clicked) as signal:
        xdotool("click", 1)
    assert signal.args == [info]

    before = view.world_to_widget(info.position)
    clicks: list[AtomInfo] = []
    view.site_clicked.connect(clicks.append)
    xdotool("mousedown", 1)
    for step in range(1, 8):
        move(spot.x() + 10 * step, spot.y())
        qtbot.wait(20)
    xdotool("mouseup", 1)
    settle(qtbot)
    assert clicks == []
    assert view.world_to_widget(info.position) != before


def test_that_pointing_at_nothing_again_is_told_once(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    settle(qtbot)
    info = ions(view)[0]
    told: list[AtomInfo | None] = []
    view.hovered.connect(told.append)
    canvas = view.childAt(5, 5)
    for point in (view.world_to_widget(info.position), QPoint(4, 4), QPoint(6, 6)):
        QTest.mouseMove(canvas, point)
        qtbot.wait(80)
    assert told == [info, None]


def test_that_hidden_elements_cannot_be_clicked(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    info = ions(view)[0]
    view.set_hidden_elements({"Li"})
    found = view.atom_at(view.world_to_widget(info.position))
    assert found is None or found.element != "Li"
    view.set_hidden_elements(set())
    assert view.atom_at(view.world_to_widget(info.position)) == info


def test_that_voids_and_their_images_can_be_clicked(view, qtbot):
    host = olivine()
    host.remove_species(["Li"])
    view.show_structure(host, "Li")
    view.set_voids([(0.0, 0.0, 0.0), (0.0, 0.5, 0.0)])
    view.view_along("b")
    settle(qtbot)
    corner = host.lattice.get_cartesian_coords([1, 1, 1])
    found = view.atom_at(view.world_to_widget(corner))
    assert found is not None
    assert (found.kind, found.element) == ("void", "Li")
    assert found.frac_coords[0] == pytest.approx(1)
    assert found.frac_coords[2] == pytest.approx(1)


def test_that_a_ghost_before_an_ion_of_the_cell_gives_way(view):
    view.show_structure(olivine(), "Li")
    view.view_along("b")
    point = view.world_to_widget((0, 0, 0))
    found = view.atom_at(point)
    assert found is not None
    assert 0 <= found.frac_coords[1] <= 1


def test_that_selected_sites_are_ringed(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    view.view_along("a")
    start = ions(view)[0]
    view.set_selection(start, None)
    settle(qtbot)
    picture = view.grab().toImage()
    shown = {
        picture.pixelColor(x, y).name()
        for x in range(0, picture.width(), 2)
        for y in range(0, picture.height(), 2)
    }
    assert themes.START_COLOUR in shown
    assert themes.END_COLOUR not in shown


def test_that_paths_are_drawn_and_taken_away(view, qtbot):
    structure = Structure(Lattice.cubic(6), ["Li", "Li"], [[0.2, 0.5, 0.5], [0.8, 0.5, 0.5]])
    view.show_structure(structure, "Li")
    view.view_along("c")
    settle(qtbot)
    middle = view.world_to_widget((3, 3, 3))
    assert pixel(view, middle) == QColor("white")
    points = np.linspace([1.2, 3, 3], [4.8, 3, 3], 5)
    view.set_paths([PathDrawing(points, "Li", "#c02040", True, "P1", clashes=(1,))])
    settle(qtbot)
    assert pixel(view, middle).red() > pixel(view, middle).green() + 60
    view.set_paths([])
    settle(qtbot)
    assert pixel(view, middle) == QColor("white")


def test_that_views_along_the_axes_are_along_the_axes(view):
    structure = olivine()
    view.show_structure(structure, "Li")
    cell = structure.lattice.matrix
    for row, axis in enumerate("abc"):
        view.view_along(axis)
        spots = [view.world_to_widget(end) for end in (np.zeros(3), cell[row])]
        assert (spots[0] - spots[1]).manhattanLength() <= 1


def test_that_everything_fits_the_widget(view, qtbot):
    view.show_structure(layered_oxide(), "Li")
    balls = scene.atom_balls(view.structure, "Li")
    for position in balls.positions:
        assert view.rect().contains(view.world_to_widget(position))


def test_that_keeping_the_camera_keeps_the_picture_in_place(view):
    view.show_structure(olivine(), "Li")
    view.view_along("b")
    before = view.world_to_widget((1, 2, 3))
    view.show_structure(olivine(), "Fe", keep_camera=True)
    assert view.world_to_widget((1, 2, 3)) == before


def test_that_the_dark_theme_darkens_the_background(view, qtbot):
    view.show_structure(olivine(), "Li")
    view.set_theme(dark=True)
    settle(qtbot)
    assert pixel(view, QPoint(3, 3)).name() == themes.DARK.background


@pytest.mark.parametrize("transparent", [False, True])
def test_that_a_picture_is_larger_than_the_screen_shows_it(view, qtbot, transparent):
    view.show_structure(olivine(), "Li")
    view.set_labels(True)
    settle(qtbot)
    picture = view.picture(scale=2, transparent=transparent)
    assert (picture.width(), picture.height()) == (1600, 1200)
    assert picture.pixelColor(2, 2).alpha() == (0 if transparent else 255)
    info = ions(view, "Fe")[0]
    spot = picture.pixelColor(2 * view.world_to_widget(info.position) + QPoint(14, 12))
    assert spot.alpha() == 255


def test_that_a_picture_for_paper_is_that_of_a_light_window(view, qtbot):
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    light = view.picture(1)
    view.set_theme(dark=True)
    settle(qtbot)
    assert view.picture(1).pixelColor(2, 2).name() == themes.DARK.background
    assert np.abs(values(view.picture(1, on_paper=True)) - values(light)).mean() < 0.5
    assert view.theme is themes.DARK  # the window itself stays dark
    settle(qtbot)
    assert pixel(view, QPoint(3, 3)).name() == themes.DARK.background


def test_that_the_parts_of_a_picture_fit_together(view, qtbot):
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    small = view.picture(1)
    large = view.picture(3).scaled(small.size(), mode=Qt.TransformationMode.SmoothTransformation)
    difference = np.abs(values(small) - values(large))
    assert difference.mean() < 1.5
    assert values(small).std() > 20


def test_that_the_edges_of_a_picture_without_background_are_not_pale(view, qtbot):
    view.show_structure(Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]]), "Li")
    view.set_style(cell=False, boundary=False)
    settle(qtbot)
    shown = values(view.picture(1, transparent=True))
    colour, alpha = shown[..., :3], shown[..., 3]
    edge = colour[(alpha > 40) & (alpha < 200)]
    assert len(edge) > 20
    assert edge.mean(axis=0).max() < colour[alpha == 255].mean(axis=0).max() + 10


def test_that_drawing_a_picture_can_be_given_up(view, qtbot):
    from migbar.errors import Cancelled

    class Impatient:
        def report(self, done: int, total: int, message: str = "") -> None:
            self.done = done

        def cancelled(self) -> bool:
            return getattr(self, "done", 0) > 0

    view.show_structure(olivine(), "Li")
    settle(qtbot)
    before = view.camera()
    with pytest.raises(Cancelled):
        view.picture(3, progress=Impatient())
    assert view.camera() == before
    assert view.picture(1).width() == view.width()


def test_that_a_picture_is_begun_anew_where_the_view_changes_its_size(view, qtbot):
    class Resizing:
        def report(self, done: int, total: int, message: str = "") -> None:
            if done == 1 and view.width() == 800:
                view.resize(640, 500)
                QApplication.processEvents()

        def cancelled(self) -> bool:
            return False

    view.show_structure(olivine(), "Li")
    settle(qtbot)
    picture = view.picture(2, progress=Resizing())
    assert (picture.width(), picture.height()) == (1280, 1000)


def test_that_dropped_files_are_handed_on_and_not_read(view, qtbot, tmp_path):
    file = tmp_path / "crystal.cif"
    file.write_text("data_x\n")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    event = QDropEvent(
        QPointF(50, 50),
        Qt.DropAction.CopyAction,
        mime,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
        QEvent.Type.Drop,
    )
    with qtbot.waitSignal(view.file_dropped) as signal:
        view.childAt(50, 50).dropEvent(event)
    assert signal.args == [[file]]


def test_that_the_last_frame_after_a_change_of_size_is_one_of_the_new_fit(view, qtbot, monkeypatch):
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    before_frame, drawn = view._canvas._before_frame, []

    def note(detailed: bool) -> None:
        before_frame(detailed)
        drawn.append(view.camera().scale)

    monkeypatch.setattr(view._canvas, "_before_frame", note)
    for width in (400, 900):
        view.resize(width, 600)
        settle(qtbot)
        assert drawn[-1] == view.camera().scale


def test_that_a_tag_at_the_edge_of_the_picture_is_seen_whole(view, monkeypatch):
    from migbar_gui.viewer import annotations

    view.show_structure(olivine(), "Li")
    seen, boxes = view._viewpoint.projection(), []
    monkeypatch.setattr(
        annotations, "_paint_tag", lambda painter, tag, foot, box: boxes.append(box)
    )
    edge = seen.focus + 0.98 * seen.half_height * seen.width / seen.height * seen.right
    picture = QImage(view.size(), QImage.Format.Format_RGB32)
    painter = QPainter(picture)
    annotations._paint_tags(painter, [annotations.Tag("initial", edge, 1.0, "#ff0000")] * 3, seen)
    painter.end()
    assert all(box.left() >= 0 and box.right() <= view.width() for box in boxes)
    assert not boxes[0].intersects(boxes[1])
    assert not boxes[2].intersects(boxes[1])


def test_that_keys_are_left_to_the_window(qtbot):
    pressed: list[int] = []

    class Window(QMainWindow):
        def keyPressEvent(self, event):  # noqa: N802
            pressed.append(event.key())

    window = Window()
    crystal_view = CrystalView(window)
    window.setCentralWidget(crystal_view)
    window.resize(500, 400)
    window.show()
    qtbot.waitExposed(window)
    crystal_view.show_structure(olivine(), "Li")
    before = crystal_view.world_to_widget((1, 2, 3))
    keys = [Qt.Key.Key_E, Qt.Key.Key_Q, Qt.Key.Key_R, Qt.Key.Key_W, Qt.Key.Key_Escape]
    for key in keys:
        QTest.keyClick(crystal_view.childAt(50, 50), key)
    assert pressed == keys
    assert crystal_view.world_to_widget((1, 2, 3)) == before
    crystal_view.close()
    window.close()


def test_that_views_can_be_opened_and_closed_again(qtbot):
    for _ in range(3):
        crystal_view = CrystalView()
        crystal_view.show()
        qtbot.waitExposed(crystal_view)
        crystal_view.show_structure(layered_oxide(), "Li")
        qtbot.wait(50)
        crystal_view.close()
        crystal_view.deleteLater()
        qtbot.wait(10)


def test_that_nothing_is_kept_of_the_surface_of_a_closed_view(qtbot):
    before = surfaces()
    crystal_view = CrystalView()
    crystal_view.show()
    qtbot.waitExposed(crystal_view)
    qtbot.waitUntil(lambda: surfaces() == before + 1)
    crystal_view.close()
    assert surfaces() == before  # else a widget that comes to lie at its address is taken for it
    crystal_view.deleteLater()


def test_that_a_window_can_be_closed_with_the_view_in_it(qtbot):
    window = QMainWindow()
    crystal_view = CrystalView(window)
    window.setCentralWidget(crystal_view)
    window.show()
    qtbot.waitExposed(window)
    crystal_view.show_structure(layered_oxide(), "Li")
    window.close()
    window.deleteLater()
    qtbot.wait(300)


def test_that_a_view_that_draws_slowly_leaves_out_details_while_it_is_turned_only(view, qtbot):
    view.show_structure(olivine(), "Li")
    settle(qtbot)
    canvas = view.childAt(5, 5)
    canvas._frame_seconds = dict.fromkeys(("ssaa", "fxaa", "full", "coarse"), 9.0)
    canvas._note_speed = lambda seconds: None
    sizes = canvas.GetRenderWindow().GetSize()
    view.turn(10)
    canvas.grab()
    assert canvas._quality == "plain"
    assert canvas.GetRenderWindow().GetSize() == sizes
    settle(qtbot)
    assert canvas._quality == "full"


_SCALED = """
import os
os.environ.setdefault("QT_API", "pyside6")
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pymatgen.core import Lattice, Structure
app = QApplication([])
from migbar_gui.viewer import CrystalView
view = CrystalView()
view.resize(400, 300)
view.show()
QTest.qWaitForWindowExposed(view)
view.show_structure(Structure(Lattice.cubic(6), ["O", "Li"], [[0.2, 0.3, 0.4], [0.8, 0.6, 0.5]]), None)
QTest.qWait(400)
picture = view.grab().toImage()
assert picture.width() == 800, picture.width()
for place, element in (((1.2, 1.8, 2.4), "O"), ((4.8, 3.6, 3.0), "Li")):
    point = view.world_to_widget(place)
    assert view.atom_at(point).element == element
    colour = picture.pixelColor(2 * point)
    assert (colour.red() > colour.green()) is (element == "O"), colour.name()
view.close()
"""


def test_that_picking_is_right_on_a_display_with_two_pixels_a_point():
    environment = {**os.environ, "QT_SCALE_FACTOR": "2"}
    done = subprocess.run(
        [sys.executable, "-c", _SCALED],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_that_equal_barriers_have_a_scale(view):
    from migbar_gui.viewer import NetworkDrawing

    structure = layered_oxide()
    view.show_structure(structure, "Li")
    ends = structure.lattice.get_cartesian_coords([[[0, 0, 0.5], [1, 0, 0.5]]])
    network = NetworkDrawing(
        np.array([0]), ends, np.array([0.3]), np.array([0.3]), ("0 → 0@1,0,0",), "Li"
    )
    view.set_network(network)
    assert view.notes.legend.scale.low < 0.3 < view.notes.legend.scale.high
    view.set_network(None)
    assert view.notes.legend is None

"""Small pieces of the window."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QLocale, QPoint, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontInfo, QImage, QPainter, QPixmap
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QDialog,
    QLabel,
    QLineEdit,
    QSpinBox,
    QStyle,
    QTableWidgetItem,
    QWidget,
)

from migbar.barriers import Remark
from migbar.neb.profiles import EnergyProfile
from migbar_gui.looks import energies
from migbar_gui.looks.axes import Axes, energy_ticks
from migbar_gui.looks.charts import _labelled
from migbar_gui.looks.colours import INKS, contrast, ink_on, rgb
from migbar_gui.looks.energies import in_text, set_format
from migbar_gui.looks.flow import Flow
from migbar_gui.looks.notice import Notice
from migbar_gui.looks.tables import LEFT, NamesDelegate, list_of
from migbar_gui.looks.theme import (
    DARK,
    LIGHT,
    PATH_COLOURS,
    apply_theme,
    current_theme,
    path_colour,
)
from migbar_gui.looks.widgets import (
    FRAME,
    SCROLL_BAR,
    DecimalBox,
    ElidedLabel,
    Question,
    RemarkList,
    RemovalQuestion,
    Sign,
    body,
    choice_box,
    indented,
    label,
    scrolled,
)
from migbar_gui.panels.profile_plot import Curve, ProfilePlot
from migbar_gui.panels.welcome import Card, WelcomePage
from migbar_gui.viewer.themes import END_COLOUR, START_COLOUR, WARNING_COLOUR
from tests.gui.conftest import site, wait_for_barriers


@pytest.mark.gui
def test_that_a_long_name_is_shortened_in_its_middle_to_the_room_there_is(qtbot):
    shown = ElidedLabel()
    qtbot.addWidget(shown)
    shown.setText("LiFePO4_relaxed_" + 20 * "again_" + "final.cif")
    shown.resize(200, 20)
    short = ElidedLabel()
    qtbot.addWidget(short)
    metrics = shown.fontMetrics()
    short.setText(metrics.elidedText(shown.text(), Qt.TextElideMode.ElideMiddle, 200))
    short.resize(200, 20)
    assert shown.grab().toImage() == short.grab().toImage()


NEAR = Remark("near_symmetry", "The crystal is off its space group.")
ODD = Remark("odd_symmetry", "The space group has 8 operations, but the file lists 1.")


@pytest.mark.gui
def test_that_a_hint_does_not_look_like_a_warning_and_stands_below_it(qtbot):
    remarks = RemarkList()
    qtbot.addWidget(remarks)
    remarks.tell([NEAR, ODD])
    assert [sign.is_warning for sign in remarks.findChildren(Sign)] == [True, False]
    assert remarks.told == (ODD, NEAR)
    remarks.tell()
    assert remarks.isHidden()


@pytest.mark.gui
def test_that_the_sign_of_a_remark_follows_the_theme(qtbot):
    from migbar_gui.app import make_application

    sign = Sign(is_warning=True)
    qtbot.addWidget(sign)
    light = sign.pixmap().toImage()
    apply_theme(make_application(), DARK)
    assert sign.pixmap().toImage() != light
    apply_theme(make_application(), LIGHT)
    assert sign.pixmap().toImage() == light


class Letters(QSpinBox):
    def textFromValue(self, _value: int) -> str:  # noqa: N802
        return "HHH"


@pytest.mark.gui
def test_that_fields_below_one_another_are_as_high_and_begin_at_the_same_place(qtbot):
    from migbar_gui.app import make_application

    apply_theme(make_application(), LIGHT)
    fields = (
        QLineEdit("HHH"),
        choice_box({1: "HHH"}),
        choice_box({1: "HHH"}, editable=True),
        indented(Letters()),
        DecimalBox(prefix="HHH "),
    )
    page = body(*fields)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitExposed(page)

    def first_ink(field: QWidget) -> int:
        image, row = field.grab().toImage(), field.height() // 2
        inside = range(3, image.width())
        return next(x for x in inside if image.pixelColor(x, row).lightness() < 120)

    assert len({field.height() for field in fields}) == 1
    assert len({first_ink(field) for field in fields}) == 1


@pytest.mark.gui
def test_that_spots_in_lists_are_sharp_on_fine_screens(qapp):
    from migbar_gui.looks.widgets import swatch_icon

    side = qapp.style().pixelMetric(QStyle.PixelMetric.PM_SmallIconSize)
    spot = swatch_icon("#e4572e").pixmap(QSize(side, side), 2.0)
    assert (spot.width(), spot.height()) == (2 * side, 2 * side)


def test_that_no_path_looks_like_what_is_marked_beside_it():
    marks = [START_COLOUR, END_COLOUR, WARNING_COLOUR]
    apart = [np.linalg.norm(in_lab(path) - in_lab(mark)) for path in PATH_COLOURS for mark in marks]
    assert min(apart) > 30


def in_lab(colour):
    """Return a colour in CIELAB, where distances are those that people see."""
    light = np.array(rgb(colour))
    light = np.where(light > 0.04045, ((light + 0.055) / 1.055) ** 2.4, light / 12.92)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(to_xyz @ light / [0.9505, 1.0, 1.089])  # no colour here is nearly black
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.gui
def test_that_enter_deletes_nothing(qtbot):
    question = RemovalQuestion("Delete this model?", "It is gone then.", "Delete", None)
    qtbot.addWidget(question)
    question.open()
    qtbot.waitUntil(question.isVisible)
    with qtbot.waitSignal(question.rejected):
        QTest.keyClick(question.focusWidget() or question, Qt.Key.Key_Return)


def test_that_numbers_on_the_colours_of_paths_can_be_read():
    grounds = [*PATH_COLOURS, path_colour(None), START_COLOUR, END_COLOUR, WARNING_COLOUR]
    assert {ink_on(ground) for ground in grounds} == set(INKS)
    assert min(contrast(ink_on(ground), ground) for ground in grounds) > 4.4  # 4.5 is WCAG's AA


@pytest.mark.gui
def test_that_columns_and_titles_grow_with_the_text_of_the_user(qtbot, qapp):
    from migbar_gui.app import make_application

    def made() -> tuple[int, int, int]:
        apply_theme(make_application(), LIGHT)
        table = list_of([("Barrier", 100, LEFT, ""), ("Note", 100, LEFT, "")], "Paths")
        title = label("MigBar", "title")
        for widget in (table, title):
            qtbot.addWidget(widget)
            widget.ensurePolished()
        height = table.verticalHeader().defaultSectionSize()
        return table.columnWidth(0), height, title.fontMetrics().height()

    usual, before = qapp.font(), made()
    larger = QFont(usual)
    larger.setPointSizeF(2 * QFontInfo(usual).pointSizeF())
    try:
        qapp.setFont(larger)
        grown = made()
    finally:
        qapp.setFont(usual)
        apply_theme(make_application(), LIGHT)
    assert np.allclose(np.divide(grown, before), 2, atol=0.1)


@pytest.mark.gui
def test_that_the_last_column_gives_way_before_a_scroll_bar_appears(qtbot):
    table = list_of([("Barrier", 300, LEFT, ""), ("Note", 0, LEFT, "")], "Paths")
    qtbot.addWidget(table)
    wide = table.columnWidth(0)
    table.resize(wide + 66, 200)
    table.show()
    assert table.horizontalScrollBar().maximum() == 0
    assert table.columnWidth(1) == table.viewport().width() - wide
    table.resize(wide + 200, 200)
    assert table.columnWidth(1) == table.viewport().width() - wide


@pytest.mark.gui
def test_that_long_names_in_a_table_keep_their_ends(qtbot):
    def made(text: str) -> QImage:
        table = list_of([("Where", 150, LEFT, ""), ("Note", 50, LEFT, "")], "Problems")
        qtbot.addWidget(table)
        table.setItemDelegateForColumn(0, NamesDelegate(table))
        table.setRowCount(1)
        table.setItem(0, 0, QTableWidgetItem(text))
        return table.grab().toImage()

    name = "a table with a long name " + 9 * "and more "
    assert made(f"{name}, row 1") != made(f"{name}, row 2")


@pytest.mark.gui
@pytest.mark.parametrize("typed", ["0.8", "0,8"])
def test_that_decimals_are_typed_with_a_point_or_a_comma_in_every_country(qtbot, typed):
    from migbar_gui.app import make_application

    QLocale.setDefault(QLocale(QLocale.Language.German, QLocale.Country.Germany))
    make_application()
    box = DecimalBox(minimum=0.1, maximum=5.0, suffix=" eV")
    qtbot.addWidget(box)
    box.selectAll()
    QTest.keyClicks(box, typed)
    assert (box.text(), box.value()) == ("0.8 eV", 0.8)


@pytest.fixture
def milli():
    set_format(unit="meV")


def test_that_every_energy_before_a_unit_is_written_in_the_one_that_is_liked(milli):
    text = "MAE 0.320 ± 0.125 eV, +0.210 ± 0.099 eV; −0.4 eV; 0.42 to 2.57 eV; 1.58 Å, 3 paths"
    told = "MAE 320 ± 125 meV, +210 ± 99 meV; −400 meV; 420 to 2570 meV; 1.58 Å, 3 paths"
    assert in_text(text) == told
    assert energies.number(-0.4931, sign=True) == "−493"
    set_format(unit="eV")
    assert energies.number(-0.4931) == "−0.493"
    assert energies.number(-0.0001) == "0.000"


def test_that_axes_of_energies_have_round_numbers_in_the_unit_asked_for(milli):
    assert energy_ticks(0.0, 0.4, 4) == {0.0: "0", 0.1: "100", 0.2: "200", 0.3: "300", 0.4: "400"}
    assert list(_labelled("Barrier ({unit})", (0.0, 0.4)).values()) == [
        "0",
        "100",
        "200",
        "300",
        "400",
    ]


def test_that_texts_of_the_core_are_written_in_the_unit_asked_for(milli):
    text = "DFT barrier 0.37 eV, 0.047 eV/Å left; 12 eV is absurd."
    assert in_text(text) == "DFT barrier 370 meV, 0.047 eV/Å left; 12000 meV is absurd."


def test_that_no_line_ends_between_a_number_and_its_unit(qtbot):
    from PySide6.QtWidgets import QLabel

    from migbar_gui.looks.widgets import label

    text = "0.20 to 0.30 eV, 3 × 10⁻⁷ cm²/s at 300 K, 2 paths, 1 h 05 min; q = 1 e; (0.000, -0.250, 0.500) → v0"
    words = label(text, wrap=True)
    qtbot.addWidget(words)
    assert words.text() == text
    shown = QLabel.text(words)
    kept = "0.20 to 0.30_eV, 3_×_10⁻⁷_cm²/s at 300_K, 2 paths, 1_h_05_min; q_=_1_e; (0.000,_-0.250,_0.500) → v0"
    assert shown.replace("\N{NO-BREAK SPACE}", "_") == kept
    words.setText(
        "the rate ν exp(−Eₘ/kT) of a hop; σ = q² x c D/kT, with ν = 1.00 × 10¹³ 1/s, T ≤ 300 K at 2 C (hot)"
    )
    shown = QLabel.text(words).replace("\N{NO-BREAK SPACE}", "_")
    assert "rate ν_exp(−Eₘ/kT) of a hop; σ_=_q²_x_c_D/kT, with ν_=_1.00_×_10¹³_1/s, T" in shown
    assert shown.endswith("300_K at 2_C (hot)")


def test_that_a_marked_letter_leaves_room_for_the_end_of_its_name(qtbot):
    def ink(name: QLabel, width: int) -> list[int]:
        """How dark the columns of the name are, from the left."""
        name.resize(width, name.sizeHint().height())
        picture = name.grab().toImage()
        inside = range(min(width, picture.width()))
        return [
            sum(255 - picture.pixelColor(x, y).lightness() for y in range(picture.height()))
            for x in inside
        ]

    field, name = QLineEdit(), label("&Temperatures (K)")
    for widget in (field, name):
        qtbot.addWidget(widget)
    name.setBuddy(field)
    width = name.sizeHint().width()
    whole = ink(name, width + 20)
    assert sum(ink(name, width)) + 20 * whole[-1] == sum(whole)


def test_that_files_and_logs_are_in_the_size_of_the_users_text(qapp):
    from migbar_gui.looks.theme import fixed_font

    usual, larger = qapp.font(), QFont(qapp.font())
    larger.setPointSizeF(17)
    try:
        qapp.setFont(larger)
        assert fixed_font().pointSizeF() == pytest.approx(17, abs=0.5)
    finally:
        qapp.setFont(usual)


def test_that_options_of_the_command_line_are_not_named_in_the_window(opened, qtbot):
    from migbar.hops import HopError
    from migbar_gui.looks.widgets import ProblemLabel

    problem = ProblemLabel()
    qtbot.addWidget(problem)
    problem.tell(HopError("there is no void; try another ion (on the command line: --ion)."))
    assert problem.text() == "There is no void; try another ion."
    text = "0.3 eV is not known (in the window: Path, Compare places; on the command line: --places chgnet)."
    assert in_text(text) == "0.3 eV is not known (Path, Compare places)."
    opened.show_error(HopError("there is no site 9 (on the command line, see migbar sites)."))
    assert opened.notice.text.text() == "There is no site 9."


def test_that_other_axes_keep_their_numbers(milli):
    assert list(_labelled("Paths", (0.0, 4.0)).values()) == ["0", "1", "2", "3", "4"]


def test_that_lists_of_boxes_have_rows_to_hit_and_thin_separators(window, qtbot):
    from migbar_gui.looks.widgets import choice_box

    box = choice_box()
    box.addItems(["one", "two"])
    box.insertSeparator(2)
    box.addItem("more …")
    qtbot.addWidget(box)
    box.show()
    box.showPopup()
    rows = [box.view().visualRect(box.model().index(row, 0)).height() for row in range(4)]
    box.hidePopup()
    assert min(rows[0], rows[1], rows[3]) >= 26
    assert rows[2] < 12


def test_that_every_box_of_the_window_has_these_rows(window):
    from PySide6.QtWidgets import QComboBox

    boxes = [box for box in window.findChildren(QComboBox) if box.count()]
    assert boxes
    assert all(box.view().sizeHintForRow(0) >= 26 for box in boxes)


def test_that_no_dialog_is_larger_than_the_screen(qtbot, qapp):
    from PySide6.QtWidgets import QWidget

    from migbar_gui.looks.widgets import resize_on_screen

    room = qapp.primaryScreen().availableGeometry()
    dialog = QWidget()
    qtbot.addWidget(dialog)
    resize_on_screen(dialog, 400, 300)
    assert (dialog.width(), dialog.height()) == (400, 300)
    resize_on_screen(dialog, 9000, 9000)
    assert room.width() - 50 < dialog.width() < room.width()
    assert room.height() - 100 < dialog.height() < room.height()


@pytest.mark.gui
def test_that_large_text_leaves_dialogs_on_a_small_screen(opened, qtbot, qapp):
    from migbar_gui.dialogs.retraining.wizard import RetrainingWizard

    usual, room = qapp.font(), 1280 - FRAME.width()
    larger = QFont(usual)
    larger.setPointSizeF(14)
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    try:
        qapp.setFont(larger)
        opened.refresh_theme()
        for command in ("file.batch", "path.export_dft", "model.train"):
            opened.commands[command].trigger()
        qtbot.waitUntil(lambda: len(shown_dialogs(opened)) == 3)
        for dialog in shown_dialogs(opened):
            if isinstance(dialog, RetrainingWizard):
                beside = dialog.width() - dialog.currentPage().width()
                pages = [dialog.page(number) for number in dialog.pageIds()]
                assert max(page.minimumSizeHint().width() for page in pages) + beside <= room
            else:
                assert dialog.minimumSizeHint().width() <= room
            dialog.close()
    finally:
        qapp.setFont(usual)
        opened.refresh_theme()


def shown_dialogs(window) -> list[QDialog]:
    return [dialog for dialog in window.findChildren(QDialog) if dialog.isVisible()]


@pytest.mark.gui
@pytest.mark.parametrize("width", [1000, 1280, 1920])
def test_that_no_description_of_an_example_is_cut_off(qtbot, width):
    from migbar_gui.app import make_application

    apply_theme(make_application(), LIGHT)
    page = WelcomePage()
    qtbot.addWidget(page)
    page.resize(width, 900)
    page.show()
    qtbot.waitExposed(page)
    words = [text for card in page.findChildren(Card) for text in card.findChildren(QLabel)]
    qtbot.waitUntil(lambda: all(w.height() >= w.heightForWidth(w.width()) for w in words))


@pytest.mark.gui
@pytest.mark.parametrize("is_ready", [True, False])
def test_that_enter_in_a_field_never_is_for_cancel(qtbot, is_ready):
    question = Question("Title", "", "Read", None)
    field = QLineEdit()
    question.body.addWidget(field)
    question.accept_button.setEnabled(is_ready)
    ends: list[bool] = []
    question.finished.connect(lambda code: ends.append(bool(code)))
    question.open()
    question.activateWindow()
    qtbot.waitUntil(question.isActiveWindow)
    question.cancel_button.setFocus()  # on the way through all fields by Tab
    qtbot.waitUntil(question.cancel_button.hasFocus)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert ends == ([True] if is_ready else [])
    if not is_ready:
        question.reject()


@pytest.mark.gui
def test_that_a_selected_row_keeps_the_colour_of_its_verdict(qtbot):
    from PySide6.QtGui import QColor
    from PySide6.QtWidgets import QStyleOptionViewItem, QTableWidget, QTableWidgetItem

    from migbar_gui.looks.tables import as_list

    table = QTableWidget(1, 1)
    qtbot.addWidget(table)
    as_list(table, "Rows", ())
    cell = QTableWidgetItem("good")
    cell.setForeground(QColor("#12733b"))
    table.setItem(0, 0, cell)
    option = QStyleOptionViewItem()
    table.itemDelegate().initStyleOption(option, table.indexFromItem(cell))
    assert option.palette.highlightedText().color() == QColor("#12733b")


def test_that_a_page_stays_where_it_is_when_its_scroll_bar_appears(qtbot):
    text = label("Fe")
    area = scrolled(body(text), "Page")
    qtbot.addWidget(area)
    area.resize(200, 300)
    area.show()
    bar = area.verticalScrollBar()
    before = text.geometry()
    assert not bar.isEnabled()
    text.setMinimumHeight(600)
    qtbot.waitUntil(bar.isEnabled)
    assert text.geometry().left() == before.left()
    assert text.width() == before.width()
    left, right = (text.mapTo(area, corner).x() for corner in (QPoint(), text.rect().topRight()))
    assert left == area.width() - 1 - right  # the bar is in the margin


def test_that_a_click_on_a_message_leaves_the_keyboard_where_it_was(opened, qtbot):
    opened.view.setFocus()
    opened.notice.show_message("Hear this", action=("Next", lambda: None))
    qtbot.mouseClick(opened.notice.action, Qt.MouseButton.LeftButton)
    assert opened.focusWidget() is opened.view


def test_that_a_page_is_never_narrower_than_what_stands_on_it(qtbot):
    text = label("0.3 eV")
    area = scrolled(body(text), "Page")
    qtbot.addWidget(area)
    area.show()
    before = area.minimumSizeHint().width()
    text.setText("1,234.567 meV, and a verdict beside it")
    qtbot.waitUntil(lambda: area.minimumSizeHint().width() > before)
    area.resize(area.minimumSizeHint().width(), 100)
    assert text.mapTo(area, text.rect().topRight()).x() < area.width() - SCROLL_BAR
    assert text.width() >= text.sizeHint().width()


def test_that_one_long_choice_makes_no_dialog_wide(qtbot):
    box = choice_box({0: "a long name " * 20})
    qtbot.addWidget(box)
    assert box.sizeHint().width() > 800
    assert box.minimumSizeHint().width() < 300
    box.resize(200, box.sizeHint().height())
    before = box.grab().toImage()
    box.setItemText(0, "a long name " * 19 + "and its end")
    assert box.grab().toImage() != before  # its end is seen


@pytest.mark.gui
def test_that_the_legend_of_a_narrow_plot_is_not_written_over_its_caption(qtbot):
    from migbar_gui.looks.charts import ParityPlot

    plot = ParityPlot()
    qtbot.addWidget(plot)
    barriers = np.array([0.2, 0.9])
    plot.show_points(["a", "b"], barriers, barriers, np.stack([barriers] * 2, 1), barriers, 0.65)

    def top_line(width: int) -> set[str]:
        plot.resize(width, 300)
        picture, height = plot.grab().toImage(), plot.fontMetrics().ascent()
        return {
            picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(height)
        }

    accent = current_theme().accent
    assert accent in top_line(600)
    assert accent not in top_line(180)


def test_that_what_has_no_room_in_a_line_goes_on_in_the_next(qtbot):
    first, second, last = (label(text) for text in ("barrier up to", "any", "search"))
    wide = [part.sizeHint().width() for part in (first, second, last)]
    page = QWidget()
    page.setLayout(Flow(first, second, last, grow=last, spacing=8))
    qtbot.addWidget(page)
    page.resize(sum(wide) + 16 + 50, 200)
    page.show()
    assert first.y() == second.y() == last.y()
    assert last.width() == wide[2] + 50
    page.resize(sum(wide[:2]) + 8, 200)
    assert first.y() == second.y()
    assert last.y() > first.geometry().bottom()
    assert last.width() == page.width()
    assert page.heightForWidth(page.width()) == last.geometry().bottom() + 1
    first.hide()
    page.layout().activate()
    assert second.pos() == QPoint(0, 0)
    assert page.minimumSizeHint().width() == max(wide[1:])


@pytest.mark.parametrize(
    ("width", "predicted"),
    [(440, 0.1), (440, 0.3), (440, 0.55), (440, 0.6), (440, 0.65), (260, 0.65)],
)
def test_that_no_curve_runs_through_what_is_said_of_the_prediction(qtbot, width, predicted):
    along = np.linspace(0.0, 3.0, 201)
    energy = 0.6 * np.sin(np.pi * along / 3) ** 2
    profile = EnergyProfile(along[::40], energy[::40], np.zeros(6))
    plot = ProfilePlot()
    qtbot.addWidget(plot)
    plot.resize(width, 160)
    plot.show_curves(
        [Curve("Li", "#e4572e", profile, (along, energy), True, (predicted, 0.0, 1.0))], 0
    )
    image = QImage(plot.size(), QImage.Format.Format_RGB32)
    plot.render(image)  # fits the axes
    axes, metrics = plot._axes, plot.fontMetrics()
    told = f"predicted {predicted:.3f} eV", "predicted"
    text, place = plot._beside_curves(axes, axes.point(0, predicted).y(), metrics, told)
    assert (text == told[0]) is (width == 440)  # the number stands beside the plot, too
    assert axes.frame.contains(place)
    assert not any(place.contains(point) for point in axes.line(along, energy))


def test_that_captions_above_a_narrow_plot_are_short(qtbot, monkeypatch):
    told = []
    monkeypatch.setattr(QPainter, "drawText", lambda _, place, text: told.append(text))
    axes = Axes(QRectF(40, 20, 300, 100), (0.0, 1.0), (0.0, 1.0))
    picture = QPixmap(340, 120)
    painter = QPainter(picture)
    wide = painter.fontMetrics().horizontalAdvance
    across, up = ["fraction of the path →", "fraction →"], ["eV above the initial state", "eV"]
    for room in (sum(map(wide, (across[0], up[0]))), wide(across[1]) + wide(up[0]), 30):
        frame = QRectF(40, 20, room + 4 + wide("00") - 40, 100)
        replace(axes, frame=frame).captions_above(painter, across, up)
    painter.end()
    assert told == [up[0], across[0], up[0], across[1], up[1], across[1]]


def test_that_a_long_name_in_a_message_makes_no_window_wide(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    name = 3 * "simulation_of_lithium_in_a_sulfide_with_a_very_long_name_" + "600.lammpstrj"
    notice.show_message(f"{name} is of LiS.")
    wide = notice.text.fontMetrics().horizontalAdvance(name)
    assert notice.text.minimumSizeHint().width() < 0.4 * wide
    assert notice.text.text() == f"{name} is of LiS."


def test_that_the_choices_of_a_message_leave_room_for_its_text(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    choices = ("Next", lambda: None), ("End the tour", lambda: None)
    notice.show_message("What is seen here, told at some length. " * 3, "info", "", *choices)
    for width, below in ((900, False), (330, True), (900, False)):
        notice.resize(width, 200)
        notice.layout().activate()
        assert (notice.action.y() > notice.text.geometry().bottom()) is below
        assert notice.text.width() > 0.6 * width

"""Plots are saved sharp, as they are seen."""

from __future__ import annotations

import re

import pytest
from PySide6.QtGui import QImage

from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


def test_that_a_plot_is_saved_as_svg_pdf_and_png(opened, qtbot, tmp_path):
    from migbar_gui.files.plot_export import save_plot
    from migbar_gui.panels.plots import CoordinationPlot

    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    plot = opened.findChild(CoordinationPlot)
    for suffix in (".svg", ".pdf", ".png"):
        save_plot(plot, tmp_path / f"plot{suffix}")
    drawing = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert "distance along the path" in drawing
    assert "<image" not in drawing
    families = re.findall('font-family="(.*?)"', drawing)
    assert families
    assert all(names.endswith(", sans-serif") for names in families)
    assert (tmp_path / "plot.pdf").read_bytes().startswith(b"%PDF")
    image = QImage(str(tmp_path / "plot.png"))
    assert image.width() == 3 * plot.width()
    assert image.pixelColor(1, 1).alpha() == 0


def test_that_a_plot_of_a_dark_window_is_saved_in_colours_for_paper(opened, qtbot, tmp_path):
    from migbar_gui.files.plot_export import picture, save_plot
    from migbar_gui.looks.theme import DARK, LIGHT, current_theme

    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    opened.docks.show("Transport")
    plot = opened.transport_panel.plot
    qtbot.waitUntil(lambda: plot.isVisible() and not opened.jobs.is_running("transport"))
    opened.preferences.set("appearance", "light")
    light = picture(plot).toImage()
    plot.setFocus()  # the frame that tells it is not saved
    qtbot.waitUntil(plot.hasFocus)
    assert picture(plot).toImage() == light
    opened.preferences.set("appearance", "dark")
    assert picture(plot).toImage() == light
    save_plot(plot, tmp_path / "plot.svg")
    drawing = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    assert LIGHT.text in drawing
    assert DARK.text not in drawing
    assert current_theme() is DARK  # the window itself stays dark
    opened.preferences.set("appearance", "light")


def test_that_the_numbers_of_a_plot_leave_the_window_too(opened, qtbot, tmp_path):
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QMenu

    from migbar_gui.files.plot_export import save_plot
    from migbar_gui.panels.plots import CoordinationPlot

    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    plot = opened.findChild(CoordinationPlot)
    save_plot(plot, tmp_path / "plot.csv")
    heads, *rows = (tmp_path / "plot.csv").read_text(encoding="utf-8").splitlines()
    assert heads == "distance_angstrom,coordination"
    length = opened.workspace.result(1).predicted.length
    assert float(rows[-1].split(",")[0]) == pytest.approx(length, abs=1e-3)
    plot.customContextMenuRequested.emit(plot.rect().center())
    menu = plot.findChild(QMenu)
    next(action for action in menu.actions() if "numbers" in action.text()).trigger()
    menu.close()
    assert QGuiApplication.clipboard().text().splitlines()[0] == "distance_angstrom\tcoordination"
    opened.docks.show("Transport")
    plot = opened.transport_panel.plot
    qtbot.waitUntil(lambda: len(plot.rows()) > 1, timeout=20_000)
    what, kelvin, middle, low, high = plot.rows()[1]
    assert what == "line"
    assert kelvin == pytest.approx(250.0)
    assert low < middle < high


def test_that_nothing_of_a_wide_interval_leaves_the_frame_of_a_drawing(qtbot, tmp_path):
    import numpy as np

    from migbar_gui.files.plot_export import save_plot
    from migbar_gui.panels.plots import ArrheniusPlot
    from tests.gui.test_dynamics import simulated

    plot = ArrheniusPlot()
    qtbot.addWidget(plot)
    plot.resize(330, 220)
    inverse = np.linspace(4.0, 0.8, 12)
    middle, low, high = (-2 - slope * inverse for slope in (1.5, 20.0, 0.5))
    hot = simulated().at
    plot.show_lines((inverse, middle, low, high), 1000 / 300, hot, -2 - 9 * inverse)
    save_plot(plot, tmp_path / "plot.svg")
    drawing = (tmp_path / "plot.svg").read_text(encoding="utf-8")
    shapes = re.findall(r'points="([\d., -]+)"', drawing)
    places = np.array([[float(n) for n in xy.split(",")] for s in shapes for xy in s.split()])
    grid = np.array([[float(n) for n in xy.split(",")] for xy in shapes[0].split()])
    assert len(places) > 400
    assert places[:, 1].max() <= grid[0, 1] + 0.1  # the lowest line of the grid
    assert places[:, 0].min() >= grid[0, 0] - 0.1

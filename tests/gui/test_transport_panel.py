"""The transport dock: the core's numbers, every parameter open to change, and said to be an estimate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt

from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


@pytest.fixture
def panel(opened, qtbot):
    """The dock, for the hop along the channel of an olivine."""
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    opened.commands["path.transport"].trigger()
    qtbot.waitUntil(opened.transport_panel.isVisible)
    return opened.transport_panel


def write(qtbot, field, text: str) -> None:
    field.selectAll()
    qtbot.keyClicks(field, text)


def test_that_it_waits_for_a_barrier(opened, qtbot):
    opened.commands["path.transport"].trigger()
    qtbot.waitUntil(opened.transport_panel.isVisible)
    assert opened.transport_panel.currentIndex() == 0


def test_that_it_shows_what_the_core_computes(panel):
    from migbar.transport import conductivity, diffusivity, explain
    from migbar_gui.panels.transport_panel import scientific

    workspace = panel._workspace
    predicted = workspace.result(workspace.active).predicted
    parameters = panel._case.parameters
    assert parameters.hop_length == pytest.approx(predicted.length)
    barrier = predicted.barrier.barrier_ev
    low, high = predicted.barrier.interval_ev
    assert panel.values["D"].text() == f"{scientific(diffusivity(barrier, parameters))} cm²/s"
    assert panel.values["σ"].text() == f"{scientific(conductivity(barrier, parameters))} S/cm"
    ends = [scientific(diffusivity(e, parameters), 0) for e in (high, low)]
    assert panel.ranges["D"].text() == f"{ends[0]} to {ends[1]}"
    assert panel.explanation.text() == explain(parameters)
    assert "estimate" in panel.explanation.text()


def test_that_every_parameter_can_be_changed(panel, qtbot):
    from migbar.transport import HoppingParameters, diffusivity
    from migbar_gui.panels.transport_panel import scientific

    assert set(panel.boxes) == set(HoppingParameters.__slots__)
    write(qtbot, panel.boxes["temperature"], "400")
    write(qtbot, panel.boxes["attempt_frequency"], "5e12")
    expected = replace(panel._case.parameters, temperature=400.0, attempt_frequency=5e12)
    barrier = panel._case.barrier_ev
    assert panel.values["D"].text() == f"{scientific(diffusivity(barrier, expected))} cm²/s"
    assert "T = 400 K" in panel.explanation.text()
    panel.reset.click()
    assert panel.boxes["temperature"].text() == "300"
    assert "T = 300 K" in panel.explanation.text()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [("temperature", "-3", "temperature"), ("vacancy_fraction", "2", "vacancy fraction"),
     ("correlation_factor", "abc", "correlation factor")],
)  # fmt: skip
def test_that_a_parameter_that_makes_no_sense_is_explained(panel, qtbot, name, text, told):
    write(qtbot, panel.boxes[name], text)
    assert panel.problem.isVisible()
    assert told in panel.problem.text().lower()
    assert panel.values["D"].text() == ""
    panel.reset.click()
    assert not panel.problem.isVisible()
    assert panel.values["D"].text()


def test_that_the_particle_size_follows_the_rate(panel, qtbot):
    from migbar.transport import highest_barrier, particle_size
    from migbar_gui.panels.transport_panel import size_text

    write(qtbot, panel.c_rate, "2")
    write(qtbot, panel.particle_size, "1")
    parameters = panel._case.parameters
    size = particle_size(panel._case.barrier_ev, parameters, 2.0)
    assert panel.values["L"].text() == f"up to {size_text(size)} at 2 C"
    assert panel.values["E"].text() == f"barrier ≤ {highest_barrier(1.0, parameters, 2.0):.3f} eV"


def test_that_another_path_brings_its_own_length_but_keeps_the_temperature(panel, qtbot):
    workspace = panel._workspace
    write(qtbot, panel.boxes["temperature"], "350")
    write(qtbot, panel.boxes["hop_length"], "9")
    window = panel.window()
    path_id = workspace.join(site(window, 0), site(window, 1))
    wait_for_barriers(qtbot, window)
    length = workspace.result(path_id).predicted.length
    assert float(panel.boxes["hop_length"].text()) == pytest.approx(length, rel=1e-4)
    assert panel.boxes["temperature"].text() == "350"


def test_that_ways_through_the_crystal_can_be_chosen(panel, qtbot):
    window = panel.window()
    window.commands["path.find"].trigger()
    qtbot.waitUntil(lambda: window.workspace.state.group is not None, timeout=60_000)
    qtbot.waitUntil(lambda: panel.case.findData("1D") >= 0)
    window.docks.show("Transport")
    qtbot.waitUntil(panel.isVisible)
    row = panel.case.findData("1D")
    panel.case.setCurrentIndex(row)
    panel.case.activated.emit(row)
    way = window.workspace.state.group.found.crystal.percolation["1D"]
    assert f"{way.barrier_ev:.3f} eV" in panel._barrier.text()


def test_that_the_plot_is_drawn(panel, qtbot):
    qtbot.wait(200)
    image = panel.plot.grab().toImage()
    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colours) > 10


def test_that_numbers_are_written_readably():
    from migbar_gui.panels.transport_panel import scientific, size_text

    assert scientific(3.21e-10) == "3.2 × 10⁻¹⁰"
    assert scientific(2.0, 0) == "2"
    assert [size_text(size) for size in (0.012, 1.04, 437.0, 2300.0)] == [
        "12 nm",
        "1 µm",
        "440 µm",
        "2.3 mm",
    ]


def test_that_no_particle_is_told_to_be_smaller_than_a_unit_cell_or_larger_than_a_hand():
    from migbar_gui.panels.transport_panel import size_text

    assert size_text(4.2e-7) == "none"
    assert size_text(5e9) == "1 cm or more"


@pytest.mark.parametrize("nonsense", ["0", "", "1e300", "inf"])
def test_that_a_parameter_without_sense_is_told_and_disturbs_nothing_else(
    panel, opened, qtbot, nonsense
):
    for field in (panel.boxes["hop_length"], panel.boxes["attempt_frequency"], panel.c_rate):
        write(qtbot, field, nonsense)
        if not nonsense:
            qtbot.keyClick(field, Qt.Key.Key_Backspace)
        assert not panel.problem.isHidden()
        with qtbot.capture_exceptions() as raised:
            opened.workspace.join(site(opened, 0), site(opened, 0, (0, 0, 1)))
            wait_for_barriers(qtbot, opened)
            opened.workspace.undo()
        assert not raised
        assert panel.boxes["temperature"].text() == "300"
        if field in panel.boxes.values():
            panel.reset.click()
            assert panel.problem.isHidden()

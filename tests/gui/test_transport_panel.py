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
    settle(qtbot, opened.transport_panel)
    return opened.transport_panel


def write(qtbot, panel, field: str, text: str) -> None:
    box = getattr(panel, field, None) or panel.boxes[field]
    box.selectAll()
    qtbot.keyClicks(box, text)
    settle(qtbot, panel)


def settle(qtbot, panel) -> None:
    qtbot.waitUntil(lambda: not panel._jobs.is_running("transport"))


def choose(qtbot, panel, key: str) -> None:
    row = panel.case.findData(key)
    panel.case.setCurrentIndex(row)
    panel.case.activated.emit(row)
    settle(qtbot, panel)


@pytest.fixture
def whole(panel, qtbot):
    """The dock once all hops were found, looked at along the channel."""
    window = panel.window()
    window.commands["path.find"].trigger()
    qtbot.waitUntil(lambda: window.workspace.state.group is not None, timeout=60_000)
    qtbot.waitUntil(lambda: panel.case.findData("b") >= 0)
    window.docks.show("Transport")
    qtbot.waitUntil(panel.isVisible)
    choose(qtbot, panel, "b")
    return panel


def test_that_it_waits_for_a_barrier(opened, qtbot):
    opened.commands["path.transport"].trigger()
    qtbot.waitUntil(opened.transport_panel.isVisible)
    assert opened.transport_panel.currentIndex() == 0


def test_that_it_shows_what_the_core_computes(panel):
    from migbar.transport import conductivity, diffusivity, explain
    from migbar.wording import scientific

    workspace = panel._workspace
    predicted = workspace.result(workspace.active).predicted
    hops, parameters = panel._case.hops, panel._case.parameters
    assert hops.hop_length == pytest.approx(predicted.length)
    assert hops.barrier_ev == predicted.barrier.barrier_ev
    assert hops.interval_ev == predicted.barrier.interval_ev
    d, sigma = diffusivity(hops, parameters), conductivity(hops, parameters)
    assert panel.values["D"].text() == f"{scientific(d.value)} cm²/s"
    assert panel.values["σ"].text() == f"{scientific(sigma.value)} S/cm"
    assert panel.ranges["D"].text() == " to ".join(scientific(end, 0) for end in d.interval)
    assert panel.explanation.text() == explain(hops, parameters)
    assert "estimate" in panel.explanation.text()


def test_that_every_parameter_can_be_changed(panel, qtbot):
    from migbar.transport import LoneHop, TransportParameters, diffusivity
    from migbar.wording import scientific
    from migbar_gui.panels.transport_panel import OF_A_LONE_HOP

    assert set(panel.boxes) == {*TransportParameters.__slots__, *OF_A_LONE_HOP}
    assert set(OF_A_LONE_HOP) < set(LoneHop.__slots__)
    write(qtbot, panel, "temperature", "400")
    write(qtbot, panel, "attempt_frequency", "5e12")
    write(qtbot, panel, "hop_length", "2.5")
    expected = replace(panel._case.parameters, temperature=400.0, attempt_frequency=5e12)
    hops = replace(panel._case.hops, hop_length=2.5)
    assert panel.values["D"].text() == f"{scientific(diffusivity(hops, expected).value)} cm²/s"
    assert "T = 400 K" in panel.explanation.text()
    panel.reset.click()
    settle(qtbot, panel)
    assert panel.boxes["temperature"].text() == "300"
    assert "T = 300 K" in panel.explanation.text()


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [("temperature", "-3", "temperature"), ("vacancy_fraction", "2", "vacancy fraction"),
     ("correlation_factor", "abc", "correlation factor"), ("hop_length", "x", "hop length"),
     ("c_rate", "0", "C-rate")],
)  # fmt: skip
def test_that_a_parameter_that_makes_no_sense_is_explained(panel, qtbot, name, text, told):
    write(qtbot, panel, name, text)
    assert panel.problem.isVisible()
    assert told.lower() in panel.problem.text().lower()
    assert panel.values["D"].text() == ""
    if name == "c_rate":
        write(qtbot, panel, name, "1")
    panel.reset.click()
    settle(qtbot, panel)
    assert not panel.problem.isVisible()
    assert panel.values["D"].text()


def test_that_the_particle_size_follows_the_rate(panel, qtbot):
    from migbar.transport import highest_barrier, particle_size
    from migbar.wording import size_text

    write(qtbot, panel, "c_rate", "2")
    write(qtbot, panel, "particle_size", "1")
    hops, parameters = panel._case.hops, panel._case.parameters
    size = particle_size(hops, parameters, 2.0).value
    assert panel.values["L"].text() == f"up to {size_text(size)} at 2 C"
    limit = highest_barrier(1.0, hops, parameters, 2.0)
    assert panel.values["E"].text() == f"barrier ≤ {limit:.3f} eV"


def test_that_another_path_brings_its_own_length_but_keeps_the_temperature(panel, qtbot):
    workspace = panel._workspace
    write(qtbot, panel, "temperature", "350")
    write(qtbot, panel, "hop_length", "9")
    window = panel.window()
    path_id = workspace.join(site(window, 0), site(window, 1))
    wait_for_barriers(qtbot, window)
    length = workspace.result(path_id).predicted.length
    assert float(panel.boxes["hop_length"].text()) == pytest.approx(length, rel=1e-4)
    assert panel.boxes["temperature"].text() == "350"


def test_that_all_hops_of_the_crystal_can_be_looked_at_in_each_direction(whole, qtbot):
    from migbar.transport import ALL_DIRECTIONS, CrystalHops, activation_energy, diffusivity
    from migbar.wording import scientific

    workspace = whole._workspace
    crystal = workspace.state.group.found.crystal
    for direction in ("b", ALL_DIRECTIONS):
        choose(qtbot, whole, direction)
        hops = CrystalHops.of(workspace.structure, crystal, direction)
        value = diffusivity(hops, whole._case.parameters).value
        assert whole.values["D"].text() == f"{scientific(value)} cm²/s"
        slope = activation_energy(hops, 300.0)
        assert whole._about.text() == f"Activation energy {slope:.3f} eV at 300 K"
        assert "over all paths found" in whole.explanation.text()


def test_that_length_and_geometry_are_asked_for_a_lone_hop_alone(whole, qtbot):
    lone = whole.case.itemData(0)
    for key, shown in (("b", False), (lone, True)):
        choose(qtbot, whole, key)
        for name in ("hop_length", "geometric_factor"):
            assert whole.boxes[name].isVisible() is shown
        assert whole.boxes["temperature"].isVisible()


def test_that_a_direction_without_a_way_is_said_to_be_none(opened, qtbot):
    workspace, panel = opened.workspace, opened.transport_panel
    opened.network_panel.cutoff.setValue(3.2)
    opened.commands["path.find"].trigger()
    qtbot.waitUntil(lambda: workspace.state.group is not None, timeout=60_000)
    opened.commands["path.transport"].trigger()
    qtbot.waitUntil(panel.isVisible)
    choose(qtbot, panel, "a")
    assert panel.values["D"].text() == "none"
    assert panel.values["L"].text() == "none keeps up at 0.5 C"
    assert "nowhere in this direction" in panel._about.text()
    choose(qtbot, panel, "b")
    assert "cm²/s" in panel.values["D"].text()


def test_that_what_is_typed_next_ends_what_is_computed(whole):
    from migbar.errors import Cancelled
    from migbar_gui.panels import transport_panel

    with pytest.raises(Cancelled):
        transport_panel.estimated(transport_panel.Inputs(whole._case, 0.5, 0.1), Stopped())


def test_that_numbers_of_another_case_are_not_shown_meanwhile(whole, monkeypatch):
    assert whole.values["D"].text()
    monkeypatch.setattr(whole._jobs, "start", lambda *_: None)  # as long as it is at work
    whole._choose("a")
    assert not whole.values["D"].text()
    assert not whole._about.text()
    assert whole.plot._lines is None


class Stopped:
    """Work that was cancelled."""

    def report(self, done: int, total: int, message: str = "") -> None: ...

    def cancelled(self) -> bool:
        return True


def test_that_numbers_are_written_in_another_unit_at_once(panel, monkeypatch):
    from migbar_gui.panels import transport_panel

    def again(*_):
        raise AssertionError("nothing changed but how it is written")

    monkeypatch.setattr(transport_panel, "estimated", again)
    before = panel.values["D"].text()
    assert panel.values["E"].text().endswith(" eV")
    panel.window().preferences.set("energy_unit", "meV")
    assert panel.values["E"].text().endswith(" meV")
    assert "meV" in panel._about.text()
    assert panel.values["D"].text() == before


def test_that_a_way_that_is_too_slow_for_a_number_is_not_said_to_be_none(whole, qtbot):
    write(qtbot, whole, "temperature", "1")
    assert whole._about.text() == "Too slow for a number at 1 K"
    assert whole.values["D"].text() == "next to none"
    assert whole.plot._lines is not None


def test_that_the_plot_is_drawn(panel, qtbot):
    qtbot.wait(200)
    image = panel.plot.grab().toImage()
    colours = {image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}
    assert len(colours) > 10


def test_that_numbers_are_written_readably():
    from migbar.wording import scientific, size_text

    assert scientific(3.21e-10) == "3.2 × 10⁻¹⁰"
    rounded = [scientific(x, 0) for x in (0.04, 0.43, 4.3, 43, 99)]
    assert rounded == ["4 × 10⁻²", "0.4", "4", "40", "1 × 10²"]
    assert [scientific(x) for x in (0.43, 4.3, 43, -0.43)] == ["0.43", "4.3", "43", "-0.43"]
    assert scientific(2.0, 0) == "2"
    assert [size_text(size) for size in (0.012, 1.04, 437.0, 2300.0)] == [
        "12 nm",
        "1 µm",
        "440 µm",
        "2.3 mm",
    ]


def test_that_no_particle_is_told_to_be_smaller_than_a_unit_cell_or_larger_than_a_hand():
    from migbar.wording import size_text

    assert size_text(4.2e-7) == "none"
    assert size_text(5e9) == "1 cm or more"


@pytest.mark.parametrize("nonsense", ["0", "", "1e300", "inf"])
def test_that_a_parameter_without_sense_is_told_and_disturbs_nothing_else(
    panel, opened, qtbot, nonsense
):
    for name in ("hop_length", "attempt_frequency", "c_rate"):
        write(qtbot, panel, name, nonsense)
        if not nonsense:
            qtbot.keyClick(getattr(panel, name, None) or panel.boxes[name], Qt.Key.Key_Backspace)
            settle(qtbot, panel)
        assert not panel.problem.isHidden()
        with qtbot.capture_exceptions() as raised:
            opened.workspace.join(site(opened, 0), site(opened, 0, (0, 0, 1)))
            wait_for_barriers(qtbot, opened)
            opened.workspace.undo()
        assert not raised
        assert panel.boxes["temperature"].text() == "300"
        if name in panel.boxes:
            panel.reset.click()
            settle(qtbot, panel)
            assert panel.problem.isHidden()

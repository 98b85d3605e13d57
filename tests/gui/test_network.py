"""All paths at once: the table, the network dock, the tubes in 3D, and the report."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.gui.conftest import site, wait_for_barriers, wait_for_document, words

pytestmark = pytest.mark.gui


def find(qtbot, window, cutoff: float | None = None):
    """Find all paths as a user does, and return what the workspace then holds."""
    window.network_panel.cutoff.setValue(cutoff or 0.0)
    window.commands["path.find"].trigger()
    qtbot.waitUntil(lambda: not window.jobs.is_running("find paths"), timeout=60_000)
    assert window.workspace.state.group is not None, window.notice.text.text()
    qtbot.wait(50)  # new labels are shown by the event loop
    return window.workspace.state.group


def column(window, number: int) -> list[str]:
    table = window.paths_panel.view.model()
    return [str(table.index(row, number).data()) for row in range(table.rowCount())]


def labels(widget) -> list[str]:
    from PySide6.QtWidgets import QLabel

    return [text.text() for text in widget.findChildren(QLabel) if not text.isHidden()]


@pytest.fixture
def found(opened, qtbot):
    """The olivine with all its paths."""
    find(qtbot, opened)
    return opened


def test_that_all_distinct_hops_come_into_the_table(found):
    from migbar.models.store import load_model
    from migbar.paths import find_paths

    expected = find_paths(found.workspace.structure, "Li", load_model())
    assert found.workspace.active == found.workspace.state.group.paths[0].id
    assert column(found, 0) == [f"Li   {hop.label}" for hop in expected.search.hops]
    assert column(found, 1) == [f"{path.barrier.barrier_ev:.3f}" for path in expected.paths]
    assert column(found, 7) == [str(hop.multiplicity) for hop in expected.search.hops]
    assert found.workspace.unjudged == ()


def test_that_the_dock_tells_the_percolation_barriers(found):
    ways = found.workspace.state.group.found.crystal.percolation
    shown = labels(found.network_panel)
    for direction in ("1D", "2D", "3D", "a", "b", "c"):
        assert direction in shown
        assert f"{ways[direction].barrier_ev:.3f}" in shown
    assert found.network_panel.isVisible()


def test_that_the_summary_tells_how_many_dimensions_each_energy_opens(found):
    ways = found.workspace.state.group.found.crystal.percolation
    summary = found.network_panel.summary.text()
    assert f"in 1 dimension from {ways['1D'].barrier_ev:.2f} eV on" in summary
    assert f"in 3 from {ways['3D'].barrier_ev:.2f} eV on" in summary
    assert "in 2 " not in summary  # the third opens with the second


def test_that_emptied_sites_are_said_to_count_as_full(found):
    panel = found.network_panel
    assert "count as full" not in panel._origin.text()
    found.workspace.pick(site(found, 1))
    found.commands["path.empty"].trigger()
    assert "count as full" in panel._origin.text()


def test_that_no_percolation_is_said_in_words(opened, qtbot):
    find(qtbot, opened, cutoff=3.2)
    shown = labels(opened.network_panel)
    assert shown.count("no percolation") == 4  # along b there is a way
    find(qtbot, opened, cutoff=2.0)
    assert labels(opened.network_panel).count("no percolation") == 6
    assert "No hop of Li was found" in opened.network_panel.summary.text()


def test_that_finding_is_one_step_that_can_be_undone(opened, qtbot):
    by_hand = opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    opened.workspace.set_note(by_hand, "along b")
    opened.workspace.undo()
    opened.workspace.redo()
    group = find(qtbot, opened)
    assert by_hand in [path.id for path in group.paths]  # it is one of them and keeps its row
    assert column(opened, 8)[0] == "along b"
    opened.commands["edit.undo"].trigger()
    assert opened.workspace.state.group is None
    assert len(column(opened, 0)) == 1
    assert opened.view.content.network is None
    opened.commands["edit.redo"].trigger()
    assert opened.workspace.state.group is group
    assert len(column(opened, 0)) == len(group.paths)


def test_that_finding_again_replaces_what_was_found(found, qtbot):
    before = [path.id for path in found.workspace.state.paths]
    find(qtbot, found, cutoff=3.2)
    assert [path.id for path in found.workspace.state.paths] == before[:1]


def test_that_a_bottleneck_leads_to_its_row(found, qtbot):
    from PySide6.QtCore import Qt
    from PySide6.QtWidgets import QPushButton

    group = found.workspace.state.group
    number = group.found.crystal.percolation["3D"].bottleneck
    name = f"Show the hop {group.found.crystal.search.hops[number].label}"
    links = found.network_panel.findChildren(QPushButton)
    link = next(b for b in links if b.accessibleName() == name)
    qtbot.mouseClick(link, Qt.MouseButton.LeftButton)
    assert found.workspace.active == group.paths[number].id
    assert found.paths_panel.selected_ids() == [group.paths[number].id]


def free_tube(view, hop: int) -> tuple[int, object]:
    """A tube of a hop that can be seen, and a pixel on it."""
    network = view.content.network
    for row in np.flatnonzero(network.hop == hop):
        for share in np.linspace(0.2, 0.8, 13):
            place = (1 - share) * network.ends[row, 0] + share * network.ends[row, 1]
            pixel = view.world_to_widget(place)
            if view.rect().contains(pixel) and view.tube_at(pixel) == row:
                return int(row), pixel
    raise AssertionError("no tube can be seen")


def test_that_clicking_a_tube_selects_its_row_and_the_other_way_round(found, qtbot):
    from PySide6.QtCore import Qt

    group, view = found.workspace.state.group, found.view
    last = len(group.paths) - 1
    _, pixel = free_tube(view, last)
    qtbot.mouseClick(view._canvas, Qt.MouseButton.LeftButton, pos=pixel)
    assert found.paths_panel.selected_ids() == [group.paths[last].id]
    assert view.content.network.active == last
    found.paths_panel.view.selectRow(0)
    assert view.content.network.active == group.hop_of(found.workspace.active) == 0


def test_that_a_tube_tells_its_hop_when_it_is_pointed_at(found):
    group, view = found.workspace.state.group, found.view
    _, pixel = free_tube(view, 0)
    view._on_point(pixel)
    label = group.found.crystal.search.hops[0].label
    assert any(label in tag.text for tag in view.notes.tags)
    assert f"{group.barriers[0]:.3f} eV" in found.status.pointed.text()


def test_that_a_removed_path_comes_back_by_its_tube(found):
    group = found.workspace.state.group
    found.workspace.remove_paths([group.paths[0].id])
    found.workspace.activate_hop(0)
    assert found.workspace.active == group.paths[0].id
    assert group.paths[0].id in [path.id for path in found.workspace.state.paths]


def test_that_the_slider_hides_hops_and_tells_what_is_still_connected(found):
    group, panel, view = found.workspace.state.group, found.network_panel, found.view
    ways = [group.found.crystal.percolation[name] for name in ("1D", "2D", "3D")]
    for step in range(panel.slider.maximum() + 1):
        panel.slider.setValue(step)
        highest = found.workspace.highest_shown
        expected = sum(way is not None and way.barrier_ev <= highest for way in ways)
        assert group.opened_by(highest)[0] == expected
        words = f"in {expected} dimension" if expected else "No percolation"
        assert words in panel.opened.text()
        shown = set(view.content.network.hop[view.content.network.shown].tolist())
        assert shown == set(np.flatnonzero(group.barriers <= highest).tolist())
    assert len(shown) == len(group.barriers)
    assert panel.limit.text() == "none hidden"


def test_that_the_slider_is_marked_where_the_network_connects(found):
    ways = found.workspace.state.group.found.crystal.percolation
    marks = found.network_panel._milestones.accessibleDescription()
    assert marks.startswith(f"1D at {ways['1D'].barrier_ev:.2f} eV")
    assert f"{ways['3D'].barrier_ev:.2f} eV" in marks


def test_that_the_network_can_be_hidden(found):
    found.network_panel.in_view.setChecked(False)
    assert found.view.content.network is None
    assert len(found.view.content.drawings) == len(found.workspace.state.paths)
    found.network_panel.in_view.setChecked(True)
    assert len(found.view.content.drawings) == 1


def test_that_hops_left_out_are_listed_with_reasons(window, qtbot):
    from migbar.resources import resource_dir

    window.open_file(resource_dir() / "examples" / "Li3OCl.cif")
    wait_for_document(qtbot, window, "Li3OCl.cif")
    left_out = find(qtbot, window).found.crystal.search.left_out
    panel = window.network_panel
    assert f"{len(left_out)} hop" in panel.left_out_button.text()
    assert not panel._left_out.isVisible()
    panel.left_out_button.click()
    assert any(left_out[0].reason in text for text in labels(panel._left_out))


def test_that_voids_of_an_empty_host_form_a_network(window, qtbot, empty_olivine):
    window.open_file(empty_olivine)
    wait_for_document(qtbot, window, "host.cif")
    assert "void" in window.paths_panel.hint.text()
    group = find(qtbot, window)
    assert all(path.label.startswith("v") for path in group.paths)


def test_that_the_dock_tells_where_ways_are_lower_bounds(found, qtbot):
    from migbar.resources import resource_dir

    assert found.network_panel.remarks.isHidden()  # all lithium of the olivine is alike
    found.open_file(resource_dir() / "examples" / "TiS2.cif")
    wait_for_document(qtbot, found, "TiS2.cif")
    find(qtbot, found)
    assert not found.network_panel.remarks.isHidden()
    assert "2 kinds of places" in words(found.network_panel.remarks)


def test_that_the_report_needs_nothing_else(found, qtbot, tmp_path: Path):
    target = tmp_path / "report.html"
    found.exports.write_report(target)
    qtbot.waitUntil(target.exists, timeout=60_000)
    qtbot.waitUntil(lambda: not found.jobs.shown, timeout=60_000)
    page = target.read_text(encoding="utf-8")
    assert "data:image/png;base64," in page
    assert "olivine.cif" in page
    for hop in found.workspace.state.group.found.crystal.search.hops:
        assert hop.label in page


def test_that_a_report_names_the_file_as_it_was_read_whatever_became_of_it(
    found, olivine, qtbot, tmp_path: Path
):
    digest = hashlib.sha256(olivine.read_bytes()).hexdigest()
    olivine.unlink()
    found.exports.write_report(tmp_path / "report.html")
    qtbot.waitUntil((tmp_path / "report.html").exists, timeout=60_000)
    qtbot.waitUntil(lambda: not found.jobs.shown, timeout=60_000)
    assert digest in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_that_a_report_that_cannot_be_written_is_explained(found, qtbot, tmp_path):
    found.exports.write_report(tmp_path / "nowhere" / "report.html")
    qtbot.waitUntil(found.notice.isVisible, timeout=60_000)


def test_that_a_cancelled_search_changes_nothing(opened, qtbot, monkeypatch):
    go_on = threading.Event()
    load = opened.predictions._load
    monkeypatch.setattr(opened.predictions, "_load", lambda: go_on.wait(20) and load())
    opened.commands["path.find"].trigger()
    qtbot.waitUntil(opened.status.cancel.isVisible)
    opened.status.cancel.click()
    go_on.set()
    qtbot.waitUntil(lambda: opened.jobs.idle, timeout=20_000)
    assert opened.workspace.state.group is None
    assert opened.workspace.state.paths == ()


def test_that_opening_something_else_ends_the_search(opened, qtbot, monkeypatch, empty_olivine):
    go_on = threading.Event()
    load = opened.predictions._load
    monkeypatch.setattr(opened.predictions, "_load", lambda: go_on.wait(20) and load())
    opened.commands["path.find"].trigger()
    opened.open_file(empty_olivine)
    wait_for_document(qtbot, opened, "host.cif")
    go_on.set()
    qtbot.waitUntil(lambda: opened.jobs.idle, timeout=20_000)
    assert opened.workspace.state.paths == ()


def test_that_the_window_closes_while_it_searches(opened, qtbot, monkeypatch):
    from migbar_gui.computing import predictions

    started = threading.Event()
    result = predictions._result

    def slow(predicted):
        started.set()
        threading.Event().wait(0.3)
        return result(predicted)

    monkeypatch.setattr(predictions, "_result", slow)
    opened.commands["path.find"].trigger()
    qtbot.waitUntil(started.is_set, timeout=30_000)
    opened.close()
    assert opened.jobs.idle
    assert opened.workspace.state.group is None


@pytest.fixture
def many(opened):
    """The window with four paths added at once, none of them judged yet."""
    for image in ((0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        opened.workspace.join(site(opened, 0), site(opened, 0, image))
    return opened


def test_that_many_paths_are_judged_and_bent_by_one_thread_at_a_time(many, qtbot):
    workspace = many.workspace
    assert len(many.jobs.shown) == 1
    wait_for_barriers(qtbot, many)
    assert all(workspace.result(path.id) is not None for path in workspace.state.paths)
    workspace.set_bent(True)
    assert len(many.jobs.shown) == 1
    qtbot.waitUntil(lambda: len(workspace.shapes) == 4, timeout=60_000)


def test_that_marks_too_close_for_two_names_share_one_below_their_middle(qtbot):
    from PySide6.QtWidgets import QSlider

    from migbar_gui.panels.network_panel import Milestones

    slider = QSlider(maximum=200)
    marks = Milestones(slider)
    for widget in (slider, marks):
        qtbot.addWidget(widget)
    marks.resize(320, 24)
    marks.show_marks({"1D": 0.40, "2D": 1.95, "3D": 2.0})
    (_, first), (left, second) = marks.named()
    assert (first, second) == ("1D", "2D, 3D")
    assert left + marks.fontMetrics().horizontalAdvance(second) <= 320
    marks.show_marks({"1D": 0.80, "2D": 0.84, "3D": 0.86})
    assert [names for _, names in marks.named()] == ["1D, 2D, 3D"]


def test_that_all_paths_that_wait_are_cancelled_together(many, qtbot):
    from migbar.errors import Cancelled

    workspace = many.workspace
    many.jobs.cancel_shown()
    assert all(isinstance(workspace.results[path.id], Cancelled) for path in workspace.state.paths)
    first = workspace.state.paths[0]
    workspace.add_path(first.hop)  # once more
    wait_for_barriers(qtbot, many)
    assert workspace.result(first.id) is not None


def test_that_the_bent_shape_leaves_the_prediction_alone(opened, qtbot):
    path_id = opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    barrier = opened.path_panel.barrier.text()
    straight = np.array(opened.view.content.drawings[0].points)
    opened.path_panel.bent.click()
    qtbot.waitUntil(lambda: opened.workspace.shape(path_id) is not None, timeout=60_000)
    bent = np.array(opened.view.content.drawings[0].points)
    assert np.allclose(bent[[0, -1]], straight[[0, -1]])
    assert not np.allclose(bent, straight, atol=1e-3)
    assert opened.path_panel.barrier.text() == barrier
    assert "barrier is that of the straight path" in opened.path_panel._shape_text.text()
    opened.path_panel.straight.click()
    assert np.allclose(opened.view.content.drawings[0].points, straight)
    assert not opened.path_panel._shape_text.isVisible()


def test_that_the_next_path_can_have_further_vacancies(opened, qtbot):
    whole = opened.workspace.join(site(opened, 0), site(opened, 3))
    assert not opened.commands["path.empty"].isEnabled()
    opened.workspace.pick(site(opened, 1))
    opened.commands["path.empty"].trigger()
    assert opened.workspace.picks == ()
    assert "Li at 1" in opened.structure_panel.emptied.text()
    assert [tag.text for tag in opened.view.notes.tags].count("empty") == 1
    lacking = opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    atoms = [len(opened.workspace.result(n).predicted.band.host) for n in (whole, lacking)]
    assert atoms[1] == atoms[0] - 1
    assert column(opened, 0)[1].endswith("without 1")
    assert opened.path_panel._fact_labels["Emptied"].text() == "site 1"
    opened.structure_panel.fill_sites.click()
    assert opened.workspace.state.emptied == ()
    opened.workspace.undo()
    assert len(opened.workspace.state.emptied) == 1


def test_that_the_ends_of_the_active_path_are_marked(opened, qtbot):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    tags = [tag.text for tag in opened.view.notes.tags]
    assert {"initial", "final"} <= set(tags)
    opened.workspace.pick(site(opened, 1))
    assert "final" not in [tag.text for tag in opened.view.notes.tags]

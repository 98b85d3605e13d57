"""A relaxed band improves the barrier of its path by itself."""

from dataclasses import replace
from pathlib import Path

import pytest

from migbar.potentials import Provenance
from migbar_gui.computing.relaxed import RelaxedPath
from tests.core.relaxed_bands import relaxed_band
from tests.gui.conftest import site, wait_for_barriers

pytestmark = pytest.mark.gui


def codes(window) -> list[str]:  # type: ignore[no-untyped-def]
    result = window.workspace.result(window.workspace.active)
    return [remark.code for remark in result.predicted.barrier.remarks]


@pytest.fixture
def judged(opened, qtbot):  # type: ignore[no-untyped-def]
    """The window with a path and its barrier."""
    opened.workspace.join(site(opened, 0), site(opened, 1))
    wait_for_barriers(qtbot, opened)
    return opened


def relax(window, potential: str) -> None:  # type: ignore[no-untyped-def]
    path_id = window.workspace.active
    band = window.workspace.result(path_id).predicted.band
    result = replace(relaxed_band(band), potential=Provenance(potential, "1"))
    curve = result.profile.spline()
    window.workspace.set_relaxed(
        RelaxedPath(path_id, "Li", Path(f"/run/{potential}"), result, curve)
    )


def test_that_a_band_relaxed_as_the_model_knows_it_improves_the_barrier(judged, qtbot) -> None:  # type: ignore[no-untyped-def]
    window = judged
    before = window.workspace.result(window.workspace.active).predicted.barrier
    relax(window, "mace:large")
    qtbot.waitUntil(lambda: "relaxed_barrier" in codes(window), timeout=60_000)
    after = window.workspace.result(window.workspace.active).predicted.barrier
    assert after.barrier_ev != before.barrier_ev
    assert "0.41 eV" in " ".join(remark.text for remark in after.remarks)


def test_that_a_band_of_another_potential_changes_nothing(judged, qtbot) -> None:  # type: ignore[no-untyped-def]
    window = judged
    before = window.workspace.result(window.workspace.active)
    relax(window, "chgnet")
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)
    assert window.workspace.result(window.workspace.active) is before


def test_that_the_way_through_follows_a_refined_barrier(opened, qtbot) -> None:  # type: ignore[no-untyped-def]
    window = opened
    window.commands["path.find"].trigger()
    qtbot.waitUntil(lambda: window.workspace.state.group is not None, timeout=60_000)
    found = window.workspace.state.group
    bottleneck = found.found.crystal.percolation["1D"].bottleneck
    window.workspace.activate_hop(bottleneck)
    relax(window, "mace:large")
    qtbot.waitUntil(lambda: "relaxed_barrier" in codes(window), timeout=60_000)
    qtbot.waitUntil(lambda: window.workspace.state.group is not found, timeout=60_000)
    group = window.workspace.state.group
    refined = window.workspace.result(window.workspace.active).predicted.barrier
    assert group.barriers[bottleneck] == refined.barrier_ev
    assert group.paths == found.paths
    before, after = (g.found.crystal.percolation["1D"].barrier_ev for g in (found, group))
    assert after != before

"""From a relaxed band to how often its ion tries to hop: found in the background, told, and counted with."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from migbar.hops import SiteRef, hop_between_sites
from migbar.runs import VIBRATIONS, RunState
from migbar.supercells import make_band
from migbar_gui.files.session import read_session, write_session
from migbar_gui.workspace.estimates import transport_cases
from tests.gui.conftest import wait_for_document
from tests.gui.test_relaxing import LONG_MS, alloy, ask_to_relax, metal, wait_for_relaxed

__all__ = ["metal"]

pytestmark = pytest.mark.gui


@pytest.fixture
def climbed(metal, qtbot):
    """The window with a band whose highest image climbed to the saddle."""
    ask_to_relax(metal, climb=True)
    wait_for_relaxed(qtbot, metal)
    return metal


def find(window, qtbot) -> None:
    window.profile_panel.facts.attempts.click()
    qtbot.waitUntil(
        lambda: window.workspace.relaxed[-1].result.vibrations is not None, timeout=LONG_MS
    )


def test_that_a_click_finds_the_attempt_frequency_and_transport_counts_with_it(climbed, qtbot):
    facts = climbed.profile_panel.facts
    assert facts.attempts.isVisible()
    facts.attempts.click()
    qtbot.waitUntil(lambda: "…" in facts.attempts.text(), timeout=LONG_MS)
    facts.attempts.click()  # while it is at work
    assert climbed.docks["Jobs"].isVisible()
    climbed.docks.show("Profile")
    qtbot.waitUntil(
        lambda: climbed.workspace.relaxed[-1].result.vibrations is not None, timeout=LONG_MS
    )
    assert [w.run.task for w in climbed.runs.all].count(VIBRATIONS) == 1
    assert len(climbed.workspace.relaxed) == 1
    found = climbed.workspace.relaxed[0].result.vibrations
    assert found.remarks == ()
    assert "attempt frequency" in facts.lines.text()
    assert not facts.attempts.isVisible()
    climbed.commands["path.vibrations"].trigger()  # it is known
    assert climbed.runs.under_way == []
    climbed.docks.show("Transport")
    panel = climbed.transport_panel
    qtbot.waitUntil(lambda: "from vibrations" in panel._about.text(), timeout=LONG_MS)
    shown = float(panel.boxes["attempt_frequency"].text())
    assert shown == pytest.approx(found.attempt_frequency, rel=1e-4)
    panel.boxes["attempt_frequency"].setText("1e13")
    panel.boxes["attempt_frequency"].textEdited.emit("1e13")
    qtbot.waitUntil(
        lambda: panel._about.text() and "from vibrations" not in panel._about.text(),
        timeout=LONG_MS,
    )


def test_that_a_band_without_a_saddle_says_what_it_lacks(metal, qtbot):
    ask_to_relax(metal)
    wait_for_relaxed(qtbot, metal)
    assert not metal.profile_panel.facts.attempts.isVisible()
    metal.commands["path.vibrations"].trigger()
    assert "did not climb to the saddle" in metal.notice.text.text()
    assert metal.runs.under_way == []


def test_that_ions_that_push_one_another_do_not_count_as_one_alone(climbed, qtbot):
    find(climbed, qtbot)
    workspace, (band,) = climbed.workspace, climbed.workspace.relaxed
    assert transport_cases(workspace)[0].vibrations == band.result.vibrations
    *others, last = band.result.images
    other = int(np.flatnonzero(last.numbers == last.numbers[0])[1])
    moved = last.copy()
    moved.calc = last.calc
    moved.positions[other] += [0.0, 0.0, 2.0]
    pushing = replace(band.result, images=(*others, moved))
    assert pushing.pushed == (other,)
    workspace.set_relaxed(replace(band, result=pushing))
    assert transport_cases(workspace)[0].vibrations is None


def test_that_a_session_keeps_them(climbed, qtbot, tmp_path):
    find(climbed, qtbot)
    found = climbed.workspace.relaxed[0].result.vibrations
    path = tmp_path / "hops.migbar"
    write_session(path, climbed.sessions.now())
    (kept,) = read_session(path).workspace.relaxed
    assert kept.result.vibrations == found


def test_that_vibrations_of_a_band_that_is_gone_say_so(climbed, qtbot):
    find(climbed, qtbot)
    folders = {watched.run.task: watched.run.folder for watched in climbed.runs.all}
    climbed.runs.remove(folders["neb"])
    qtbot.waitUntil(lambda: len(climbed.runs.all) == 1, timeout=LONG_MS)
    (watched,) = climbed.runs.all
    assert watched.run.state is RunState.FINISHED
    climbed.relaxations.open(watched.run)
    qtbot.waitUntil(
        lambda: "no finished relaxed band" in climbed.notice.text.text(), timeout=LONG_MS
    )


@pytest.fixture(scope="session")
def band_elsewhere(tmp_path_factory):
    """A folder in which the command line has relaxed the hop."""
    from migbar.neb import NebSettings, endpoints, relax_band, write_result
    from migbar.potentials import load_potential

    hop = hop_between_sites(alloy(), "Al", SiteRef(0), SiteRef(0, (1, 0, 0)))
    settings = NebSettings(n_images=1, climb=True)
    ends = endpoints(make_band(alloy(), hop))
    folder = tmp_path_factory.mktemp("elsewhere") / "al-neb"
    write_result(relax_band(*ends, load_potential("ase:emt"), settings), folder)
    return folder


def test_that_a_band_of_the_command_line_keeps_its_path(metal, qtbot, band_elsewhere, tmp_path):
    folder = shutil.copytree(band_elsewhere, tmp_path / "al-neb")
    metal.open_file(folder)
    wait_for_relaxed(qtbot, metal)
    (before,) = metal.workspace.relaxed
    assert before.path_id == metal.workspace.active
    find(metal, qtbot)
    (after,) = metal.workspace.relaxed
    assert (after.path_id, after.title) == (before.path_id, before.title)
    (watched,) = metal.runs.all
    assert "alloy.cif" in watched.run.title
    metal.relaxations.open(watched.run)
    qtbot.waitUntil(lambda: metal.workspace.relaxed[0] is not after, timeout=LONG_MS)
    assert metal.workspace.relaxed[0].path_id == before.path_id


def test_that_a_band_whose_structure_is_not_open_tells_them_too(climbed, qtbot, olivine):
    (relaxing,) = climbed.runs.all
    climbed.open_file(olivine)
    wait_for_document(qtbot, climbed, "olivine.cif")
    climbed.runs.open(relaxing.run)
    qtbot.waitUntil(lambda: climbed.profile_panel.shown is not None, timeout=LONG_MS)
    assert climbed.profile_panel.shown.path_id is None
    climbed.profile_panel.facts.attempts.click()
    qtbot.waitUntil(
        lambda: "attempt frequency" in climbed.profile_panel.facts.lines.text(), timeout=LONG_MS
    )
    climbed.workspace.undo()
    qtbot.waitUntil(lambda: has_vibrations(climbed), timeout=LONG_MS)


def has_vibrations(window) -> bool:
    found = window.workspace.relaxed_of(window.workspace.active)
    return found is not None and found.result.vibrations is not None


def test_that_a_search_that_was_stopped_goes_on(climbed, qtbot):
    facts = climbed.profile_panel.facts
    facts.attempts.click()
    (run,) = [w.run for w in climbed.runs.all if w.run.task == VIBRATIONS]
    climbed.runs.stop(run.folder)
    qtbot.waitUntil(lambda: climbed.runs.get(run.folder).run.state.can_go_on, timeout=LONG_MS)
    qtbot.waitUntil(lambda: "…" not in facts.attempts.text(), timeout=LONG_MS)
    find(climbed, qtbot)
    assert [w.run.task for w in climbed.runs.all].count(VIBRATIONS) == 1


def test_that_the_link_keeps_the_keys_and_tells_that_a_job_is_gone(climbed, qtbot, monkeypatch):
    monkeypatch.setattr(climbed.runs._watcher, "_at_once", 0)  # it waits
    facts = climbed.profile_panel.facts
    facts.attempts.setFocus()
    facts.attempts.click()
    (begun,) = [w for w in climbed.runs.all if w.run.task == VIBRATIONS]
    folder = begun.run.folder
    assert "…" in facts.attempts.text()
    assert climbed.focusWidget() is facts.attempts
    qtbot.waitUntil(lambda: climbed.runs.get(folder) is not begun, timeout=LONG_MS)  # it is seen
    climbed.runs.remove(folder)
    qtbot.waitUntil(lambda: "…" not in facts.attempts.text(), timeout=LONG_MS)


def test_that_no_band_without_a_saddle_is_offered_it(climbed):
    (relaxed,) = climbed.workspace.relaxed
    settings = replace(relaxed.result.settings, relax_ends=False)
    shown = replace(relaxed, result=replace(relaxed.result, settings=settings))
    climbed.workspace.set_relaxed(shown)
    assert climbed.profile_panel.shown is shown
    assert not climbed.profile_panel.facts.attempts.isVisible()


def test_that_an_earlier_band_stays_the_earlier_one(climbed, qtbot):
    (earlier,) = climbed.workspace.relaxed
    later = replace(earlier, folder=earlier.folder.with_name("later"))
    climbed.workspace.set_relaxed(later)
    climbed.profile_panel.select(earlier.folder)
    climbed.profile_panel.facts.attempts.click()
    qtbot.waitUntil(
        lambda: any(band.result.vibrations for band in climbed.workspace.relaxed), timeout=LONG_MS
    )
    assert climbed.workspace.relaxed_of(climbed.workspace.active) is later


def test_that_a_band_whose_files_are_gone_says_so_at_once(climbed, qtbot):
    (relaxing,) = climbed.runs.all
    climbed.runs.remove(relaxing.run.folder)
    qtbot.waitUntil(lambda: not climbed.runs.all, timeout=LONG_MS)
    climbed.profile_panel.facts.attempts.click()
    assert "files of this band are gone" in climbed.notice.text.text()
    assert climbed.runs.all == []

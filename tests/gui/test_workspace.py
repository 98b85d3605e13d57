"""The workspace is plain Python: observable, undoable, and without Qt."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.errors import FrenkelPairError, HopError, ModelError
from migbar.hops import Mechanism, SiteRef
from migbar_gui.workspace import Document, PathResult, Pick, Workspace
from migbar_gui.workspace.history import HISTORY_LENGTH


def document(*species: str, name: str = "a.cif") -> Document:
    coords = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]][: len(species)]
    structure = Structure(Lattice.cubic(4.0), list(species), coords)
    ions = tuple(s for s in ("Li", "Na") if s in species)
    guests = tuple(s for s in ("Li", "Na") if s not in species)
    return Document(name, None, structure, ions, guests, "", None)


def pick(workspace: Workspace, image: tuple[int, int, int]) -> Pick:
    site = SiteRef(0, image)
    return Pick(site.frac_coords(workspace.structure), site)


@pytest.fixture
def workspace() -> Workspace:
    workspace = Workspace()
    workspace.open(document("Li", "O"))
    return workspace


def test_that_it_needs_no_qt():
    program = "import sys, migbar_gui.workspace; print(any('PySide' in m for m in sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def test_that_the_ion_and_mechanism_are_chosen_by_themselves(workspace):
    assert (workspace.state.ion, workspace.state.mechanism) == ("Li", Mechanism.VACANCY)
    workspace.open(document("Fe", "O"))
    assert (workspace.state.ion, workspace.state.mechanism) == ("Li", Mechanism.INSERTION)


def test_that_the_second_pick_makes_a_path(workspace):
    assert workspace.pick(pick(workspace, (0, 0, 0))) is None
    path_id = workspace.pick(pick(workspace, (1, 0, 0)))
    assert workspace.path(path_id).hop.label == "0 → 0@1,0,0"
    assert workspace.picks == ()
    assert workspace.active == path_id


def test_that_the_same_path_is_not_added_twice(workspace):
    first = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    again = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    assert first == again
    assert len(workspace.state.paths) == 1


def test_that_a_failed_path_is_tried_again_when_it_is_added_again(workspace):
    path_id = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    workspace.set_result(path_id, ModelError("no model"))
    assert workspace.unjudged == ()
    workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    assert [path.id for path in workspace.unjudged] == [path_id]


def test_that_a_hop_that_makes_no_sense_keeps_the_first_pick(workspace):
    workspace.set_mechanism(Mechanism.INTERSTITIAL)
    workspace.pick(Pick((0.5, 0.0, 0.0)))
    with pytest.raises(FrenkelPairError):
        workspace.pick(pick(workspace, (0, 0, 0)))
    assert len(workspace.picks) == 1


def test_that_undo_and_redo_walk_through_all_steps(workspace):
    workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    workspace.set_note(1, "along a")
    workspace.set_ion("Na")
    states = [workspace.state]
    while workspace.undo_label:
        workspace.undo()
        states.append(workspace.state)
    assert workspace.document is None
    assert len(states) == 5
    for state in reversed(states[:-1]):
        workspace.redo()
        assert workspace.state == state


def test_that_a_path_that_comes_back_is_the_active_one(workspace):
    first = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    second = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (0, 1, 0)))
    workspace.undo()
    assert workspace.active == first
    workspace.redo()
    assert workspace.active == second
    workspace.remove_paths([first])
    workspace.undo()
    assert workspace.active == first


def test_that_a_new_step_forgets_what_was_undone(workspace):
    workspace.set_ion("Na")
    workspace.undo()
    workspace.set_supercell("none")
    assert workspace.redo_label == ""


def test_that_changing_the_ion_forgets_picks_and_voids(workspace):
    workspace.pick(pick(workspace, (0, 0, 0)))
    workspace.set_voids([])
    workspace.set_ion("Na")
    assert (workspace.picks, workspace.voids) == ((), None)


def test_that_observers_are_told_once(workspace):
    told: list[str] = []
    workspace.document_changed.connect(lambda: told.append("document"))
    workspace.paths_changed.connect(lambda: told.append("paths"))
    workspace.setup_changed.connect(lambda: told.append("setup"))
    workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    workspace.set_ion("Na")
    workspace.open(document("Na", "O", name="b.cif"))
    assert told == ["paths", "setup", "document", "setup", "paths"]


def judged(workspace: Workspace, image: tuple[int, int, int]) -> int:
    """Add a path along the axis and give it a barrier."""
    from migbar.bands import Band, linear_path
    from migbar.barriers import Barrier
    from migbar.prediction import PredictedPath

    path_id = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, image))
    hop = workspace.path(path_id).hop
    host = Structure(Lattice.cubic(8.0), ["O"], [[0.5, 0.5, 0.5]])
    band = Band(host, hop.ion, linear_path(hop.start, hop.end))
    barrier = Barrier(0.4, (0.2, 0.7), "band-forest", "1")
    predicted = PredictedPath(hop, np.eye(3, dtype=int), band, (), barrier, ())
    workspace.set_result(path_id, PathResult(predicted, np.zeros(2), np.zeros(2)))
    return path_id


def test_that_pinned_paths_outlive_their_structure(workspace):
    path_id = judged(workspace, (1, 0, 0))
    workspace.pin([path_id, path_id])
    first = workspace.document
    workspace.open(document("Na", "O", name="b.cif"))
    (pin,) = workspace.state.pins
    assert (pin.document, pin.path.id, pin.barrier.barrier_ev) == (first, path_id, 0.4)
    workspace.undo()
    workspace.undo()
    assert workspace.state.pins == ()


def test_that_a_pinned_path_brings_its_structure_back_as_it_was_left(workspace):
    first, second = judged(workspace, (1, 0, 0)), judged(workspace, (0, 1, 0))
    workspace.pin([first])
    workspace.open(document("Na", "O", name="b.cif"))
    workspace.reopen(workspace.state.pins[0])
    assert workspace.document.name == "a.cif"
    assert [path.id for path in workspace.state.paths] == [first, second]
    assert workspace.active == first
    assert workspace.unjudged == ()


def test_that_a_removed_path_comes_back_with_its_pin(workspace):
    path_id = judged(workspace, (1, 0, 0))
    workspace.pin([path_id])
    workspace.remove_paths([path_id])
    workspace.reopen(workspace.state.pins[0])
    assert [path.id for path in workspace.state.paths] == [path_id]
    workspace.unpin([path_id])
    assert workspace.state.pins == ()


def test_that_barriers_are_forgotten_with_the_last_step_that_leads_to_their_path(workspace):
    gone, pinned = judged(workspace, (1, 0, 0)), judged(workspace, (0, 1, 0))
    workspace.pin([pinned])
    workspace.remove_paths([gone, pinned])
    for number in range(HISTORY_LENGTH - 1):
        workspace.set_supercell(f"{number + 1},1,1")
        assert gone in workspace.results
    workspace.set_supercell("none")
    workspace.set_supercell("auto")
    assert set(workspace.results) == {pinned}


def test_that_a_barrier_is_forgotten_with_what_was_undone(workspace):
    undone = judged(workspace, (1, 0, 0))
    workspace.undo()
    assert undone in workspace.results
    workspace.set_supercell("none")
    assert undone not in workspace.results


def test_that_only_judged_paths_are_pinned(workspace):
    path_id = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    workspace.pin([path_id, 99])
    assert workspace.state.pins == ()


def test_that_another_ion_needs_another_map(workspace):
    from migbar.landscape import Landscape

    workspace.set_landscape(Landscape("Li", Lattice.cubic(4.0), np.zeros((2, 2, 2))))
    workspace.set_ion("Na")
    assert workspace.landscape is None


def test_that_emptied_sites_belong_to_the_next_paths(workspace):
    workspace.pick(pick(workspace, (0, 1, 0)))
    workspace.empty_picked()
    workspace.empty_picked()  # nothing is picked now
    path_id = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    assert workspace.path(path_id).hop.removed == (SiteRef(0, (0, 1, 0)),)
    workspace.set_mechanism(Mechanism.SINGLE_ION)
    path_id = workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))
    assert workspace.path(path_id).hop.removed == ()


def test_that_an_end_of_a_hop_cannot_be_emptied_as_well(workspace):
    workspace.pick(pick(workspace, (1, 0, 0)))
    workspace.empty_picked()
    with pytest.raises(HopError):
        workspace.join(pick(workspace, (0, 0, 0)), pick(workspace, (1, 0, 0)))


def test_that_another_ion_fills_the_emptied_sites(workspace):
    workspace.pick(pick(workspace, (0, 1, 0)))
    workspace.empty_picked()
    workspace.set_ion("Na")
    assert workspace.state.emptied == ()
    workspace.undo()
    assert len(workspace.state.emptied) == 1

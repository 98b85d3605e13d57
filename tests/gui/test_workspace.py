"""The workspace is plain Python: observable, undoable, and without Qt."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pymatgen.core import Lattice, Structure

from migbar.errors import FrenkelPairError, ModelError
from migbar.hops import Mechanism, SiteRef
from migbar_gui.workspace import Document, Pick, Workspace


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

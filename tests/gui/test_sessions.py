"""Sessions: everything that is open comes back, also after a crash; other files are refused with words."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import typing
import zipfile
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from migbar.hops import Mechanism, SiteRef
from tests.gui.conftest import LIFEPO4, site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


def add_paths(qtbot, window) -> None:
    window.workspace.join(site(window, 0), site(window, 3))
    window.workspace.join(site(window, 0), site(window, 0, (0, 0, 1)))
    wait_for_barriers(qtbot, window)


def save(qtbot, window, path: Path) -> None:
    with qtbot.waitSignal(window.sessions.keeper.saved, timeout=20_000):
        window.sessions.keeper.save(path)


def reopen(qtbot, window, path: Path) -> None:
    with qtbot.waitSignal(window.sessions.keeper.opened, timeout=20_000):
        window.sessions.keeper.open(path)  # without the question about changes


def test_that_a_session_brings_back_what_was_open(opened, qtbot, tmp_path, empty_olivine):
    workspace = opened.workspace
    add_paths(qtbot, opened)
    workspace.set_note(1, "das lange Wort: Übergangszustand – 锂")
    workspace.pin([2])
    workspace.set_supercell("2,2,2")
    workspace.set_threshold(0.4)
    opened.predictions.find_all()
    qtbot.waitUntil(lambda: workspace.state.group is not None, timeout=60_000)
    workspace.activate(1)
    workspace.empty_picked()
    workspace.pick(site(opened, 1))
    opened.commands["view.bonds"].setChecked(False)
    opened.structure_panel.hide_elements(["P"])
    opened.view.view_along("b")
    opened.view.turn(20, 10)
    before, camera = workspace.snapshot(), opened.view.camera()
    path = tmp_path / "all.migbar"
    save(qtbot, opened, path)
    assert opened.windowTitle() == "all.migbar[*] – MigBar"

    workspace.set_threshold(0.65)
    opened.commands["view.bonds"].setChecked(True)
    opened.open_file(empty_olivine)
    wait_for_document(qtbot, opened, "host.cif")
    reopen(qtbot, opened, path)

    state = workspace.state
    assert state is not before.state
    assert state.document.name == "olivine.cif"
    assert state.document.source == before.state.document.source
    assert [p.label for p in state.paths] == [p.label for p in before.state.paths]
    assert workspace.path(1).note == "das lange Wort: Übergangszustand – 锂"
    assert workspace.unjudged == ()
    for path_id, result in before.results:
        assert workspace.result(path_id).predicted.barrier == result.predicted.barrier
        np.testing.assert_array_equal(workspace.result(path_id).walked, result.walked)
    assert [pin.path.id for pin in state.pins] == [2]
    assert state.pins[0].document is state.document
    assert state.group.found.crystal.percolation == before.state.group.found.crystal.percolation
    assert (state.supercell, workspace.threshold, workspace.active) == ("2,2,2", 0.4, 1)
    assert workspace.picks == before.picks
    assert not opened.commands["view.bonds"].isChecked()
    assert opened.structure_panel.hidden_elements == {"P"}
    np.testing.assert_allclose(opened.view.camera().towards, camera.towards, atol=1e-9)
    assert opened.view.camera().scale == pytest.approx(camera.scale)
    # its history came along, across structures and paths
    while workspace.undo_label:
        workspace.undo()
    assert workspace.document is None
    while workspace.redo_label:
        workspace.redo()
    assert len(workspace.state.paths) == len(before.state.paths)


def test_that_new_paths_after_opening_get_new_numbers(opened, qtbot, tmp_path):
    add_paths(qtbot, opened)
    save(qtbot, opened, tmp_path / "a.migbar")
    reopen(qtbot, opened, tmp_path / "a.migbar")
    assert opened.workspace.join(site(opened, 1), site(opened, 2)) == 3


def test_that_a_barrier_on_its_way_is_not_taken_for_that_of_a_path_of_the_session_opened_meanwhile(
    opened, qtbot, tmp_path, monkeypatch
):
    workspace, predictions = opened.workspace, opened.predictions
    save(qtbot, opened, tmp_path / "none.migbar")
    workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    save(qtbot, opened, tmp_path / "one.migbar")
    reopen(qtbot, opened, tmp_path / "none.migbar")
    gate, predict = threading.Event(), predictions._predict

    def slowly(*arguments):
        gate.wait(30)
        return predict(*arguments)

    monkeypatch.setattr(predictions, "_predict", slowly)
    assert workspace.join(site(opened, 0), site(opened, 0, (0, 0, 1))) == 1
    reopen(qtbot, opened, tmp_path / "one.migbar")
    gate.set()
    qtbot.waitUntil(lambda: opened.jobs.idle, timeout=20_000)
    qtbot.wait(50)
    assert workspace.path(1).label == "0 → 3"
    assert workspace.result(1).predicted.hop == workspace.path(1).hop


def test_that_closing_asks_about_changes_to_a_session_file_only(
    opened, qtbot, tmp_path, monkeypatch
):
    from PySide6.QtWidgets import QMessageBox

    asked = []

    def answer(box: QMessageBox) -> object:
        asked.append(box.text())
        return QMessageBox.StandardButton.Cancel

    monkeypatch.setattr(QMessageBox, "exec", answer)
    opened.workspace.set_ion("Na")
    assert opened.sessions.may_leave(opened.close)
    save(qtbot, opened, tmp_path / "mine.migbar")
    assert opened.sessions.may_leave(opened.close)
    opened.workspace.set_supercell("none")
    assert opened.isWindowModified()
    assert not opened.close()
    assert asked == ["mine.migbar has changes that were not saved."]
    opened.workspace.undo()
    assert opened.sessions.may_leave(opened.close)


def test_that_other_barriers_and_another_threshold_are_changes_too(opened, qtbot, tmp_path):
    keeper, path = opened.sessions.keeper, tmp_path / "mine.migbar"
    add_paths(qtbot, opened)
    save(qtbot, opened, path)
    assert not keeper.is_modified
    opened.workspace.set_threshold(0.5)
    assert opened.isWindowModified()
    opened.workspace.set_threshold(0.65)
    assert not opened.isWindowModified()
    before = opened.workspace.result(1)
    opened.models.use("band-forest")
    wait_for_barriers(qtbot, opened)
    assert opened.workspace.result(1) is not before
    assert opened.isWindowModified()
    save(qtbot, opened, path)
    opened.workspace.set_threshold(0.4)
    reopen(qtbot, opened, path)
    qtbot.waitUntil(lambda: opened.jobs.idle, timeout=20_000)
    assert not opened.isWindowModified()


def test_that_the_threshold_of_a_session_is_not_the_preference_from_then_on(
    opened, qtbot, tmp_path
):
    path, box = tmp_path / "strict.migbar", opened.paths_panel.threshold
    opened.workspace.set_threshold(0.4)
    save(qtbot, opened, path)
    opened.workspace.set_threshold(0.65)
    reopen(qtbot, opened, path)
    assert (opened.workspace.threshold, box.value()) == (0.4, 0.4)
    assert opened.preferences.get("threshold_ev") == 0.65
    box.setValue(0.5)
    assert opened.workspace.threshold == 0.5
    assert opened.preferences.get("threshold_ev") == 0.5


def test_that_saving_asks_before_it_replaces_what_another_window_saved(
    opened, qtbot, tmp_path, monkeypatch
):
    from PySide6.QtWidgets import QMessageBox

    from migbar_gui.files.session import Session, read_session, write_session
    from migbar_gui.workspace import Workspace

    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Save]
    monkeypatch.setattr(QMessageBox, "exec", lambda _: answers.pop(0))
    path, sessions = tmp_path / "both.migbar", opened.sessions
    save(qtbot, opened, path)
    with qtbot.waitSignal(sessions.keeper.saved, timeout=20_000):
        sessions.save()  # its own file: there is nothing to ask
    write_session(path, Session(Workspace().snapshot()))
    sessions.save()
    qtbot.wait(100)
    assert read_session(path).workspace.state.document is None
    with qtbot.waitSignal(sessions.keeper.saved, timeout=20_000):
        sessions.save()
    assert read_session(path).workspace.state.document.name == "olivine.cif"
    assert answers == []
    path.unlink()
    with qtbot.waitSignal(sessions.keeper.saved, timeout=20_000):
        sessions.save()  # nothing is there that could be lost


def session_file(tmp_path: Path, **changes: object) -> Path:
    from migbar_gui.files.session import Session, write_session
    from migbar_gui.workspace import Workspace

    path = tmp_path / "x.migbar"
    write_session(path, Session(Workspace().snapshot()))
    with zipfile.ZipFile(path) as archive:
        content = json.loads(archive.read("session.json"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("session.json", json.dumps(content | changes))
    return path


def of_a_newer_format(path: Path) -> None:
    session_file(path.parent, version=2, migbar="3.1").replace(path)


def with_a_new_member(path: Path) -> None:
    made = session_file(path.parent)
    with zipfile.ZipFile(made) as archive:
        content = json.loads(archive.read("session.json"))
    content["objects"][-1]["phonons"] = []
    session_file(path.parent, **content).replace(path)


def cut_off(path: Path) -> None:
    made = session_file(path.parent)
    path.write_bytes(made.read_bytes()[:200])


def with_a_changed_byte(path: Path) -> None:
    data = bytearray(session_file(path.parent).read_bytes())
    data[60] ^= 255
    path.write_bytes(bytes(data))


def another_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (of_a_newer_format, "written by MigBar 3.1"),
        (with_a_new_member, "'phonons' in a Session, which MigBar"),
        (cut_off, "damaged"),
        (with_a_changed_byte, "damaged"),
        (another_archive, "not a MigBar session"),
        (lambda path: path.write_text("data_x"), "not a MigBar session"),
    ],
)
def test_that_other_files_are_refused_and_leave_what_is_open(opened, qtbot, tmp_path, spoil, words):
    path = tmp_path / "bad.migbar"
    spoil(path)
    opened.open_file(path)
    qtbot.waitUntil(opened.notice.isVisible, timeout=10_000)
    assert words in opened.notice.text.text()
    assert opened.workspace.document.name == "olivine.cif"


def test_that_a_session_whose_parts_do_not_belong_together_leaves_what_is_open(
    opened, qtbot, tmp_path
):
    from dataclasses import replace

    from migbar_gui.files.session import write_session

    add_paths(qtbot, opened)
    path, session = tmp_path / "edited.migbar", opened.sessions.now()
    before = session.workspace.state
    edited = replace(before.paths[0], hop=replace(before.paths[0].hop, ion="Lithium"))
    state = replace(before, paths=(edited,))
    write_session(path, replace(session, workspace=replace(session.workspace, state=state)))
    opened.open_file(path)
    qtbot.waitUntil(opened.notice.isVisible, timeout=10_000)
    assert "edited.migbar: it is damaged" in opened.notice.text.text()
    assert opened.workspace.state is before
    assert opened.paths_panel.view.model().rowCount() == 2
    assert opened.sessions.keeper.path is None


def test_that_a_camera_that_sees_nothing_is_left_aside(opened, qtbot, tmp_path):
    from dataclasses import replace

    from migbar_gui.files.session import write_session

    session, camera = opened.sessions.now(), opened.view.camera()
    for number, scale in enumerate((0.0, float("nan"))):
        path = tmp_path / f"{number}.migbar"
        write_session(path, replace(session, camera=replace(camera, scale=scale)))
        reopen(qtbot, opened, path)
        qtbot.wait(100)
        assert opened.view.camera().scale > 0


def test_that_every_class_in_the_workspace_can_be_written():
    """Whoever adds a class to the workspace has to say that it may be in a session."""
    from ase import Atoms

    import migbar_gui.computing.relaxed as relaxed
    import migbar_gui.files.session as session
    import migbar_gui.workspace as workspace
    from migbar.paths import CrystalPaths

    names = vars(relaxed) | vars(workspace) | {"CrystalPaths": CrystalPaths}
    names |= {kind.__name__: kind for kind in session.kinds().values()} | {"Atoms": Atoms}

    def reachable(kind, found):
        for argument in typing.get_args(kind):
            reachable(argument, found)
        if is_dataclass(kind) and kind not in found:
            found.add(kind)
            hints = typing.get_type_hints(kind, localns=names)
            for field in fields(kind):
                reachable(hints[field.name], found)
        return found

    assert not reachable(session.Session, set()) - set(session.kinds().values())


def test_that_everything_the_workspace_keeps_is_in_a_session():
    """A new attribute goes into the snapshot, or is named here because it is made anew."""
    from migbar_gui.workspace import Event, Snapshot, Workspace

    made_anew = {"voids", "landscape", "shown_image", "usual_supercell"}
    kept = {name for name, value in vars(Workspace()).items() if not isinstance(value, Event)}
    public = {name for name in kept if not name.startswith("_")}
    assert public - made_anew <= {field.name for field in fields(Snapshot)}


def test_that_relaxed_bands_come_back_with_energies_and_forces(tmp_path):
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    from migbar.values import pack, unpack

    image = Atoms("LiO", [[0, 0, 0], [1.5, 0.1, 0]], cell=[4, 5, 6], pbc=True)
    forces = np.array([[0.1, 0, 0], [-0.1, 0, 0]])
    image.calc = SinglePointCalculator(image, energy=-3.25, forces=forces)
    (again,) = unpack(json.loads(json.dumps(pack((image,), {}))), {})
    assert again.get_potential_energy() == -3.25
    np.testing.assert_array_equal(again.get_forces(), forces)
    assert again == image


PROGRAM = """
import sys
from pathlib import Path
from PySide6.QtCore import QSettings, QTimer
from migbar_gui.app import make_application
from migbar_gui.main_window import MainWindow
app = make_application()
window = MainWindow(QSettings(sys.argv[1], QSettings.Format.IniFormat))
window.show()
if len(sys.argv) > 2:
    QTimer.singleShot(0, lambda: window.open_file(Path(sys.argv[2])))
app.exec()
"""


def test_that_a_session_that_another_window_writes_just_now_is_not_taken_for_left_behind(window):
    from migbar.files import replacing
    from migbar_gui.files.keeping import recovery_folder

    folder = recovery_folder(window.settings)
    folder.mkdir(exist_ok=True)
    with replacing(folder / "1-2.migbar"):
        assert window.sessions.keeper.left_behind() == []


def test_that_nothing_typed_is_lost_when_the_program_is_killed(window, qtbot, tmp_path):
    """A real process with a real window, real keys, and a real kill -9."""
    from migbar_gui.files.keeping import recovery_folder
    from migbar_gui.files.session import read_session

    structure = tmp_path / "killed.cif"
    structure.write_text(LIFEPO4, encoding="utf-8")
    window.hide()
    settings = window.settings.fileName()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, settings, str(structure)])
    folder = recovery_folder(window.settings)
    try:
        type_into(process, qtbot, folder)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (kept,) = window.sessions.keeper.left_behind()
    assert read_session(kept).workspace.state.paths[0].note == "half a sent"

    window.show()
    window.sessions.offer_recovery()
    window.notice.action.click()
    wait_for_document(qtbot, window, "killed.cif")
    assert window.workspace.state.paths[0].note == "half a sent"
    qtbot.waitUntil(lambda: not kept.exists(), timeout=10_000)
    assert window.sessions.keeper.left_behind() == []


def test_that_discard_after_a_crash_is_about_one_window(window):
    from migbar_gui.files.session import Session, write_session
    from migbar_gui.workspace import Workspace

    keeper, notice = window.sessions.keeper, window.notice
    folder = keeper._recovery.parent
    folder.mkdir(exist_ok=True)
    for number in range(2):
        write_session(folder / f"{number}.migbar", Session(Workspace().snapshot()))
    window.sessions.offer_recovery()
    assert "2 windows" in notice.text.text()
    other = keeper.left_behind()[1]
    notice.other_action.click()
    assert keeper.left_behind() == [other]
    assert notice.isVisible()
    assert "windows" not in notice.text.text()
    notice.other_action.click()
    assert keeper.left_behind() == []
    assert notice.isHidden()


def test_that_what_a_crash_left_stays_where_the_next_process_has_the_same_number(window, tmp_path):
    import importlib

    import migbar_gui.files.keeping as keeping

    def first_keeper_of_a_process() -> keeping.SessionKeeper:
        importlib.reload(keeping)  # what counts windows begins anew, as in another process
        workspace, jobs, now = window.workspace, window.jobs, window.sessions.now
        folder = tmp_path / "recovery"
        return keeping.SessionKeeper(workspace, jobs, now, print, print, folder, window)

    crashed = first_keeper_of_a_process()
    crashed._write_recovery(window.sessions.now())
    crashed._lock.release()  # as the system does for a process that is gone
    (kept,) = crashed.left_behind()
    alive = first_keeper_of_a_process()
    alive._write_recovery(window.sessions.now())
    alive.end()
    assert alive.left_behind() == [kept]


def type_into(process, qtbot, folder: Path) -> None:
    def key(*keys: str) -> None:
        subprocess.run(["xdotool", "key", "--delay", "40", *keys], check=True)

    def focus(title: str) -> None:  # a virtual screen has no window manager that does it
        found = ["xdotool", "search", "--sync", "--onlyvisible", "--name", title]
        subprocess.run([*found, "windowfocus", "--sync"], check=True, timeout=20)

    def words(text: str) -> None:
        subprocess.run(["xdotool", "type", "--delay", "30", text], check=True)

    def kept() -> str:
        from migbar_gui.files.session import read_session

        files = list(folder.glob(f"{process.pid}-*.migbar"))
        if not files:
            return ""
        state = read_session(files[0]).workspace.state
        if state.document is None:
            return ""
        return "|".join(["open", *(path.note for path in state.paths)])

    qtbot.waitUntil(lambda: kept() == "open", timeout=60_000)
    focus("killed.cif")
    key("ctrl+n")
    focus("Add a path")
    words("0")
    key("Tab")
    words("3")
    key("Return")
    qtbot.waitUntil(lambda: kept() == "open|", timeout=30_000)
    focus("killed.cif")
    key("F2")
    words("half a sent")
    qtbot.waitUntil(lambda: kept() == "open|half a sent", timeout=10_000)


def test_that_a_window_that_ends_properly_leaves_nothing_behind(qtbot, tmp_path, olivine):
    from PySide6.QtCore import QSettings

    from migbar_gui.main_window import MainWindow

    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    first = MainWindow(settings)
    first.open_file(olivine)
    wait_for_document(qtbot, first, "olivine.cif")
    keeper = first.sessions.keeper
    qtbot.waitUntil(lambda: any((tmp_path / "recovery").glob("*.migbar")), timeout=10_000)
    second = MainWindow(settings)
    assert second.sessions.keeper.left_behind() == []  # the first one is alive
    first.close()
    assert list((tmp_path / "recovery").iterdir()) == []
    assert keeper.left_behind() == []
    second.close()
    first.deleteLater()
    second.deleteLater()


def test_that_undo_goes_back_across_paths_and_structures(opened, qtbot, empty_olivine):
    add_paths(qtbot, opened)
    opened.workspace.set_mechanism(Mechanism.SINGLE_ION)
    opened.open_file(empty_olivine)
    wait_for_document(qtbot, opened, "host.cif")
    opened.workspace.undo()
    assert opened.workspace.document.name == "olivine.cif"
    assert len(opened.workspace.state.paths) == 2
    opened.workspace.undo()
    opened.workspace.undo()
    assert [p.hop.end_site for p in opened.workspace.state.paths] == [SiteRef(3)]
    assert opened.workspace.result(1) is not None


def leave_off(qtbot, settings, structure: Path, count: int) -> None:
    """Open a window, add paths, and close it without saving."""
    from migbar_gui.main_window import MainWindow

    window = MainWindow(settings)
    window.open_file(structure)
    wait_for_document(qtbot, window, structure.name)
    for end in range(1, count + 1):
        window.workspace.join(site(window, 0), site(window, end))
    window.close()
    window.deleteLater()


def left_off_links(window) -> dict[str, object]:
    from PySide6.QtWidgets import QPushButton

    found = window.welcome.findChildren(QPushButton)
    return {b.text(): b for b in found if "left off" in b.text() and not b.isHidden()}


def test_that_paths_left_unsaved_can_be_gone_on_with(qtbot, tmp_path, olivine):
    from PySide6.QtCore import QSettings

    from migbar_gui.main_window import MainWindow

    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    leave_off(qtbot, settings, olivine, 1)
    second = MainWindow(settings)
    assert second.sessions.keeper.left_behind() == []  # it was no crash
    links = left_off_links(second)
    assert list(links) == ["Go on where you left off    olivine.cif, 1 path"]
    next(iter(links.values())).click()
    wait_for_document(qtbot, second, "olivine.cif")
    assert len(second.workspace.state.paths) == 1
    qtbot.waitUntil(lambda: not second.sessions.keeper.left_off(), timeout=10_000)
    second.close()
    assert second.sessions.keeper.left_off()
    second.deleteLater()


def test_that_unsaved_paths_stay_when_another_window_leaves_off_others(qtbot, tmp_path, olivine):
    from PySide6.QtCore import QSettings

    from migbar_gui.main_window import MainWindow

    settings = QSettings(str(tmp_path / "other.ini"), QSettings.Format.IniFormat)
    for count in (1, 3, 2, 1):
        leave_off(qtbot, settings, olivine, count)
    last = MainWindow(settings)
    links = left_off_links(last)
    told = [text.split(", ")[1] for text in links]
    assert told == ["1 path", "2 paths", "3 paths"]  # the latest first; the oldest went
    links["Go on where you left off    olivine.cif, 3 paths"].click()
    wait_for_document(qtbot, last, "olivine.cif")
    assert len(last.workspace.state.paths) == 3
    last.close()
    last.deleteLater()


def test_that_a_kept_file_that_goes_while_files_are_listed_stops_nothing(window):
    keeper = window.sessions.keeper
    (keeper._recovery.parent.parent / "left-off-1.migbar").symlink_to("nowhere")
    assert len(keeper.left_off()) == 1


def test_that_nothing_is_left_off_where_a_session_file_has_it(opened, qtbot, tmp_path):
    opened.workspace.join(site(opened, 0), site(opened, 1))
    opened.sessions.keeper.save(tmp_path / "kept.migbar")
    qtbot.waitUntil(lambda: opened.sessions.keeper.path is not None)
    assert not opened.sessions.keeper.is_modified
    opened.close()
    assert not opened.sessions.keeper.left_off()


def test_that_another_session_does_not_take_the_place_of_unsaved_work_unasked(
    opened, qtbot, tmp_path, monkeypatch
):
    from PySide6.QtWidgets import QMessageBox

    answers = [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Discard]
    monkeypatch.setattr(QMessageBox, "exec", lambda _: answers.pop(0))
    save(qtbot, opened, tmp_path / "first.migbar")
    save(qtbot, opened, tmp_path / "second.migbar")
    opened.workspace.join(site(opened, 0), site(opened, 1))
    opened.open_file(tmp_path / "first.migbar")
    qtbot.wait(200)
    assert len(opened.workspace.state.paths) == 1
    opened.open_file(tmp_path / "first.migbar")
    qtbot.waitUntil(lambda: opened.workspace.state.paths == ())
    assert answers == []


def test_that_paths_in_no_session_file_can_be_gone_on_with_after_another_session(
    opened, qtbot, tmp_path
):
    save(qtbot, opened, tmp_path / "empty.migbar")
    opened.sessions.keeper.path = None
    opened.workspace.join(site(opened, 0), site(opened, 1))
    opened.open_file(tmp_path / "empty.migbar")
    qtbot.waitUntil(lambda: opened.workspace.state.paths == ())
    keeper = opened.sessions.keeper
    keeper.recover(keeper.left_off()[0])
    qtbot.waitUntil(lambda: len(opened.workspace.state.paths) == 1)


def test_that_paths_that_cannot_be_kept_stay_open_and_are_told_of(
    opened, qtbot, tmp_path, monkeypatch
):
    from migbar_gui.files import keeping

    def full_disk(path, _session):
        raise OSError(28, "No space left on device", str(path))

    save(qtbot, opened, tmp_path / "empty.migbar")
    opened.sessions.keeper.path = None
    opened.workspace.join(site(opened, 0), site(opened, 1))
    monkeypatch.setattr(keeping, "write_session", full_disk)
    opened.open_file(tmp_path / "empty.migbar")
    assert "No space left" in opened.notice.text.text()
    assert not opened.notice.isHidden()
    qtbot.wait(200)
    assert len(opened.workspace.state.paths) == 1
    ended = []
    monkeypatch.setattr(opened.sessions.keeper, "end", lambda: ended.append(True))
    opened.sessions.end()
    assert ended == []  # what was kept in case of a crash is there next time
    monkeypatch.undo()

"""What is copied as Python runs as pasted and gives the same number; the log tells what was done."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication

from migbar.hops import Mechanism
from migbar_gui.workspace import Pick
from tests.gui.conftest import site, wait_for_barriers, wait_for_document

pytestmark = pytest.mark.gui


def run_copied(window, folder: Path) -> list[str]:
    window.commands["edit.copy_script"].trigger()
    text = QGuiApplication.clipboard().text()
    compile(text, "copied", "exec")
    command = [sys.executable, "-c", text]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


def barrier(window) -> float:
    return window.workspace.result(window.workspace.active).predicted.barrier.barrier_ev


def test_that_a_path_copied_as_python_gives_the_same_number(opened, qtbot, tmp_path):
    workspace = opened.workspace
    workspace.pick(site(opened, 2))
    workspace.empty_picked()
    workspace.set_supercell("1,2,2")
    workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    (line,) = run_copied(opened, tmp_path)
    assert float(line.split()[0]) == pytest.approx(barrier(opened), abs=1e-12)


def test_that_a_derived_structure_travels_inside_the_script(opened, qtbot, tmp_path):
    workspace = opened.workspace
    opened.deriver.charge()
    qtbot.waitUntil(lambda: "Li" not in workspace.structure.symbol_set, timeout=10_000)
    assert workspace.state.mechanism is Mechanism.INSERTION
    workspace.join(Pick((0.0, 0.0, 0.0)), Pick((0.0, 0.5, 0.0)))
    wait_for_barriers(qtbot, opened)
    (line,) = run_copied(opened, tmp_path)
    assert float(line.split()[0]) == pytest.approx(barrier(opened), abs=1e-12)


@pytest.mark.parametrize("happened", ["changed", "moved"])
def test_that_a_structure_whose_file_is_another_since_travels_inside_the_script(
    opened, qtbot, tmp_path, olivine, happened
):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    if happened == "changed":
        olivine.write_text(olivine.read_text().replace("6.010", "6.500"))
    else:
        olivine.rename(tmp_path / "elsewhere.cif")
    (line,) = run_copied(opened, tmp_path)
    assert float(line.split()[0]) == pytest.approx(barrier(opened), abs=1e-12)


def test_that_a_search_copied_as_python_finds_the_same(opened, qtbot, tmp_path):
    opened.predictions.find_all()
    qtbot.waitUntil(lambda: opened.workspace.state.group is not None, timeout=60_000)
    lines = run_copied(opened, tmp_path)
    crystal = opened.workspace.state.group.found.crystal
    assert len(lines) == len(crystal.paths) + len(crystal.percolation)
    for line, path in zip(lines, crystal.paths, strict=False):
        assert repr(path.barrier.barrier_ev) in line
    way = crystal.percolation["1D"]
    assert f"1D {way.barrier_ev!r}" in lines


def test_that_the_log_tells_results_and_errors_and_can_be_copied(opened, qtbot, tmp_path):
    opened.workspace.join(site(opened, 0), site(opened, 3))
    wait_for_barriers(qtbot, opened)
    panel = opened.docks["Log"].widget()
    assert f"Li 0 → 3: {barrier(opened):.4f} eV" in panel.text.toPlainText()
    opened.show_error(ZeroDivisionError("oh"))
    logging.getLogger("migbar_gui").debug("a detail")
    assert "a detail" not in panel.text.toPlainText()
    panel.level.setCurrentText("Errors")
    assert "ZeroDivisionError: oh" in panel.text.toPlainText()
    assert "Li 0 → 3" not in panel.text.toPlainText()
    panel.copy.click()
    report = QGuiApplication.clipboard().text()
    assert report.startswith("MigBar ")
    assert "PySide6" in report
    assert "a detail" in report


def test_that_a_structure_of_another_block_is_read_from_it(window, qtbot, two_blocks):
    from migbar_gui.files.scripting import script

    window.opener.open(two_blocks, "host")
    wait_for_document(qtbot, window, "two.cif · host")
    window.workspace.join(Pick((0.0, 0.0, 0.0)), Pick((0.0, 0.5, 0.0)))
    assert f"read_structure({str(two_blocks)!r}, 'host')" in script(window.workspace, "migbar-fast")

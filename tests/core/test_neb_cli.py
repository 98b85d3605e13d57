"""``migbar neb``: one hop, many known paths, and what it refuses."""

from __future__ import annotations

import json
import re

import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.core import Lattice, Structure

from migbar.cli import main
from migbar.datasets import BandRecord, write_bands
from migbar.files import held
from migbar.neb import read_result
from tests.core.test_neb import copper_hop


def run(*arguments: object) -> int:
    """Run the command and return its exit code."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def copper(tmp_path):
    path = tmp_path / "Cu.cif"
    write(path, bulk("Cu", cubic=True) * (2, 2, 2))
    return path


def test_that_a_hop_is_relaxed(copper, tmp_path, capsys):
    hop = (copper, "--ion", "Cu", "--from", 0, "--to", 1, "--supercell", "none")
    out = tmp_path / "out"
    assert run("neb", *hop, "--potential", "ase:emt", "--out", out, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["converged"]
    assert 0.5 < said["barrier_ev"] < 1.0
    assert said["barrier_ev"] == pytest.approx(read_result(out).barrier_ev, abs=1e-6)
    assert said["warnings"][-1]["code"] == "error_not_measured"
    assert sorted(path.name for path in out.iterdir()) == [
        "band.extxyz",
        "lock",
        "profile.csv",
        "profile.json",
        "result.json",
        "state.npz",
    ]
    options = ("--ends", "given", "--images", 1, "--max-steps", 0)
    assert run("neb", *hop, "--potential", "ase:emt", "--out", tmp_path / "b", *options) == 0
    told = capsys.readouterr().out
    assert "NOT CONVERGED" in told
    assert "1 image, ends as given" in told


def test_that_two_relaxations_do_not_share_a_folder(copper, tmp_path, capsys):
    hop = (copper, "--ion", "Cu", "--from", 0, "--to", 1, "--supercell", "none")
    with held(tmp_path / "out"):
        assert run("neb", *hop, "--potential", "ase:emt", "--out", tmp_path / "out") == 2
        assert "another process is at work" in capsys.readouterr().err
        assert run("volume", *hop, "--potential", "ase:emt", "--out", tmp_path / "out") == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lock"]


def test_that_ctrl_c_says_how_to_go_on(copper, tmp_path, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("migbar.neb.relax_band", interrupted)
    hop = (copper, "--ion", "Cu", "--from", 0, "--to", 1, "--supercell", "none")
    assert run("neb", *hop, "--potential", "ase:emt", "--out", tmp_path / "out") == 130
    told = capsys.readouterr().err
    assert "the same command goes on" in told
    assert told.endswith("migbar: stopped.\n")


def test_that_many_paths_become_a_table(tmp_path, capsys):
    write_bands([BandRecord("Cu", copper_hop(), 0.7)], tmp_path / "bands.json")
    many = ("--bands", tmp_path / "bands.json", "--limit", 5, "--potential", "ase:emt")
    assert run("neb", *many, "--ends", "relaxed", "--out", tmp_path / "out") == 0
    assert "1 barrier in" in capsys.readouterr().out
    assert not list((tmp_path / "out" / "under-way").iterdir())
    barriers = tmp_path / "out" / "neb.csv"
    assert barriers.read_text().splitlines()[1].startswith("Cu,ase:emt,paper,true,0.")
    scored = ("--bands", tmp_path / "bands.json", "--barriers", barriers, "--json")
    assert run("reproduce", "neb", *scored) == 0
    assert json.loads(capsys.readouterr().out) == []  # one path has no spread


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--out", "x"], "give a structure file with a hop"),
        (["{cif}", "--from", "0", "--to", "1"], r"Missing option '--out'"),
        (["--bands", "x.json", "--out", "x", "--climb"], "runs a preset as it is"),
        (
            ["{cif}", "--out", "x", "--from-frac", "0,0,0", "--to-frac", "0,0,0"],
            "starts and ends at site 0",
        ),
        (["{cif}", "--out", "x", "--from", "0", "--to", "1", "--ends", "loose"], "loose is none"),
        (["{cif}", "--out", "x", "--from", "0", "--to", "1", "--potential", "no"], "no potential"),
        (["{cif}", "--out", "x", "--from", "0", "--to", "1", "--preset", "no"], "no NEB preset"),
        (["{cif}", "--out", "x", "--from", "0", "--to", "0"], "own periodic image|starts and ends"),
    ],
)
def test_that_what_makes_no_sense_is_refused(
    copper, tmp_path, capsys, monkeypatch, arguments, reason
):
    monkeypatch.chdir(tmp_path)
    filled = [argument.format(cif=copper) for argument in arguments]
    extra = [] if "--potential" in filled else ["--potential", "ase:emt"]
    cell = [] if "--bands" in filled else ["--ion", "Cu", "--supercell", "none"]
    assert run("neb", *filled, *extra, *cell) == 2
    assert re.search(reason, capsys.readouterr().err)


def test_that_an_ion_unknown_to_the_potential_is_named(tmp_path, capsys):
    cell = Structure(Lattice.cubic(8), ["He", "He", "F"], [[0, 0, 0], [0.5, 0, 0], [0.25, 0.5, 0]])
    cell.to(str(tmp_path / "HeF.cif"))
    hop = ("--ion", "He", "--from", 0, "--to", 1)
    assert run("neb", tmp_path / "HeF.cif", *hop, "--out", tmp_path / "out") == 2
    assert "chgnet does not know He" in capsys.readouterr().err

"""What a tired user types and drags in: each slip ends in one line that says what is wrong, never in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.dft import DftInputError, images_of
from migbar.ends import parse_point
from migbar.errors import (
    HopError,
    SiteError,
    StructureFileError,
    SupercellError,
    UnknownElementError,
)
from migbar.hops import SiteRef, hop_between_sites, parse_site
from migbar.paths import find_hops
from migbar.structures import parse_structure, write_cif
from migbar.supercells import make_band, parse_supercell

CELL = "x\n1\n5 0 0\n0 5 0\n0 0 5\n"
FRAME = '2\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3\nLi 0 0 0\nCl 2.5 2.5 2.5\n'

XDATCAR = "LiCl\n1\n5 0 0\n0 5 0\n0 0 5\nLi Cl\n1 1\n" + "".join(
    f"Direct configuration=     {step}\n0 0 0\n0.5 0.5 0.5\n" for step in (1, 2)
)


@pytest.fixture
def salt() -> Structure:
    return Structure(Lattice.cubic(5.0), ["Li", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


# ------------------------------------------------------------------ numbers far too large


@pytest.mark.parametrize("text", ["1000,1000,1000", "99999999999999999999,1,1"])
def test_that_a_supercell_of_a_slipped_finger_is_refused(text):
    with pytest.raises(SupercellError, match="too large"):
        parse_supercell(text)


def test_that_a_supercell_that_no_memory_holds_is_refused_before_it_is_made(salt):
    hop = hop_between_sites(salt, "Li", SiteRef(0), SiteRef(0, (1, 0, 0)))
    with pytest.raises(SupercellError, match="2,000,000 atoms"):
        make_band(salt, hop, np.diag([100, 100, 100]))


def test_that_a_hop_across_the_whole_crystal_is_refused(salt):
    with pytest.raises(HopError, match="longer than 50"):
        hop_between_sites(salt, "Li", SiteRef(0), SiteRef(0, (64, 0, 0)))


@pytest.mark.parametrize("text", ["0@9999999999999999999999,0,0", "9" * 5000])
def test_that_a_site_with_endless_digits_is_no_site(text):
    with pytest.raises(SiteError, match="not a site"):
        parse_site(text)


@pytest.mark.parametrize("text", ["1e999999999,0,0", "1e300,0,0", "nan,0,0", "1/0,0,0", "0,0"])
def test_that_a_position_without_a_sensible_number_is_refused(text):
    with pytest.raises(SiteError, match="not a position"):
        parse_point(text)


def test_that_a_position_may_be_a_fraction():
    assert parse_point("1/3, -2/3,0.25") == (1 / 3, -2 / 3, 0.25)


def test_that_a_crystal_of_many_copies_of_a_cell_is_told_to_be_one(salt):
    with pytest.raises(SupercellError, match="a smaller one 3,375 times over"):
        find_hops(salt.make_supercell(15, in_place=False), "Li")


def test_that_a_dft_band_has_no_more_images_than_folders_have_names(salt):
    band = make_band(salt, hop_between_sites(salt, "Li", SiteRef(0), SiteRef(0, (1, 0, 0))))
    with pytest.raises(DftInputError, match="1 to 98 images"):
        images_of(band, 1_000_000, straight=True)


# ------------------------------------------------------------------ places to write to


@pytest.mark.parametrize("place", ["", "missing/out"])
@pytest.mark.parametrize(
    "command",
    [
        ("relax", "{cif}", "--potential", "chgnet", "--out", "{out}.cif"),
        ("paths", "{cif}", "--report", "{out}.html"),
        ("evaluate", "--bands", "{cif}", "--csv", "{out}.csv"),
        ("batch", "{cif}", "--out", "{db}", "--export", "{out}.csv"),
    ],
    ids=lambda command: command[0],
)
def test_that_a_place_nothing_can_be_written_to_is_told_before_the_work(
    run, monkeypatch, tmp_path, salt, command, place
):
    for work in ("relaxation.relax_structure", "paths.find_paths", "screening.run_screening"):
        monkeypatch.setattr(f"migbar.{work}", lambda *_, **__: pytest.fail("the work began"))
    write_cif(salt, tmp_path / "a.cif")
    for suffix in (".cif", ".html", ".csv"):
        (tmp_path / f"out{suffix}").mkdir()
    names = {"cif": tmp_path / "a.cif", "out": tmp_path / (place or "out"), "db": tmp_path / "r.db"}
    code, _, err = run(*(part.format(**names) for part in command))
    assert code == 2
    assert ("no such folder" if place else "is a folder") in err


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("paths", "{cif}", "--report", "{cif}"), "a report ends in .html"),
        (("relax", "{cif}", "--potential", "ase:emt", "--out", "{cif}"), "is the structure itself"),
        (("relax", "{cif}", "--potential", "ase:emt", "--out", "a.pdb"), "ends in .cif"),
    ],
)
def test_that_a_structure_is_not_written_over(run, tmp_path, salt, command, reason):
    write_cif(salt, tmp_path / "a.cif")
    before = (tmp_path / "a.cif").read_text()
    code, _, err = run(*(part.format(cif=tmp_path / "a.cif") for part in command))
    assert code == 2
    assert reason in err
    assert (tmp_path / "a.cif").read_text() == before


def test_that_a_table_of_an_unknown_kind_is_told_before_the_screening(run, tmp_path, salt):
    write_cif(salt, tmp_path / "a.cif")
    code, _, err = run(
        "batch", tmp_path / "a.cif", "--out", tmp_path / "r.db", "--export", tmp_path / "r.doc"
    )
    assert code == 2
    assert "choose .csv" in err
    assert not (tmp_path / "r.db").exists()


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("counts", ["-1 1", "2 -1"])
def test_that_a_negative_count_in_a_poscar_is_told(counts):
    text = f"{CELL}Li Cl\n{counts}\nDirect\n0 0 0\n"
    with pytest.raises(StructureFileError, match="it counts -1 atoms"):
        parse_structure(text.encode(), "POSCAR")


def test_that_a_poscar_with_a_volume_and_a_flat_cell_is_told_without_a_warning(recwarn):
    text = "x\n-125\n1 0 0\n1 0 0\n0 0 1\nLi\n1\nDirect\n0 0 0\n"
    with pytest.raises(StructureFileError, match="in a plane"):
        parse_structure(text.encode(), "POSCAR")
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize(
    ("text", "said"),
    [(FRAME[:-10], "line 4 is cut short"), ("9" + FRAME, "has 92 atoms but lists 2")],
)
def test_that_a_cut_extended_xyz_is_told_in_words(text, said):
    with pytest.raises(StructureFileError, match=said):
        parse_structure(text.encode(), "x.extxyz")


@pytest.mark.parametrize("symbol", ["Lr", "Og"])
def test_that_an_element_of_which_there_are_no_crystals_is_refused(symbol):
    text = f"{CELL}Li {symbol}\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    with pytest.raises(UnknownElementError, match=symbol):
        parse_structure(text.encode(), "POSCAR")


def test_that_deuterium_is_hydrogen_in_a_file_and_no_ion(run, salt, tmp_path):
    text = f"{CELL}Li D\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    assert parse_structure(text.encode(), "POSCAR").symbol_set == ("H", "Li")
    write_cif(salt, tmp_path / "salt.cif")
    ends = ("--from-frac", "0,0,0", "--to-frac", ".5,.5,.5")
    code, _, said = run("predict", tmp_path / "salt.cif", "--ion", "D", *ends)
    assert code == 2
    assert "'D' is not a chemical element" in said


def test_that_a_file_with_several_structures_says_which_one_was_taken(run, salt, tmp_path):
    write_cif(salt, tmp_path / "one.cif")
    one = (tmp_path / "one.cif").read_text()
    two = one.replace("data_structure", "data_other").replace("Li", "Na")
    several = {"two.cif": one + two, "relaxation.extxyz": FRAME + FRAME, "one.cif": one}
    several["XDATCAR"] = XDATCAR
    told = {name: _warnings(run, tmp_path / name, text) for name, text in several.items()}
    assert "the first, structure, was taken" in told["two.cif"]
    assert "several frames; the first was taken" in told["relaxation.extxyz"]
    assert "several frames; the first was taken" in told["XDATCAR"]
    assert told["one.cif"] == ""


def _warnings(run, path: Path, text: str) -> str:
    path.write_text(text)
    code, out, err = run("paths", path, "--json")
    assert code == 0, err
    return " ".join(warning["text"] for warning in json.loads(out)["warnings"])


# ------------------------------------------------------------------ where it runs


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_that_a_terminal_without_the_letters_still_gets_its_answer(encoding, tmp_path, salt):
    write_cif(salt, tmp_path / "ångström.cif")
    environment = dict(os.environ, PYTHONIOENCODING=encoding)
    command = [sys.executable, "-m", "migbar.cli", "paths", str(tmp_path / "ångström.cif")]
    text, data = (
        subprocess.run([*command, *more], env=environment, capture_output=True, check=False)
        for more in ([], ["--json"])
    )
    assert (text.returncode, text.stderr) == (0, b"")
    assert b"through in 3D" in text.stdout
    assert json.loads(data.stdout.decode(encoding))["structure"] == "ångström.cif"

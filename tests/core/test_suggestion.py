"""What to compute next: unsure and unlike the rest goes first, with inputs that can be started."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar import runs
from migbar.datasets.reading import import_data, read_candidates
from migbar.errors import MigbarError
from migbar.models.process import distances
from migbar.runs import RunState
from migbar.structures import write_cif
from migbar.suggestion import LIST, choose, suggest, write_suggestions
from tests.core.conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two lithium halides, one of them twice, and a file that is none."""
    place = tmp_path / "structures"
    place.mkdir()
    for name, edge, anion in (("LiF", 4.03, "F"), ("again", 4.03, "F"), ("LiBr", 5.5, "Br")):
        cell = Structure.from_spacegroup(
            "Fm-3m", Lattice.cubic(edge), ["Li", anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
        )
        write_cif(cell, place / f"{name}.cif")
    (place / "broken.cif").write_text("data_x\n")
    return place


def test_that_uncertainty_and_novelty_both_count() -> None:
    known = np.array([[0.0, 0.0]])
    scores = np.array([[2.0, 0.0], [2.0, 0.1], [0.0, 1.0], [0.0, 0.0]])
    alike = np.full(4, 50)
    chosen, novelty = choose(np.array([1.0, 1.1, 1.0, 9.0]), scores, alike, known, 3)
    assert chosen == [1, 2, 0]
    assert novelty[0] == pytest.approx(float(distances(scores[[1]], known)[0, 0]))
    assert novelty[2] < 0.1  # its twin was taken first


def test_that_no_path_is_suggested_twice_where_none_teaches_anything() -> None:
    scores = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    chosen, novelty = choose(np.ones(3), scores, np.full(3, 50), scores, 5)
    assert sorted(chosen) == [0, 1, 2]
    assert novelty == [0.0, 0.0, 0.0]


def test_that_of_a_hop_in_several_cells_the_smallest_is_suggested(tmp_path: Path) -> None:
    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    for n in (3, 4):
        write_cif(cell.make_supercell(n, in_place=False), tmp_path / f"{n}.cif")
    write_cif(cell, tmp_path / "unit.cif")
    (first,) = suggest([tmp_path], count=1, ion="Li").chosen
    assert Path(first.structure).name == "unit.cif"


def test_that_the_same_crystal_is_not_suggested_twice(folder: Path) -> None:
    found = suggest([folder], count=2, ion="Li")
    halides = {tuple(s.path.band.host.symbol_set) for s in found.chosen}
    assert len(halides) == 2
    for one in found.chosen:
        low, high = one.path.barrier.interval_ev
        assert one.uncertainty == pytest.approx(high**0.5 - low**0.5)
    assert [Path(name).name for name, _ in found.problems] == ["broken.cif"]


def test_that_the_inputs_can_be_started_and_read_again(folder: Path, tmp_path: Path) -> None:
    options = {"sources": [str(folder)], "count": 2, "out": str(tmp_path / "next")}
    runs.create_run(tmp_path / "run", "suggestion", "Suggesting", options)
    assert runs.work(tmp_path / "run") is RunState.FINISHED
    result = json.loads(json.dumps(runs.read_run(tmp_path / "run").result))
    assert len(result["suggested"]) == 2
    with (tmp_path / "next" / LIST).open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        assert (tmp_path / "next" / row["folder"] / "INCAR").exists()
        row["dft_barrier_ev"] = "0.55"
    with (tmp_path / "next" / LIST).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    reading = import_data([tmp_path / "next" / LIST], None)
    assert reading.barriers == pytest.approx([0.55, 0.55])


@pytest.mark.parametrize("code", ["espresso", "ase"])
def test_that_the_list_tells_the_paths_where_folders_of_other_codes_hold_no_images(
    tmp_path: Path, code: str
) -> None:
    host = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.41, 5.7), ["Ti", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.25]]
    )
    write_cif(host, tmp_path / "TiS2.cif")
    salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    write_cif(salt, tmp_path / "LiF.cif")
    found = suggest([tmp_path], count=20, ion="Li")
    assert {s.path.hop.start_site is None for s in found.chosen} == {True, False}
    place = write_suggestions(found, tmp_path / "next", code)
    with place.open() as file:
        rows = [{**row, "dft_barrier_ev": "0.55"} for row in csv.DictReader(file)]
    with place.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    read = list(read_candidates(place))
    assert [c.record.band.length for c in read if c.record] == pytest.approx(
        [s.path.length for s in found.chosen], abs=1e-3
    )


def test_that_a_list_that_may_be_filled_in_is_not_written_over(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    filled = tmp_path / "next" / LIST
    filled.parent.mkdir()
    filled.write_text("my barriers")
    code, _, told = run("data", "suggest", folder, "--out", filled.parent)
    assert (code, filled.read_text()) == (2, "my barriers")
    assert "choose another folder" in told
    with pytest.raises(MigbarError, match="already"):
        write_suggestions(suggest([folder], count=1, ion="Li"), filled.parent)
    assert [path.name for path in filled.parent.iterdir()] == [LIST]


def test_that_inputs_beside_the_structures_are_not_taken_for_structures(folder: Path) -> None:
    from migbar.screening.inputs import find_sources

    before = [source.path for source in find_sources([folder])]
    write_suggestions(suggest([folder], count=1, ion="Li"), folder / "to-compute")
    assert list((folder / "to-compute").rglob("POSCAR"))
    assert [source.path for source in find_sources([folder])] == before
    assert find_sources([folder / "to-compute"])  # unless they are asked for


def test_that_an_ion_that_is_no_element_is_told(folder: Path) -> None:
    with pytest.raises(MigbarError, match=r"LiBr\.cif: 'Lithium' is not a chemical element"):
        suggest([folder / "LiBr.cif"], ion="Lithium")


def test_that_a_folder_without_paths_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.cif").write_text("data_x\n")
    with pytest.raises(MigbarError, match="no path to compute"):
        suggest([tmp_path])


def test_that_a_place_that_cannot_hold_the_list_is_told_before_the_search(
    run, tmp_path, monkeypatch
):
    looked = []
    monkeypatch.setattr("migbar.suggestion.suggest", lambda *given: looked.append(given))
    (tmp_path / "next").write_text("a file")
    code, _, told = run("data", "suggest", tmp_path, "--out", tmp_path / "next")
    assert code == 2
    assert "a file stands where a folder is needed" in told
    assert looked == []

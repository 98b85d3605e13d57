"""Barrier data as they come: every problem is told with file and row, what is safe is mended, nothing crashes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.io import write
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from migbar.bands import Band, linear_path
from migbar.datasets import BandRecord, write_bands
from migbar.datasets.checks import Checker, bundled_paths
from migbar.datasets.endpoints import band_between
from migbar.datasets.numbers import Barriers
from migbar.datasets.problems import Candidate, Level, Mend, Problem, Source
from migbar.datasets.reading import Reading, ReadOptions, import_data
from migbar.datasets.storage import BarrierDataset
from migbar.errors import BandsFileError
from tests.core.own_bands import own_records, rock_salt_band

Check = Callable[..., Reading]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Reads data from the test's folder without writing anything."""

    def reading(*names: str, **settings: object) -> Reading:
        return import_data([tmp_path / name for name in names], None, **settings)

    return reading


def only(reading: Reading, code: str) -> Problem:
    """Return the one problem of a kind."""
    found = [problem for problem in reading.problems if problem.code == code]
    assert len(found) == 1, [(p.code, p.text) for p in reading.problems]
    return found[0]


def ends(edge: float = 4.2, host: int | None = None) -> tuple[Structure, Structure]:
    """Two ends of a hop, with atoms in the same order."""
    band = rock_salt_band(edge=edge)
    return band.image(0), band.image(4)


def poscar(structure: Structure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(structure.to(fmt="poscar"))


def table(folder: Path, rows: list[str], head: str = "initial,final,barrier_ev") -> None:
    (folder / "barriers.csv").write_text("\n".join([head, *rows]) + "\n")


def neb(folder: Path, energies: list[float | None], edge: float = 4.2, done: bool = True) -> None:
    """Write a finished NEB as VASP leaves it."""
    band = rock_salt_band(edge=edge).straight(len(energies) - 2)
    for number, energy in enumerate(energies):
        poscar(band.image(number), folder / f"{number:02d}" / "POSCAR")
        if energy is not None:
            end = "reached required accuracy - stopping\n" if done else ""
            (folder / f"{number:02d}" / "OUTCAR").write_text(
                f"  energy  without entropy=  -1.0  energy(sigma->0) =  -999.0\n{end}"
                f"  energy  without entropy=  {energy}  energy(sigma->0) =  {energy}\n"
            )


@pytest.fixture
def two_ends(tmp_path: Path) -> tuple[Structure, Structure]:
    first, last = ends()
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    return first, last


# ------------------------------------------------------------------ barriers


def test_that_a_missing_barrier_is_told(check: Check, tmp_path: Path, two_ends: object) -> None:
    table(tmp_path, ["a.vasp,b.vasp,n/a"])
    problem = only(check("barriers.csv"), "no_barrier")
    assert str(problem.source) == "barriers.csv, row 2"
    assert problem.level is Level.ERROR


def test_that_a_barrier_that_is_no_number_is_told(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,b.vasp,high"])
    reading = check("barriers.csv")
    assert "'high' is not a number" in only(reading, "bad_barrier").text
    assert len(reading.problems) == 1


def test_that_a_negative_barrier_is_told(check: Check, tmp_path: Path, two_ends: object) -> None:
    table(tmp_path, ["a.vasp,b.vasp,-0.4"])
    assert "−0.4 eV" in only(check("barriers.csv"), "negative_barrier").text


def test_that_a_barrier_of_nothing_is_used_and_told(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,b.vasp,0"])
    reading = check("barriers.csv")
    assert only(reading, "zero_barrier").level is Level.WARNING
    assert reading.used == 1


def test_that_an_absurd_barrier_is_told(check: Check, tmp_path: Path, two_ends: object) -> None:
    table(tmp_path, ["a.vasp,b.vasp,48.2"])
    assert "48.2" in only(check("barriers.csv"), "absurd_barrier").text


def test_that_barriers_that_may_be_in_kj_per_mol_are_not_taken_for_mev(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, [f"a.vasp,b.vasp,{barrier}" for barrier in ("41.5", "27.7", "37")])
    reading = check("barriers.csv")
    assert reading.used == 0
    assert all("barrier (kJ/mol)" in problem.text for problem in reading.problems)


def test_that_barriers_in_mev_are_mended_only_if_allowed(check: Check, tmp_path: Path) -> None:
    records = own_records(4)
    write_bands(
        [BandRecord(r.sys_name, r.band, (r.target_ev or 0) * 1000) for r in records],
        tmp_path / "mev.json",
    )
    mended = check("mev.json")
    assert mended.barriers == pytest.approx([r.target_ev for r in records])
    assert {p.mend for p in mended.problems} == {Mend.MEV}
    assert check("mev.json", mends=()).used == 0


def test_that_a_barrier_with_its_own_unit_is_left_alone_among_others_in_mev(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    written = ["350 meV", "0.42 eV", "380", "450", "520"]
    table(tmp_path, [f"a.vasp,b.vasp,{barrier}" for barrier in written])
    reading = check("barriers.csv")
    assert reading.barriers == pytest.approx([0.35, 0.42, 0.38, 0.45, 0.52])
    assert [p.source.row for p in reading.problems if p.code == "mev"] == [4, 5, 6]


@pytest.mark.parametrize(
    ("head", "written", "barrier"),
    [
        ("barrier (meV)", "350", 0.35),
        ("Em [meV]", "20", 0.02),
        ("barrier_meV", "350", 0.35),
        ("Ea / eV", "0.35", 0.35),
        ("Barrier (meV)", "0.35 eV", 0.35),
        ("Ea (kJ/mol)", "33.77", 0.35),
        ("barrier [kcal mol-1]", "8.071", 0.35),
        ("Em (Ry)", "0.025724", 0.35),
        ("barrier_hartree", "0.012862", 0.35),
        ("Em (Ha)", "0.012862", 0.35),
        ("barrier_ev", "0.025724 Ry", 0.35),
        ("barrier", "33.77 kJ/mol", 0.35),
        ("Em / (kJ·mol⁻¹)", "33.77", 0.35),
        ("Ea_kJ_per_mol", "33.77", 0.35),
        ("barrier (kcal mol^{-1})", "8.071", 0.35),
        ("barrier (Rydberg)", "0.025725", 0.35),
        ("barrier", "33.77 kJ·mol⁻¹", 0.35),
    ],
)
def test_that_a_unit_in_the_head_of_the_column_is_heeded(
    check: Check, tmp_path: Path, two_ends: object, head: str, written: str, barrier: float
) -> None:
    table(tmp_path, [f"a.vasp,b.vasp,{written}"], f"initial,final,{head}")
    reading = check("barriers.csv")
    assert reading.barriers == pytest.approx([barrier], rel=1e-4)
    assert not reading.problems


@pytest.mark.parametrize("value", [True, float("nan"), float("inf"), [0.35]])
def test_that_what_is_no_number_is_no_barrier(value: object) -> None:
    number, (problem,) = Barriers([value]).read(value, Source("barriers.json"), "a")
    assert number is None
    assert problem.code == "bad_barrier"


@pytest.mark.parametrize("skewed", [np.tri(3), [[1, 0, 0], [3, 1, 0], [-2, 4, 1]]])
@pytest.mark.parametrize("way", np.ndindex(2, 2, 2))
def test_that_an_ion_takes_the_shortest_way_also_in_a_skewed_cell(
    way: tuple[int, ...], skewed: np.ndarray
) -> None:
    step = 0.4 * (2 * np.array(way) - 1)
    first, last = (
        Structure(Lattice(5.0 * np.array(skewed)), ["Li", "O"], np.array([at, [0.5, 0.5, 0.5]]) @ np.linalg.inv(skewed))
        for at in (np.zeros(3), step)
    )  # fmt: skip
    band, _ = band_between(first, last, Source("ends"))
    assert band is not None
    assert band.cartesian_path[-1] - band.cartesian_path[0] == pytest.approx(5.0 * step)


def test_that_images_with_long_steps_tell_which_way_round_the_cell_the_ion_goes() -> None:
    def image(x: float) -> Structure:
        return Structure(Lattice.cubic(5.0), ["Li", "O"], [[x, 0, 0], [0.5, 0.5, 0.5]])

    band, problems = band_between(image(0), image(0.6), Source("neb"), between=[image(0.3)])
    assert band is not None
    assert band.length == pytest.approx(3.0)
    assert not problems


def test_that_atoms_in_another_order_between_images_are_matched_by_their_places() -> None:
    def image(x: float, swapped: bool = False) -> Structure:
        ions = [[x, 0, 0], [0.5, 0.5, 0]]
        return Structure(
            Lattice.cubic(6.0), ["Li", "Li", "O"], [*ions[:: -1 if swapped else 1], [0.5, 0.5, 0.5]]
        )

    between = [image(0.2)]
    band, (problem,) = band_between(image(0), image(0.4, True), Source("neb"), between=between)
    assert band is not None
    assert band.length == pytest.approx(2.4)
    assert problem.code == "wrong_order"


def test_that_a_table_without_known_columns_says_what_to_do(check: Check, tmp_path: Path) -> None:
    table(tmp_path, ["a.vasp,0.4"], "Datei,Sperre")
    reading = check("barriers.csv")
    (problem,) = reading.problems
    assert "no column of barriers" in problem.text
    assert "Its columns are: Datei, Sperre." in problem.text
    assert "Columns…" in problem.text
    assert reading.found == 0  # it is a file, not a path


def test_that_a_decimal_comma_is_mended(check: Check, tmp_path: Path, two_ends: object) -> None:
    table(tmp_path, ["a.vasp;b.vasp;0,45"], "Initial;Final;Barrier_eV")
    reading = check("barriers.csv")
    assert only(reading, "decimal_comma").mend is Mend.DECIMAL_COMMA
    assert reading.barriers == pytest.approx([0.45])


def test_that_a_predicted_barrier_teaches_nothing(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    head = "initial,final,barrier_ev,interval_low_ev"
    table(tmp_path, ["a.vasp,b.vasp,0.4,0.2"], head)
    assert only(check("barriers.csv"), "predicted_barrier").level is Level.ERROR
    table(tmp_path, ["a.vasp,b.vasp,0.4,0.2,0.5"], head + ",dft_barrier_ev")
    assert check("barriers.csv").barriers == pytest.approx([0.5])


# ------------------------------------------------------------------ ends


def test_that_ends_with_different_atoms_are_told(check: Check, tmp_path: Path) -> None:
    first, last = ends()
    last.remove_sites([5])
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    assert "-1 Ti" in only(check("barriers.csv"), "different_atoms").text


def test_that_ends_in_different_cells_are_told(check: Check, tmp_path: Path) -> None:
    poscar(ends(4.2)[0], tmp_path / "a.vasp")
    poscar(ends(4.3)[1], tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    assert "0.20 Å" in only(check("barriers.csv"), "different_cells").text


def test_that_a_wrong_order_of_atoms_is_mended(check: Check, tmp_path: Path) -> None:
    first, last = ends()
    shuffled = [0, *np.random.default_rng(1).permutation(np.arange(1, 33)), *range(33, 65)]
    last = Structure.from_sites([last[int(i)] for i in shuffled])
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    reading = check("barriers.csv")
    assert only(reading, "wrong_order").mend is Mend.REORDER
    assert reading.used == 1
    assert check("barriers.csv", mends={Mend.RENAME}).used == 0


def test_that_ends_that_are_the_same_have_no_mover(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,a.vasp,0.4"])
    assert "same file" in only(check("barriers.csv"), "no_mover").text


def test_that_several_movers_are_told_with_their_atoms(check: Check, tmp_path: Path) -> None:
    first, last = ends()
    last.translate_sites([10], [0.125, 0.125, 0.125])
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    assert "Ti (atom 11)" in only(check("barriers.csv"), "several_movers").text


def images_of(way: Callable[[float], list[list[float]]], folder: Path) -> None:
    """Write a NEB of lithium ions that move so in a small cell."""
    oxygen = [[0.25, 0.3, 0.5], [0.2, 0.7, 0.5], [0.28, 0.25, 0.0]]
    for number, energy in enumerate((-9.0, -8.9, -8.6, -8.8, -9.0)):
        ions = way(number / 4)
        image = Structure(
            Lattice.orthorhombic(6, 8, 9), ["Li"] * len(ions) + ["O"] * 3, [*ions, *oxygen]
        )
        poscar(image, folder / f"{number:02d}" / "POSCAR")
        (folder / f"{number:02d}" / "OUTCAR").write_text(
            f"  energy  without entropy= {energy}  energy(sigma->0) = {energy}\n"
        )


def test_that_ions_that_move_together_are_no_single_one_in_another_order(
    check: Check, tmp_path: Path
) -> None:
    images_of(lambda t: [[0, 0.1 + 0.25 * t, 0], [0, 0.35 + 0.25 * t, 0]], tmp_path / "neb")
    assert "2 atoms move" in only(check("neb"), "several_movers").text


@pytest.mark.parametrize("way", [0.5, -0.5, 0.55])
def test_that_the_images_tell_which_way_round_the_cell_the_ion_goes(
    tmp_path: Path, way: float
) -> None:
    images_of(lambda t: [[0.1 + way * t, 0, 0]], tmp_path / "neb")
    import_data([tmp_path / "neb"], tmp_path / "own.parquet")
    path = BarrierDataset(tmp_path / "own.parquet")[0].band.path
    assert path[:, 0] == pytest.approx(np.linspace(0.1, 0.1 + way, 5))


def test_that_a_host_that_moves_along_is_a_warning(check: Check, tmp_path: Path) -> None:
    first, last = ends()
    last.translate_sites([10], [0.7, 0, 0], frac_coords=False)
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    reading = check("barriers.csv")
    assert only(reading, "host_moves").level is Level.WARNING
    assert reading.used == 1


def test_that_a_shift_of_the_whole_crystal_between_the_ends_is_left_out(tmp_path: Path) -> None:
    first, last = ends()
    last.translate_sites(range(len(last)), [0.4, 0, 0], frac_coords=False)
    poscar(first, tmp_path / "a.vasp")
    poscar(last, tmp_path / "b.vasp")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    import_data([tmp_path / "barriers.csv"], tmp_path / "own.parquet")
    band = BarrierDataset(tmp_path / "own.parquet")[0].band
    assert band.length == pytest.approx(rock_salt_band().length)


def test_that_the_wrong_ion_moving_is_told(check: Check, tmp_path: Path, two_ends: object) -> None:
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    reading = check("barriers.csv", options=ReadOptions(ion="Na"))
    assert "Li (atom 1) moves, and not Na" in only(reading, "other_mover").text


# ------------------------------------------------------------------ files and tables


def test_that_a_file_that_is_not_there_is_told_with_its_row(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,b.vasp,0.4", "a.vasp,c.vasp,0.5"])
    reading = check("barriers.csv")
    problem = only(reading, "missing_file")
    assert (problem.source.row, reading.used) == (3, 1)
    assert "c.vasp" in problem.text


def test_that_folders_may_be_parted_as_on_windows(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    (tmp_path / "ends").mkdir()
    (tmp_path / "b.vasp").rename(tmp_path / "ends/b.vasp")
    table(tmp_path, ["a.vasp,ends\\b.vasp,0.4"])
    assert check("barriers.csv").used == 1


def test_that_a_structure_in_the_place_of_its_file_is_told(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    text = (tmp_path / "b.vasp").read_text()
    table(tmp_path, [f'a.vasp,"{text}",0.4', "a.vasp,b.vasp,0.4"])
    reading = check("barriers.csv")
    assert "cannot be a file" in only(reading, "missing_file").text
    assert len(only(reading, "missing_file").text) < 200
    assert reading.used == 1


@pytest.mark.parametrize(
    ("head", "row", "missing"),
    [
        ("initial,final,barrier", "a.vasp,,0.4", "final"),
        ("initial,final,barrier", ",,0.4", "initial, final"),
        ("folder,barrier", ",0.4", "folder"),
    ],
)
def test_that_a_row_is_asked_for_the_columns_of_its_table(
    check: Check, tmp_path: Path, two_ends: object, head: str, row: str, missing: str
) -> None:
    table(tmp_path, [row], head)
    problem = only(check("barriers.csv"), "bands_file")
    assert problem.text.endswith(f"the row says nothing in {missing}")


@pytest.mark.parametrize("ion", ["li", "LI", "Li+"])
def test_that_an_ion_may_be_written_otherwise(
    check: Check, tmp_path: Path, two_ends: object, ion: str
) -> None:
    table(tmp_path, [f"a.vasp,b.vasp,0.4,{ion}"], "initial,final,barrier,ion")
    assert check("barriers.csv").ions == ("Li",)


def test_that_an_unreadable_structure_is_told(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    (tmp_path / "b.vasp").write_text("not a structure\n")
    table(tmp_path, ["a.vasp,b.vasp,0.4"])
    assert "b.vasp" in only(check("barriers.csv"), "structure_file").text


def test_that_missing_columns_are_told_all_at_once(check: Check, tmp_path: Path) -> None:
    table(tmp_path, ["x,1"], "compound,value")
    reading = check("barriers.csv")
    texts = [p.text for p in reading.problems]
    assert any("no column of barriers" in text for text in texts)
    assert any("where the ion goes" in text for text in texts)
    assert any("compound, value" in text for text in texts)
    assert reading.found == 0


def test_that_a_column_that_is_there_twice_is_not_chosen_from(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,b.vasp,0.4,0.9"], "initial,final,barrier_ev,Barrier_eV")
    reading = check("barriers.csv")
    assert reading.used == 0
    assert "more than one column 'barrier_ev'" in reading.problems[0].text


def test_that_a_comma_without_quotes_makes_no_other_barrier(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ["a.vasp,b.vasp,0,27", "a.vasp,b.vasp,0.27,,", 'a.vasp,b.vasp,"0,27"'])
    reading = check("barriers.csv")
    problem = only(reading, "unreadable")
    assert (problem.source.row, reading.barriers.tolist()) == (2, [0.27])
    assert "4 cells under 3 columns" in problem.text


def test_that_lines_may_end_as_excel_for_mac_ends_them(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    (tmp_path / "barriers.csv").write_bytes(b"initial;final;barrier\ra.vasp;b.vasp;0,35\r")
    assert check("barriers.csv").barriers == pytest.approx([0.35])


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;;"])
def test_that_a_line_that_tells_excel_the_delimiter_is_no_header(
    check: Check, tmp_path: Path, two_ends: object, line: str
) -> None:
    text = f"{line}\r\ninitial;final;barrier\r\na.vasp;b.vasp;0,35\r\n"
    (tmp_path / "barriers.csv").write_text(text, newline="")
    assert check("barriers.csv").barriers == pytest.approx([0.35])


def test_that_a_workbook_of_charts_alone_is_told(check: Check, tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    book.create_chartsheet()
    book.remove(book.active)
    book.save(tmp_path / "charts.xlsx")
    assert only(check("charts.xlsx"), "unreadable")


def test_that_a_quotation_mark_that_is_left_open_is_told(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    table(tmp_path, ['a.vasp,b.vasp,"0.35', *["a.vasp,b.vasp,0.4"] * 10_000])
    assert "quotation mark" in only(check("barriers.csv"), "unreadable").text


def test_that_a_table_of_excels_unicode_text_is_read(
    check: Check, tmp_path: Path, two_ends: object
) -> None:
    text = "initial\tfinal\tbarrier_ev\r\na.vasp\tb.vasp\t0,4\r\n"
    (tmp_path / "barriers.csv").write_bytes(text.encode("utf-16"))
    assert check("barriers.csv").barriers.tolist() == [0.4]


def test_that_a_site_that_does_not_exist_is_told(check: Check, tmp_path: Path) -> None:
    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    cell.to(filename=str(tmp_path / "LiF.cif"))
    head = "structure,from,to,barrier_ev"
    table(tmp_path, ["LiF.cif,0.0,1.0,0.6", "LiF.cif,0,77,0.6", "LiF.cif,0,,0.6"], head)
    reading = check("barriers.csv")
    assert reading.used == 1
    assert "no site 77" in only(reading, "site").text
    assert "says nothing in to" in only(reading, "bands_file").text


def test_that_partly_occupied_sites_are_told(check: Check, tmp_path: Path) -> None:
    mixed = Structure.from_spacegroup(
        "Fm-3m",
        Lattice.cubic(4.03),
        [{"Li": 0.5, "Na": 0.5}, "F"],
        [[0, 0, 0], [0.5, 0.5, 0.5]],
    )
    mixed.to(filename=str(tmp_path / "mixed.cif"))
    table(tmp_path, ["mixed.cif,0,1,Li,0.6"], "structure,from,to,ion,barrier_ev")
    assert "partly occupied" in only(check("barriers.csv"), "occupancy").text


def test_that_a_hop_to_the_own_image_is_told(check: Check, tmp_path: Path) -> None:
    band = rock_salt_band()
    small = Band(band.host, "Li", linear_path(band.path[0], band.path[0] + [1.0, 0, 0]))
    write_bands([BandRecord("loop", small, 0.4)], tmp_path / "loop.json")
    assert "cell is too small" in only(check("loop.json"), "own_image").text


def test_that_a_host_with_atoms_twice_is_a_warning(check: Check, tmp_path: Path) -> None:
    band = rock_salt_band()
    host = band.host.copy()
    host.append("O", host.frac_coords[40] + 0.001)
    write_bands([BandRecord("twice", Band(host, "Li", band.path), 0.4)], tmp_path / "twice.json")
    reading = check("twice.json")
    assert "O and O at 0.01 Å" in only(reading, "overlap").text
    assert reading.used == 1


def test_that_a_taken_site_and_an_odd_length_are_told(check: Check, tmp_path: Path) -> None:
    band = rock_salt_band()
    taken = Band(band.host, "Li", linear_path(band.path[0], band.host.frac_coords[3]))
    short = Band(band.host, "Li", linear_path(band.path[0], band.path[0] + 0.01))
    records = [BandRecord("taken", taken, 0.4), BandRecord("short", short, 0.4)]
    write_bands(records, tmp_path / "odd.json")
    reading = check("odd.json")
    assert only(reading, "taken_site").source.row == 1
    assert only(reading, "odd_length").source.row == 2


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("broken.json", b"[{"),
        ("empty.csv", b""),
        ("header.csv", b"initial,final,barrier_ev\n"),
        ("binary.csv", b"PK\x03\x04\0\0"),
        ("broken.xlsx", b"PK\x03\x04"),
        ("broken.parquet", b"PAR1"),
        ("broken.xyz", b"3\nno lattice\nLi 0 0 0\n"),
        ("data.pickle", b"\x80\x04."),
    ],
)
def test_that_a_file_that_is_no_data_is_told(
    check: Check, tmp_path: Path, file: str, content: bytes
) -> None:
    (tmp_path / file).write_bytes(content)
    reading = check(file, "missing.json")
    assert reading.used == 0
    assert {p.source.file for p in reading.problems} == {file, "missing.json"}


# ------------------------------------------------------------------ doubles


def test_that_names_that_occur_twice_are_mended(check: Check, tmp_path: Path) -> None:
    one, two = own_records(2)
    write_bands([one, BandRecord(one.sys_name, two.band, two.target_ev)], tmp_path / "twice.json")
    reading = check("twice.json")
    assert only(reading, "same_name").mend is Mend.RENAME
    assert reading.names == (one.sys_name, f"{one.sys_name}-2")


def test_that_duplicates_are_left_out_in_any_cell_and_direction(
    check: Check, tmp_path: Path
) -> None:
    record = own_records(1)[0]
    again = BandRecord("again", record.band.reversed(), record.target_ev)
    write_bands([record, again], tmp_path / "double.json")
    reading = check("double.json")
    assert record.sys_name in only(reading, "duplicate").text
    assert reading.used == 1
    assert check("double.json", mends=()).used == 2


@pytest.mark.parametrize(("barrier", "code"), [(0.41, "duplicate"), (0.45, "contradiction")])
def test_that_a_path_between_unlike_places_is_known_again_backwards(
    barrier: float, code: str
) -> None:
    places = [[0.3, 0.2, 0.4], [0.7, 0.6, 0.1], [0.1, 0.7, 0.8]]
    host = Structure(Lattice.cubic(9.0), ["O", "S", "Fe"], places)
    band = Band(host, "Li", linear_path(np.full(3, 0.1), np.array([0.4, 0.5, 0.2])))
    checker, source = Checker(), Source("a table")
    found = [
        checker.check(Candidate(source, name, BandRecord(name, way, energy)))
        for name, way, energy in (("there", band, 0.4), ("back", band.reversed(), barrier))
    ]
    assert [[problem.code for problem in one.problems] for one in found] == [[], [code]]


def test_that_a_path_is_kept_whose_twin_cannot_be_used(check: Check, tmp_path: Path) -> None:
    for name in ("first", "second"):
        neb(tmp_path / "nebs" / name, [-100.0, -99.7, -99.4, -99.8, -100.0])
    (tmp_path / "nebs" / "first" / "01").rename(tmp_path / "nebs" / "first" / "lost")
    reading = check("nebs")
    assert reading.names == ("second",)
    assert [p.code for p in reading.problems] == ["missing_image"]


def test_that_a_charged_crystal_is_no_duplicate_of_the_discharged_one(
    check: Check, tmp_path: Path
) -> None:
    record = own_records(1)[0]
    host = record.band.host.copy()
    host.append(record.band.ion, [0.625, 0.625, 0.625])
    full = BandRecord("full", Band(host, record.band.ion, record.band.path), record.target_ev)
    write_bands([record, full], tmp_path / "both.json")
    assert check("both.json").problems == ()


def test_that_contradicting_barriers_are_told(check: Check, tmp_path: Path) -> None:
    record = own_records(1)[0]
    again = BandRecord("again", record.band, (record.target_ev or 0) + 0.3)
    write_bands([record], tmp_path / "one.json")
    write_bands([again], tmp_path / "two.json")
    reading = check("one.json", "two.json")
    assert "one.json, row 1" in only(reading, "contradiction").text
    assert reading.used == 2


@pytest.mark.reference_data
def test_that_paths_of_the_bundled_data_are_told(
    check: Check, tmp_path: Path, training_bands: Path
) -> None:
    published = json.loads(training_bands.read_text())[:2]
    (tmp_path / "known.json").write_text(json.dumps(published))
    reading = check("known.json", known=bundled_paths())
    assert [p.code for p in reading.problems] == ["known_path"] * 2
    assert reading.used == 2


# ------------------------------------------------------------------ NEB folders


def test_that_finished_nebs_are_read(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "nebs" / "LiTiO" / "path_1", [-100.0, -99.7, -99.4, -99.8, -100.1])
    neb(tmp_path / "nebs" / "wide", [-100.0, -99.9, -99.95], edge=4.4)
    for place in ("00/POSCAR", "01/POSCAR", "01/OUTCAR", "02/POSCAR"):
        file = tmp_path / "nebs" / "wide" / place
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    reading = check("nebs")
    assert reading.problems == ()
    assert dict(zip(reading.names, reading.barriers, strict=True)) == pytest.approx(
        {"LiTiO_path_1": 0.7, "wide": 0.1}
    )


def test_that_a_damaged_compressed_end_is_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.8, -100.0])
    whole = gzip.compress((tmp_path / "neb" / "00" / "POSCAR").read_bytes())
    (tmp_path / "neb" / "00" / "CONTCAR.gz").write_bytes(whole[:-20])
    assert "CONTCAR.gz: cannot be unpacked" in only(check("neb"), "unreadable").text
    (tmp_path / "neb" / "00" / "CONTCAR.gz").unlink()
    outcar = tmp_path / "neb" / "01" / "OUTCAR"
    packed = gzip.compress(outcar.read_bytes())
    outcar.with_name("OUTCAR.gz").write_bytes(packed[:20] + b"\xff" * 20 + packed[40:])
    outcar.unlink()
    assert "01/OUTCAR" in only(check("neb"), "missing_energy").text


def test_that_a_neb_without_the_energies_of_its_ends_is_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [None, -99.7, -99.4, -99.8, None])
    reading = check("neb")
    assert "00/OUTCAR, 04/OUTCAR" in only(reading, "missing_energy").text
    (tmp_path / "rows").mkdir()
    (tmp_path / "neb").rename(tmp_path / "rows" / "neb")
    table(tmp_path / "rows", ["neb,0.61"], "folder,barrier_ev")
    reading = check("rows/barriers.csv")
    assert reading.problems == ()
    assert reading.barriers == pytest.approx([0.61])


@pytest.mark.parametrize("outcars", [[None] * 5, [None, -99.7, -99.4, -99.8, None]])
def test_that_a_barrier_table_stands_in_for_outcars(
    check: Check, tmp_path: Path, outcars: list[float | None]
) -> None:
    neb(tmp_path / "neb", outcars)
    lines = [f"{i} {0.7 * i:.3f} {e:.4f} 0.0 {i}" for i, e in enumerate((0, 0.3, 0.6, 0.2, -0.1))]
    (tmp_path / "neb" / "neb.dat").write_text("\n".join(lines))
    assert check("neb").barriers == pytest.approx([0.7])


def test_that_unconverged_images_are_told_beside_a_barrier_table(
    check: Check, tmp_path: Path
) -> None:
    neb(tmp_path / "neb", [None, -99.7, -99.4, -99.8, None], done=False)
    lines = [f"{i} {0.7 * i:.3f} {e:.4f} 0.0 {i}" for i, e in enumerate((0, 0.3, 0.6, 0.2, -0.1))]
    (tmp_path / "neb" / "neb.dat").write_text("\n".join(lines))
    reading = check("neb")
    assert "01, 02, 03" in only(reading, "not_converged").text
    assert reading.barriers == pytest.approx([0.7])


def test_that_an_unconverged_and_a_missing_image_are_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.8, -100.0], done=False)
    reading = check("neb")
    assert "01, 02, 03" in only(reading, "not_converged").text
    assert reading.used == 1
    (tmp_path / "neb" / "02").rename(tmp_path / "neb" / "second")
    reading = check("neb")
    assert "02" in only(reading, "missing_image").text
    assert reading.used == 0


def test_that_an_image_that_cannot_be_read_is_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.8, -100.0])
    for file in (tmp_path / "neb" / "02").glob("*CAR"):
        if file.name != "OUTCAR":
            file.write_text("cut")
    reading = check("neb")
    assert "taken to go the shortest way" in only(reading, "unreadable_image").text
    assert reading.used == 1


@pytest.mark.parametrize("end", ["00", "04"])
def test_that_a_missing_end_is_told(check: Check, tmp_path: Path, end: str) -> None:
    neb(tmp_path / "nebs" / "whole", [-100.0, -99.7, -99.4, -99.8, -100.0], edge=4.4)
    neb(tmp_path / "nebs" / "cut", [-100.0, -99.7, -99.4, -99.8, -100.0])
    (tmp_path / "nebs" / "cut" / "INCAR").write_text("NSW = 200\n images=3 ; SPRING = -5\n")
    (tmp_path / "nebs" / "cut" / end).rename(tmp_path / "nebs" / "cut" / "end")
    reading = check("nebs")
    assert f"The images {end} are missing" in only(reading, "missing_image").text
    assert (reading.used, reading.found) == (1, 2)


def test_that_images_of_an_earlier_longer_band_are_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.8, -100.0])
    (tmp_path / "neb" / "INCAR").write_text("IMAGES = 2\n")
    reading = check("neb")
    assert "the band ends at 03; 04 are of another run" in only(reading, "extra_image").text
    assert reading.used == 0


def test_that_an_electronic_step_that_was_cut_short_gives_no_energy(
    check: Check, tmp_path: Path
) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.8, -100.0])
    with (tmp_path / "neb" / "02" / "OUTCAR").open("a") as outcar:
        outcar.write("  energy without entropy =      -97.1  energy(sigma->0) =      -97.0\n")
    assert check("neb").barriers == pytest.approx([0.6])


def test_that_a_band_without_a_saddle_is_told(check: Check, tmp_path: Path) -> None:
    neb(tmp_path / "neb", [-100.0, -99.7, -99.4, -99.1])
    assert only(check("neb"), "no_saddle").level is Level.ERROR


def test_that_the_steps_of_a_band_in_one_file_are_not_taken_for_one_band(
    check: Check, tmp_path: Path
) -> None:
    band = rock_salt_band()
    frames = [AseAtomsAdaptor.get_atoms(band.image(i), msonable=False) for i in range(5)]
    write(tmp_path / "steps.xyz", [*frames, *frames], format="extxyz")
    assert "frame 6" in only(check("steps.xyz"), "several_bands").text


def test_that_a_file_that_is_no_extended_xyz_is_told_why(check: Check, tmp_path: Path) -> None:
    (tmp_path / "cut.xyz").write_text("7\nwater\nO 0 0 0\n")
    assert "None" not in only(check("cut.xyz"), "unreadable").text


def test_that_a_folder_without_nebs_is_told(check: Check, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no NEB" in only(check("empty"), "unreadable").text


# ------------------------------------------------------------------ what becomes of it


def test_that_nothing_is_written_where_nothing_is_usable(tmp_path: Path) -> None:
    record = own_records(1)[0]
    write_bands([BandRecord("x", record.band, None)], tmp_path / "x.json")
    target = tmp_path / "out" / "own.parquet"
    target.parent.mkdir()
    with pytest.raises(BandsFileError, match="no barrier"):
        import_data([tmp_path / "x.json"], target)
    assert list(target.parent.iterdir()) == []


def test_that_good_paths_are_kept_beside_bad_ones(tmp_path: Path) -> None:
    write_bands(own_records(3), tmp_path / "good.json")
    (tmp_path / "bad.json").write_text("[{}]")
    target = tmp_path / "own.parquet"
    reading = import_data([tmp_path / "good.json", tmp_path / "bad.json"], target)
    dataset = BarrierDataset(target)
    assert reading.found == 4
    assert len(dataset) == reading.used == 3
    assert str(dataset.sources[2]) == "good.json, row 3"

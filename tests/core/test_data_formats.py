"""Where barriers come from: tables, extended XYZ, LiTraj's folders, and the dataset itself."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.datasets import BandRecord, data_hash, write_bands
from migbar.datasets.checks import Checker
from migbar.datasets.problems import Source
from migbar.datasets.reading import Reading, ReadOptions, import_data, read_candidates
from migbar.datasets.splits import TRAINING, Scheme, SplitError, SplitOptions, split_dataset
from migbar.datasets.storage import BarrierDataset
from migbar.datasets.writing import convert
from migbar.descriptors import descriptor_matrix
from migbar.errors import BandsFileError
from tests.core.own_bands import own_records, rock_salt_band, write_dataset


def frames(path: Band, energies: list[float] | None = None, **info: Any) -> list[Atoms]:
    """Write a band as ASE's images."""
    made = []
    for number in range(len(path.path)):
        image = path.image(number)
        atoms = Atoms(
            [site.specie.symbol for site in image],
            scaled_positions=image.frac_coords,
            cell=image.lattice.matrix,
            pbc=True,
            info=dict(info),
        )
        if energies:
            atoms.calc = SinglePointCalculator(atoms, energy=energies[number])
        made.append(atoms)
    return made


def read(path: Path, options: ReadOptions | None = None) -> tuple[Reading, list[BandRecord]]:
    target = path.parent / "out.parquet"
    reading = import_data([path], target, options or ReadOptions())
    return reading, BarrierDataset(target).records()


def same(one: Band, other: Band) -> bool:
    """Whether two bands look the same to a model."""
    return np.allclose(descriptor_matrix([one]), descriptor_matrix([other]), atol=1e-3)


def test_that_bands_in_one_xyz_file_are_told_apart_by_their_names(tmp_path: Path) -> None:
    first, second, third = (rock_salt_band(edge=edge) for edge in (4.1, 4.4, 4.7))
    images = frames(first, [0.0, 0.3, 0.5, 0.3, 0.1], band="one")
    images += frames(second, barrier_ev=0.25, band="two", split="val")
    images += frames(third, [0.1, 0.3, 0.5, 0.3, -0.1], band="three")  # from the higher end
    write(tmp_path / "bands.extxyz", images)
    reading, records = read(tmp_path / "bands.extxyz")
    assert reading.problems == ()
    assert [r.sys_name for r in records] == ["one", "two", "three"]
    assert [r.target_ev for r in records] == pytest.approx([0.5, 0.25, 0.6])
    assert all(same(r.band, b) for r, b in zip(records, (first, second, third), strict=True))
    assert BarrierDataset(tmp_path / "out.parquet").parts == ["", "val", ""]


@pytest.mark.parametrize(
    ("energies", "barrier", "codes"),
    [
        ([0.0, 0.1, 0.2, 0.5, 0.3], 0.5, []),
        ([0.3, 0.5, 0.2, 0.1, 0.0], 0.5, []),  # above the lower end, whichever that is
        ([0.0, 0.1, 0.2, 0.3, 0.4], None, ["no_saddle", "no_barrier"]),
        ([0.0, 0.1, 0.4, 0.1, None], None, ["no_barrier"]),
        ([0.0, 0.1, np.nan, 0.1, 0.0], None, ["bad_barrier"]),
    ],
)
def test_that_the_energies_of_images_tell_the_barrier(
    tmp_path: Path, energies: list[float | None], barrier: float | None, codes: list[str]
) -> None:
    images = frames(rock_salt_band())
    for image, energy in zip(images, energies, strict=True):
        if energy is not None:
            image.calc = SinglePointCalculator(image, energy=energy)
    write(tmp_path / "bands.extxyz", images)
    (candidate,) = map(Checker().check, read_candidates(tmp_path / "bands.extxyz"))
    assert candidate.name == "bands-1"
    assert candidate.record is not None
    assert candidate.record.target_ev == (barrier and pytest.approx(barrier))
    assert [p.code for p in candidate.problems] == codes


def test_that_images_of_the_ion_alone_are_no_band(tmp_path: Path) -> None:
    images = [image[:1] for image in frames(rock_salt_band(), barrier_ev=0.4)]
    write(tmp_path / "ion.extxyz", images)
    reading = import_data([tmp_path / "ion.extxyz"], None)
    assert [p.code for p in reading.problems] == ["no_host"]


def test_that_litraj_bands_are_read_by_their_index(tmp_path: Path) -> None:
    folder = tmp_path / "nebDFT2k"
    folder.mkdir()
    band = rock_salt_band()
    write(folder / "mp-1_0_1_0_0_0_relaxed.xyz", frames(band, [0.0, 0.2, 0.4, 0.2, 0.0]))
    (folder / "nebDFT2k_index.csv").write_text(
        "material_id,edge_id,chemsys,em_bvse,em_dft,_split\n"
        "mp-1,mp-1_0_1_0_0_0,Li-O-Ti,0.9,0.41,train\nmp-2,mp-2_0_1_0_0_0,Li-O-Ti,0.9,0.5,test\n"
    )
    reading, records = read(folder)
    assert [p.code for p in reading.problems] == ["missing_file"]
    assert reading.problems[0].source.row == 3
    assert (records[0].sys_name, records[0].target_ev) == ("mp-1_0_1_0_0_0", 0.41)
    assert same(records[0].band, band)
    assert BarrierDataset(tmp_path / "out.parquet").parts == ["train"]


@pytest.mark.parametrize("end", ["mp-2,mp-2", "\n,,\n", "\xe9,e,Li,0.9,0.5,test"])
def test_that_a_damaged_index_of_litraj_spoils_no_other_row(tmp_path: Path, end: str) -> None:
    write(tmp_path / "a_relaxed.xyz", frames(rock_salt_band(), [0.0, 0.2, 0.4, 0.2, 0.0]))
    rows = f"\ufeffmaterial_id,chemsys,em_dft,_split,edge_id\nmp-1,Li-O-Ti,0.41,train,a\n{end}"
    encoding = "latin-1" if end.startswith("\xe9") else "utf-8"
    (tmp_path / "set_index.csv").write_bytes(rows.encode(encoding, errors="ignore"))
    (record,) = import_data([tmp_path], None).names
    assert record == "a"


def test_that_litraj_supercells_with_a_dummy_atom_become_bands(tmp_path: Path) -> None:
    folder = tmp_path / "nebBVSE122k"
    folder.mkdir()
    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    ).make_supercell([2, 2, 2], in_place=False)
    lithium = [i for i, site in enumerate(cell) if site.specie.symbol == "Li"]
    start = lithium[0]
    end = min(lithium[1:], key=lambda i: cell.get_distance(start, i))
    _, image = cell.lattice.get_distance_and_image(cell[start].frac_coords, cell[end].frac_coords)
    middle = (cell[start].frac_coords + cell[end].frac_coords + image) / 2
    atoms = Atoms(
        [*(site.specie.symbol for site in cell), "X"],
        scaled_positions=np.vstack([cell.frac_coords, middle]),
        cell=cell.lattice.matrix,
        pbc=True,
        info={"edge_id": "mp-1_0_1_0_0_0", "em": 0.33},
    )
    write(folder / "nebBVSE122k_train.xyz", [atoms])
    (folder / "nebBVSE122k_index.csv").write_text(
        "material_id,edge_id,chemsys,_split,em\nmp-1,mp-1_0_1_0_0_0,Li-F,train,0.33\n"
    )
    reading, records = read(folder)
    assert [p.code for p in reading.problems] == ["other_method"]
    band = records[0].band
    assert band.length == pytest.approx(4.03 / 2**0.5, abs=1e-3)
    assert len(band.host) == 62
    assert records[0].target_ev == 0.33


def test_that_a_dummy_atom_in_the_middle_of_two_hops_is_refused(tmp_path: Path) -> None:
    places = [*np.ndindex(3, 3, 3), (0.5, 0.5, 0)]  # between two diagonals of a square
    atoms = Atoms("Li27X", scaled_positions=np.array(places) / 3, cell=np.eye(3) * 9, pbc=True)
    write(tmp_path / "square.extxyz", [atoms])
    (candidate,) = read_candidates(tmp_path / "square.extxyz")
    assert [p.text for p in candidate.problems] == [
        "Several pairs of Li lie on opposite sides of the dummy atom."
    ]


def test_that_an_excel_table_with_other_column_names_is_read(tmp_path: Path) -> None:
    from openpyxl import Workbook

    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    cell.to(filename=str(tmp_path / "LiF.cif"))
    book = Workbook()
    for row in (
        ["Sample", "File", "From", "To", "E_act / eV", "Class", "Mechanism"],
        ["A", "LiF.cif", 0, 1, 0.61, "Fluorides", None],
        ["B", "LiF.cif", "0,0,0", "0.5,0.5,0", "0.62 eV", None, "single-ion"],
    ):
        book.active.append(row)
    book.save(tmp_path / "table.xlsx")
    options = ReadOptions(columns={"barrier": "E_act / eV", "name": "sample"})
    reading, records = read(tmp_path / "table.xlsx", options)
    assert reading.problems == ()
    assert [(r.sys_name, r.target_ev, r.family) for r in records] == [
        ("A", 0.61, "fluoride"),
        ("B", 0.62, ""),
    ]
    assert "Li" not in records[1].band.host.symbol_set


def test_that_a_row_of_no_element_is_left_out(tmp_path: Path, examples_dir: Path) -> None:
    shutil.copy(examples_dir / "FePO4.cif", tmp_path)
    (tmp_path / "table.csv").write_text(
        'structure,ion,from,to,dft_barrier_ev\nFePO4.cif,Lithium,"0,0,0","0,0.5,0",0.4\n'
    )
    reading = import_data([tmp_path / "table.csv"], None)
    assert reading.names == ()
    assert "'Lithium' is not a chemical element" in reading.problems[0].text


def test_that_a_dataset_gives_back_what_was_put_in(tmp_path: Path) -> None:
    records = own_records(450)
    dataset = write_dataset(records, tmp_path / "own.parquet")
    assert data_hash(dataset.records()) == data_hash(records)
    assert [dataset[i].sys_name for i in (449, 0, 200)] == [
        records[i].sys_name for i in (449, 0, 200)
    ]
    assert dataset.groups == [r.group for r in records]
    assert dataset.sources[449] == Source("a.csv", 449)


def test_that_bands_are_read_only_when_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(own_records(900), tmp_path / "own.parquet")
    dataset = BarrierDataset(tmp_path / "own.parquet")
    groups: list[int] = []
    whole = dataset._file.read_row_group
    monkeypatch.setattr(
        type(dataset._file), "read_row_group", lambda self, k: groups.append(k) or whole(k)
    )
    assert dataset[850].band.ion in ("Li", "Mg")
    assert dataset[899].sys_name
    assert groups == [4]


def dataset_of(tmp_path: Path, parts: Sequence[str] = ("",), count: int = 60) -> BarrierDataset:
    return write_dataset(own_records(count), tmp_path / "own.parquet", parts)


def test_that_groups_are_never_split(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    for options in (SplitOptions(), SplitOptions(folds=4)):
        split = split_dataset(dataset, options)
        sides: dict[object, set[int]] = {}
        for group, fold in zip(dataset.groups, split.fold.tolist(), strict=True):
            sides.setdefault(group, set()).add(fold)
        assert all(len(folds) == 1 for folds in sides.values())
        assert not any("Leak" in warning for warning in split.warnings)
    assert 6 <= (split_dataset(dataset).fold != TRAINING).sum() <= 18


def test_that_leaks_of_other_schemes_are_told(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    for scheme in (Scheme.RANDOM, Scheme.CLASSES):
        split = split_dataset(dataset, SplitOptions(scheme))
        assert (split.fold != TRAINING).sum() == 12
        assert any("Leak: " in warning for warning in split.warnings)
    parts = ["train"] * 13 + ["test"] * 2  # of 14 groups the first comes again
    split = split_dataset(dataset_of(tmp_path, parts, 15), SplitOptions(Scheme.COLUMN))
    assert any("Leak: 1 of 2 held-out" in warning for warning in split.warnings)


def in_classes(tmp_path: Path, **counts: int) -> BarrierDataset:
    families = [family for family, count in counts.items() for _ in range(count)]
    records = own_records(len(families))
    made = [replace(r, family=f.strip("_")) for r, f in zip(records, families, strict=True)]
    return write_dataset(made, tmp_path / "own.parquet")


def test_that_every_class_gives_its_share_and_the_smallest_none(tmp_path: Path) -> None:
    dataset = in_classes(tmp_path, spinel=100, garnet=60, _=36, rare=3, single=1)
    held = split_dataset(dataset, SplitOptions(Scheme.CLASSES)).fold
    assert set(held.tolist()) == {0, TRAINING}
    families = np.array(dataset.families)
    assert Counter(families[held == 0]) == {"spinel": 20, "garnet": 12, "": 7, "rare": 1}
    parts = split_dataset(dataset, SplitOptions(Scheme.CLASSES, folds=4))
    assert parts.folds == 4
    for family in set(dataset.families):
        of_each = np.bincount(parts.fold[families == family], minlength=4)
        assert of_each.max() - of_each.min() <= 1


def test_that_groups_are_held_out_up_to_the_share(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)  # 14 groups of 4 or 5
    for share in (0.2, 0.5, 0.999):
        for seed in range(5):
            fold = split_dataset(dataset, SplitOptions(validation=share, seed=seed)).fold
            assert (fold == 0).sum() == pytest.approx(60 * share, abs=5)
            assert set(fold.tolist()) == {0, TRAINING}


def test_that_what_makes_scores_doubtful_is_told(tmp_path: Path) -> None:
    records = own_records(60)
    records[7] = replace(records[7], target_ev=None)
    dataset = write_dataset(records, tmp_path / "own.parquet")
    told = " ".join(split_dataset(dataset, SplitOptions(folds=6)).warnings)
    assert "paths are held out in a fold" in told
    assert "1 path without a barrier:" in told
    one = split_dataset(dataset, SplitOptions(Scheme.RANDOM, validation=0.01))
    assert any("Only 1 path is held out:" in warning for warning in one.warnings)
    plenty = split_dataset(dataset_of(tmp_path), SplitOptions(validation=0.3))
    assert plenty.warnings == ()


@pytest.mark.parametrize(
    "options",
    [{"validation": 0.0}, {"validation": 1.0}, {"folds": 1}, {"folds": -2}],
)
def test_that_a_split_that_makes_no_sense_is_refused(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(SplitError, match="between 0 and 1"):
        split_dataset(dataset_of(tmp_path), SplitOptions(Scheme.RANDOM, **options))


def test_that_a_split_depends_on_the_seed_and_not_on_the_order(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path)
    (tmp_path / "b").mkdir()
    turned = write_dataset(reversed(dataset.records()), tmp_path / "b" / "own.parquet")
    for scheme in (Scheme.GROUPS, Scheme.CLASSES, Scheme.RANDOM):
        options = SplitOptions(scheme, folds=3)
        fold = split_dataset(dataset, options).fold
        assert (split_dataset(turned, options).fold[::-1] == fold).all()
        other = split_dataset(dataset, SplitOptions(scheme, folds=3, seed=1)).fold
        assert (other != fold).any()


def test_that_the_own_column_decides(tmp_path: Path) -> None:
    split = split_dataset(dataset_of(tmp_path, ["train", "test", ""]), SplitOptions(Scheme.COLUMN))
    assert np.bincount(split.fold + 1).tolist() == [40, 20]
    split = split_dataset(dataset_of(tmp_path, ["b", "a", "c", ""]), SplitOptions(Scheme.COLUMN))
    assert split.folds == 3
    assert np.bincount(split.fold + 1).tolist() == [15, 15, 15, 15]
    with pytest.raises(SplitError, match="no column"):
        split_dataset(dataset_of(tmp_path), SplitOptions(Scheme.COLUMN))


def test_that_a_published_archive_is_read_as_what_it_holds(tmp_path: Path) -> None:
    write_bands(own_records(2), tmp_path / "bands.json")
    with zipfile.ZipFile(tmp_path / "bands.zip", "w") as archive:
        archive.write(tmp_path / "bands.json", "set/../bands.json")
        archive.writestr("__MACOSX/x", "")
    assert len(read(tmp_path / "bands.zip")[1]) == 2
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(tmp_path / "bands.json", "../../evil.json")
    reading = import_data([tmp_path / "evil.zip"], None)
    assert "elsewhere" in reading.problems[0].text
    assert not (tmp_path.parent / "evil.json").exists()
    with zipfile.ZipFile(tmp_path / "damaged.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "bands.json", "bands.json")
    data = bytearray((tmp_path / "damaged.zip").read_bytes())
    data[60:120] = bytes([255]) * 60
    (tmp_path / "damaged.zip").write_bytes(data)
    reading = import_data([tmp_path / "damaged.zip"], None)
    assert "no readable ZIP archive" in reading.problems[0].text


def test_that_predictions_of_a_screening_are_paths_without_barriers(tmp_path: Path) -> None:
    from migbar.cli import main
    from migbar.screening.tables import export
    from migbar.structures import write_cif

    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    write_cif(cell, tmp_path / "LiF.cif")
    with pytest.raises(SystemExit) as ended:
        main(["batch", str(tmp_path / "LiF.cif"), "--ion", "Li", "--out", str(tmp_path / "r.db")])
    assert ended.value.code == 0
    candidates = list(read_candidates(tmp_path / "r.db"))
    assert candidates
    assert {p.code for c in candidates for p in c.problems} == {"predicted_barrier"}
    assert all(c.record is not None and c.record.target_ev is None for c in candidates)
    assert not any(c.accepted() for c in candidates)
    export(tmp_path / "r.db", tmp_path / "table.csv")
    exported = list(read_candidates(tmp_path / "table.csv"))
    assert {c.name for c in exported} == {c.name for c in candidates} == {"LiF: 0 → 1@0,0,0"}


@pytest.mark.parametrize("suffix", ["json", "extxyz", "parquet"])
def test_that_conversion_and_back_keeps_the_data(tmp_path: Path, suffix: str) -> None:
    records = own_records(3)
    write_dataset(records, tmp_path / "own.parquet")
    assert convert(tmp_path / "own.parquet", tmp_path / f"other.{suffix}") == (3, [])
    again = read(tmp_path / f"other.{suffix}")[1]
    assert [(r.sys_name, r.target_ev) for r in again] == [
        (r.sys_name, r.target_ev) for r in records
    ]
    assert all(same(a.band, b.band) for a, b in zip(again, records, strict=True))


def test_that_a_barrier_that_is_not_to_be_used_is_not_converted(tmp_path: Path) -> None:
    images = frames(rock_salt_band(), [0.0, 0.1, 0.2, 0.3, 0.4], band="without saddle")
    images += frames(rock_salt_band(), [0.0, 0.3, 0.5, 0.3, 0.1], band="good")
    write(tmp_path / "bands.extxyz", images)
    count, problems = convert(tmp_path / "bands.extxyz", tmp_path / "own.parquet")
    assert count == 2
    assert "no saddle point" in " ".join(problems)
    barriers = BarrierDataset(tmp_path / "own.parquet").barriers
    assert barriers == pytest.approx([np.nan, 0.5], nan_ok=True)


def test_that_a_conversion_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("[{}]")
    (tmp_path / "out").mkdir()
    with pytest.raises(BandsFileError, match="not an object"):
        convert(tmp_path / "bad.json", tmp_path / "out" / "x.extxyz")
    with pytest.raises(BandsFileError, match="cannot be written"):
        convert(tmp_path / "bad.json", tmp_path / "out" / "x.docx")
    assert list((tmp_path / "out").iterdir()) == []

import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar.bands import Band, band_from_record, band_to_record
from migbar.datasets import (
    BandRecord,
    PublishedPath,
    data_hash,
    normalised_family,
    read_bands,
    read_published_table,
    write_bands,
)
from migbar.errors import BandsFileError


@pytest.fixture
def records(empty_layered: Structure) -> list[BandRecord]:
    host = empty_layered.make_supercell([3, 3, 2], in_place=False)
    path = np.linspace([1 / 9, 2 / 9, 0.25], [2 / 9, 1 / 9, 0.25], 5)
    return [
        BandRecord("TiS2_Li", Band(host, "Li", path), 0.25, "layered"),
        BandRecord("TiS2_Mg", Band(host, "Mg", path), None),
    ]


def write(path: Path, data: object) -> Path:
    path.write_text(json.dumps(data))
    return path


def test_that_written_bands_are_read_back_the_same(
    records: list[BandRecord], tmp_path: Path
) -> None:
    write_bands(records, tmp_path / "bands.json")
    again = read_bands(tmp_path / "bands.json")
    assert [r.sys_name for r in again] == ["TiS2_Li", "TiS2_Mg"]
    assert [r.target_ev for r in again] == [0.25, None]
    assert [r.family for r in again] == ["layered", ""]
    assert np.allclose(again[0].band.path, records[0].band.path)
    assert data_hash(again) == data_hash(records)


def test_that_positions_wrapped_into_the_cell_are_one_way(
    records: list[BandRecord], tmp_path: Path
) -> None:
    band = records[0].band
    moved = Band(band.host, band.ion, band.path - [1 / 6, 0.0, 0.0])  # through the wall of the cell
    file = tmp_path / "bands.json"
    write_bands([BandRecord("TiS2_Li", moved)], file)
    data = json.loads(file.read_text())
    data[0]["atoms"]["coords"] = np.mod(data[0]["atoms"]["coords"], 1.0).tolist()
    (again,) = read_bands(write(file, data))
    assert np.ptp(np.array(data[0]["atoms"]["coords"])[:5, 0]) > 0.5
    assert np.allclose(np.diff(again.band.path, axis=0), np.diff(band.path, axis=0))


def test_that_a_path_within_the_cell_stays_as_it_is(records: list[BandRecord]) -> None:
    record = band_to_record(records[0].band, "TiS2_Li")
    for position in record["atoms"]["coords"][:5]:
        position[2] = -0.0
    assert np.signbit(band_from_record(record).path[:, 2]).all()  # data hashes tell -0 from 0


def test_that_order_does_not_change_the_data_hash_but_a_barrier_does(
    records: list[BandRecord],
) -> None:
    first, second = records
    assert data_hash([second, first]) == data_hash(records)
    other = BandRecord(first.sys_name, first.band, 0.26, first.family)
    assert data_hash([other, second]) != data_hash(records)


def test_that_layout_of_the_file_does_not_change_the_data_hash(
    records: list[BandRecord], tmp_path: Path
) -> None:
    write_bands(records, tmp_path / "tight.json")
    data = json.loads((tmp_path / "tight.json").read_text())
    (tmp_path / "loose.json").write_text(json.dumps(data, indent=4))
    hashes = {data_hash(read_bands(tmp_path / f"{name}.json")) for name in ("tight", "loose")}
    assert len(hashes) == 1


def test_that_a_group_is_the_framework_and_the_ion(layered_oxide: Structure) -> None:
    cell = layered_oxide.make_supercell([3, 3, 1], in_place=False)
    path = np.linspace([0, 0, 0], [1 / 3, 0, 0], 5)
    lithium = [i for i, site in enumerate(cell) if site.specie.symbol == "Li"]
    full, empty = cell.copy(), cell.copy()
    full.remove_sites(lithium[:2])
    empty.remove_sites(lithium)
    groups = {BandRecord("x", Band(host, "Li", path)).group for host in (full, empty)}
    assert groups == {("CoO2", "Li")}


@pytest.mark.parametrize(
    ("spelling", "family"),
    [
        ("SPINELS", "spinel"),
        ("SPINEL", "spinel"),
        ("POST-SPINEL(MAROKITE- CM)", "post-spinel"),
        ("POST-SPINELS", "post-spinel"),
        ("OXYFLUROIDES", "oxyfluoride"),
        ("SULPHIDES", "sulfide"),
    ],
)
def test_that_spellings_of_a_family_become_one(spelling: str, family: str) -> None:
    assert normalised_family(spelling) == family


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not json {", "not a JSON file"),
        ("{}", "a list of bands was expected"),
        ("[]", "empty"),
        ("[1]", "not an object"),
        ('[{"sys_name": ""}]', "no sys_name"),
        ('[{"sys_name": "a"}]', r"no readable atoms \('atoms' is missing\)"),
        ('[{"sys_name": "a", "target": "high", "atoms": {}}]', "is not a number"),
        ('[{"sys_name": "a", "target": NaN, "atoms": {}}]', "is not a number"),
        ('[{"sys_name": "a", "target": -0.1, "atoms": {}}]', "is not a number"),
    ],
)
def test_that_a_faulty_file_says_what_is_wrong(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(BandsFileError, match=words):
        read_bands(tmp_path / "bad.json")


@pytest.mark.parametrize(("place", "symbol"), [(0, "X"), (20, "X"), (20, "")])
def test_that_what_is_no_element_is_told(
    records: list[BandRecord], tmp_path: Path, place: int, symbol: str
) -> None:
    write_bands(records, tmp_path / "bands.json")
    data = json.loads((tmp_path / "bands.json").read_text())
    elements = data[0]["atoms"]["elements"]
    end = max(place + 1, 5)  # the first five are the ion
    elements[place:end] = [symbol] * (end - place)
    with pytest.raises(BandsFileError, match=f"'{symbol}' is not a chemical element"):
        read_bands(write(tmp_path / "odd.json", data))


def test_that_binary_and_missing_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BandsFileError, match="not a JSON file"):
        read_bands(tmp_path / "binary.json")
    with pytest.raises(BandsFileError, match="no such file"):
        read_bands(tmp_path / "missing.json")


def test_that_all_problems_are_told_at_once(records: list[BandRecord], tmp_path: Path) -> None:
    write_bands(records, tmp_path / "bands.json")
    good = json.loads((tmp_path / "bands.json").read_text())
    file = write(tmp_path / "mixed.json", [good[0], good[0], {"sys_name": "broken"}, 7])
    with pytest.raises(BandsFileError) as caught:
        read_bands(file)
    assert len(caught.value.problems) == 3
    assert "occurs twice" in caught.value.problems[0]


def test_that_too_large_a_file_is_not_read(
    records: list[BandRecord], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bands(records, tmp_path / "bands.json")
    monkeypatch.setattr("migbar.datasets.MAX_BYTES", 100)
    with pytest.raises(BandsFileError, match="too large"):
        read_bands(tmp_path / "bands.json")


@pytest.mark.reference_data
def test_that_the_published_paths_fall_into_279_groups(training_bands: Path) -> None:
    records = read_bands(training_bands)
    assert len(records) == 559
    assert len({record.group for record in records}) == 279


def test_that_the_published_table_is_read_with_its_blanks(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    head = "sys_name,path_info,mace_neb_relax_ev,mace_neb_no_relax_ev\n"
    file.write_text(head + "TiS2_Li,PATH 1,0.3,\n")
    assert read_published_table(file) == {"TiS2_Li": PublishedPath("PATH 1", 0.3, None)}
    file.write_text(head + "TiS2_Li,PATH 1,much,\n")
    with pytest.raises(BandsFileError, match="much"):
        read_published_table(file)
    file.write_text("sys_name,path_info\n")
    with pytest.raises(BandsFileError, match="no column mace_neb_relax_ev"):
        read_published_table(file)

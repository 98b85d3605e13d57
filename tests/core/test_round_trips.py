"""A band must come out the same whether it is read as a record or built from a crystal.

Each round trip writes a crystal as CIF with its atoms shuffled, names the hop as a user would, and asks the
command for the barrier: it must be the one that ``evaluate`` gives for the record.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Structure

from migbar.bands import Band
from migbar.cli import main
from migbar.datasets import read_bands, write_bands
from migbar.structures import read_structure, write_cif
from migbar.voids import find_voids
from tests.core.records import three_records

TOLERANCE_EV = 1e-3


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert stop.value.code == 0, captured.err
    return json.loads(captured.out)


def shuffled(structure: Structure, seed: int) -> Structure:
    order = np.random.default_rng(seed).permutation(len(structure))
    return Structure.from_sites([structure[int(i)] for i in order])


def with_both_ends(band: Band) -> Structure:
    """The crystal before the vacancy was made: host and both end sites."""
    structure = band.host.copy()
    structure.append(band.ion, band.path[0])
    structure.append(band.ion, band.path[-1])
    return structure


def end_reference(structure: Structure, ion: str, point: np.ndarray) -> str:
    """Name the site at a position, with its periodic image."""
    sites = [i for i, site in enumerate(structure) if site.specie.symbol == ion]
    shifts = point - structure.frac_coords[sites]
    off = np.abs(shifts - np.rint(shifts)).max(axis=1)
    best = int(off.argmin())
    assert off[best] < 1e-5
    i, j, k = np.rint(shifts[best]).astype(int)
    return f"{sites[best]}@{i},{j},{k}"


def predict_between_sites(capsys, band: Band, crystal: Structure, mechanism: str, folder: Path):
    file = folder / "crystal.cif"
    write_cif(crystal, file)
    # A file's atoms are wrapped into the cell, and the images count from there.
    as_read = read_structure(file)
    ends = [end_reference(as_read, band.ion, band.path[i]) for i in (0, -1)]
    return run(
        capsys, "predict", str(file), "--ion", band.ion, "--from", ends[0], "--to", ends[1],
        "--mechanism", mechanism, "--supercell", "none",
    )  # fmt: skip


def vacancy_round_trip(capsys, band: Band, folder: Path, seed: int) -> float:
    crystal = shuffled(with_both_ends(band), seed)
    return predict_between_sites(capsys, band, crystal, "vacancy", folder)["barrier_ev"]


def insertion_round_trip(capsys, band: Band, folder: Path, seed: int) -> float:
    file = folder / "host.cif"
    write_cif(shuffled(band.host, seed), file)
    ends = [",".join(repr(float(x)) for x in band.path[i]) for i in (0, -1)]
    return run(
        capsys, "predict", str(file), "--ion", band.ion, f"--from-frac={ends[0]}",
        f"--to-frac={ends[1]}", "--mechanism", "insertion", "--supercell", "none",
    )["barrier_ev"]  # fmt: skip


def single_ion_round_trip(capsys, band: Band, folder: Path, seed: int) -> float:
    """Fill the empty host with ions first: at the ends, and in voids apart from every other atom."""
    crystal = with_both_ends(band)
    for void in find_voids(band.host, band.ion):
        near = crystal.lattice.get_all_distances(void.frac_coords, crystal.frac_coords)
        if near.min() > 1.5:
            crystal.append(band.ion, void.frac_coords)
    crystal = shuffled(crystal, seed)
    return predict_between_sites(capsys, band, crystal, "single_ion", folder)["barrier_ev"]


def evaluated(capsys, bands_file: Path) -> dict[str, float]:
    result = run(capsys, "evaluate", "--bands", str(bands_file))
    return {row["sys_name"]: row["predicted_ev"] for row in result["paths"]}


# ------------------------------------------------------------------ records the project writes


@pytest.fixture
def own_bands(tmp_path: Path) -> Path:
    file = tmp_path / "bands.json"
    write_bands(three_records(), file)
    return file


def test_that_a_vacancy_hop_equals_its_record(capsys, own_bands, tmp_path):
    expected = evaluated(capsys, own_bands)
    for seed, record in enumerate(read_bands(own_bands)[:2]):
        found = vacancy_round_trip(capsys, record.band, tmp_path, seed)
        assert found == pytest.approx(expected[record.sys_name], abs=TOLERANCE_EV)


def test_that_an_insertion_equals_its_record(capsys, own_bands, tmp_path):
    expected = evaluated(capsys, own_bands)
    record = read_bands(own_bands)[2]
    found = insertion_round_trip(capsys, record.band, tmp_path, seed=1)
    assert found == pytest.approx(expected[record.sys_name], abs=TOLERANCE_EV)


def test_that_a_single_ion_hop_in_a_filled_host_equals_its_record(capsys, own_bands, tmp_path):
    expected = evaluated(capsys, own_bands)
    record = read_bands(own_bands)[2]
    found = single_ion_round_trip(capsys, record.band, tmp_path, seed=2)
    assert found == pytest.approx(expected[record.sys_name], abs=TOLERANCE_EV)


# ------------------------------------------------------------------ the published training paths


@pytest.mark.reference_data
def test_that_training_paths_survive_the_round_trip(capsys, training_bands, tmp_path):
    records = [r for r in read_bands(training_bands) if len(r.band.host) < 200]
    expected = evaluated(capsys, training_bands)
    filled = [r for r in records if r.band.ion in r.band.host.symbol_set]
    empty = [r for r in records if r.band.ion not in r.band.host.symbol_set]
    trips = (
        (vacancy_round_trip, [r for r in filled if _apart(with_both_ends(r.band))], 50),
        (insertion_round_trip, [r for r in empty if _apart(r.band.host)], 10),
        (single_ion_round_trip, [r for r in empty if _apart(with_both_ends(r.band))], 10),
    )
    off = {}
    for trip, candidates, wanted in trips:
        chosen = candidates[:: len(candidates) // wanted][:wanted]
        assert len(chosen) == wanted
        for seed, record in enumerate(chosen):
            found = trip(capsys, record.band, tmp_path, seed)
            off[trip.__name__, record.sys_name] = abs(found - expected[record.sys_name])
    worst = max(off, key=off.__getitem__)
    assert off[worst] <= TOLERANCE_EV, f"{worst}: {off[worst]:.4f} eV"


def _apart(structure: Structure) -> bool:
    distances = structure.distance_matrix + 10 * np.eye(len(structure))
    return float(distances.min()) >= 0.5

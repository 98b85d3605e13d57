from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from migbar.training import classical
from migbar.training.classical import (
    ClassicalError,
    describe,
    feature_table,
    fit_classical,
    telling_features,
)
from migbar.training.tessellation import cell_statistics, tessellate
from tests.core.small_bands import example_records, layered, rock_salt, shaken

matminer = pytest.importorskip("matminer", reason="the extra migbar[classical] is not installed")


@pytest.mark.parametrize("structure", [rock_salt(), shaken(layered(), by=0.1)])
def test_that_the_cells_fill_space_and_close_around_each_atom(structure):
    facets = tessellate(structure)
    n = len(structure)
    assert facets.volume.sum() == pytest.approx(structure.volume, rel=1e-9)
    assert np.allclose(facets.total(facets.solid_angle, n), 4 * np.pi)


def test_that_the_cell_of_rock_salt_is_a_cube():
    facets = tessellate(rock_salt(4.0))
    real = facets.area > 1e-6
    assert np.allclose(facets.area[real], 4.0)
    assert np.bincount(facets.atom[real]).tolist() == [6] * 8
    assert np.allclose(facets.distance[real], 2.0)


def test_that_the_search_goes_on_in_wide_open_cells():
    host = rock_salt(30.0)
    facets = tessellate(host)
    assert facets.volume.sum() == pytest.approx(host.volume)


def test_that_site_statistics_are_those_of_matminer():
    from matminer.featurizers.structure import (
        ChemicalOrdering,
        MaximumPackingEfficiency,
        SiteStatsFingerprint,
        StructuralHeterogeneity,
    )

    structure = shaken(layered(), by=0.15)
    structure.translate_sites(range(len(structure)), [0, 0, 0], to_unit_cell=True)
    magpie, properties = classical._magpie()
    tables = {
        name: np.array([magpie.get_elemental_property(s.specie, name) for s in structure], float)
        for name in properties
    }
    mine = cell_statistics(structure, tessellate(structure), tables)
    theirs = {}
    for featurizer in (
        SiteStatsFingerprint.from_preset("CoordinationNumber_ward-prb-2017"),
        StructuralHeterogeneity(),
        ChemicalOrdering(shells=(1, 2)),
        MaximumPackingEfficiency(),
        SiteStatsFingerprint.from_preset("LocalPropertyDifference_ward-prb-2017"),
    ):
        theirs |= zip(featurizer.feature_labels(), featurizer.featurize(structure), strict=True)
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name] == pytest.approx(value, rel=1e-5, abs=1e-7), name


def test_that_a_path_is_described_by_the_features_of_the_paper():
    record = example_records(1)[0]
    found = describe(record.band)
    assert {
        "MagpieData mode Number",
        "MagpieData avg_dev Column",
        "mean CN_VoronoiNN",
        "max relative bond length",
        "maximum neighbor distance variation",
        "mean ordering parameter shell 2",
        "avg_dev local difference in NValence",
        "ini_cn",
        "avg_ini_solid_angle",
        "path_distance",
    } <= found.keys()
    assert len(found) == 281
    assert found["path_distance"] == pytest.approx(record.band.length)
    # Both ends count, and nothing else of the final configuration.
    back = describe(record.band.reversed())
    assert back["avg_ini_bond_length"] == pytest.approx(found["avg_fin_bond_length"])


def test_that_features_are_filtered_as_published():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    loud = y + rng.normal(size=400)
    twin = loud + 0.01 * rng.normal(size=400)
    noise = rng.normal(size=400)
    x = np.column_stack([noise - y * (noise @ y) / (y @ y), twin, np.ones(400), y * 0.9, loud])
    kept = telling_features(x, y)
    assert 3 in kept
    assert len({1, 4} & set(kept)) == 1
    assert not {0, 2} & set(kept)
    assert telling_features(x, np.ones(400)).tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("kind", classical.KINDS)
def test_that_the_regressors_learn_and_repeat(kind):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(80, 6))
    y = 0.5 + 0.3 * x[:, 0] ** 2 + 0.2 * x[:, 1]
    one, two = (fit_classical(kind, x, y).predict(x) for _ in range(2))
    assert np.array_equal(one, two)
    assert np.abs(one - y).mean() < 0.5 * np.abs(y - y.mean()).mean()


def test_that_the_table_is_kept_and_follows_the_order_of_the_records(tmp_path, monkeypatch):
    records = example_records(3)
    table = feature_table(records, tmp_path)
    monkeypatch.setattr(classical, "describe", None)
    again = feature_table(records[::-1], tmp_path)
    assert again.names == table.names
    assert np.array_equal(again.values, table.values[::-1])
    with pytest.raises(TypeError):
        feature_table([replace(records[0], sys_name="new")], tmp_path)


def test_that_a_missing_matminer_says_what_to_install(monkeypatch):
    classical._magpie.cache_clear()
    monkeypatch.setitem(sys.modules, "matminer.featurizers.site.chemical", None)
    with pytest.raises(ClassicalError, match=r"migbar\[classical\]"):
        describe(example_records(1)[0].band)

"""Values go to plain JSON and come back the same; nothing else comes back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.hops import Hop, Mechanism, SiteRef
from migbar.values import DamagedDataError, UnknownKindError, pack, unpack


@dataclass(frozen=True)
class Box:
    content: Any = None
    size: float = 1.0


@dataclass(frozen=True)
class Maybe:
    sites: tuple[SiteRef, ...] = ()
    switches: dict[str, bool] = field(default_factory=dict)
    numbers: NDArray[np.float64] | None = None


KINDS = {kind.__name__: kind for kind in (Box, Maybe, Hop, Mechanism, SiteRef)}
SITE = {"!": "SiteRef", "index": 1}


def there_and_back(value):
    return unpack(json.loads(json.dumps(pack(value, KINDS))), KINDS)


@pytest.mark.parametrize(
    "value",
    [
        None,
        (1, 2.5, "three", True, (None, ())),
        [1, [2]],
        {"a": {"b": (1,)}},
        Path("/a/b.cif"),
        Mechanism.SINGLE_ION,
        Hop("Li", (0.0, 0.1, 1 / 3), (1.0, 0.0, 0.0), Mechanism.VACANCY, (SiteRef(3, (0, 1, 0)),)),
        float("inf"),
        Maybe((SiteRef(1),), {"on": False}),
    ],
)
def test_that_plain_values_come_back_equal(value):
    assert there_and_back(value) == value


def test_that_arrays_keep_type_shape_and_every_bit():
    array = (
        np.random.default_rng(1).normal(size=(4, 0, 3)),
        np.array([[0.1], [1e-300]]),
        np.eye(2, dtype=int),
    )
    for before, after in zip(array, there_and_back(array), strict=True):
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after)


def test_that_structures_keep_order_coordinates_and_labels():
    lattice = Lattice([[3.1, 0, 0.1], [0.2, 4, 0], [0, 0, 5]])
    before = Structure(
        lattice,
        ["O", "Li", "O"],
        [[0.1, -0.2, 1 / 3], [0, 0, 0], [0.5, 0.5, 1.5]],
        labels=["O1", "Li1", "O2"],
    )
    after = there_and_back(before)
    np.testing.assert_array_equal(before.frac_coords, after.frac_coords)
    np.testing.assert_array_equal(before.lattice.matrix, after.lattice.matrix)
    assert after.labels == before.labels
    assert [s.specie.symbol for s in after] == ["O", "Li", "O"]


def test_that_what_was_one_object_is_one_object_again():
    shared = Box(1)
    first, second = there_and_back((shared, Box(shared)))
    assert second.content is first


def test_that_what_cannot_be_written_is_refused():
    with pytest.raises(TypeError, match="complex"):
        pack(Box(1j), KINDS)


def test_that_an_unknown_class_or_field_is_named():
    with pytest.raises(UnknownKindError, match="Box"):
        unpack(pack(Box(), KINDS), {})
    data = pack(Box(), KINDS)
    data["objects"][0]["colour"] = "red"
    with pytest.raises(UnknownKindError, match="'colour' in a Box"):
        unpack(data, KINDS)


def test_that_a_missing_field_with_a_default_takes_it():
    data = pack(Box(2, 3.0), KINDS)
    del data["objects"][0]["size"]
    assert unpack(data, KINDS) == Box(2, 1.0)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"objects": [], "root": {"@": 0}},
        {"objects": [{"!": "Box", "size": "large"}], "root": {"@": 0}},
        {"objects": [{"!": "Box", "content": {"@": 0}}], "root": {"@": 0}},
        {
            "objects": [{"!": "array", "type": "object", "shape": [1], "data": [1]}],
            "root": {"@": 0},
        },
        {
            "objects": [{"!": "array", "type": "float64", "shape": [3], "data": [1]}],
            "root": {"@": 0},
        },
        {
            "objects": [{"!": "array", "type": "int64", "shape": [1], "data": [10**30]}],
            "root": {"@": 0},
        },
        {
            "objects": [
                {
                    "!": "structure",
                    "lattice": [[5, 0, 0], [0, 5, 0], [0, 0, 5]],
                    "species": ["Li", "Cl"],
                    "coords": [[0, 0, 0]],
                    "labels": ["Li", "Cl"],
                }
            ],
            "root": {"@": 0},
        },
        {"objects": [{"!": "Hop", "ion": "Li"}], "root": {"@": 0}},
        {"objects": [{"!": "Mechanism"}], "root": {"@": 0}},
        {"objects": [{"!": "SiteRef", "index": True}], "root": {"@": 0}},
        {"objects": [{"!": "SiteRef", "index": None}], "root": {"@": 0}},
        {"objects": [{"!": "SiteRef", "index": 1, "image": [0, 0]}], "root": {"@": 0}},
        {"objects": [{"!": "SiteRef", "index": 1, "image": [0, 0, "0"]}], "root": {"@": 0}},
        {"objects": [{"!": "Maybe", "sites": [{"@": 1}, 3]}, SITE], "root": {"@": 0}},
        {"objects": [{"!": "Maybe", "switches": {"a": "yes"}}], "root": {"@": 0}},
        {"objects": [{"!": "Maybe", "numbers": 0.5}], "root": {"@": 0}},
    ],
)
def test_that_damaged_data_is_refused(data):
    with pytest.raises(DamagedDataError, match="damaged"):
        unpack(data, KINDS)

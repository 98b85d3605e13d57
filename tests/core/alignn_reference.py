"""What ALIGNN and DGL gave, stored, and whether they are here to be asked again."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from migbar.graphs import CrystalGraph, GraphSettings

STORED = Path(__file__).parent / "data" / "alignn_reference.npz"
HAS_REFERENCE = importlib.util.find_spec("dgl") and importlib.util.find_spec("alignn")
live = pytest.mark.skipif(
    not HAS_REFERENCE, reason="ALIGNN and DGL are not installed: compared with stored outputs only"
)
GRAPHS = GraphSettings(canonize=True)


def from_reference(graph: Any, numbers: Sequence[int]) -> CrystalGraph:
    """Return the graph that DGL holds, edge for edge; ALIGNN writes the two directions side by side."""
    u, v = (side.numpy() for side in graph.edges())
    r = graph.edata["r"].numpy()
    assert np.array_equal(u[::2], v[1::2])
    assert np.allclose(r[::2], -r[1::2])
    return CrystalGraph(
        np.asarray(numbers, np.int16),
        np.column_stack([u[::2], v[::2]]).astype(np.int32),
        r[::2].astype(np.float32),
        np.ones(len(numbers), np.float32),
    )

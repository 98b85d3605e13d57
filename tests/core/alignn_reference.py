"""What ALIGNN and DGL gave, stored, and whether they are here to be asked again."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from migbar.graphs import GraphSettings

STORED = Path(__file__).parent / "data" / "alignn_reference.npz"
HAS_REFERENCE = importlib.util.find_spec("dgl") and importlib.util.find_spec("alignn")
live = pytest.mark.skipif(
    not HAS_REFERENCE, reason="ALIGNN and DGL are not installed: compared with stored outputs only"
)
GRAPHS = GraphSettings(canonize=True)

"""Small structures and data that the tests write themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from migbar.cli import main
from tests.core.processes import ROOT

TRAINING_BANDS = ROOT.parent / "shared" / "data" / "em_bands_train.json"


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line; returns exit code, stdout, stderr."""

    def _run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return _run


@pytest.fixture(scope="session")
def examples_dir() -> Path:
    return ROOT / "resources" / "examples"


@pytest.fixture(scope="session")
def training_bands() -> Path:
    """The published training paths, where they lie beside the project."""
    if not TRAINING_BANDS.exists():
        pytest.skip("the published training data are not beside the project")
    return TRAINING_BANDS


@pytest.fixture
def layered_oxide() -> Structure:
    """LiCoO2 in its hexagonal cell: three Li, each hop within the layer ends at a periodic image."""
    return Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.816, 14.05), ["Li", "Co", "O"],
        [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2395]],
    )  # fmt: skip


@pytest.fixture
def rock_salt() -> Structure:
    """LiF: four Li in a cubic cell of 4.03 Å."""
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.03), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


@pytest.fixture
def empty_layered() -> Structure:
    """TiS2: a host without any mobile ion."""
    return Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.407, 5.695), ["Ti", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.25]]
    )


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> tuple[Path, Path]:
    """A folder of 30 salts and the database of a screening that nothing happened to."""
    from migbar.screening import ScreeningOptions, run_screening
    from tests.core.salts import write_salts

    folder = tmp_path_factory.mktemp("salts")
    write_salts(folder, 30)
    database = tmp_path_factory.mktemp("undisturbed") / "results.db"
    run_screening([folder], ScreeningOptions(out=database, workers=2))
    return folder, database

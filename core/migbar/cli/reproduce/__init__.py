"""``migbar reproduce``: tables of scores, the paper's figures, and the default model, made again from data."""

from __future__ import annotations

import typer

from migbar.cli.common import Panels, add_commands
from migbar.cli.reproduce.neb import neb
from migbar.cli.reproduce.own_data import own_data
from migbar.cli.reproduce.paper import confusion, dataset_size, pathways, scenarios, table_s5
from migbar.cli.reproduce.scores import cross_validation, migbar_fast, stress_tests

app = typer.Typer(
    help="Make the paper's tables and figures, our own, and the default model again from data."
)
PANELS: Panels = {
    "The paper": {
        "table-s5": table_s5,
        "pathways": pathways,
        "dataset-size": dataset_size,
        "scenarios": scenarios,
        "confusion": confusion,
    },
    "Our own": {
        "cross-validation": cross_validation,
        "stress-tests": stress_tests,
        "own-data": own_data,
        "neb": neb,
        "migbar-fast": migbar_fast,
    },
}
add_commands(app, PANELS)

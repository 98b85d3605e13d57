"""Processes that the tests start: where they find the code, a small task for them, and waiting."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from migbar import runs
from migbar.errors import MigbarError
from migbar.files import write_text
from migbar.progress import Progress, check_cancelled

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT / 'core'}{os.pathsep}{ROOT}"}

COUNT = "tests.core.processes:count"


def count(folder: Path, options: dict[str, Any], progress: Progress) -> dict[str, int]:
    """Count to a number, remembering on disk how far it got."""
    memory = folder / "count.txt"
    begun = int(memory.read_text()) if memory.exists() else 0
    for number in range(begun, options["to"]):
        check_cancelled(progress)
        if number == options.get("fail_at"):
            raise MigbarError("Seven is unlucky; count to six.")
        write_text(memory, str(number + 1))  # whole, whenever the process is killed
        progress.report(number + 1, options["to"], "counting")
        time.sleep(options.get("pause", 0))
    return {"from": begun, "to": options["to"]}


def offer_counting(monkeypatch) -> None:
    """Make ``count`` a task of runs, which their processes know, too."""
    monkeypatch.setitem(runs.TASKS, "count", COUNT)
    monkeypatch.setattr(
        runs,
        "_command",
        lambda folder: [
            runs.sys.executable,
            "-c",
            "import sys; from migbar import runs; "
            f"runs.TASKS['count'] = {COUNT!r}; runs.work({str(folder)!r})",
        ],
    )
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait until something is the case."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)

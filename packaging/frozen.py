"""Where both programs of the frozen app start: ``migbar`` and ``migbar-gui`` share one folder of libraries.

A frozen app is its own interpreter. So it also takes what the project's code hands to one: the folder of a
run (``--work FOLDER``, see `migbar.runs`), the word for a worker of a screening (``--screening-worker``), and,
through `freeze_support`, the workers of `multiprocessing`.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path


def main() -> int:
    """Do what the program's name and its arguments ask for; return an exit code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--work"]:
        from migbar import runs

        return runs.main(arguments[1])
    if arguments[:1] == ["--screening-worker"]:
        from migbar.screening import worker

        worker.main()
        return 0
    if arguments[:1] == ["--screenshot"]:  # for the smoke run, which has no other eyes
        from migbar_gui import screenshot

        return screenshot.main(arguments[1:])
    if Path(sys.executable).stem == "migbar-gui":
        from migbar_gui import app

        return app.main(arguments)
    from migbar import cli

    cli.main()
    return 0


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())

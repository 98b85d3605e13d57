"""A process that holds a model and answers jobs: JSON lines on stdin and stdout.

The first line it gets says which model; it answers ``{"ready": true}`` or ``{"fatal": reason}``.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import warnings
from typing import Any, TextIO

BACKSTOP = 1.5
"""So many times a structure's time limit after which a worker ends itself, should nobody be left to kill it."""


def serve(jobs: TextIO, replies: TextIO) -> None:
    """Answer jobs until there are no more."""
    from migbar import __version__
    from migbar.errors import MigbarError
    from migbar.models.store import folder_of, load_model, read_card
    from migbar.screening.judging import answer
    from migbar.screening.options import Settings, digest

    def say(reply: dict[str, Any]) -> None:
        replies.write(json.dumps(reply) + "\n")
        replies.flush()

    try:
        start = json.loads(jobs.readline() or "{}")
        if start["version"] != __version__:
            raise MigbarError(
                f"this worker has MigBar {__version__}, the screening {start['version']}; install the same on both."
            )
        settings = Settings(**start["settings"])
        if digest(read_card(folder_of(settings.model)).files) != settings.model_digest:
            raise MigbarError(
                f"the model '{settings.model_name}' on this machine is not the one that was asked for; copy it here."
            )
        model = load_model(settings.model)
    except (MigbarError, OSError, KeyError, ImportError) as error:
        say({"fatal": str(error) or type(error).__name__})
        return
    say({"ready": True})
    for line in jobs:
        job = json.loads(line)
        faulthandler.dump_traceback_later(BACKSTOP * job["seconds"] + 5, exit=True)
        reply = answer(job, settings, model)
        faulthandler.cancel_dump_traceback_later()
        say(reply)


def main() -> None:
    """Serve on the process's own pipes."""
    warnings.simplefilter("ignore")
    # What a library prints must not get among the replies.
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        serve(sys.stdin, replies)
    except BrokenPipeError:  # nobody waits for the answer any more
        os._exit(0)


if __name__ == "__main__":
    main()

"""What the README and the manual show: commands and options that exist, Python that runs."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer

from migbar.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("core/**/*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}

# Examples that relax a band, or need files of the reader: only their imports are tried.
NOT_RUN = ("relax_band(", "results.db")


def commands(text: str) -> list[list[str]]:
    """Words of every ``migbar …`` in a code block or between backquotes."""
    text = re.sub(r"\\\n\s*", "", text)
    blocks = re.findall(r"^(?:    )?(?:packaging/run|migbar) +([a-z].*)$", text, re.MULTILINE)
    inline = re.findall(r"`(?:packaging/run|migbar) +([a-z][^`]*)`", text)
    return [shlex.split(line, comments=True) for line in (*blocks, *inline)]


def unknown(words: list[str]) -> list[str]:
    """What a command line names that there is not."""
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        found = command.commands.get(name) or command.commands.get("NAME")
        if found is None:
            return [name]
        command = found
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    given = {word.split("=")[0] for word in words if re.match(r"-{1,2}[a-z]", word)}
    return sorted(given - options - {"-h", "--help"})


@pytest.mark.parametrize("page", [name for name, text in TEXTS.items() if commands(text)])
def test_that_documented_commands_and_options_exist(page):
    wrong = {" ".join(words): unknown(words) for words in commands(TEXTS[page])}
    assert {line: names for line, names in wrong.items() if names} == {}


def test_that_commands_in_documents_are_found():
    assert ["paths", "FILE", "--ion", "Li"] in commands(TEXTS["README.md"])
    assert unknown(["predict", "FILE", "--ion", "Li", "--nonsense"]) == ["--nonsense"]
    assert unknown(["nonsense"]) == ["nonsense"]


@pytest.mark.parametrize("folder", ["core/migbar", "migbar_gui"])
def test_that_the_map_of_the_code_shows_all_of_it(folder):
    head = f"| where in `{folder}` |"
    parts = TEXTS["docs/extending.md"].split("\n\n")
    rows = next(part for part in parts if head in part).split(head)[1].splitlines()[2:]
    shown = re.findall(r"`(\w+/?)`", "\n".join(row.split("|")[1] for row in rows))
    modules = [path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__"]
    packages = [f"{path.parent.name}/" for path in (ROOT / folder).glob("*/__init__.py")]
    assert sorted(shown) == sorted(modules + packages)


EXAMPLES = [
    pytest.param(block, id=f"{page}-{number}")
    for page, text in TEXTS.items()
    for number, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    )
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_that_python_examples_run(example, monkeypatch):
    monkeypatch.chdir(ROOT)
    tree = ast.parse(example)
    if any(sign in example for sign in NOT_RUN):
        tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(tree, "example", "exec"), {})

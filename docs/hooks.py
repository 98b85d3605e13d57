"""What mkdocs makes from the program itself: the reference of the commands, and the icon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
TABLE = ("| option | what it does |", "| --- | --- |")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages and pictures that are made."""
    files.append(File.generated(config, "reference/cli.md", content=commands()))
    icon = (ROOT / "resources" / "icons" / "migbar.svg").read_text(encoding="utf-8")
    files.append(File.generated(config, "migbar.svg", content=icon))
    return files


def commands() -> str:
    """Write the reference of all commands."""
    import typer

    from migbar.cli import app

    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "Made from the commands themselves; `migbar COMMAND --help` tells the same.",
        "",
    ]
    return "\n".join([*lines, *describe(root, ["migbar"])]) + "\n"


def describe(command: Any, words: list[str]) -> list[str]:
    """Write what a command does, and those under it."""
    lines = []
    inner = getattr(command, "commands", {})
    if len(words) > 1:
        text = " ".join((command.help or "").split("\f")[0].split())
        lines += [f"{'#' * min(len(words), 4)} `{' '.join(words)}`", "", escaped(text), ""]
    if not inner:
        lines += parameters(command)
    for name, one in inner.items():
        lines += describe(one, [*words, name])
    return lines


def parameters(command: Any) -> list[str]:
    """Write a table of arguments and options."""
    rows = []
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        is_option = parameter.param_type_name == "option"
        named = (
            [*parameter.opts, *parameter.secondary_opts] if is_option else [parameter.name.upper()]
        )
        text = escaped(" ".join((getattr(parameter, "help", "") or "").split()))
        usual = parameter.default
        if is_option and isinstance(usual, str | int | float) and not isinstance(usual, bool):
            text += f" Default: `{usual}`."
        rows.append(f"| {', '.join(f'`{name}`' for name in named)} | {text} |")
    return [*TABLE, *rows, ""] if rows else []


def escaped(text: str) -> str:
    """Keep text from being taken for markup."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")

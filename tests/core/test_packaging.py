"""The set-up: tested versions, scripts that parse, and an import that stays light."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("packaging/run", "packaging/test", "packaging/setup.sh", ".ci/run")


def pins() -> dict[str, Version]:
    """Tested versions, by normalised name."""
    lines = (ROOT / "packaging/constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, version in pairs}


def requirements() -> list[Requirement]:
    """All that pyproject.toml asks for, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    return [Requirement(line) for names in lists for line in names]


@pytest.mark.parametrize("requirement", requirements(), ids=lambda r: r.name)
def test_that_every_requirement_is_pinned_to_a_version_it_allows(requirement):
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_that_no_pin_asks_for_a_certain_build():
    assert [name for name, version in pins().items() if version.local] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_that_scripts_parse(script):
    subprocess.run(["sh", "-n", ROOT / script], check=True)


def test_that_no_registry_is_named():
    texts = [p.read_text() for p in (ROOT / "packaging").iterdir() if p.is_file()]
    assert not any(re.search(r"https?://|index-url", text) for text in texts)


def start(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run packaging/run with some variables set and the display taken away."""
    kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [ROOT / "packaging/run", *command], env=kept | variables, capture_output=True, text=True
    )


def test_that_without_a_display_the_headless_command_is_shown():
    answer = start([])
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert "packaging/run predict" in answer.stderr


def test_that_an_unfit_python_is_named(tmp_path):
    python = tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2"\n[ "$1" = --version ]\n'
    )
    python.chmod(0o755)
    environment = tmp_path / "environment"
    answer = start(["--version"], MIGBAR_PYTHON=str(python), MIGBAR_VENV=str(environment))
    assert answer.returncode == 1
    assert f"{python} is Python 3.9.2" in answer.stderr
    assert not environment.exists()


def test_that_a_folder_with_other_things_is_not_made_an_environment(tmp_path):
    (tmp_path / "thesis.tex").touch()
    answer = start(["--version"], MIGBAR_PYTHON=sys.executable, MIGBAR_VENV=str(tmp_path))
    assert answer.returncode == 1
    assert "MIGBAR_VENV" in answer.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded in a fresh interpreter after some code."""
    code += "\nimport sys\nprint(sorted({name.partition('.')[0] for name in sys.modules}))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return set(ast.literal_eval(answer.stdout))


def test_that_no_module_of_the_core_loads_the_window_or_qt_or_vtk():
    loaded = loaded_by(
        "import importlib, pkgutil, migbar\n"
        "for module in pkgutil.walk_packages(migbar.__path__, 'migbar.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        try:\n"
        "            importlib.import_module(module.name)\n"
        "        except ModuleNotFoundError as error:\n"
        "            if error.name != 'triton':  # comes with PyTorch for CUDA alone\n"
        "                raise"
    )
    assert not loaded & {"migbar_gui", "PySide6", "qtpy", "pyvista", "pyvistaqt", "vtk"}
    assert "vtkmodules" not in loaded


def test_that_the_command_starts_without_torch():
    assert "torch" not in loaded_by("import migbar.cli")


def test_that_a_compiler_is_asked_for_where_chgnet_has_no_wheel(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location("environment", ROOT / "packaging/environment.py")
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    python = f"python{sys.version_info.major}.{sys.version_info.minor}-dev"
    monkeypatch.setattr(environment.shutil, "which", lambda name: None)
    monkeypatch.setattr(environment.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(environment, "COMPILING_SINCE", (4, 0))
    assert environment.missing_compiler() == []
    monkeypatch.setattr(environment, "COMPILING_SINCE", (3, 0))
    assert environment.missing_compiler() == ["gcc", "libc6-dev", python]
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(environment.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert environment.missing_compiler() == []

"""Files are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from migbar.files import leave_missing_folder, replacing, write_text


def test_that_a_failure_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")

    def write_half() -> None:
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_that_a_missing_folder_is_named_by_the_file_asked_for(tmp_path):
    with pytest.raises(OSError, match=r"No such file or directory: '.*/none/table\.csv'"):
        write_text(tmp_path / "none" / "table.csv", "text")


def test_that_a_full_disk_is_told_with_the_file_asked_for(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")

    def fill() -> None:
        with replacing(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device: '.*/table\.csv'"):
        fill()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that a process works in")
def test_that_pytorch_can_be_loaded_where_the_working_folder_is_gone(tmp_path):
    program = """
import os, sys
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
from migbar.files import leave_missing_folder
leave_missing_folder()
import torch
print(torch.ones(3, 3).matmul(torch.ones(3, 3)).sum().item())
"""
    place = tmp_path / "gone"
    place.mkdir()
    paths = os.pathsep.join(str(Path(path).resolve()) for path in sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program, str(place)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "27.0", done.stderr


def test_that_a_folder_that_is_there_is_not_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    leave_missing_folder()
    assert Path.cwd() == tmp_path

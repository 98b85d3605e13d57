"""Files are replaced whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from migbar.files import replacing, write_text


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

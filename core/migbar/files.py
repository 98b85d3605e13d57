"""Where the user's own things are kept, and writing files so that no crash leaves half of one behind."""

from __future__ import annotations

import errno
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

from migbar.errors import FolderInUseError

LOCK = "lock"
"""What a process holds in a folder that it works in."""

DAMAGED = (OSError, EOFError, ValueError, RuntimeError, BadZipFile, zlib.error)
"""What reading a file raises whose bytes are not those that were written; zipfile's own are RuntimeErrors."""


def user_dir() -> Path:
    """Folder of the user's models and runs: what MIGBAR_HOME names, or the system's usual place."""
    from platformdirs import user_data_dir  # training gets by without it

    return Path(os.environ.get("MIGBAR_HOME") or user_data_dir("migbar")).expanduser()


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary file beside `path` that takes its place once the block ends without an error.

    Raises
    ------
    OSError
        If the file cannot be written; what was at `path` is then still there.
    """
    target = Path(path)
    temporary = None
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.name[:40]}.", suffix=target.suffix
        )
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    except OSError as error:  # the user knows the target's name, not the temporary one
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def require_writable(path: str | Path) -> None:
    """Raise now, and not after hours of work, where no file can be written at `path`.

    Raises
    ------
    OSError
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder; name a file in it", str(target))
    if not target.absolute().parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such folder; make it first", str(target.parent)
        )
    try:
        tempfile.TemporaryFile(dir=target.absolute().parent).close()
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


@contextmanager
def held(folder: str | Path) -> Iterator[None]:
    """Make a folder where it is not there, and keep other processes out of it until the block ends.

    Raises
    ------
    FolderInUseError
        If another process holds it.
    OSError
        If it cannot be written.
    """
    from filelock import FileLock, Timeout  # training gets by without it

    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(place / LOCK).acquire(blocking=False)
    except Timeout:
        raise FolderInUseError(place) from None
    with lock:
        yield


def is_held(folder: str | Path) -> bool:
    """Whether a process holds a folder."""
    if not (Path(folder) / LOCK).exists():
        return False
    try:
        with held(folder):
            return False
    except FolderInUseError:
        return True


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def leave_missing_folder() -> None:
    """Go home where the folder that this process works in is gone.

    Without one, Intel's library ends the process as soon as PyTorch is loaded.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir(Path.home())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Downloads from a server that breaks off, is slow, changes its mind, or lies."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from migbar.datasets.download import PART, DownloadError, fetch
from migbar.errors import Cancelled
from migbar.progress import Silent

CONTENT = bytes(range(256)) * 4000
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    """Serves `CONTENT`, as badly as a test asks for."""

    break_after: ClassVar[list[int]] = []
    ranges: ClassVar[list[str | None]] = []
    resumes: ClassVar[bool] = True
    pause: ClassVar[float] = 0.0

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.ranges.append(asked)
        if self.path.startswith("/gone"):
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.resumes else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.break_after.pop(0) if self.break_after else len(body)
        time.sleep(self.pause)
        self.wfile.write(body[:cut])
        self.close_connection = True

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    Server.break_after, Server.ranges, Server.resumes, Server.pause = [], [], True, 0.0
    running = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    running.server_close()


def test_that_a_file_is_fetched_and_checked(server: str, tmp_path: Path) -> None:
    file = fetch(f"{server}/bands%20one.json?x=1", tmp_path, SHA.upper())
    assert file == tmp_path / "bands one.json"
    assert file.read_bytes() == CONTENT
    assert fetch(f"{server}/bands%20one.json", tmp_path, SHA) == file
    assert len(Server.ranges) == 1


def test_that_a_download_that_breaks_off_goes_on_where_it_was(server: str, tmp_path: Path) -> None:
    Server.break_after = [300_000, 300_000]
    assert fetch(f"{server}/a.zip", tmp_path, SHA).read_bytes() == CONTENT
    assert Server.ranges[0] is None
    assert len(Server.ranges) == 3
    assert all(asked and asked != "bytes=0-" for asked in Server.ranges[1:])


def test_that_what_was_fetched_stays_for_the_next_time(server: str, tmp_path: Path) -> None:
    Server.break_after = [400_000, 0, 0, 0]
    with pytest.raises(DownloadError, match="goes on from there"):
        fetch(f"{server}/a.zip", tmp_path)
    assert not (tmp_path / "a.zip").exists()
    assert (tmp_path / f"a.zip{PART}").stat().st_size > 0
    Server.break_after = []
    assert fetch(f"{server}/a.zip", tmp_path, SHA).read_bytes() == CONTENT


def test_that_a_whole_part_is_not_fetched_again(server: str, tmp_path: Path) -> None:
    (tmp_path / f"a.zip{PART}").write_bytes(CONTENT)
    assert fetch(f"{server}/a.zip", tmp_path, SHA).read_bytes() == CONTENT


def test_that_a_server_that_cannot_go_on_starts_anew(server: str, tmp_path: Path) -> None:
    Server.resumes = False
    (tmp_path / f"a.zip{PART}").write_bytes(b"other")
    assert fetch(f"{server}/a.zip", tmp_path, SHA).read_bytes() == CONTENT


def test_that_another_file_is_thrown_away(server: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="not the expected one"):
        fetch(f"{server}/a.zip", tmp_path, "0" * 64)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.zip").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="there already"):
        fetch(f"{server}/a.zip", tmp_path, SHA)
    assert (tmp_path / "a.zip").read_bytes() == b"mine"


def test_that_refusals_and_silence_are_told(server: str, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="404"):
        fetch(f"{server}/gone.zip", tmp_path)
    Server.pause = 1.0
    with pytest.raises(DownloadError, match="broke off after"):
        fetch(f"{server}/slow.zip", tmp_path, timeout=0.1)
    with pytest.raises(DownloadError, match="no address"):
        fetch("file:///etc/passwd", tmp_path)
    with pytest.raises(DownloadError, match="names no file"):
        fetch(f"{server}/", tmp_path)
    with pytest.raises(DownloadError):
        fetch("http://127.0.0.1:9/a.zip", tmp_path)


def test_that_a_download_can_be_cancelled(server: str, tmp_path: Path) -> None:
    class Impatient(Silent):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        fetch(f"{server}/a.zip", tmp_path, progress=Impatient())
    assert not (tmp_path / "a.zip").exists()

"""A small server that speaks OPTIMADE, well or badly, on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pymatgen.core import Structure
from pymatgen.io.optimade import OptimadeStructureAdapter


def entry(identifier: str, structure: Structure, **more: Any) -> dict[str, Any]:
    """Return a structure as a database sends it; `more` adds or replaces attributes."""
    plain = OptimadeStructureAdapter.get_optimade_structure(structure)["attributes"]
    return {"id": identifier, "type": "structures", "attributes": {**plain, **more}}


@dataclass
class Server:
    """What the server knows, and what it was asked.

    Attributes
    ----------
    url : str
        Base address.
    entries : list
        All that it sends, page by page.
    asked : list of dict
        Queries, as they came.
    answer : callable, optional
        Makes status and body for a query, in place of the entries.
    """

    url: str
    entries: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, str]], tuple[int, bytes]] | None = None
    page: int = 100

    def respond(self, query: dict[str, str]) -> tuple[int, bytes]:
        self.asked.append(query)
        if self.answer is not None:
            return self.answer(query)
        start, size = int(query.get("page_offset", 0)), min(int(query["page_limit"]), self.page)
        rest = start + size < len(self.entries)
        following = f"{self.url}/v1/structures?page_limit={size}&page_offset={start + size}"
        body = {
            "data": self.entries[start : start + size],
            "meta": {"data_returned": len(self.entries)},
            "links": {"next": {"href": following} if rest else None},
        }
        return 200, json.dumps(body).encode()


@contextmanager
def serving() -> Iterator[Server]:
    """Run the server in another thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
            status, body = server.respond(query)
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.api+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{web.server_port}")
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        web.shutdown()
        thread.join()
        web.server_close()

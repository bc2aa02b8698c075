"""A mirror of the vulnerability database on loopback, as `grype db update` reads it."""

from __future__ import annotations

import http.server
import io
import json
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import zstandard

from tests.images.database import Advisory, write_database
from tests.images.registry import digest_of


class Mirror:
    """Files by path; `fetched` are the paths that were asked for in full, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []

    def publish(
        self, built: datetime, advisories: Sequence[Advisory], *, checksum: str = ""
    ) -> str:
        """Offer a database, under a wrong checksum where one is given; returns its path."""
        with tempfile.TemporaryDirectory() as home:
            database = write_database(Path(home) / "vulnerability.db", built, advisories)
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(database, "vulnerability.db")
        content = zstandard.compress(archive.getvalue())
        path = f"/v6/{built:%Y%m%d%H%M%S}.tar.zst"
        self.files[path] = content
        latest = {
            "status": "active",
            "schemaVersion": "6.1.10",
            "built": built.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "path": path.rpartition("/")[2],
            "checksum": checksum or digest_of(content),
        }
        self.files["/v6/latest.json"] = json.dumps(latest).encode()
        return path


@contextmanager
def running_mirror() -> Iterator[Mirror]:
    """Serve a mirror on a free port; it is empty until something is published."""
    mirror = Mirror()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            content = mirror.files.get(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if self.command == "GET":
                mirror.fetched.append(path)
                self.wfile.write(content or b"")

        do_HEAD = do_GET

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    mirror.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield mirror
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

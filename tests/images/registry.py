"""A real registry on loopback: Debian's docker-registry on a free port, in its own directory."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Registry:
    """A registry that runs; `host` is what image references begin with."""

    host: str
    log: Path

    def push(self, layout: Path, repository: str, tag: str) -> str:
        """Push the image of an OCI layout and return the digest of its manifest."""
        with tempfile.NamedTemporaryFile("r", suffix=".digest") as digest:
            command = ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false"]
            target = f"docker://{self.host}/{repository}:{tag}"
            command += ["--digestfile", digest.name, f"oci:{layout}:image", target]
            subprocess.run(command, check=True, capture_output=True, text=True)
            return digest.read().strip()

    def push_index(self, repository: str, tag: str, manifests: Mapping[str, str]) -> str:
        """Push an index of manifests that are there: platform, `linux/arm64`, to digest."""
        entries = []
        for platform, digest in manifests.items():
            body = self._request("GET", f"/v2/{repository}/manifests/{digest}")
            system, _, architecture = platform.partition("/")
            entries.append(
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(body),
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self._request("PUT", f"/v2/{repository}/manifests/{tag}", index, INDEX)
        return "sha256:" + hashlib.sha256(index).hexdigest()

    def _request(self, method: str, path: str, body: bytes = b"", kind: str = "") -> bytes:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        headers = {"Accept": f"{MANIFEST}, {INDEX}", **({"Content-Type": kind} if kind else {})}
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        assert response.status < 300, f"{method} {path}: {response.status} {answer!r}"
        return answer


@contextmanager
def running_registry(*, htpasswd: str = "", port: int = 0) -> Iterator[Registry]:
    """Run a registry; with `htpasswd`, the content of such a file, it asks for credentials."""
    home = Path(tempfile.mkdtemp(prefix="bailiwick-registry-"))
    host = f"127.0.0.1:{port or free_port()}"
    auth = ""
    if htpasswd:
        (home / "htpasswd").write_text(htpasswd)
        auth = f"auth: {{htpasswd: {{realm: tests, path: {home}/htpasswd}}}}\n"
    (home / "config.yml").write_text(
        "version: 0.1\n"
        "log: {level: warn}\n"
        f"storage: {{filesystem: {{rootdirectory: {home}/data}}}}\n"
        f"http: {{addr: {host!r}}}\n" + auth
    )
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["docker-registry", "serve", home / "config.yml"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await_listening(host, process, log)
        yield Registry(host, log)
    finally:
        process.terminate()
        process.wait(timeout=10)
        shutil.rmtree(home, ignore_errors=True)


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _await_listening(host: str, process: subprocess.Popen[bytes], log: Path) -> None:
    name, _, port = host.partition(":")
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection((name, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"docker-registry did not start: {log.read_text()}")

"""A real registry on loopback: Debian's docker-registry on a free port, in its own directory."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TEAM = "team:pass"
HTPASSWD = "team:$2b$05$abcdefghijklmnopqrstuuZFBUbfXoM8LFiPx8LYlO/sXZB/Cwk3K\n"


Certificate = tuple[Path, Path] | None
"""A certificate and its key, for a registry that speaks TLS."""
Notify = tuple[str, str] | None
"""Where a registry sends its notifications, and the token that it shows there."""


class Registry:
    """A registry; `host` is what image references begin with."""

    def __init__(
        self,
        home: Path,
        port: int,
        htpasswd: str = "",
        notify: Notify = None,
        certificate: Certificate = None,
    ) -> None:
        self.host = f"127.0.0.1:{port}"
        self.log = home / "log"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None
        auth = tls = ""
        if certificate:
            tls = f", tls: {{certificate: {certificate[0]}, key: {certificate[1]}}}"
        if htpasswd:
            (home / "htpasswd").write_text(htpasswd)
            auth = f"auth: {{htpasswd: {{realm: tests, path: {home}/htpasswd}}}}\n"
        if notify:
            url, token = notify
            endpoint = f"name: tests, url: {url!r}, headers: {{Authorization: [Bearer {token}]}}"
            limits = "timeout: 5s, threshold: 3, backoff: 1s"
            auth += f"notifications: {{endpoints: [{{{endpoint}, {limits}}}]}}\n"
        (home / "config.yml").write_text(
            "version: 0.1\n"
            "log: {level: warn, accesslog: {disabled: false}}\n"
            f"storage: {{filesystem: {{rootdirectory: {home}/data}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: {self.host!r}{tls}}}\n" + auth
        )

    def start(self) -> None:
        """Run it; what was pushed before is there."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", self._home / "config.yml"],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        _await_listening(self.host, self._process, self.log)

    def stop(self) -> None:
        """End it, as when the registry is down."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def push(
        self, layout: Path, repository: str, tag: str = "latest", *, credentials: str = ""
    ) -> str:
        """Push the image of an OCI layout and return the digest of its manifest."""
        with tempfile.NamedTemporaryFile("r", suffix=".digest") as digest:
            command = ["skopeo", "copy", "-q", "--insecure-policy", "--dest-tls-verify=false"]
            command += ["--dest-creds", credentials] if credentials else []
            target = f"docker://{self.host}/{repository}:{tag}"
            command += ["--digestfile", digest.name, f"oci:{layout}:image", target]
            subprocess.run(command, check=True, capture_output=True, text=True)
            return digest.read().strip()

    def push_index(self, repository: str, tag: str, manifests: Mapping[str, str]) -> str:
        """Push an index of manifests that are there: platform, `linux/arm64`, to digest."""
        entries = []
        for platform, digest in manifests.items():
            body, _ = self._request("GET", f"/v2/{repository}/manifests/{digest}")
            system, _, architecture = platform.partition("/")
            entries.append(
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(body),
                    "platform": {"os": system, "architecture": architecture},
                }
            )
        return self.put_index(repository, tag, entries)

    def put_index(self, repository: str, tag: str, entries: Sequence[Mapping[str, object]]) -> str:
        """Put an index of what is there already, by its descriptors, and return its digest."""
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
        self._request("PUT", f"/v2/{repository}/manifests/{tag}", index, INDEX)
        return digest_of(index)

    def put(
        self,
        repository: str,
        manifest: Mapping[str, object],
        blobs: Sequence[bytes],
        *,
        tag: str = "",
        credentials: str = "",
    ) -> str:
        """Put a manifest with its blobs as they are, and return its digest."""
        ask = partial(self._request, credentials=credentials)
        for blob in blobs:
            _, headers = ask("POST", f"/v2/{repository}/blobs/uploads/")
            where = headers["Location"].removeprefix(f"http://{self.host}")
            kind = "application/octet-stream"
            ask("PUT", f"{where}&digest={digest_of(blob)}", blob, kind)
        body = json.dumps(manifest).encode()
        name = tag or digest_of(body)
        ask("PUT", f"/v2/{repository}/manifests/{name}", body, MANIFEST)
        return digest_of(body)

    def delete(self, repository: str, digest: str) -> None:
        """Delete an image by its digest, as a clean-up of old images does."""
        self._request("DELETE", f"/v2/{repository}/manifests/{digest}")

    def layers(self, repository: str, digest: str) -> list[Path]:
        """Return the files of an image's layers, for a test to break them."""
        body, _ = self._request("GET", f"/v2/{repository}/manifests/{digest}")
        blobs = self._home / "data/docker/registry/v2/blobs/sha256"
        names = [each["digest"].removeprefix("sha256:") for each in json.loads(body)["layers"]]
        return [blobs / name[:2] / name / "data" for name in names]

    def _request(
        self, method: str, path: str, body: bytes = b"", kind: str = "", *, credentials: str = ""
    ) -> tuple[bytes, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        headers = {"Accept": f"{MANIFEST}, {INDEX}", **({"Content-Type": kind} if kind else {})}
        if credentials:
            encoded = base64.b64encode(credentials.encode()).decode()
            headers["Authorization"] = f"Basic {encoded}"
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        assert response.status < 300, f"{method} {path}: {response.status} {answer!r}"
        return answer, response.headers


@contextmanager
def running_registry(
    *,
    htpasswd: str = "",
    port: int = 0,
    notify: Notify = None,
    certificate: Certificate = None,
) -> Iterator[Registry]:
    """Run a registry; with `htpasswd`, the content of such a file, it asks for credentials."""
    home = Path(tempfile.mkdtemp(prefix="bailiwick-registry-"))
    registry = Registry(home, port or free_port(), htpasswd, notify, certificate)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()
        shutil.rmtree(home, ignore_errors=True)


def digest_of(content: bytes) -> str:
    """Return the digest by which a registry knows some content."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


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

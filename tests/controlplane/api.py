"""Plain JSON over one kept connection: what the tests and the clean-up need of the API."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from tests.controlplane.identity import Identity

Json = dict[str, Any]

MERGE: Final = "application/merge-patch+json"
STRATEGIC: Final = "application/strategic-merge-patch+json"
APPLY: Final = "application/apply-patch+yaml"


class ApiError(Exception):
    """The API server said no; `status` is the HTTP code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


# Seconds after which a connection is not used again: the API server ends those that idle, and a
# POST that meets the end of one cannot be sent twice.
_IDLE: Final = 20.0


class Api:
    """Requests as one identity, one after the other; threads wait for each other."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        address = urlsplit(identity.server)
        assert address.hostname
        self._host, self._port = address.hostname, address.port
        self._context: ssl.SSLContext | None = None
        self._connection: http.client.HTTPSConnection | None = None
        self._used_at = time.monotonic()
        self._lock = threading.Lock()

    def __del__(self) -> None:
        """Close what a test that used it in passing did not."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next request makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def get(self, path: str) -> Json:
        """GET an object or list."""
        return self.request("GET", path)

    def create(self, path: str, body: Mapping[str, Any]) -> Json:
        """POST an object to its collection."""
        return self.request("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any], content_type: str = MERGE) -> Json:
        """PATCH an object or one of its subresources."""
        return self.request("PATCH", path, body, content_type)

    def delete(self, path: str) -> Json:
        """DELETE an object."""
        return self.request("DELETE", path)

    def request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """Send a request and parse the answer; a plain-text answer comes as {"text": …}.

        Raises:
            ApiError: The answer is not a success.
            OSError: The API server cannot be reached.
        """
        headers = {"Authorization": f"Bearer {self.identity.token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = content_type
        status, text = self._send(method, path, data, headers)
        try:
            answer: Json = json.loads(text)
        except ValueError:
            answer = {"text": text.decode(errors="replace")}
        if status >= 400:
            raise ApiError(status, str(answer.get("message") or answer))
        return answer

    def _send(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        with self._lock:
            if time.monotonic() - self._used_at > _IDLE:
                self.close()
            if self._connection is not None:
                try:
                    return self._exchange(method, path, data, headers)
                except (http.client.HTTPException, OSError):
                    # The server may have closed an idle connection, or have been started again.
                    self.close()
                    if method == "POST":
                        raise
            if self._context is None:
                self._context = ssl.create_default_context(cafile=str(self.identity.ca_file))
            self._connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=30, context=self._context
            )
            try:
                return self._exchange(method, path, data, headers)
            except BaseException:
                self.close()
                raise

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        assert self._connection is not None
        self._used_at = time.monotonic()
        self._connection.request(method, path, data, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

"""What can go wrong between us and the API server, in the server's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class ApiError(Exception):
    """A request that the API server refused or could not serve.

    `status` is the HTTP status, 0 where there was no answer. `reason` is the API's own word
    (`metav1.StatusReason`), `message` the server's sentence, `retry_after` the seconds that
    the server asked to wait, and `details` the API's `StatusDetails` as it was sent.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        *,
        retry_after: float | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.retry_after = retry_after
        self.details: Mapping[str, Any] = details or {}

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later though nobody changes anything."""
        return self.status == 0 or self.status in (409, 429) or self.status >= 500


class Unauthorized(ApiError):
    """401: the credentials are not, or no longer, known."""


class Forbidden(ApiError):
    """403: RBAC, or an admission controller, says no."""


class NamespaceTerminating(Forbidden):
    """403: the namespace is being deleted, and takes nothing new."""


class NotFound(ApiError):
    """404: no such object, or the server does not serve the kind."""


class Conflict(ApiError):
    """409: somebody changed, made or owns it meanwhile."""


class Gone(ApiError):
    """410: a resource version or continue token that the server no longer has."""


class Invalid(ApiError):
    """422, or 400 with a Status: the object is not acceptable as it is."""


class TooManyRequests(ApiError):
    """429: the server asks to slow down."""


class ServerError(ApiError):
    """5xx: the server, or what is in front of it, failed."""


class Unreachable(ApiError):
    """No usable answer: the connection failed or broke, or the time was up."""

    def __init__(self, message: str) -> None:
        super().__init__(0, "Unreachable", message)


class NotLeader(ApiError):
    """A write that was not sent, since another replica may hold the Lease by now."""

    def __init__(self) -> None:
        super().__init__(0, "NotLeader", "this replica does not hold the Lease: nothing was sent")


_BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}
_TEXT_LIMIT = 500


def from_status(status: Mapping[str, Any], *, http_status: int | None = None) -> ApiError:
    """Make the error of a `metav1.Status`, as a body or in an ERROR event of a watch."""
    details = status.get("details") or {}
    code = http_status or int(status.get("code") or 500)
    reason = str(status.get("reason") or "")
    kind = Gone if reason == "Expired" else _kind_of(code)
    if any(each.get("reason") == "NamespaceTerminating" for each in details.get("causes") or ()):
        kind = NamespaceTerminating
    return kind(
        code,
        reason or kind.__name__,
        str(status.get("message") or f"the API server answered {code}"),
        retry_after=_seconds(details.get("retryAfterSeconds")),
        details=details,
    )


def from_response(http_status: int, body: bytes, retry_after: str | None) -> ApiError:
    """Make the error of an HTTP answer that is 400 or above, whatever its body is."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        decoded = None
    if isinstance(decoded, dict) and decoded.get("kind") == "Status":
        error = from_status(decoded, http_status=http_status)
    else:
        text = body[:_TEXT_LIMIT].decode(errors="replace").strip()
        kind = _kind_of(http_status)
        error = kind(http_status, kind.__name__, text or f"the API server answered {http_status}")
    told = _seconds(retry_after)
    if told is not None:
        error.retry_after = told
    return error


def _kind_of(status: int) -> type[ApiError]:
    return _BY_STATUS.get(status, ServerError if status >= 500 else ApiError)


def _seconds(value: object) -> float | None:
    try:
        return max(0.0, float(value))  # type: ignore[arg-type]  # whatever a server may send
    except (TypeError, ValueError):
        return None

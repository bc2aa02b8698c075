from __future__ import annotations

from typing import Any

import pytest

from bailiwick.kube import errors


def status(code: int, reason: str, **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "code": code, "reason": reason, "message": "no", "details": details}


@pytest.mark.parametrize(
    "body, kind",
    [
        (status(403, "Forbidden"), errors.Forbidden),
        (
            status(403, "Forbidden", causes=[{"reason": "NamespaceTerminating", "message": "no"}]),
            errors.NamespaceTerminating,
        ),
        (status(404, "NotFound"), errors.NotFound),
        (status(409, "AlreadyExists"), errors.Conflict),
        (status(410, "Gone"), errors.Gone),
        (status(504, "Expired"), errors.Gone),
        (status(422, "Invalid", causes=None), errors.Invalid),
        (status(503, "ServiceUnavailable"), errors.ServerError),
    ],
)
def test_an_answer_becomes_the_error_that_it_means(
    body: dict[str, Any], kind: type[errors.ApiError]
) -> None:
    assert type(errors.from_status(body)) is kind


def test_the_server_says_how_long_to_wait() -> None:
    assert errors.from_status(status(429, "TooMany", retryAfterSeconds=3)).retry_after == 3

"""OpenVEX documents, and exceptions as the API has them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from bailiwick.offline.vex.importing import Terms
from bailiwick.policy.exceptions.openvex import CONTEXT
from tests.unit.controls.make import digest
from tests.unit.exceptions.make import spec

ENDS = datetime(2027, 1, 1, tzinfo=UTC)
TERMS = Terms("shop", "dana", ENDS)
CART = "registry.example.com/shop/cart"
OPENSSL = "pkg:deb/debian/openssl@3.0.9-1"


def oci(number: int = 1, repository: str = CART) -> str:
    return f"pkg:oci/cart@{digest(number)}?repository_url={repository}"


def statement(**changes: Any) -> dict[str, Any]:
    good = {
        "vulnerability": {"name": "CVE-2026-1"},
        "products": [{"@id": oci()}],
        "status": "not_affected",
        "justification": "vulnerable_code_not_in_execute_path",
        **changes,
    }
    return {name: value for name, value in good.items() if value is not None}


def document(*statements: dict[str, Any], **changes: Any) -> str:
    return json.dumps(
        {
            "@context": CONTEXT,
            "@id": "https://example.com/vex/1",
            "author": "security@example.com",
            "timestamp": "2026-11-01T00:00:00Z",
            "version": 1,
            "statements": list(statements) or [statement()],
            **changes,
        }
    )


def exception(name: str = "openssl", status: Any = None, **fields: Any) -> dict[str, Any]:
    in_force = {
        "state": "Active",
        "images": [{"image": CART, "digest": digest(), "findings": 1}],
        "imagesOmitted": 0,
        "conditions": [
            {
                "type": "InForce",
                "status": "True",
                "reason": "Active",
                "message": "",
                "lastTransitionTime": "2026-11-01T00:00:00Z",
            }
        ],
    }
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec(**fields),
        "status": in_force if status is None else status,
    }

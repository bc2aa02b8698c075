"""Which version of its profile a namespace is held to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from bailiwick.engine.objects import DeclaredObject
from bailiwick.engine.profiles.generations import Profiles
from bailiwick.engine.profiles.revisions import Revisions
from bailiwick.kube.client import Client

CREATED = datetime(2026, 11, 25, tzinfo=UTC)


def declared(kind: str, uid: str, spec: dict[str, Any]) -> DeclaredObject:
    namespace = "shop" if kind == "SecurityIntent" else ""
    return DeclaredObject(kind, namespace, "default", uid, 1, 1, CREATED, spec=spec)


def test_a_profile_that_was_replaced_by_one_of_the_same_generation_holds_as_it_is_now() -> None:
    without_api = cast(Client, None)
    profiles = Profiles(Revisions(without_api, "bailiwick-system", lambda: None), lambda _: ())
    intent = declared("SecurityIntent", "intent", {})
    for isolate in (["Ingress"], ["Ingress", "Egress"]):
        profile = declared("SecurityProfile", "-".join(isolate), {"network": {"isolate": isolate}})
        version = profiles.version(profile, intent)
        assert version is not None
        assert list(version.spec.network.isolate) == isolate

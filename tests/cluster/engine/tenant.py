"""One namespace as its team and an auditor see it, over the API: quick enough to be asked often."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from bailiwick.api.meta import API_VERSION, INTENT_NAME, MANAGED_BY, MANAGED_BY_LABEL
from tests.controlplane.api import APPLY, Api, ApiError, Json
from tests.controlplane.kubectl import eventually

T = TypeVar("T")

WITHIN: Final = 45.0  # seconds; a machine busy with other things is slow
PROFILES: Final = f"/apis/{API_VERSION}/securityprofiles"

WEB: Final = {"matchLabels": {"app": "web"}}
STORE: Final = {"matchLabels": {"app": "store"}}


def rule(name: str = "web-to-store", port: int = 8080, **other: Any) -> Json:
    """A rule inside the namespace: two policies, one for each half."""
    ends = {"from": {"workload": WEB}, "to": {"workload": STORE}}
    return {"name": name, **ends, "ports": [port], **other}


def enforcing(*rules: Json, **other: Any) -> Json:
    """The spec of an intent that isolates its namespace."""
    return {"enforcement": "Enforce", "network": {"allow": list(rules)}, **other}


class Tenant:
    """A namespace, its intent, and the policies in it."""

    def __init__(self, api: Api, name: str) -> None:
        self.api = api
        self.name = name
        self.path = f"/api/v1/namespaces/{name}"
        self.policy_path = f"/apis/networking.k8s.io/v1/namespaces/{name}/networkpolicies"
        self._intents = f"/apis/{API_VERSION}/namespaces/{name}/securityintents"
        self.intent_path = f"{self._intents}/{INTENT_NAME}"

    def declare(self, spec: Mapping[str, Any], manager: str = "team") -> Json:
        """Apply the intent server-side, as `kubectl apply --server-side` does."""
        body = {
            "apiVersion": API_VERSION,
            "kind": "SecurityIntent",
            "metadata": {"name": INTENT_NAME},
            "spec": spec,
        }
        path = f"{self.intent_path}?fieldManager={manager}&force=true"
        return self.api.patch(path, body, APPLY)

    def label(self, labels: Mapping[str, str | None]) -> Json:
        """Set labels of the namespace; None removes one."""
        return self.api.patch(self.path, {"metadata": {"labels": labels}})

    def intent(self) -> Json:
        """The intent; an assertion fails where there is none."""
        found = absent_as_none(lambda: self.api.get(self.intent_path))
        assert found is not None, f"{self.name} has no intent"
        return found

    def delete_intent(self) -> None:
        """Delete the intent without waiting for what depends on it."""
        self.api.delete(self.intent_path)

    def status(self) -> Json:
        """The intent's status, of whichever generation."""
        found: Json = self.intent().get("status") or {}
        return found

    def condition(self, kind: str) -> Json:
        """A condition as it is now, once the status speaks of the newest generation."""
        intent = self.intent()
        status = intent.get("status") or {}
        observed, newest = status.get("observedGeneration"), intent["metadata"]["generation"]
        assert observed == newest, f"{self.name}: the status is of {observed}, not {newest}"
        found = [each for each in status["conditions"] if each["type"] == kind]
        assert found, f"{self.name} has no condition {kind}"
        one: Json = found[0]
        return one

    def until(
        self, kind: str, status: str, reason: str | None = None, within: float = WITHIN
    ) -> Json:
        """Wait until a condition has a status and a reason, and return it."""

        def holds() -> Json:
            found = self.condition(kind)
            assert (found["status"], reason or found["reason"]) == (
                status,
                found["reason"],
            ), f"{self.name}: {kind} is {found['status']}, {found['reason']}: {found['message']}"
            return found

        return eventually(holds, within)

    def until_ready(self, within: float = WITHIN) -> Json:
        """Wait until the operator has done what the newest intent asks for."""
        return self.until("Ready", "True", within=within)

    def policies(self) -> dict[str, Json]:
        """Every policy of the namespace, by its name."""
        items = self.api.get(self.policy_path)["items"]
        return {each["metadata"]["name"]: each for each in items}

    def own_policies(self) -> dict[str, Json]:
        """The policies that carry the operator's label."""
        return {
            name: each
            for name, each in self.policies().items()
            if (each["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) == MANAGED_BY
        }

    def events(self, reason: str) -> list[Json]:
        """The Events with a reason about something in this namespace, or about it itself."""
        listed = self.api.get("/apis/events.k8s.io/v1/events")["items"]
        return [
            each
            for each in listed
            if each["reason"] == reason
            and self.name in (each["regarding"].get("namespace"), each["regarding"].get("name"))
        ]


def absent_as_none(ask: Callable[[], T]) -> T | None:
    """What a request returns, or None where the API server knows nothing of that name."""
    try:
        return ask()
    except ApiError as error:
        if error.status != 404:
            raise
        return None

"""What ``bailiwick uninstall`` says before it does anything."""

from __future__ import annotations

from typing import Any

import pytest

from bailiwick.cli import removal
from bailiwick.cli.uninstall import plan


def _policy(namespace: str, *owners: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "isolate",
            "namespace": namespace,
            "ownerReferences": [
                {"apiVersion": owner, "kind": "SecurityIntent", "name": "default", "uid": "u"}
                for owner in owners
            ],
        }
    }


OURS = "bailiwick.dev/v1alpha1"
FOUND = removal.Survey(
    replicas=2,
    policies=(_policy("shop", OURS), _policy("shop", "apps/v1", OURS), _policy("payments")),
    shared=frozenset(),
    definitions=("imagescans.bailiwick.dev", "securityintents.bailiwick.dev"),
)


def _steps(
    found: removal.Survey = FOUND, *, remove_policies: bool = False, keep_crds: bool = False
) -> list[str]:
    return plan(found, "bailiwick-system", "bailiwick-operator", remove_policies, keep_crds)


def test_policies_stay_unless_asked() -> None:
    assert _steps() == [
        "stop the operator (Deployment bailiwick-system/bailiwick-operator, 2 replicas)",
        "keep 3 policies in 2 namespaces in force, belonging to nobody "
        "(1 of them belong to no intent already)",
        "delete with all their objects: imagescans.bailiwick.dev, securityintents.bailiwick.dev",
    ]


def test_removing_policies_is_told_as_opening() -> None:
    assert _steps(remove_policies=True)[1] == (
        "delete 3 policies in 2 namespaces: what they isolate is then open"
    )


def test_kept_definitions_are_told() -> None:
    assert _steps(keep_crds=True)[2] == "keep the definitions and all objects of their kinds"


def test_an_empty_cluster_has_nothing_to_do() -> None:
    assert _steps(removal.Survey(None, (), frozenset(), ())) == [
        "go on without stopping the operator: "
        "there is no Deployment bailiwick-system/bailiwick-operator",
        "keep 0 policies in 0 namespaces in force, belonging to nobody",
        "find no definitions to delete",
    ]


def test_only_references_to_our_group_count_as_owned() -> None:
    assert len(FOUND.owned) == 2
    look_alike = removal.Survey(1, (_policy("a", "bailiwick.dev.example.com/v1"),), frozenset(), ())
    assert look_alike.owned == ()


def _live(name: str, half: str, **spec: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "bailiwick", "bailiwick.dev/half": half}
    return {"metadata": {"name": name, "namespace": "shop", "labels": labels}, "spec": spec}


@pytest.mark.parametrize(
    "policy, changing",
    [
        (_live("bailiwick-isolation", "isolation"), ()),
        (_live("bailiwick-isolation", "isolation", ingress=[{}]), ("shop",)),
        (_live("bailiwick-isolation", "isolation", ingress=[], egress=[{}]), ("shop",)),
        (_live("bailiwick-bridge-in-1", "bridge", ingress=[{}]), ("shop",)),
        # A rule may open everything for good.
        (_live("everything-in-1", "ingress", ingress=[{}]), ()),
    ],
)
def test_what_holds_a_namespace_open_for_a_change_is_found(
    policy: dict[str, Any], changing: tuple[str, ...]
) -> None:
    assert removal.Survey(1, (policy,), frozenset(), ()).changing == changing

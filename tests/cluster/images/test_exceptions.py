"""A vulnerability that is past its deadline is tolerated in writing, by two people, for a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bailiwick.api.meta import API_VERSION
from bailiwick.cli.approve import approve
from tests.cluster.images.conftest import ShopFactory, declare_profile
from tests.cluster.images.shop import WITHIN, Shop, container
from tests.controlplane.api import Json
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.identity import APP_TEAM, APP_TEAM_GROUP, APPROVER, Identity
from tests.controlplane.kubectl import Kubectl, eventually
from tests.controlplane.operator_process import OperatorProcess
from tests.images.build import DEBIAN_12_VULNERABLE, layout_of
from tests.images.registry import Registry

pytestmark = pytest.mark.usefixtures("operator")

VULNERABILITIES = "images-vulnerabilities"
VULNERABLE = "bailiwick_vulnerabilities"
BOTH = ("CVE-2023-5363", "CVE-2023-4911")
"""What is past its deadline in the vulnerable image: of openssl and of glibc."""

PACKAGES = [
    {"purl": "pkg:deb/debian/libssl3", "versions": "vers:deb/<3.0.11-1~deb12u2"},
    {"name": "libc6"},
]


@pytest.fixture(scope="module")
def profile(installed: ControlPlane, registry: Registry) -> str:
    """A profile by which everything of high severity is overdue at once."""
    terms = {
        "registries": [f"{registry.host}/*"],
        "remediateWithin": {"knownExploited": "1s", "high": "1s"},
    }
    return declare_profile(installed, terms, "excepting")


@pytest.fixture
def cart(shop: ShopFactory, registry: Registry, control_plane: ControlPlane) -> Excepted:
    """A namespace that runs an image in which two findings are overdue."""
    return Excepted(control_plane, shop(), registry)


def in_time(**delta: float) -> str:
    return (datetime.now(UTC) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Excepted:
    """A namespace with an image that is to be tolerated, its team, and who approves there."""

    def __init__(self, cluster: ControlPlane, team: Shop, registry: Registry) -> None:
        self.shop = team
        self.namespace = team.name
        self.image = f"{registry.host}/shop/{team.name}"
        self.digest = registry.push(layout_of(DEBIAN_12_VULNERABLE), f"shop/{team.name}")
        cluster.let_app_team_edit(team.name)
        cluster.let_approve(team.name)
        self.dana, self.noor = Kubectl(cluster.app_team), Kubectl(cluster.approver)
        team.run("cart", container(f"{self.image}@{self.digest}"))
        self.until_overdue(2)

    def body(self, name: str = "openssl", **spec: Any) -> Json:
        return {
            "apiVersion": API_VERSION,
            "kind": "VulnerabilityException",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "vulnerabilities": list(BOTH),
                "status": "not_affected",
                "justification": "vulnerable_code_not_in_execute_path",
                "reason": "the cart does not use this cipher",
                "author": APP_TEAM,
                "expiresAt": in_time(days=60),
                **spec,
            },
        }

    def get(self, name: str = "openssl") -> Json:
        return self.dana.get("vulnex", name, self.namespace)

    def approve(self, name: str = "openssl", who: Kubectl | None = None, **other: Any) -> str:
        """Approve what stands there now, as kubectl does it; returns the arguments of kubectl."""
        approval = {
            "by": APPROVER,
            "at": in_time(),
            "generation": self.get(name)["metadata"]["generation"],
            **other,
        }
        return (who or self.noor)(*self.approval(name, approval))

    def approval(self, name: str, approval: Json) -> list[str]:
        patch = json.dumps({"status": {"approval": approval}})
        where = ["vulnex", name, "-n", self.namespace]
        return ["patch", *where, "--subresource=status", "--type=merge", "-p", patch]

    def until_state(self, state: str, name: str = "openssl") -> Json:
        def told() -> Json:
            found: Json = self.get(name).get("status") or {}
            assert found.get("state") == state, found
            return found

        return eventually(told, WITHIN)

    def until_overdue(self, number: int) -> Json:
        def told() -> Json:
            found = self.shop.status()
            assert found.get("overdue") == number, found.get("images")
            return found

        return eventually(told, WITHIN)

    def control(self) -> Json:
        (found,) = (c for c in self.shop.status()["controls"] if c["id"] == VULNERABILITIES)
        report: Json = found
        return report

    def events(self, name: str = "openssl") -> set[str]:
        selector = f"regarding.name={name}"
        found = self.shop.api.get(
            f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events?fieldSelector={selector}"
        )
        return {each["reason"] for each in found["items"]}


def holds(check: Callable[[], bool]) -> None:
    def assertion() -> None:
        assert check()

    eventually(assertion, WITHIN)


def test_an_approved_exception_makes_overdue_findings_skip_until_it_ends(
    cart: Excepted, operator: OperatorProcess
) -> None:
    assert cart.control()["result"] == "fail"
    holds(lambda: operator.metric(VULNERABLE, standing="overdue") == 2)
    cart.dana.apply(cart.body())
    waiting = cart.until_state("AwaitingApproval")
    assert (waiting["matchedImages"], waiting["matchedFindings"]) == (1, 2)
    assert cart.shop.status()["overdue"] == 2

    cart.approve()
    status = cart.until_overdue(0)
    assert cart.control()["result"] == "skip"
    assert "excepted by openssl" in cart.control()["message"]
    assert "nextDue" not in status
    assert (status["images"]["clean"], status["images"]["excepted"]) == (1, 2)
    assert status["exceptions"]["active"] == 1
    holds(lambda: operator.metric(VULNERABLE, standing="overdue") == 0)
    holds(lambda: operator.metric(VULNERABLE, standing="excepted") == 2)
    excepted = {w["vulnerability"] for w in status["images"]["worst"] if "exceptedBy" in w}
    assert excepted == set(BOTH)
    # A fixed version is known for both.
    cart.until_state("Superseded")
    assert cart.get()["status"]["approval"]["by"] == APPROVER

    # A change of the spec voids the approval, and what was excepted counts again at once.
    cart.dana.apply(cart.body(expiresAt=in_time(seconds=20)))
    cart.until_overdue(2)
    assert "approved generation 1" in cart.until_state("AwaitingApproval")["message"]
    cart.approve()
    cart.until_overdue(0)
    ended = datetime.fromisoformat(cart.get()["spec"]["expiresAt"])
    cart.until_state("Expired")
    cart.until_overdue(2)
    assert datetime.now(UTC) >= ended
    holds(lambda: operator.metric(VULNERABLE, standing="overdue") == 2)
    assert operator.metric("bailiwick_exceptions", state="Expired") == 1
    assert cart.control()["result"] == "fail"
    assert cart.shop.status()["exceptions"]["expired"] == 1
    assert cart.shop.until("ExceptionsValid", "False")["reason"] == "Expired"
    holds(lambda: {"AwaitingApproval", "Approved", "ExpiresSoon", "Expired"} <= cart.events())


def test_only_somebody_else_who_says_who_they_are_approves(
    cart: Excepted, control_plane: ControlPlane
) -> None:
    cart.dana.apply(cart.body())
    cart.until_state("AwaitingApproval")
    good = {"by": APPROVER, "at": in_time(), "generation": 1}
    # The team's own roles do not let it write a status.
    assert "forbidden" in cart.dana.refused(*cart.approval("openssl", good)).lower()
    control_plane.let_approve(cart.namespace, APP_TEAM_GROUP)
    holds(
        lambda: (
            "is the author"
            in cart.dana.refused(*cart.approval("openssl", {**good, "by": APP_TEAM}))
        )
    )
    said = cart.dana.refused(*cart.approval("openssl", good))
    assert f"status.approval.by is {APPROVER}: write {APP_TEAM}" in said
    said = cart.noor.refused(*cart.approval("openssl", {**good, "generation": 2}))
    assert "the exception is at generation 1" in said
    assert cart.get()["status"].get("approval") is None
    cart.approve()
    cart.until_overdue(0)


def test_the_command_approves_what_it_shows_and_takes_it_back(
    cart: Excepted, control_plane: ControlPlane
) -> None:
    def command(who: Identity, *options: str) -> Result:
        where = ("openssl", "-n", cart.namespace, "--kubeconfig", str(who.kubeconfig))
        return CliRunner().invoke(approve, [*where, *options], input="y\n")

    cart.dana.apply(cart.body(packages=PACKAGES))
    cart.until_state("AwaitingApproval")
    refused = command(control_plane.app_team)
    assert refused.exit_code == 2
    assert "forbidden" in refused.stderr
    done = command(control_plane.approver)
    assert done.exit_code == 0, done.stderr
    for words in ("by dana", *BOTH, "name=libc6", "does not use this cipher"):
        assert words in done.stdout
    assert f"Approve it as {APPROVER}?" in done.stdout
    assert cart.get()["status"]["approval"]["by"] == APPROVER
    cart.until_overdue(0)
    assert command(control_plane.approver, "--revoke", "--yes").exit_code == 0
    cart.until_overdue(2)
    cart.until_state("AwaitingApproval")


def test_only_who_is_listed_applies_what_somebody_else_wrote(
    cart: Excepted, control_plane: ControlPlane, admin: Kubectl
) -> None:
    assert "spec.author is missing: write dana" in cart.dana.refused(
        "apply", "-f", "-", input=json.dumps(cart.body(author=None))
    )
    said = cart.dana.refused("apply", "-f", "-", input=json.dumps(cart.body(author="rosa")))
    assert "spec.author is rosa: write dana" in said
    cart.dana.apply(cart.body(author=APP_TEAM))
    # Somebody else's change makes them the author.
    said = admin.refused("apply", "-f", "-", input=json.dumps(cart.body(reason="because")))
    assert "spec.author is dana: write admin" in said
    # A label says nothing that is approved.
    admin("label", "vulnex", "openssl", "-n", cart.namespace, "seen=by-admin")

    flux = control_plane.service_account("flux-system", "applier")
    binding = ("create", "rolebinding", "flux", "-n", cart.namespace, "--clusterrole=edit")
    admin(*binding, "--serviceaccount=flux-system:applier")
    text = json.dumps(cart.body("from-git", author="rosa"))
    holds(
        lambda: (
            "write system:serviceaccount:flux-system:applier"
            in Kubectl(flux).refused("apply", "-f", "-", input=text)
        )
    )
    appliers = json.dumps({"data": {"appliers": f"someone\n{flux.name}\n"}})
    lists = ("bailiwick-exception-appliers", "-n", "bailiwick-system", "--type=merge", "-p")
    admin("patch", "configmap", *lists, appliers)
    try:
        eventually(lambda: Kubectl(flux).apply(text), WITHIN)
    finally:
        admin("patch", "configmap", *lists, json.dumps({"data": {"appliers": ""}}))
    assert "author, rosa" in cart.until_state("AwaitingApproval", "from-git")["message"]


def test_the_platforms_own_needs_nobody_elses_approval(cart: Excepted, admin: Kubectl) -> None:
    body = cart.body("platform", digests=[cart.digest], author="admin")
    body |= {"kind": "ClusterVulnerabilityException", "metadata": {"name": "platform"}}
    admin.apply(body)
    try:
        status = cart.until_overdue(0)
        worst = {w["vulnerability"]: w.get("exceptedBy") for w in status["images"]["worst"]}
        assert worst[BOTH[0]] == ["ClusterVulnerabilityException/platform"]

        def told() -> None:
            found = admin.get("cvulnex", "platform").get("status") or {}
            assert found.get("matchedImages") == 1, found

        eventually(told, WITHIN)
    finally:
        admin.delete("cvulnex", "platform")
    cart.until_overdue(2)


def test_what_cannot_be_understood_or_lasts_too_long_excepts_nothing(cart: Excepted) -> None:
    cart.dana.apply(cart.body("range", packages=[{"name": "openssl", "versions": "vers:deb/<<1"}]))
    said = cart.until_state("Invalid", "range")["message"]
    assert "spec.packages[0].versions" in said
    cart.dana.apply(cart.body("long", expiresAt=in_time(days=91)))
    cart.approve("long")
    assert (
        "is more than 90d after it was approved" in cart.until_state("Invalid", "long")["message"]
    )
    assert cart.shop.status()["overdue"] == 2
    assert cart.shop.until("ExceptionsValid", "False")["reason"] == "Invalid"


def test_columns_say_where_an_exception_stands(cart: Excepted) -> None:
    cart.dana.apply(cart.body(vulnerabilities=["CVE-1999-0001"]))
    cart.approve()
    cart.until_state("MatchesNothing")
    head, row = cart.dana("get", "vulnex", "-n", cart.namespace).splitlines()
    assert head.split()[:6] == ["NAME", "STATUS", "STATE", "IN", "FORCE", "IMAGES"]
    assert row.split()[:6] == ["openssl", "not_affected", "MatchesNothing", "True", "0", "0"]
    assert APPROVER in row

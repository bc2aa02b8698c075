"""The manifests of a platform as large as asked, the same each time, with something of everything.

Teams call each other as they do in companies: a few that everybody needs, most in chains.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

from tests.unit.offline.make import policy, profile, workload

_TEAMS: Final = (
    *("storefront", "mobile-bff", "partner-gateway", "search", "catalogue", "pricing"),
    *("basket", "checkout", "payments", "fraud", "orders", "invoicing", "shipping", "returns"),
    *("inventory", "suppliers", "recommendations", "reviews", "accounts", "loyalty"),
    *("notifications", "support-desk", "analytics", "data-platform", "identity"),
)
_ROLES: Final = (
    *("api", "web", "worker", "scheduler", "events-consumer", "events-publisher", "cache"),
    *("postgres", "search-index", "reports", "outbox-relay", "reconciliation-batch"),
)
_INSIDE: Final = (
    *(("web", "api"), ("api", "cache"), ("api", "postgres"), ("api", "search-index")),
    *(("worker", "postgres"), ("scheduler", "worker"), ("events-consumer", "worker")),
    *(("outbox-relay", "postgres"), ("reports", "postgres"), ("reconciliation-batch", "api")),
)
_NEEDED_BY_ALL: Final = "identity"
_WITHOUT_INTENT: Final = "analytics"
_IN_AUDIT: Final = "support-desk"
_PORTS: Final = {"postgres": 5432, "cache": 6379, "search-index": 9200, "api": 8443}
_NO_WAY_OUT: Final = """\
apiVersion: policy.networking.k8s.io/v1alpha1
kind: AdminNetworkPolicy
metadata: {name: no-way-out}
spec:
  priority: 10
  subject: {namespaces: {matchLabels: {kubernetes.io/metadata.name: notifications}}}
  egress: [{action: Deny, to: [{networks: [0.0.0.0/0, "::/0"]}]}]
---
"""


def platform(teams: int = len(_TEAMS), roles: int = len(_ROLES)) -> str:
    """Return the manifests of `teams` namespaces with `roles` workloads each."""
    return "".join(_manifests(_TEAMS[-teams:], _ROLES[:roles]))


def _manifests(teams: tuple[str, ...], roles: tuple[str, ...]) -> Iterator[str]:
    yield profile("network: {allowances: [{name: dns, entity: DNS}]}")
    random = Random(12)
    calls = {
        team: sorted({*random.sample(teams[n + 1 :], min(2, len(teams) - n - 1)), _NEEDED_BY_ALL})
        for n, team in enumerate(teams)
    }
    for team in teams:
        for role in roles:
            yield workload(_name(team, role), namespace=team)
        if team != _WITHOUT_INTENT:
            callers = [each for each in teams if team in calls[each] and each != team]
            yield _intent(team, roles, calls[team], callers)
    yield policy(
        "break-glass",
        "podSelector: {}, policyTypes: [Ingress, Egress], "
        "ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]",
        namespace="reviews",
    )
    yield policy(
        "vendor-access",
        "podSelector: {matchLabels: {app: analytics-api}}, ingress: [{from: [{ipBlock: "
        "{cidr: 198.51.100.0/24}}], ports: [{port: 8443}]}]",
        namespace=_WITHOUT_INTENT,
    )
    yield _NO_WAY_OUT


def _intent(team: str, roles: tuple[str, ...], calls: list[str], callers: list[str]) -> str:
    rules = [
        _rule(f"{one}-to-{other}", _peer(team, one), _peer(team, other), _PORTS.get(other, 8080))
        for one, other in _INSIDE
        if one in roles and other in roles
    ]
    rules += [
        _rule(f"to-{each}", _peer(team, "api"), _peer(each, "api", each), 8443)
        for each in calls
        if each != team
    ]
    # One team in five has not declared who may come in: half-open edges.
    if len(team) % 5 != 0:
        rules += [
            _rule(f"from-{each}", _peer(each, "api", each), _peer(team, "api"), 8443)
            for each in callers
        ]
    if team in ("payments", "shipping", "notifications"):
        rules.append(_rule("to-provider", _peer(team, "worker"), "{entity: Internet}", 443))
    if team in ("storefront", "mobile-bff", "partner-gateway"):
        rules.append(_rule("public", "{entity: Internet}", _peer(team, "web"), 8080))
    enforcement = "Audit" if team == _IN_AUDIT else "Enforce"
    spec = (
        f"profile: restricted, enforcement: {enforcement}, network: {{allow: [{', '.join(rules)}]}}"
    )
    return (
        "apiVersion: bailiwick.dev/v1alpha1\nkind: SecurityIntent\n"
        f"metadata: {{name: default, namespace: {team}}}\nspec: {{{spec}}}\n---\n"
    )


def _rule(name: str, source: str, target: str, port: int) -> str:
    return f"{{name: {name}, from: {source}, to: {target}, ports: [{port}], reason: it does}}"


def _peer(team: str, role: str, namespace: str = "") -> str:
    own = f"workload: {{matchLabels: {{app: {_name(team, role)}}}}}"
    return f"{{namespace: {namespace}, {own}}}" if namespace else f"{{{own}}}"


def _name(team: str, role: str) -> str:
    return f"{team}-{role}"

"""The words of the findings: what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bailiwick.policy.facts import Pod
from bailiwick.policy.network.dependencies import ports_key
from bailiwick.policy.network.model import NetworkFinding
from bailiwick.policy.network.reading import Reading
from bailiwick.policy.reach.pods import workload_of
from bailiwick.policy.rules import Rule, TemplateRequest, WorkloadPeer
from bailiwick.policy.selectors import Selector

NOT_OURS = (
    "neither side is in this namespace: leave out from or to, or make one of them a workload "
    "of this namespace"
)
HTTP_CLOSED = (
    "nothing that is known to enforce policies can tell HTTP requests apart, so the rule is "
    "closed, its ports too: leave out http to open the ports for all requests, or ask the "
    "platform team"
)
HTTP_OPEN = (
    "nothing that is known to enforce policies can tell HTTP requests apart: the ports are "
    "open for all requests, as the profile allows"
)
_NAMED = 3


def some(names: Sequence[str]) -> str:
    """Name a few, and count the others."""
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def too_many_rules(beyond: Sequence[str], limit: int) -> NetworkFinding:
    """Tell of the rules beyond the limit of one intent."""
    return NetworkFinding(
        "",
        "TooManyRules",
        "closed",
        f"one intent has at most {limit} rules; in the order of their names the last "
        f"{len(beyond)} are closed: {some(beyond)}. Join rules that have the same peers",
        "spec.network.allow",
    )


def template_failed(request: TemplateRequest, why: str) -> NetworkFinding:
    """Tell of an allowance whose template gave no rule."""
    return NetworkFinding(
        request.name,
        "TemplateFailed",
        "closed",
        f'template "{request.template}" gives no rule: {why}. The allowance is closed until the '
        "platform team mends it",
        request.field,
    )


def frozen(rule: Rule | TemplateRequest, kind: str) -> NetworkFinding:
    """Tell of a rule that needs a kind which cannot be read."""
    return NetworkFinding(
        rule.name,
        "Frozen",
        "warning",
        f"the operator cannot read {kind}, which this rule needs: what was there of it stays as "
        "it was until it can",
        rule.field,
    )


def about_host_network(namespace: str, reading: Reading, into: list[NetworkFinding]) -> None:
    """Tell of pods that no policy restricts."""
    reading.looked_at.add(ports_key(namespace))
    if not reading.can_read("pods"):
        return
    names = _workloads(pod for pod in reading.pods(namespace) if pod.host_network)
    if names:
        into.append(
            NetworkFinding(
                "",
                "HostNetwork",
                "warning",
                f"network policies do not hold for pods on the network of their node: "
                f"{some(names)}. Remove hostNetwork from them where they do not need it",
                "",
            )
        )


def about_workloads(
    rule: Rule,
    namespace: str,
    selectors: Sequence[Selector],
    reading: Reading,
    into: list[NetworkFinding],
) -> None:
    """Tell of a rule of the intent whose side here has no pods, or some on their node's network."""
    if rule.from_profile or not reading.can_read("pods"):
        return
    for selector in selectors:
        if not selector:
            continue
        who = str(WorkloadPeer(selector))
        pods = [p for p in reading.pods(namespace) if selector.matches(p.labels)]
        on_host = _workloads(pod for pod in pods if pod.host_network)
        if not pods:
            into.append(
                NetworkFinding(
                    rule.name,
                    "UnmatchedSelector",
                    "warning",
                    f"no pod here is among the {who}: correct the labels, or "
                    "remove the rule where it is not needed any more",
                    rule.field,
                    who,
                )
            )
        if on_host:
            into.append(
                NetworkFinding(
                    rule.name,
                    "HostNetwork",
                    "warning",
                    f"the rule does not hold for {some(on_host)}, on the network of their node: "
                    "remove hostNetwork from them where they do not need it",
                    rule.field,
                    who,
                )
            )


def _workloads(pods: Iterable[Pod]) -> list[str]:
    """Name pods by what makes them: their own names change with every restart."""
    return sorted({workload_of(pod).name for pod in pods})

"""What a profile denies, as one ClusterNetworkPolicy that no policy of a namespace can open.

`policy.networking.k8s.io/v1alpha2`, https://network-policy-api.sigs.k8s.io/. Its Admin tier is
asked before NetworkPolicies, and a denial there is final.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, summarize_address_range
from typing import Any

from bailiwick.api.meta import MANAGED_BY, MANAGED_BY_LABEL
from bailiwick.policy import ranges
from bailiwick.policy.effective import EffectiveIntent, Internet
from bailiwick.policy.network import dependencies as keys
from bailiwick.policy.network.cilium import TO_HOSTS
from bailiwick.policy.network.model import CompiledNetwork
from bailiwick.policy.network.reading import Reading
from bailiwick.policy.network.specs import NAMESPACE_NAME, text
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.addresses import Addresses
from bailiwick.policy.rules import Direction

JSON = dict[str, Any]

API_VERSION = "policy.networking.k8s.io/v1alpha2"
KIND = "ClusterNetworkPolicy"
PREFIX = "bailiwick-"
PRIORITY = 0
"""Before every other: what comes after a denial is not asked."""

METADATA = "metadata services"
INTERNET = "internet"

_MOST = 25  # networks of a peer, and peers of a rule, by the API


@dataclass(frozen=True, slots=True)
class Bound:
    """What an enforced namespace brings into the policy of its profile.

    `opened` are addresses that its policies open, by leave of the profile. `internet` says
    whether the profile isolates it and denies it the internet, and no host is opened by name,
    whose addresses nobody knows.
    """

    profile: str
    internet: bool
    opened: Addresses


def bound(effective: EffectiveIntent, compiled: CompiledNetwork) -> Bound:
    """Return what a namespace brings into the policy of its profile."""
    entries = [e for policy in compiled.policies for e in policy.spec.get("egress") or ()]
    by_name = any(TO_HOSTS in entry for entry in entries)
    blocks = [
        block
        for entry in entries
        for block in (
            *(peer["ipBlock"] for peer in entry.get("to") or () if "ipBlock" in peer),
            *(entry.get("toCIDRSet") or ()),
        )
    ]
    opened = addresses.merged(
        each
        for block in blocks
        for each in _of_block(block["cidr"], tuple(block.get("except") or ()))
    )
    restricted = Direction.EGRESS in effective.isolate
    denied = restricted and effective.internet is Internet.DENIED and not by_name
    return Bound(effective.profile, denied, opened)


def policy_name(profile: str) -> str:
    """Name the policy of a profile."""
    return f"{PREFIX}{profile}"


def labels() -> dict[str, str]:
    """Return the labels of such a policy."""
    return {MANAGED_BY_LABEL: MANAGED_BY}


def denied(members: Collection[Bound], reading: Reading) -> dict[str, Addresses]:
    """Return what is denied to all of these namespaces, by the name of its rule.

    What the profile lets any of them open is left out, and the internet where it cannot be told
    apart from the cluster. Raises Unreadable.
    """
    distinct = {member.opened for member in members}
    opened = addresses.merged(each for some in distinct for each in some)
    cut = addresses.subtract(_of(ranges.ALWAYS_CUT), opened)
    result = {METADATA: cut} if cut else {}
    own = reading.cluster_ranges()
    if not own or not all(member.internet for member in members):
        return result
    special = addresses.merged(
        (*_of(ranges.UNROUTED), *(r for cidr in own for r in addresses.of_block(cidr)))
    )
    reached = addresses.merged((place, place) for place in _reached(reading))
    known = addresses.merged((*special, *opened, *reached))
    internet = addresses.subtract(addresses.ALL, known)
    if internet and len(_networks(internet)) <= _MOST * _MOST:
        result[INTERNET] = internet
    return result


def spec(namespaces: Iterable[str], denials: Mapping[str, Addresses]) -> JSON:
    """Write the policy that denies some addresses to the namespaces of these names.

    By names, since no label tells which namespaces are enforced, and intents may name a profile
    without any label.
    """
    chosen = {"key": NAMESPACE_NAME, "operator": "In", "values": sorted(namespaces)}
    return {
        "tier": "Admin",
        "priority": PRIORITY,
        "subject": {"namespaces": {"matchExpressions": [chosen]}},
        "egress": [
            {"name": name, "action": "Deny", "to": _peers(_networks(denied))}
            for name, denied in sorted(denials.items(), reverse=True)
        ],
    }


def namespaces_of(spec: Mapping[str, Any]) -> frozenset[str]:
    """Return the namespaces that a policy of ours is for, by its spec; none of one that is not."""
    chosen = (spec.get("subject") or {}).get("namespaces") or {}
    named: list[str] = []
    for each in chosen.get("matchExpressions") or ():
        if each.get("key") == NAMESPACE_NAME and each.get("operator") == "In":
            named += each.get("values") or ()
    return frozenset(named)


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two specs are alike; the server leaves out empty lists."""
    return text({k: v for k, v in one.items() if v != []}) == text(
        {k: v for k, v in other.items() if v != []}
    )


def _reached(reading: Reading) -> Iterator[int]:
    """Return the addresses of nodes and of the API server, which may be public."""
    for node in reading.nodes(keys.NODES):
        yield from addresses.readable(node.addresses)
    for each in reading.slices(*keys.API_SERVER_SERVICE, keys.API_SERVER):
        yield from addresses.readable(each.addresses)


# The same few blocks stand in the policies of many namespaces.
@lru_cache(maxsize=1024)
def _of_block(cidr: str, excluded: tuple[str, ...]) -> Addresses:
    return addresses.of_block(cidr, excluded)


def _of(networks: Iterable[ranges.Network]) -> Addresses:
    return addresses.merged(r for each in networks for r in addresses.of_block(str(each)))


def _networks(of: Addresses) -> list[str]:
    found: list[str] = []
    for each in of:
        first, last = addresses.text_of(each).split("-")
        found += map(str, summarize_address_range(ip_address(first), ip_address(last)))
    return found


def _peers(networks: Sequence[str]) -> list[JSON]:
    parts = range(0, len(networks), _MOST)
    return [{"networks": list(networks[first : first + _MOST])} for first in parts]

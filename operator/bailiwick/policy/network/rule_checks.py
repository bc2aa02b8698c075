"""What the schema of an intent asks of a rule, for rules that no API server has checked.

The patterns are those of the Kubernetes API for names and labels, and of `api.peers` for the
rest; a test on a real API server holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network

from bailiwick.api.intent import AllowRule
from bailiwick.api.peers import Peer
from bailiwick.api.template import TemplateRule
from bailiwick.api.types import MESSAGE_LIMIT, LabelSelector
from bailiwick.policy.ports import InvalidPort, Port
from bailiwick.policy.ranges import inside

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_PREFIX = r"(?=[^/]{1,253}/)[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*/"
_LABEL_KEY = re.compile(f"({_PREFIX})?{_NAME}")
_LABEL_VALUE = re.compile(f"({_NAME})?")
_HOST = re.compile(r"([*][.])?[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_ADDRESS = re.compile(r"[0-9.]+")
_CIDR = re.compile(r"[0-9a-fA-F.:]{1,39}/(0|[1-9][0-9]{0,2})")
_HOST_LENGTH = 253

_KINDS = "workload, namespace (alone or with workload), service, cidr, fqdn, entity"

Problem = str
"""Where it stands, and what to write instead: `from.cidr: write …`."""


def problems(rule: TemplateRule | AllowRule) -> Iterator[Problem]:
    """Tell everything that a schema would refuse, and types alone do not."""
    if rule.from_ is None and rule.to is None:
        yield "write from, to, or both"
    if rule.from_ is not None:
        yield from _peer("from", rule.from_)
        if rule.from_.fqdn is not None:
            yield "from.fqdn: a host name can only stand under to: write cidr under from"
    if rule.to is not None:
        yield from _peer("to", rule.to)
    for number, port in enumerate(rule.ports):
        try:
            Port.parse(port)
        except InvalidPort as error:
            yield f"ports[{number}]: {error}"
    if rule.reason is not None and len(rule.reason) > MESSAGE_LIMIT:
        yield f"reason: write at most {MESSAGE_LIMIT} characters"


def _peer(at: str, peer: Peer) -> Iterator[Problem]:
    pods = peer.workload is not None or peer.namespace is not None
    others = (peer.service, peer.cidr, peer.fqdn, peer.entity)
    if pods + sum(other is not None for other in others) != 1:
        yield f"{at}: write exactly one of {_KINDS}"
    if peer.namespace is not None:
        yield from _names(f"{at}.namespace", [peer.namespace])
    if peer.service is not None:
        yield from _names(f"{at}.service.name", [peer.service.name])
        if peer.service.namespace is not None:
            yield from _names(f"{at}.service.namespace", [peer.service.namespace])
    if peer.workload is not None:
        yield from _selector(f"{at}.workload", peer.workload)
    if peer.fqdn is not None and not _is_host(peer.fqdn):
        yield (
            f"{at}.fqdn: write a host name in lower case, api.example.com or *.example.com, "
            "without scheme, port or path; for an address write cidr"
        )
    yield from _ranges(at, peer)


def _ranges(at: str, peer: Peer) -> Iterator[Problem]:
    if peer.cidr is None:
        if peer.except_ is not None:
            yield f"{at}.except: it is cut out of a cidr: write cidr beside it"
        return
    whole = _range(peer.cidr)
    if whole is None:
        yield f"{at}.cidr: {_how_to_write_a_range(peer.cidr)}"
    for number, text in enumerate(peer.except_ or ()):
        part = _range(text)
        if part is None:
            yield f"{at}.except[{number}]: {_how_to_write_a_range(text)}"
        elif whole is not None and (part == whole or not inside(part, whole)):
            yield f"{at}.except[{number}]: {text} must lie inside {peer.cidr} and be smaller"


def _range(text: str) -> IPv4Network | IPv6Network | None:
    if not _CIDR.fullmatch(text):
        return None
    try:
        network = ip_network(text)
    except ValueError:
        return None
    mapped = isinstance(network, IPv6Network) and network.network_address.ipv4_mapped
    return None if mapped else network


def _how_to_write_a_range(text: str) -> str:
    return (
        f'"{text}": write a range of addresses whose bits after the prefix are zero: '
        "203.0.113.0/24 or 2001:db8::/32"
    )


def _selector(at: str, selector: LabelSelector) -> Iterator[Problem]:
    labels = selector.match_labels or {}
    yield from _label_parts(f"{at}.matchLabels", labels.keys(), labels.values())
    for number, each in enumerate(selector.match_expressions or ()):
        where = f"{at}.matchExpressions[{number}]"
        yield from _label_parts(where, [each.key], each.values or ())
        if bool(each.values) != (each.operator in ("In", "NotIn")):
            yield f"{where}: In and NotIn need values, Exists and DoesNotExist have none"


def _label_parts(at: str, keys: Iterable[str], values: Iterable[str]) -> Iterator[Problem]:
    for key in keys:
        if not _LABEL_KEY.fullmatch(key):
            yield f'{at}: "{key}": write a label key as Kubernetes allows it'
    for value in values:
        if not _LABEL_VALUE.fullmatch(value):
            yield f'{at}: "{value}": write a label value as Kubernetes allows it'


def _names(at: str, names: Iterable[str]) -> Iterator[Problem]:
    for name in names:
        if not _DNS_LABEL.fullmatch(name):
            yield (
                f'{at}: "{name}": write at most 63 lower-case letters, digits and "-", starting '
                "and ending with a letter or digit"
            )


def _is_host(text: str) -> bool:
    return (
        len(text) <= _HOST_LENGTH and bool(_HOST.fullmatch(text)) and not _ADDRESS.fullmatch(text)
    )

"""Rules that name addresses: what they open, and what no rule ever opens."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from bailiwick.policy.facts import Node
from bailiwick.policy.network.addresses import merged
from bailiwick.policy.settings import Settings
from tests.unit.network.evaluator import in_block
from tests.unit.network.make import CLUSTER, JSON, block, codes, compiled, halves, opened, port

INTERNET = {"to": {"entity": "Internet"}}
METADATA = (
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "fd00:ec2::254",
    "fd00:ec2::23",
    "fd20:ce::254",
)
# The same, as NAT64 (RFC 6052) and 6to4 (RFC 3056) translate them.
TRANSLATED = ("64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "64:ff9b:1::a9fe:a9fe")


def reaches(entries: list[JSON], address: str, side: str = "to") -> bool:
    return any(
        in_block(peer["ipBlock"], address)
        for entry in entries
        for peer in entry[side]
        if "ipBlock" in peer
    )


@pytest.mark.parametrize(
    "peer, written",
    [
        ({"cidr": "203.0.113.0/24"}, block("203.0.113.0/24")),
        ({"cidr": "203.0.113.7/32"}, block("203.0.113.7/32")),
        ({"cidr": "2001:db8::/32"}, block("2001:db8::/32")),
        (
            {"cidr": "203.0.113.0/24", "except": ["203.0.113.128/26", "203.0.113.0/25"]},
            block("203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/26"),
        ),
        (
            {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/26", "203.0.113.64/26"]},
            block("203.0.113.0/24", "203.0.113.0/25"),
        ),
    ],
)
def test_a_range_is_opened_less_its_exceptions(peer: JSON, written: JSON) -> None:
    assert opened(compiled({"to": peer, "ports": [443]})) == [
        {"to": [written], "ports": [port(443)]}
    ]
    assert opened(compiled({"from": peer}), "ingress") == [{"from": [written]}]


@pytest.mark.parametrize(
    "peer, words",
    [
        ({"cidr": "203.0.113.0/24", "except": ["198.51.100.0/25"]}, "is not inside"),
        ({"cidr": "203.0.113.0/24", "except": ["203.0.113.0/24"]}, "is not inside"),
        ({"cidr": "203.0.113.0/24", "except": ["2001:db8::/64"]}, "is not inside"),
        ({"cidr": "203.0.113.0/24", "except": ["203.0.0.0/16"]}, "is not inside"),
        (
            {"cidr": "203.0.113.0/24", "except": ["203.0.113.0/25", "203.0.113.128/25"]},
            "leave nothing",
        ),
    ],
)
def test_exceptions_that_make_no_sense_close_the_rule(peer: JSON, words: str) -> None:
    network = compiled({"to": peer})
    assert codes(network) == ["CIDRInvalid"]
    assert words in network.findings[0].message
    assert opened(network) == []


@pytest.mark.parametrize("address", METADATA)
def test_a_metadata_service_is_cut_out_of_every_range(address: str) -> None:
    everything = "::/0" if ":" in address else "0.0.0.0/0"
    entries = opened(compiled({"to": {"cidr": everything}}))
    assert not reaches(entries, address)
    assert reaches(entries, str(ip_address(address) + 7))


@pytest.mark.parametrize("address", TRANSLATED)
def test_and_so_are_the_addresses_that_stand_for_it(address: str) -> None:
    assert not reaches(opened(compiled({"to": {"cidr": "::/0"}})), address)


def test_addresses_behind_nat64_stay_open_but_for_the_metadata_services() -> None:
    entries = opened(compiled({"to": {"cidr": "64:ff9b::/96"}}))
    assert reaches(entries, "64:ff9b::8.8.8.8")
    assert not reaches(entries, "64:ff9b::169.254.169.254")


@pytest.mark.parametrize(
    "cidr",
    [
        "169.254.169.254/32",
        "fd00:ec2::254/128",
        "::ffff:169.254.169.254/128",
        "::ffff:0:0/96",
        "::169.254.169.254/128",
        "64:ff9b::a9fe:a9fe/128",
        "64:ff9b:1::/64",
        "2002:a9fe:a9fe:1::/64",
    ],
)
def test_a_range_that_is_a_metadata_service_or_may_stand_for_it_is_closed(cidr: str) -> None:
    network = compiled({"to": {"cidr": cidr}})
    assert codes(network) == ["MetadataAddress"]
    assert opened(network) == []


def test_the_platform_may_open_a_metadata_service_by_its_very_address() -> None:
    allowance = {"name": "imds", "to": {"cidr": "169.254.169.254/32"}}
    (entry,) = opened(compiled(profile={"allowances": [allowance]}))
    assert entry["to"] == [block("169.254.169.254/32")]
    wide = {"name": "wide", "to": {"cidr": "169.254.0.0/16"}}
    assert not reaches(opened(compiled(profile={"allowances": [wide]})), "169.254.169.254")


@pytest.mark.parametrize(
    "address, is_internet",
    [
        ("8.8.8.8", True),
        ("2001:4860:4860::8888", True),
        ("2600::1", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("169.254.20.10", False),
        ("172.31.0.1", False),
        ("192.168.1.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("::ffff:8.8.8.8", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
        ("fc00::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        *((address, False) for address in (*METADATA, *TRANSLATED)),
    ],
)
def test_the_internet_is_both_families_less_what_is_private_or_special(
    address: str, is_internet: bool
) -> None:
    assert reaches(opened(compiled(INTERNET)), address) is is_internet


def test_the_internet_is_less_the_clusters_own_ranges() -> None:
    public = replace(CLUSTER, all_nodes=(Node("a", (), ("34.0.0.0/20", "2600:1f::/80")),))
    entries = opened(
        compiled(INTERNET, on=public, settings=Settings(cluster_cidrs=("8.8.8.0/24",)))
    )
    for address in ("34.0.3.4", "2600:1f::7", "8.8.8.8"):
        assert not reaches(entries, address)
    assert reaches(entries, "34.1.0.1")


@pytest.mark.parametrize(
    "missing", [{"all_nodes": (Node("a", ("192.168.7.1",)),)}, {"all_service_cidrs": ()}]
)
def test_the_internet_is_closed_where_the_clusters_ranges_are_not_known(missing: JSON) -> None:
    cluster = replace(CLUSTER, **missing)
    network = compiled(INTERNET, on=cluster)
    assert codes(network) == ["ClusterRangesUnknown"]
    assert "--cluster-cidr" in network.findings[0].message
    assert opened(network) == []
    named = Settings(cluster_cidrs=("10.0.0.0/8",))
    assert opened(compiled(INTERNET, on=cluster, settings=named)) != []


def test_a_profile_may_open_the_internet_for_everybody() -> None:
    network = compiled(profile={"internet": "Open"})
    assert reaches(opened(network), "8.8.8.8")
    (policy,) = halves(network, "egress")
    assert policy.labels["bailiwick.dev/origin"] == "profile"
    assert opened(compiled(profile={"internet": "Denied"})) == []


def test_a_range_has_no_named_ports() -> None:
    network = compiled({"to": {"cidr": "203.0.113.0/24"}, "ports": ["https", 443]})
    assert codes(network) == ["UnresolvedPort"]
    assert [entry["ports"] for entry in opened(network)] == [[port(443)]]
    assert (network.declared_edges, network.opened_edges) == (2, 1)
    assert opened(compiled({"to": {"cidr": "203.0.113.0/24"}, "ports": ["https"]})) == []


def test_ranges_are_joined_where_they_overlap_or_touch() -> None:
    texts = ("10.0.1.0/24", "10.0.0.0/24", "10.0.0.128/25", "fd00::/65", "fd00::8000:0:0:0/65")
    assert list(map(str, merged(map(ip_network, texts)))) == ["10.0.0.0/23", "fd00::/64"]

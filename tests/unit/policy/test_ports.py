"""The port syntax of intents: what it says, and what is refused with what to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.facts import Protocol
from bailiwick.policy.ports import PROTOCOLS, InvalidPort, Port

PROTOCOL = st.sampled_from(PROTOCOLS)


@pytest.mark.parametrize(
    "text, port",
    [
        (8443, Port("TCP", 8443, 8443)),
        ("8443", Port("TCP", 8443, 8443)),
        ("53/UDP", Port("UDP", 53, 53)),
        ("5000/SCTP", Port("SCTP", 5000, 5000)),
        ("9000-9100", Port("TCP", 9000, 9100)),
        ("9000-9100/UDP", Port("UDP", 9000, 9100)),
        ("1-65535", Port("TCP", 1, 65535)),
        ("grpc", Port("TCP", name="grpc")),
        ("grpc/TCP", Port("TCP", name="grpc")),
        ("dns/UDP", Port("UDP", name="dns")),
        ("8080-tcp", Port("TCP", name="8080-tcp")),
        ("abcdefghijklmno", Port("TCP", name="abcdefghijklmno")),
    ],
)
def test_a_port_is_a_number_a_range_or_a_name(text: int | str, port: Port) -> None:
    assert Port.parse(text) == port


@pytest.mark.parametrize(
    "text",
    [
        0,
        65536,
        -1,
        "0",
        "65536",
        "9100-9000",
        "80-",
        "-80",
        "80-90-100",
        "",
        "/TCP",
        "80/tcp",
        "80/ICMP",
        "80/",
        "HTTP",
        "a_b",
        "a--b",
        "-a",
        "a-",
        "abcdefghijklmnop",
        "http\n",
        "80\n",
        "٣",
        "8 0",
    ],
)
def test_what_the_api_would_not_take_is_refused(text: int | str) -> None:
    with pytest.raises(InvalidPort, match=r"port|after the slash"):
        Port.parse(text)


@given(st.integers(1, 65535), st.integers(0, 65534), PROTOCOL)
def test_a_port_is_written_as_it_is_read(first: int, more: int, protocol: Protocol) -> None:
    port = Port(protocol, first, min(first + more, 65535))
    assert Port.parse(str(port)) == port
    assert Port.parse(str(Port.named("grpc", protocol))) == Port.named("grpc", protocol)


@pytest.mark.parametrize(
    "port, written",
    [
        (Port.number(80), {"protocol": "TCP", "port": 80}),
        (Port("UDP", 9000, 9100), {"protocol": "UDP", "port": 9000, "endPort": 9100}),
        (Port.named("grpc", "SCTP"), {"protocol": "SCTP", "port": "grpc"}),
    ],
)
def test_the_api_form_names_the_protocol_and_an_end_only_for_ranges(
    port: Port, written: dict[str, object]
) -> None:
    assert port.to_json() == written

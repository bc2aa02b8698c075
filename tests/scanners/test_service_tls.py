"""Registries with certificates: of a CA that the scanner was given, and of nobody that it knows."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bailiwick.scanners import wire
from bailiwick.scanners.errors import ScanError
from bailiwick.scanners.service import failures
from bailiwick.scanners.tags import TagsRequest
from tests.images.build import Image, layout_of
from tests.images.registry import Registry, running_registry
from tests.images.scanner import Scanner, running_scanner
from tests.scanners.conftest import Scan, client_of

IMAGE = Image(files={"/tls": "yes"}, programs=("/app",), user="1000")


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own CA, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a registry of the tests")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = directory / "tls.crt", directory / "tls.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def private(pair: tuple[Path, Path]) -> Iterator[Registry]:
    """A registry with that certificate."""
    with running_registry(certificate=pair) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(pair: tuple[Path, Path]) -> Iterator[Scanner]:
    """A scanner that was given its CA."""
    with running_scanner("--ca-certificate", str(pair[0])) as running:
        yield running


async def test_a_certificate_that_nobody_vouches_for_is_told_with_what_to_do(
    scanner: Scanner, private: Registry, scan: Scan, http: aiohttp.ClientSession
) -> None:
    digest = private.push(layout_of(IMAGE), "shop/tls", "1.0")
    with pytest.raises(ScanError) as caught:
        await scan(scanner, f"{private.host}/shop/tls", digest, plain_http=False)
    assert (caught.value.reason, caught.value.permanent) == (failures.REGISTRY_UNTRUSTED, True)
    assert "Give the scanner the registry's CA" in caught.value.message
    with pytest.raises(ScanError) as caught:
        await client_of(http, scanner).tags(question(private, digest))
    assert caught.value.reason == failures.REGISTRY_UNTRUSTED


async def test_with_its_ca_a_private_registry_is_read(
    trusting: Scanner, private: Registry, scan: Scan, http: aiohttp.ClientSession
) -> None:
    digest = private.push(layout_of(IMAGE), "shop/tls", "1.0")
    found = await scan(trusting, f"{private.host}/shop/tls", digest, plain_http=False)
    assert found.digest == digest
    answer = await client_of(http, trusting).tags(question(private, digest))
    assert answer.tags[0].digest == digest


def question(registry: Registry, digest: str) -> TagsRequest:
    return TagsRequest(wire.Registry(f"https://{registry.host}"), "shop/tls", digest, ("1.0",))

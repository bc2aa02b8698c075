"""Which envelopes are believed: those that a key signed that the platform trusts, and no others."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from bailiwick.policy.images.attestations import Key
from bailiwick.scanners.service.envelope import (
    IN_TOTO,
    KeyProblem,
    NotAnEnvelope,
    TrustedKey,
    pre_authentication_encoding,
    read_envelope,
    read_keys,
    signer,
)
from tests.images.attestations import (
    PKCS1,
    PSS,
    PrivateKey,
    bundle,
    envelope,
    p256,
    sign,
    write_public_key,
)

CONTENT: Final = b'{"_type":"https://in-toto.io/Statement/v0.1"}'
P256: Final = p256()
ED25519: Final = ed25519.Ed25519PrivateKey.generate()
RSA: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEYS: Final[dict[str, PrivateKey]] = {"p256": P256, "ed25519": ED25519, "rsa": RSA}
SIGNED: Final = {name: sign(key, CONTENT) for name, key in KEYS.items()}


def trusted(*names: str) -> tuple[TrustedKey, ...]:
    return tuple(TrustedKey(Key(name, name), KEYS[name].public_key()) for name in names)


def signed_by(body: bytes, *names: str) -> str | None:
    found = signer(read_envelope(body), trusted(*names))
    return found.name if found else None


def test_what_is_signed_is_the_encoding_of_the_specification() -> None:
    # The example of the DSSE v1 protocol.
    assert (
        pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    # Lengths are of bytes, not of characters.
    assert pre_authentication_encoding("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


@pytest.mark.parametrize(
    "name, way", [("p256", PSS), ("ed25519", PSS), ("rsa", PSS), ("rsa", PKCS1)]
)
def test_a_signature_fits_its_own_key_only(name: str, way: padding.AsymmetricPadding) -> None:
    body = envelope(CONTENT, sign(KEYS[name], CONTENT, way))
    assert signed_by(body, *KEYS) == name
    assert signed_by(bundle(body), *KEYS) == name
    assert signed_by(body, *(KEYS.keys() - {name})) is None
    assert signed_by(body) is None


def test_one_good_signature_of_several_is_enough() -> None:
    other = sign(p256(), CONTENT)
    assert signed_by(envelope(CONTENT, other, sign(P256, CONTENT)), "p256") == "p256"


def test_what_nobody_signed_is_signed_by_nobody() -> None:
    assert signed_by(envelope(CONTENT), *KEYS) is None
    assert signed_by(envelope(CONTENT, b""), *KEYS) is None


def test_the_type_of_the_payload_is_signed_too() -> None:
    body = envelope(CONTENT, sign(P256, CONTENT), payload_type=f"{IN_TOTO};x")
    assert signed_by(body, "p256") is None


@pytest.mark.parametrize("name", KEYS)
@given(data=st.data())
def test_a_changed_byte_of_payload_or_signature_is_never_believed(
    name: str, data: st.DataObject
) -> None:
    parts = [bytearray(CONTENT), bytearray(SIGNED[name])]
    part = data.draw(st.sampled_from(parts))
    position = data.draw(st.integers(0, len(part) - 1))
    part[position] ^= data.draw(st.integers(1, 255))
    assert signed_by(envelope(bytes(parts[0]), bytes(parts[1])), *KEYS) is None


@pytest.mark.parametrize("name", KEYS)
@given(data=st.data())
def test_a_changed_character_of_their_encoding_is_never_believed(
    name: str, data: st.DataObject
) -> None:
    body: dict[str, Any] = json.loads(envelope(CONTENT, SIGNED[name]))
    holder, field = data.draw(
        st.sampled_from([(body, "payload"), (body["signatures"][0], "sig"), (body, "payloadType")])
    )
    text = holder[field]
    position = data.draw(st.integers(0, len(text) - 1))
    changed = data.draw(st.characters().filter(lambda c: c != text[position]))
    holder[field] = text[:position] + changed + text[position + 1 :]
    try:
        found = signed_by(json.dumps(body).encode(errors="surrogatepass"), *KEYS)
    except NotAnEnvelope:
        return
    assert found is None


def test_the_same_bytes_written_otherwise_are_refused() -> None:
    # 0x6e: of the last character, four bits are of no byte.
    text = base64.b64encode(b"n").decode()
    other = text[0] + chr(ord(text[1]) + 1) + text[2:]
    assert base64.b64decode(other) == b"n"
    body = json.dumps({"payloadType": IN_TOTO, "payload": other, "signatures": []}).encode()
    with pytest.raises(NotAnEnvelope):
        read_envelope(body).content()


def test_both_alphabets_of_base64_are_read() -> None:
    content = b"\xfb\xff\xfe"
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(content).decode()
        body = json.dumps({"payloadType": IN_TOTO, "payload": text, "signatures": []}).encode()
        assert read_envelope(body).content() == content


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"payload": 1, "payloadType": "a", "signatures": []}',
        b'{"payload": "", "payloadType": "a", "signatures": null}',
        b'{"payload": "", "payloadType": "a", "signatures": [{"sig": null}]}',
        b'{"dsseEnvelope": {}}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_envelope_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotAnEnvelope):
        read_envelope(body)


def test_keys_are_called_by_their_files_and_known_by_their_digest(tmp_path: Path) -> None:
    files = [write_public_key(key, tmp_path / f"{name}.pub") for name, key in KEYS.items()]
    keys = read_keys(files)
    assert [each.key.name for each in keys] == list(KEYS)
    assert len({each.key.id for each in keys}) == len(KEYS)
    assert all(len(each.key.id) == 64 for each in keys)


def test_a_file_that_holds_no_key_to_trust_is_refused(tmp_path: Path) -> None:
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    private = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, words in (
        (b"ssh-rsa AAAA", "is not a public key in PEM form"),
        (private, "is not a public key in PEM form"),
        (weak.public_bytes(*form), "2048 bits or more"),
        (dsa.generate_private_key(2048).public_key().public_bytes(*form), "of a kind"),
        (ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(*form), "of a kind"),
    ):
        file = tmp_path / "key.pub"
        file.write_bytes(content)
        with pytest.raises(KeyProblem, match=words):
            read_keys([file])
    with pytest.raises(KeyProblem, match="cannot be read"):
        read_keys([tmp_path / "none.pub"])
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        write_public_key(P256, tmp_path / place / "team.pub")
    with pytest.raises(KeyProblem, match="called team"):
        read_keys([tmp_path / "a/team.pub", tmp_path / "b/team.pub"])

"""Signed envelopes (DSSE v1), and the keys that they are held against.

What is in an envelope is only read as anything once a signature of it fits a key: DSSE signs the
exact bytes of the payload, with its type. See https://github.com/secure-systems-lab/dsse.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from bailiwick.policy.images.attestations import Key

IN_TOTO: Final = "application/vnd.in-toto+json"

PublicKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

_RSA_BITS = 2048
_SIGNATURES = 16
_PSS: Final = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)


class KeyProblem(ValueError):
    """A file that holds no key to trust; the message says why."""


class NotAnEnvelope(ValueError):
    """Content that is no envelope, or whose fields are not what they should be."""


class Signature(msgspec.Struct, frozen=True):
    """One signature; `keyid` is a hint that nobody signed, so it is not read."""

    sig: str


class Envelope(msgspec.Struct, frozen=True):
    """A payload with its signatures, as it is on the wire."""

    payload: str
    payload_type: str = msgspec.field(name="payloadType")
    signatures: tuple[Signature, ...] = ()

    def content(self) -> bytes:
        """Return the bytes of the payload; raises NotAnEnvelope."""
        return _decoded(self.payload)


class _Bundle(msgspec.Struct, frozen=True):
    """What Sigstore's bundle wraps around an envelope; the rest of it is about certificates."""

    envelope: Envelope = msgspec.field(name="dsseEnvelope")


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key, and what it is called."""

    key: Key
    public: PublicKey


def read_envelope(body: bytes) -> Envelope:
    """Read an envelope, by itself or in Sigstore's bundle; raises NotAnEnvelope."""
    kinds: tuple[type[Envelope | _Bundle], ...] = (Envelope, _Bundle)
    for kind in kinds:
        try:
            found = msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        return found.envelope if isinstance(found, _Bundle) else found
    raise NotAnEnvelope


def signer(envelope: Envelope, keys: Iterable[TrustedKey]) -> Key | None:
    """Return the key with which an envelope is signed; None where none of `keys` fits.

    Raises NotAnEnvelope.
    """
    signed = pre_authentication_encoding(envelope.payload_type, envelope.content())
    signatures = [_decoded(each.sig) for each in envelope.signatures[:_SIGNATURES]]
    for trusted in keys:
        if any(_fits(trusted.public, each, signed) for each in signatures):
            return trusted.key
    return None


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that DSSE signs: `DSSEv1`, the type and the payload with their lengths."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def read_keys(files: Iterable[Path]) -> tuple[TrustedKey, ...]:
    """Read public keys, each called by its file's name; raises KeyProblem."""
    found: dict[str, TrustedKey] = {}
    for file in files:
        name = file.stem
        if name in found:
            raise KeyProblem(f"two files of keys are called {name}: give each a name of its own")
        try:
            public = load_pem_public_key(file.read_bytes())
        except OSError as error:
            raise KeyProblem(f"{file} cannot be read ({error.strerror})") from error
        except (ValueError, UnsupportedAlgorithm) as error:
            raise KeyProblem(f"{file} is not a public key in PEM form") from error
        suitable = _suitable(public)
        if suitable is None:
            raise KeyProblem(
                f"{file} is not a key of a kind that is trusted: ECDSA P-256, Ed25519, or RSA with "
                f"{_RSA_BITS} bits or more"
            )
        der = suitable.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        found[name] = TrustedKey(Key(name, hashlib.sha256(der).hexdigest()), suitable)
    return tuple(found.values())


def _suitable(public: object) -> PublicKey | None:
    if isinstance(public, ec.EllipticCurvePublicKey):
        return public if isinstance(public.curve, ec.SECP256R1) else None
    if isinstance(public, rsa.RSAPublicKey):
        return public if public.key_size >= _RSA_BITS else None
    return public if isinstance(public, ed25519.Ed25519PublicKey) else None


def _fits(public: PublicKey, signature: bytes, signed: bytes) -> bool:
    if isinstance(public, rsa.RSAPublicKey):
        # Signers differ in which of the two they use; neither makes the other weaker.
        return any(_rsa_fits(public, signature, signed, way) for way in (_PSS, padding.PKCS1v15()))
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        else:
            public.verify(signature, signed)
    except InvalidSignature:
        return False
    return True


def _rsa_fits(
    public: rsa.RSAPublicKey, signature: bytes, signed: bytes, way: padding.AsymmetricPadding
) -> bool:
    try:
        public.verify(signature, signed, way, hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _decoded(text: str) -> bytes:
    """Decode Base64 of either alphabet; the same bytes written otherwise are refused."""
    for alphabet in (None, b"-_"):
        try:
            content = base64.b64decode(text, altchars=alphabet, validate=True)
        except (binascii.Error, ValueError):
            continue
        if base64.b64encode(content, altchars=alphabet).decode() == text:
            return content
    raise NotAnEnvelope

"""Attestations as tools write them: OpenVEX in an in-toto statement in a signed envelope."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bailiwick.policy.exceptions.openvex import CONTEXT
from tests.images.registry import MANIFEST, Registry, digest_of

Json: TypeAlias = dict[str, Any]
PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

PREDICATE: Final = "https://openvex.dev/ns/v0.2.0"
DSSE: Final = "application/vnd.dsse.envelope.v1+json"
BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO: Final = "application/vnd.in-toto+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
PKCS1: Final = padding.PKCS1v15()
PSS: Final = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def write_public_key(key: PrivateKey, file: Path) -> Path:
    """Write the public half of a key as PEM."""
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    file.write_bytes(key.public_key().public_bytes(*form))
    return file


def statement(vulnerability: str, status: str = "not_affected", **more: Any) -> Json:
    """One OpenVEX statement, as complete as its status demands."""
    reasons = {
        "not_affected": {"justification": "vulnerable_code_not_in_execute_path"},
        "affected": {"action_statement": "update it"},
    }
    return {
        "vulnerability": {"name": vulnerability},
        "status": status,
        **reasons.get(status, {}),
        **more,
    }


def document(*statements: Json, **more: Any) -> Json:
    """An OpenVEX document."""
    return {
        "@context": CONTEXT,
        "@id": "https://vex.example.com/cart",
        "author": "security@example.com",
        "timestamp": "2026-11-20T10:00:00Z",
        "version": 1,
        "statements": list(statements),
        **more,
    }


def in_toto(predicate: object, *digests: str, **more: Any) -> bytes:
    """A statement about images, as bytes."""
    subject = [
        {"name": "cart", "digest": {"sha256": digest.removeprefix("sha256:")}} for digest in digests
    ]
    return json.dumps(
        {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": PREDICATE,
            "subject": subject,
            "predicate": predicate,
            **more,
        }
    ).encode()


def sign(key: PrivateKey, content: bytes, way: padding.AsymmetricPadding = PSS) -> bytes:
    """Sign what DSSE signs, written out by hand: not by the code that verifies it."""
    signed = f"DSSEv1 {len(IN_TOTO)} {IN_TOTO} {len(content)} ".encode() + content
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(signed, way, hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return key.sign(signed)


def envelope(content: bytes, *signatures: bytes, payload_type: str = IN_TOTO) -> bytes:
    """An envelope around a statement."""
    signed = [{"keyid": "", "sig": base64.b64encode(each).decode()} for each in signatures]
    return json.dumps(
        {
            "payloadType": payload_type,
            "payload": base64.b64encode(content).decode(),
            "signatures": signed,
        }
    ).encode()


def attestation(key: PrivateKey, predicate: object, *digests: str, **more: Any) -> bytes:
    """A signed envelope of a document about images."""
    content = in_toto(predicate, *digests, **more)
    return envelope(content, sign(key, content))


def bundle(signed: bytes) -> bytes:
    """Sigstore's bundle around an envelope, as newer tools attach it."""
    return json.dumps(
        {
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": json.loads(signed),
        }
    ).encode()


def attach_by_tag(
    registry: Registry, repository: str, digest: str, *bodies: bytes, credentials: str = ""
) -> None:
    """Attach attestations as cosign does: the layers of an image whose tag names the digest."""
    config = b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _descriptor(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [
            _descriptor(body, DSSE) | {"annotations": {"predicateType": PREDICATE}}
            for body in bodies
        ],
    }
    tag = f"{digest.replace(':', '-')}.att"
    registry.put(repository, manifest, [config, *bodies], tag=tag, credentials=credentials)


def attach_as_referrer(
    registry: Registry, repository: str, digest: str, bodies: Mapping[bytes, str]
) -> None:
    """Attach attestations, by media type, as OCI 1.1 does where there is no referrers API."""
    subject = {"mediaType": MANIFEST, "digest": digest, "size": 1}
    descriptors = []
    for body, media_type in bodies.items():
        manifest = referrer(body, media_type, subject)
        made = registry.put(repository, manifest, [b"{}", body])
        size = len(json.dumps(manifest).encode())
        kinds = {"mediaType": MANIFEST, "artifactType": media_type}
        descriptors.append({**kinds, "digest": made, "size": size})
    registry.put_index(repository, digest.replace(":", "-"), descriptors)


def referrer(body: bytes, media_type: str, subject: Json) -> Json:
    """The manifest of an artifact that refers to an image."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": media_type,
        "config": _descriptor(b"{}", EMPTY),
        "layers": [_descriptor(body, media_type)],
        "subject": subject,
    }


def _descriptor(body: bytes, media_type: str) -> Json:
    return {"mediaType": media_type, "digest": digest_of(body), "size": len(body)}


def reasons(ignored: Sequence[tuple[str, int]]) -> dict[str, int]:
    """What was ignored, by the words of its reasons."""
    return {str(reason): number for reason, number in ignored}

"""Who speaks to the API server, and the files that let them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

ADMIN: Final = "admin"
APP_TEAM: Final = "dana"
AUDITOR: Final = "iris"
APPROVER: Final = "noor"
APP_TEAM_GROUP: Final = "app-team"
AUDITOR_GROUP: Final = "auditors"
APPROVER_GROUP: Final = "security-team"

_MASTERS: Final = "system:masters"
# User name → groups. The components are masters: what they may do is not what is tested.
USERS: Final = {
    ADMIN: (_MASTERS,),
    "system:kube-controller-manager": (_MASTERS,),
    "system:kube-scheduler": (_MASTERS,),
    "kwok": (_MASTERS,),
    APP_TEAM: (APP_TEAM_GROUP,),
    AUDITOR: (AUDITOR_GROUP,),
    APPROVER: (APPROVER_GROUP,),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """One user or service account of one control plane."""

    name: str
    server: str  # https://127.0.0.1:port
    ca_file: Path
    kubeconfig: Path
    token: str = field(repr=False)


def make_tokens() -> dict[str, str]:
    """A token for each of the users."""
    return {name: secrets.token_urlsafe(24) for name in USERS}


def token_file(tokens: dict[str, str]) -> str:
    """The API server's --token-auth-file: token, user, uid, groups."""
    return "".join(
        f'{token},{name},{name},"{",".join(USERS[name])}"\n' for name, token in tokens.items()
    )


def write_identity(directory: Path, name: str, server: str, ca_file: Path, token: str) -> Identity:
    """Make an identity and its kubeconfig, which only this user can read."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [
            {
                "name": "test",
                "cluster": {"server": server, "certificate-authority": str(ca_file)},
            }
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
    }
    path = directory / f"{name.replace(':', '-')}.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return Identity(name, server, ca_file, path, token)


def service_account_key() -> str:
    """A new private key for service-account tokens: P-256 in PEM, as RFC 5915 has it.

    The RFC makes the public point optional and Go computes it, so that 32 random bytes are a key.
    """
    version = bytes.fromhex("020101")
    scalar = b"\x04\x20" + secrets.token_bytes(32)
    curve = bytes.fromhex("a00a06082a8648ce3d030107")
    body = version + scalar + curve
    encoded = base64.b64encode(b"\x30" + bytes([len(body)]) + body).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{encoded}\n-----END EC PRIVATE KEY-----\n"

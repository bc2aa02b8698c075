"""Where the API server is and who we are to it: a service account, or a kubeconfig.

Rules: a service account's token is a file that the kubelet renews; a kubeconfig is merged and
resolved as kubectl does. What runs a program or a plugin is left to the `kubernetes` package.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class CredentialsError(Exception):
    """Credentials that are missing or cannot be used; the message says which, and where."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A server's address and how to speak to it.

    `authorization` is the header's whole value, empty where a client certificate speaks.
    `tls` is None for plain HTTP. `fingerprint` tells whether `tls` is that of another time.
    """

    server: str
    authorization: str = ""
    tls: ssl.SSLContext | None = None
    fingerprint: str = ""
    proxy: str | None = None
    namespace: str = "default"


class Source(Protocol):
    """Something that credentials can be read from again and again."""

    def load(self) -> Credentials:
        """Read everything; may block, and raises CredentialsError."""

    def authorization(self) -> str | None:
        """Read just the header's value where that is cheap, else return None."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Credentials that do not change."""

    credentials: Credentials

    def load(self) -> Credentials:
        """Return them."""
        return self.credentials

    def authorization(self) -> str | None:
        """Return None: there is nothing to read again."""
        return None


@dataclass(frozen=True, slots=True)
class InCluster:
    """The service account of the pod that we run in."""

    directory: Path = SERVICE_ACCOUNT
    environment: Mapping[str, str] | None = None

    def load(self) -> Credentials:
        """Read the token, the certificate authority and the address of the API server."""
        environment = os.environ if self.environment is None else self.environment
        host = environment.get("KUBERNETES_SERVICE_HOST", "")
        port = environment.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise CredentialsError("KUBERNETES_SERVICE_HOST is not set: not running in a pod")
        authority = _read(self.directory / "ca.crt")
        namespace_file = self.directory / "namespace"
        return Credentials(
            server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
            authorization=self.authorization(),
            tls=ssl.create_default_context(cadata=authority),
            fingerprint=authority,
            namespace=_read(namespace_file).strip() if namespace_file.exists() else "default",
        )

    def authorization(self) -> str:
        """Read the token, which the kubelet renews."""
        return f"Bearer {_read(self.directory / 'token').strip()}"


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """A context of a kubeconfig; several paths are merged, the first that names a thing wins."""

    paths: tuple[Path, ...]
    context: str | None = None

    @classmethod
    def from_environment(cls, context: str | None = None) -> Kubeconfig:
        """Take the paths of KUBECONFIG, or `~/.kube/config`."""
        named = [p for p in os.environ.get("KUBECONFIG", "").split(os.pathsep) if p]
        return cls(tuple(map(Path, named)) or (Path.home() / ".kube" / "config",), context)

    def load(self) -> Credentials:
        """Resolve the context, its cluster and its user."""
        merged = self._merged()
        name = self.context or merged["current-context"]
        if not name:
            raise CredentialsError(f"{self._where()} has no current context: name one")
        context, _ = self._entry(merged, "context", name)
        cluster, cluster_home = self._entry(merged, "cluster", context.get("cluster"))
        user, user_home = self._entry(merged, "user", context.get("user"))
        if "exec" in user or "auth-provider" in user:
            return self._by_plugin(name, context.get("namespace") or "default")
        authority = _data(cluster, "certificate-authority", cluster_home)
        certificate = _data(user, "client-certificate", user_home)
        key = _data(user, "client-key", user_home)
        insecure = bool(cluster.get("insecure-skip-tls-verify"))
        server = str(cluster.get("server") or "").rstrip("/")
        if not server:
            raise CredentialsError(f"cluster {context.get('cluster')!r} has no server")
        secure = server.startswith("https:")
        return Credentials(
            server=server,
            authorization=_authorization(user, user_home),
            tls=_tls(authority, certificate, key, insecure=insecure) if secure else None,
            fingerprint="\n".join((authority, certificate, key)),
            proxy=cluster.get("proxy-url"),
            namespace=context.get("namespace") or "default",
        )

    def authorization(self) -> str | None:
        """Return None: a kubeconfig is read whole."""
        return None

    def _merged(self) -> dict[str, Any]:
        merged: dict[str, Any] = {"current-context": "", "context": {}, "cluster": {}, "user": {}}
        present = [path for path in self.paths if path.is_file()]
        if not present:
            raise CredentialsError(f"there is no kubeconfig at {self._where()}")
        for path in present:
            try:
                loaded = yaml.safe_load(_read(path)) or {}
            except yaml.YAMLError as error:
                raise CredentialsError(f"{path} is not YAML: {error}") from error
            merged["current-context"] = merged["current-context"] or loaded.get("current-context")
            for kind in ("context", "cluster", "user"):
                for entry in loaded.get(f"{kind}s") or ():
                    merged[kind].setdefault(entry["name"], (entry.get(kind) or {}, path.parent))
        return merged

    def _entry(self, merged: Mapping[str, Any], kind: str, name: Any) -> tuple[Any, Path]:
        entry = merged[kind].get(name)
        if entry is None:
            known = ", ".join(sorted(merged[kind])) or "none"
            raise CredentialsError(f"{self._where()} has no {kind} {name!r}; it has: {known}")
        return entry[0], entry[1]

    def _where(self) -> str:
        return os.pathsep.join(map(str, self.paths))

    def _by_plugin(self, context: str, namespace: str) -> Credentials:
        # Imported only here: it costs 50 MB, and a pod's service account never needs it.
        from kubernetes import client, config

        loaded = client.Configuration()
        try:
            config.load_kube_config(  # type: ignore[no-untyped-call]  # it ships no types
                config_file=self._where(),
                context=context,
                client_configuration=loaded,
                persist_config=False,
            )
        except (config.ConfigException, OSError) as error:
            raise CredentialsError(f"context {context!r}: {error}") from error
        authority, certificate, key = (
            _read(Path(path)) if path else ""
            for path in (loaded.ssl_ca_cert, loaded.cert_file, loaded.key_file)
        )
        secure = loaded.host.startswith("https:")
        insecure = not loaded.verify_ssl
        return Credentials(
            server=loaded.host.rstrip("/"),
            authorization=loaded.get_api_key_with_prefix("BearerToken") or "",
            tls=_tls(authority, certificate, key, insecure=insecure) if secure else None,
            fingerprint="\n".join((authority, certificate, key)),
            proxy=loaded.proxy,
            namespace=namespace,
        )


def find(context: str | None = None) -> Source:
    """Return the service account where we run in a pod and no context is named, else kubeconfig."""
    in_pod = os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists()
    return InCluster() if in_pod and not context else Kubeconfig.from_environment(context)


def _authorization(user: Mapping[str, Any], home: Path) -> str:
    if user.get("tokenFile"):
        return f"Bearer {_read(home / user['tokenFile']).strip()}"
    if user.get("token"):
        return f"Bearer {user['token']}"
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password') or ''}"
        return "Basic " + base64.b64encode(pair.encode()).decode()
    return ""


def _data(section: Mapping[str, Any], key: str, home: Path) -> str:
    if section.get(f"{key}-data"):
        try:
            return base64.b64decode(section[f"{key}-data"], validate=True).decode()
        except ValueError as error:
            raise CredentialsError(f"{key}-data is not base64 of PEM text") from error
    return _read(home / section[key]) if section.get(key) else ""


def _tls(authority: str, certificate: str, key: str, *, insecure: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=authority or None)
        if certificate:
            # The ssl module reads certificates from files only.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as pem:
                pem.write(certificate.rstrip("\n") + "\n" + key)
                pem.flush()
                context.load_cert_chain(pem.name)
    except ssl.SSLError as error:
        raise CredentialsError(f"the certificates cannot be used: {error}") from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(f"cannot read {path}: {error}") from error

"""Where the API server is and who we are to it, read as kubectl and client-go read it."""

from __future__ import annotations

import base64
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bailiwick.kube.credentials import Credentials, CredentialsError, InCluster, Kubeconfig, find

Json = dict[str, Any]

AUTHORITY = "\n".join(
    ssl.DER_cert_to_PEM_cert(der).strip()
    for der in ssl.create_default_context().get_ca_certs(binary_form=True)[:1]
)
POD = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a kubeconfig with one context, `main`, whose parts can be changed."""

    def written(
        name: str = "config",
        *,
        cluster: Json | None = None,
        user: Json | None = None,
        context: Json | None = None,
        current: str = "main",
    ) -> Path:
        body = {
            "current-context": current,
            "contexts": [
                {"name": "main", "context": {"cluster": "c", "user": "u", **(context or {})}}
            ],
            "clusters": [
                {"name": "c", "cluster": {"server": "http://127.0.0.1:8001"} | (cluster or {})}
            ],
            "users": [{"name": "u", "user": user or {}}],
        }
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(body))
        return path

    return written


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The directory that the kubelet mounts for a service account."""
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text(AUTHORITY)
    (tmp_path / "namespace").write_text("bailiwick-system\n")
    return tmp_path


def load(*paths: Path, context: str | None = None) -> Credentials:
    return Kubeconfig(paths, context).load()


needs_authority = pytest.mark.skipif(not AUTHORITY, reason="this machine knows no authority")


@needs_authority
@pytest.mark.parametrize(
    "host, server",
    [("10.96.0.1", "https://10.96.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")],
)
def test_a_pod_speaks_by_its_service_account(account: Path, host: str, server: str) -> None:
    found = InCluster(account, POD | {"KUBERNETES_SERVICE_HOST": host}).load()
    assert found.server == server
    assert found.authorization == "Bearer first"
    assert found.namespace == "bailiwick-system"
    assert found.tls is not None
    assert found.tls.verify_mode is ssl.CERT_REQUIRED


def test_a_token_that_the_kubelet_renewed_is_read_anew(account: Path) -> None:
    source = InCluster(account, POD)
    (account / "token").write_text("second")
    assert source.authorization() == "Bearer second"


@needs_authority
@pytest.mark.parametrize("missing", ["token", "ca.crt"])
def test_what_is_missing_of_a_service_account_is_named(account: Path, missing: str) -> None:
    (account / missing).unlink()
    with pytest.raises(CredentialsError, match=f"cannot read .*{missing}"):
        InCluster(account, POD).load()


def test_outside_of_a_pod_there_is_no_service_account(account: Path) -> None:
    with pytest.raises(CredentialsError, match="not running in a pod"):
        InCluster(account, {}).load()


def test_a_kubeconfig_names_server_namespace_and_proxy(write: Write) -> None:
    path = write(
        cluster={"server": "http://example.test:8001/base/", "proxy-url": "http://proxy.test:3128"},
        context={"namespace": "shop"},
    )
    assert load(path) == Credentials(
        "http://example.test:8001/base",
        fingerprint="\n\n",
        proxy="http://proxy.test:3128",
        namespace="shop",
    )


@pytest.mark.parametrize(
    "user, header",
    [
        ({}, ""),
        ({"token": "secret"}, "Bearer secret"),
        ({"token": "secret", "tokenFile": "token"}, "Bearer from a file"),
        ({"username": "me", "password": "a:b"}, "Basic " + base64.b64encode(b"me:a:b").decode()),
    ],
)
def test_who_we_are_is_a_token_or_a_password(
    write: Write, tmp_path: Path, user: Json, header: str
) -> None:
    (tmp_path / "token").write_text("from a file\n")
    assert load(write(user=user)).authorization == header


@needs_authority
def test_files_are_looked_for_beside_the_kubeconfig_that_names_them(
    write: Write, tmp_path: Path
) -> None:
    path = write("there/config", cluster={"server": "https://a", "certificate-authority": "ca.crt"})
    (tmp_path / "there/ca.crt").write_text(AUTHORITY)
    found = load(path)
    assert found.tls is not None
    assert found.tls.cert_store_stats()["x509_ca"] >= 1
    assert AUTHORITY in found.fingerprint


@needs_authority
def test_another_authority_is_another_fingerprint(write: Write) -> None:
    inline = {"certificate-authority-data": base64.b64encode(AUTHORITY.encode()).decode()}
    before = load(write(cluster={"server": "https://a"}))
    after = load(write(cluster={"server": "https://a", **inline}))
    assert before.fingerprint != after.fingerprint


def test_a_server_is_trusted_unseen_only_where_that_is_written(write: Write) -> None:
    strict = load(write(cluster={"server": "https://a"}))
    loose = load(write(cluster={"server": "https://a", "insecure-skip-tls-verify": True}))
    assert strict.tls is not None
    assert strict.tls.verify_mode is ssl.CERT_REQUIRED
    assert strict.tls.check_hostname
    assert loose.tls is not None
    assert loose.tls.verify_mode is ssl.CERT_NONE


def test_of_several_kubeconfigs_the_first_that_names_a_thing_wins(write: Write) -> None:
    first = write("first", cluster={"server": "http://first"}, current="")
    second = write("second", cluster={"server": "http://second"})
    assert load(first, second).server == "http://first"
    assert load(first.parent / "missing", second).server == "http://second"


@pytest.mark.parametrize(
    "changes, context, words",
    [
        ({"current": ""}, None, "has no current context: name one"),
        ({}, "other", "has no context 'other'; it has: main"),
        ({"context": {"cluster": "gone"}}, None, "has no cluster 'gone'; it has: c"),
        ({"context": {"user": "gone"}}, None, "has no user 'gone'; it has: u"),
        ({"cluster": {"server": ""}}, None, "cluster 'c' has no server"),
        ({"user": {"client-key-data": "%"}}, None, "client-key-data is not base64 of PEM text"),
        (
            {"cluster": {"server": "https://a"}, "user": {"client-certificate": "gone.pem"}},
            None,
            "cannot read .*gone.pem",
        ),
        (
            {
                "cluster": {"server": "https://a"},
                "user": {"client-certificate-data": base64.b64encode(b"no PEM").decode()},
            },
            None,
            "the certificates cannot be used",
        ),
    ],
)
def test_what_is_wrong_with_a_kubeconfig_is_said(
    write: Write, changes: Json, context: str | None, words: str
) -> None:
    with pytest.raises(CredentialsError, match=words):
        load(write(**changes), context=context)


def test_a_kubeconfig_that_is_not_there_or_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match="there is no kubeconfig at /nowhere/config"):
        load(Path("/nowhere/config"))
    (tmp_path / "config").write_text("{")
    with pytest.raises(CredentialsError, match="config is not YAML"):
        load(tmp_path / "config")


def test_a_program_of_the_users_may_give_the_token(write: Write) -> None:
    program = (
        "import json; print(json.dumps({'apiVersion': 'client.authentication.k8s.io/v1', "
        "'kind': 'ExecCredential', 'status': {'token': 'made just now'}}))"
    )
    path = write(
        cluster={"server": "http://127.0.0.1:8001"},
        context={"namespace": "shop"},
        user={
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": sys.executable,
                "args": ["-c", program],
                "interactiveMode": "Never",
            }
        },
    )
    found = load(path)
    assert found.server == "http://127.0.0.1:8001"
    assert found.authorization == "Bearer made just now"
    assert found.namespace == "shop"


def test_a_named_context_is_looked_for_in_the_kubeconfig_even_in_a_pod(
    write: Write, account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bailiwick.kube.credentials.SERVICE_ACCOUNT", account)
    monkeypatch.setenv("KUBECONFIG", str(write()))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert isinstance(find(), InCluster)
    assert isinstance(find("main"), Kubeconfig)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert isinstance(find(), Kubeconfig)
    assert find().load().server == "http://127.0.0.1:8001"

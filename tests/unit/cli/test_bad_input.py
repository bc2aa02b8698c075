"""What is wrong with manifests is told by file and line, by every command that reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bailiwick.cli.main import cli
from tests.unit.offline.kubectl_cases import bomb
from tests.unit.offline.make import policy, workload

WEB = workload("web", spec="containers: [{name: a, ports: [{name: http, containerPort: 80}]}]")


def network_policy(spec: str) -> str:
    """Return a policy whose spec begins on line 5."""
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    return f"{head}metadata: {{name: a, namespace: shop}}\nspec:\n  podSelector: {{}}\n{spec}"


def ports(port: str) -> str:
    return network_policy(f"  ingress:\n  - ports:\n    - port: {port}\n")


def block(text: str) -> str:
    return network_policy(f"  ingress:\n  - from:\n    - ipBlock:\n        {text}\n")


def run(directory: Path, text: str, command: str) -> Result:
    (directory / "app.yaml").write_text(text)
    (directory / "web.yaml").write_text(WEB)
    path, other = str(directory / "app.yaml"), str(directory / "web.yaml")
    arguments = {
        "plan": ["plan", path, "--fail-on", "never"],
        "reach": ["reach", path, "-o", "connlist"],
        "explain": ["explain", "-f", path, "internet", "shop/web:80"],
        "diff": ["diff", other, path],
    }
    return CliRunner().invoke(cli, arguments[command])


COMMANDS = ("plan", "reach", "explain", "diff")

REFUSED = {
    "an operator that there is not": (
        network_policy("").replace(
            "podSelector: {}",
            "podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}",
        ),
        "5: NetworkPolicy a: spec.podSelector.matchExpressions[0].operator: Gt is not one of In, "
        "NotIn, Exists, DoesNotExist",
    ),
    "an exception outside of its block": (
        block("{cidr: 10.0.0.0/8, except: [11.0.0.0/9]}"),
        "8: NetworkPolicy a: spec.ingress[0].from[0].ipBlock: except 11.0.0.0/9 is not a smaller "
        "range of 10.0.0.0/8",
    ),
    "port 0": (
        ports("0"),
        "8: NetworkPolicy a: spec.ingress[0].ports[0]: 0 is not a port: they go from 1 to 65535",
    ),
    "port 70000": (
        ports("70000"),
        "8: NetworkPolicy a: spec.ingress[0].ports[0]: 70000 is not a port: they go from 1 to "
        "65535",
    ),
    "an anchor in itself": (
        "apiVersion: v1\nkind: Pod\nmetadata: &a\n  name: x\n  labels: *a\n",
        "5: *a contains itself",
    ),
    "a billion laughs": (bomb(), "7: *l2 repeats too much: write out what it stands for"),
    "a List of Lists with a label that is no text": (
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n"
        "  - apiVersion: v1\n    kind: Pod\n    metadata: {name: a, labels: {app: 1}}\n",
        "9: Pod a: metadata.labels[app]: a label is text: put it in quotation marks",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_ends_it(name: str, command: str, tmp_path: Path) -> None:
    text, message = REFUSED[name]
    done = run(tmp_path, text, command)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tmp_path}/app.yaml:{message}\n"


def test_everything_that_is_wrong_with_an_intent_is_told_at_once(tmp_path: Path) -> None:
    text = """apiVersion: bailiwick.dev/v1alpha1
kind: SecurityIntent
metadata: {name: default, namespace: shop}
spec:
  enforcment: Enforce
  network:
    allow:
    - {name: a, to: {workload: {}}, reviewBy: tomorrow}
    - {name: B, to: {cidr: 10.0.0.1/8}, ports: [0, 80]}
"""
    done = run(tmp_path, text, "plan")
    assert done.exit_code == 2
    told = [line.removeprefix(f"error: {tmp_path}/app.yaml:") for line in done.stderr.splitlines()]
    assert [line.partition(" SecurityIntent shop/default: ")[::2] for line in told] == [
        ("5:", "spec.enforcment: there is no such field"),
        (
            "8:",
            "spec.network.allow[0].reviewBy: should be a valid date in the format YYYY-MM-DD, "
            "input is too short",
        ),
        (
            "9:",
            'spec.network.allow[1].name: "B": write at most 63 lower-case letters, digits and "-", '
            "starting and ending with a letter or digit",
        ),
        ("9:", 'spec.network.allow[1].ports[0]: "0": ports go from 1 to 65535'),
        (
            "9:",
            'spec.network.allow[1].to.cidr: "10.0.0.1/8": write a range of addresses whose bits '
            "after the prefix are zero: 203.0.113.0/24 or 2001:db8::/32",
        ),
    ]


def test_everything_that_is_wrong_with_a_policy_is_told_at_once(tmp_path: Path) -> None:
    text = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: Near}]}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/8]}}]
    ports: [{port: 0}, {port: 80}, {port: 70000}]
  - from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]
"""
    done = run(tmp_path, text, "plan")
    assert done.exit_code == 2
    told = [line.removeprefix(f"error: {tmp_path}/app.yaml:") for line in done.stderr.splitlines()]
    assert [line.partition(": NetworkPolicy a: spec.")[::2] for line in told] == [
        (
            "5",
            "podSelector.matchExpressions[0].operator: Near is not one of In, NotIn, Exists, "
            "DoesNotExist",
        ),
        ("7", "ingress[0].from[0].ipBlock: except 11.0.0.0/8 is not a smaller range of 10.0.0.0/8"),
        ("8", "ingress[0].ports[0]: 0 is not a port: they go from 1 to 65535"),
        ("8", "ingress[0].ports[2]: 70000 is not a port: they go from 1 to 65535"),
        ("9", "ingress[1].from[0]: ipBlock stands alone, without a selector beside it"),
    ]


def test_of_a_policy_that_is_nested_too_deep_to_be_copied_the_first_is_told(tmp_path: Path) -> None:
    deep = "[" * 900 + "]" * 900
    spec = f'{{"podSelector": {{}}, "ingress": [{{"ports": [{{"port": 0}}]}}], "x": {deep}}}'
    head = '"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"'
    text = f'{{{head}, "metadata": {{"name": "a"}}, "spec": {spec}}}'
    done = run(tmp_path, text, "plan")
    assert done.exit_code == 2
    assert done.stderr.endswith("ports[0]: 0 is not a port: they go from 1 to 65535\n")


TOLD = {
    "host bits": (
        WEB + block("cidr: 10.0.0.1/8"),
        "HostBits",
        "14: NetworkPolicy shop/a: spec.ingress[0].from[0].ipBlock.cidr: 10.0.0.1/8 has bits after "
        "its prefix: it means 10.0.0.0/8, so write that",
    ),
    "an object that stands twice": (
        WEB + WEB,
        "Duplicate",
        "6: Deployment shop/web stands in {file}:1 too: the last one counts",
    ),
    "a key that stands twice": (
        WEB.replace("\nspec:", "\nspec: {}\nspec:"),
        "RepeatedKey",
        "5: Deployment shop/web: spec stands twice in one mapping: the last one counts",
    ),
    "a field that a policy does not have": (
        WEB + ports("http").replace("podSelector", "podSelectr"),
        "UnknownField",
        "10: NetworkPolicy shop/a: spec.podSelectr: there is no such field, so it says nothing: "
        "did you mean podSelector?",
    ),
    "a policy of Calico's": (
        WEB + "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: a}\n",
        "NotEvaluated",
        "6: GlobalNetworkPolicy.projectcalico.org a is not evaluated here: what it may allow or "
        "deny is told as not known",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", TOLD)
def test_what_may_not_be_meant_is_told(name: str, command: str, tmp_path: Path) -> None:
    text, code, message = TOLD[name]
    done = run(tmp_path, text, command)
    file = f"{tmp_path}/app.yaml"
    line, _, said = message.format(file=file).partition(": ")
    if command in ("reach", "explain"):
        assert done.stderr == f"warning: {file}:{line}: {said}\n"
    else:
        assert f"{file}:{line}: warning {code}" in done.stdout
        assert said.replace(" ", "") in "".join(done.stdout.split())


def test_a_name_that_no_port_has_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, WEB + ports("https"), "plan")
    assert "app.yaml:12: warning UnresolvedPort" in done.stdout
    assert "no pod that it is for calls a port https" in done.stdout
    for text in (ports("https"), WEB + ports("http")):
        assert "UnresolvedPort" not in run(tmp_path, text, "plan").stdout


def test_a_name_that_no_port_has_is_told_of_whoever_is_reached(tmp_path: Path) -> None:
    egress = "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [%s]"
    to_api = "{to: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: http}]}"
    without = workload("api")
    assert (
        "UnresolvedPort"
        in run(tmp_path, WEB + without + policy("a", egress % to_api), "plan").stdout
    )
    with_port = WEB.replace("web", "api")
    found = run(tmp_path, WEB + with_port + policy("a", egress % to_api), "plan").stdout
    assert "UnresolvedPort" not in found


def test_a_policy_of_500_rules_is_read_like_any_other(tmp_path: Path) -> None:
    rule = "{{from: [{{ipBlock: {{cidr: 10.0.{}.{}/32}}}}], ports: [{{port: {}}}]}}"
    rules = ", ".join(rule.format(n % 250, n // 250, n + 1) for n in range(500))
    text = WEB + policy("a", f"podSelector: {{}}, ingress: [{rules}]")
    lines = run(tmp_path, text, "reach").stdout.splitlines()
    assert "10.0.249.1-10.0.249.1[External] => shop/web[Deployment] : TCP 500" in lines
    assert len(lines) == 501


def test_a_namespace_without_labels_has_its_name(tmp_path: Path) -> None:
    bare = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
    by_name = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}"
    text = (
        bare
        + WEB
        + workload("api")
        + policy("a", f"podSelector: {{}}, ingress: [{{from: [{{{by_name}}}]}}]")
    )
    lines = run(tmp_path, text, "reach").stdout.splitlines()
    assert "shop/api[Deployment] => shop/web[Deployment] : All Connections" in lines


@pytest.mark.parametrize("command", ["plan", "reach"])
def test_that_there_is_nothing_to_read_is_an_error(command: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("# nothing")
    for argument, where in ((str(tmp_path), f"in {tmp_path}"), ("-", "on standard input")):
        done = CliRunner().invoke(cli, [command, argument], input="\n")
        assert done.exit_code == 2
        assert done.stderr.startswith(f"error: there is no Kubernetes object {where}: ")

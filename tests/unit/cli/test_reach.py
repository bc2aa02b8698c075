"""`bailiwick reach`, as it is called."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bailiwick.cli.reach import reach
from tests.unit.offline.make import policy, workload

ONLY_FROM_WEB = (
    "podSelector: {matchLabels: {app: api}}, "
    "ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 8080}]}]"
)
CLOSED = "podSelector: {}, policyTypes: [Ingress, Egress]"
INGRESS = """\
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: public, namespace: shop}
spec: {rules: [{http: {paths: [{backend: {service: {name: api, port: {name: http}}}}]}}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
"""


def run(text: str, *options: str) -> Result:
    return CliRunner().invoke(reach, ["-", *options], input=text)


def lines(text: str, *options: str) -> list[str]:
    return run(text, "-o", "connlist", *options).stdout.splitlines()


def test_the_lines_are_those_of_netpol_analyzer() -> None:
    assert lines(workload("web") + workload("api") + policy("a", ONLY_FROM_WEB)) == [
        "0.0.0.0-255.255.255.255[External] => shop/web[Deployment] : All Connections",
        "shop/api[Deployment] => 0.0.0.0-255.255.255.255[External] : All Connections",
        "shop/api[Deployment] => shop/web[Deployment] : All Connections",
        "shop/web[Deployment] => 0.0.0.0-255.255.255.255[External] : All Connections",
        "shop/web[Deployment] => shop/api[Deployment] : TCP 8080",
    ]


def test_the_lines_of_all_sources_together_are_sorted() -> None:
    names = ("a", "a-b", "a.b", "a0", "z")
    block = "ingress: [{from: [{ipBlock: {cidr: 8.0.0.0/6}}]}, {from: [{podSelector: {}}]}]"
    given = "".join(map(workload, names)) + policy("p", f"podSelector: {{}}, {block}")
    found = lines(given + workload("api") + workload("a", namespace="shop-b"))
    assert found == sorted(found)
    ranges = ("0.0.0.0-7.255.255.255", "8.0.0.0-11.255.255.255", "12.0.0.0-255.255.255.255")
    assert {line.partition(" => ")[0] for line in found} == {
        *(f"shop/{name}[Deployment]" for name in (*names, "api")),
        *(f"{each}[External]" for each in ranges),
        "shop-b/a[Deployment]",
    }


def test_what_touches_a_namespace_is_all_that_is_told_of_it() -> None:
    others = workload("api", namespace="payments") + workload("x", namespace="other")
    given = workload("web") + others
    found = json.loads(run(given, "-o", "json", "-n", "shop").stdout)
    ends = [(e["from"].get("namespace"), e["to"].get("namespace")) for e in found]
    assert set(ends) == {
        *(
            pair
            for other in ("payments", "other", None)
            for pair in (("shop", other), (other, "shop"))
        )
    }
    assert len(ends) == 6


def test_an_ingress_opens_what_policies_let_in() -> None:
    entrance = "{ingress-controller} => shop/api[Deployment] : TCP 8080"
    assert entrance in lines(workload("api") + INGRESS)
    assert lines(workload("api") + INGRESS + policy("a", CLOSED)) == []


def test_ranges_of_addresses_are_cut_where_a_policy_cuts_them() -> None:
    spec = (
        "podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 8.0.0.0/6}}]}]"
    )
    closed = policy("b", "podSelector: {}, policyTypes: [Egress]")
    assert lines(workload("api") + policy("a", spec) + closed) == [
        "8.0.0.0-11.255.255.255[External] => shop/api[Deployment] : All Connections",
    ]


def test_pods_on_their_nodes_network_are_told_apart_from_what_the_other_tool_says() -> None:
    given = workload("web") + workload("api", spec="hostNetwork: true") + policy("a", CLOSED)
    done = run(given, "-o", "connlist")
    assert done.stdout == ""
    assert "1 pod on the network of its node" in done.stderr
    assert run(given).stdout.splitlines() == [
        "FROM              TO                PORTS",
        "anywhere outside  shop/api          all",
        "shop/api          anywhere outside  all",
    ]


def test_the_table_folds_what_has_all_in_common() -> None:
    given = "".join(map(workload, ("web", "api", "db"))) + policy("a", ONLY_FROM_WEB)
    given += workload("other", namespace="elsewhere")
    assert run(given, "-n", "shop").stdout.splitlines() == [
        "FROM                                       TO                                 PORTS",
        "every workload                             elsewhere/other, anywhere outside  all",
        "everyone in the cluster, anywhere outside  db, web                            all",
        "web                                        api                                8080",
    ]


def test_stateful_workloads_are_told_to_talk_among_themselves() -> None:
    closed = policy("a", "podSelector: {}, policyTypes: [Ingress, Egress]")
    among = policy(
        "b",
        "podSelector: {}, policyTypes: [Ingress, Egress], "
        "ingress: [{from: [{podSelector: {}}]}], egress: [{to: [{podSelector: {}}]}]",
    )
    web, db = workload("web"), workload("db", kind="StatefulSet", namespace="data")
    given = web + db + closed + among + (closed + among).replace("shop", "data")
    assert run(given).stdout.splitlines()[1:] == ["data/db  data/db  all"]


def test_the_data_has_every_edge_by_itself() -> None:
    given = workload("web") + workload("api") + policy("a", CLOSED) + policy("b", ONLY_FROM_WEB)
    egress = policy(
        "c", "podSelector: {matchLabels: {app: web}}, egress: [{}], policyTypes: [Egress]"
    )
    found = json.loads(run(given + egress, "-o", "json").stdout)
    assert {
        "from": {"namespace": "shop", "name": "web", "kind": "Deployment"},
        "to": {"namespace": "shop", "name": "api", "kind": "Deployment"},
        "ports": "8080",
    } in found
    assert len(found) == 2


def test_names_are_not_cut_where_a_line_can_go_on() -> None:
    names = [f"a-workload-with-quite-a-long-name-{number}" for number in range(4)]
    sources = "{podSelector: {matchExpressions: [{key: app, operator: In, values: [%s]}]}}"
    given = "".join(map(workload, (*names, "other")))
    given += policy("a", "podSelector: {}, policyTypes: [Ingress, Egress]")
    given += policy(
        "b", f"podSelector: {{}}, ingress: [{{from: [{sources % ', '.join(names[:3])}]}}]"
    )
    given += policy("c", "podSelector: {}, policyTypes: [Egress], egress: [{}]")
    lines = run(given, "-n", "shop").stdout.splitlines()
    assert all(len(line) <= 100 for line in lines)
    assert {word.rstrip(",") for line in lines for word in line.split()} >= {*names}


def test_a_policy_of_which_it_is_not_known_whom_it_selects_makes_edges_unknown() -> None:
    doubtful = (
        "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
        "metadata: {name: a, namespace: shop}\n"
        "spec: {endpointSelector: {matchLabels: {'reserved:host': ''}}, ingress: [{}]}\n---\n"
    )
    found = json.loads(run(workload("a") + workload("b") + doubtful, "-o", "json").stdout)
    inside = [edge for edge in found if "outside" not in {*edge["from"], *edge["to"]}]
    assert [(edge["ports"], edge["unknown"]) for edge in inside] == [("", "all"), ("", "all")]


@pytest.mark.parametrize("output", ["text", "json", "connlist"])
def test_what_cannot_be_read_ends_it(output: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    done = CliRunner().invoke(reach, [str(tmp_path), "-o", output])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"error: {tmp_path}/a.yaml:2: ")


def test_what_says_nothing_of_traffic_is_counted() -> None:
    done = run("kind: Secret\napiVersion: v1\nmetadata: {name: a}\n")
    assert done.stdout == "Nobody can reach anybody.\n"
    assert done.stderr == "note: 1 document says nothing of traffic: 1 Secret\n"

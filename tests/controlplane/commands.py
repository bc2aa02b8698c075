"""The command lines of the control plane's programs, and the addresses it gives out."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Final

import yaml

from tests.controlplane.identity import Identity

ASSETS: Final = Path(__file__).resolve().parent / "assets"

# The API server's address as pods see it. Nothing listens there: EndpointSlices may not name
# loopback addresses, and the operator under test must resolve them.
ADVERTISED_ADDRESS: Final = "172.18.0.2"
FIRST_NODE: Final = IPv4Address("172.18.0.10")
SERVICE_CIDRS: Final = ("10.96.0.0/16", "fd00:10:96::/112")
POD_CIDRS: Final = ("10.244.0.0/16", "fd00:10:244::/48")

CONTROLLERS: Final = (
    "clusterrole-aggregation-controller",
    "daemonset-controller",
    "deployment-controller",
    "endpointslice-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "replicaset-controller",
    "root-ca-certificate-publisher-controller",
    "service-cidr-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
)


def etcd(directory: Path, port: int) -> list[str]:
    """One member, without waiting for the disk: its data is thrown away."""
    client = f"http://127.0.0.1:{port}"
    return [
        f"--data-dir={directory / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--unsafe-no-fsync",
        "--quota-backend-bytes=8589934592",
        "--log-level=warn",
    ]


def kube_apiserver(directory: Path, port: int, etcd_port: int) -> list[str]:
    """RBAC, static tokens, its own key for service accounts, and a log of every write."""
    key = directory / "service-account.key"
    return [
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--advertise-address={ADVERTISED_ADDRESS}",
        f"--cert-dir={directory / 'certificates'}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={directory / 'tokens.csv'}",
        f"--service-cluster-ip-range={','.join(SERVICE_CIDRS)}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--audit-policy-file={ASSETS / 'audit-policy.yaml'}",
        f"--audit-log-path={directory / 'audit.log'}",
        "--audit-log-maxsize=4096",
        "--allow-privileged",
        # Nothing here would ever remove the taint that it puts on a new node.
        "--disable-admission-plugins=TaintNodesByCondition",
        "--profiling=false",
    ]


def kube_controller_manager(directory: Path, identity: Identity) -> list[str]:
    """Only the controllers that something here needs."""
    return [
        f"--kubeconfig={identity.kubeconfig}",
        f"--controllers={','.join(CONTROLLERS)}",
        "--leader-elect=false",
        "--secure-port=0",
        f"--root-ca-file={identity.ca_file}",
        f"--service-account-private-key-file={directory / 'service-account.key'}",
        f"--service-cluster-ip-range={','.join(SERVICE_CIDRS)}",
        f"--cluster-cidr={','.join(POD_CIDRS)}",
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
        "--concurrent-gc-syncs=30",
        "--concurrent-namespace-syncs=30",
    ]


def kube_scheduler(directory: Path, identity: Identity) -> list[str]:
    """The usual scheduler with a client that is not throttled to 50 requests a second."""
    configuration = directory / "scheduler.yaml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "kubescheduler.config.k8s.io/v1",
                "kind": "KubeSchedulerConfiguration",
                "leaderElection": {"leaderElect": False},
                "clientConnection": {
                    "kubeconfig": str(identity.kubeconfig),
                    "qps": 1000,
                    "burst": 2000,
                },
            }
        )
    )
    return [f"--config={configuration}", "--secure-port=0"]


def kwok(identity: Identity) -> list[str]:
    """The played kubelet of all nodes, without leases: nothing here watches for dead nodes."""
    return [
        f"--kubeconfig={identity.kubeconfig}",
        f"--config={ASSETS / 'kwok.yaml'}",
        "--manage-all-nodes=true",
        "--node-lease-duration-seconds=0",
        "--server-address=",
    ]


def nodes(count: int) -> Iterator[dict[str, Any]]:
    """Nodes node-1, node-2 and so on, as a kubelet would register them, ready already."""
    pods4 = IPv4Network(POD_CIDRS[0])
    pods6 = IPv6Network(POD_CIDRS[1])
    for index in range(count):
        name = f"node-{index + 1}"
        cidr4 = f"{pods4.network_address + index * 4096}/20"
        cidr6 = f"{pods6.network_address + (index << 64)}/64"
        capacity = {"cpu": "1000", "memory": "4Ti", "pods": "10000"}
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {
                    "kubernetes.io/arch": "amd64",
                    "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                },
            },
            "spec": {"podCIDR": cidr4, "podCIDRs": [cidr4, cidr6]},
            "status": {
                "addresses": [
                    {"type": "InternalIP", "address": str(FIRST_NODE + index)},
                    {"type": "Hostname", "address": name},
                ],
                "capacity": capacity,
                "allocatable": capacity,
                "nodeInfo": {
                    "architecture": "amd64",
                    "operatingSystem": "linux",
                    "kubeletVersion": "v1.36.3",
                    "containerRuntimeVersion": "containerd://2.3.7",
                    "bootID": "",
                    "kernelVersion": "",
                    "kubeProxyVersion": "",
                    "machineID": "",
                    "osImage": "",
                    "systemUUID": "",
                },
                "conditions": [
                    {"type": "Ready", "status": "True", "reason": "KubeletReady"},
                ],
            },
        }

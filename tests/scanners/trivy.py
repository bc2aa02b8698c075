"""Trivy Operator's reports and their definitions, in the shape that it documents."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bailiwick.scanners import trivy_wire
from bailiwick.scanners.trivy_operator import ReportKind

Json = dict[str, Any]
GROUP = "aquasecurity.github.io"
API_VERSION = f"{GROUP}/v1alpha1"
_uids = itertools.count(1)


def definition(plural: str, kind: str, *, namespaced: bool = True) -> Json:
    """A CustomResourceDefinition that takes any report."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {
                    "name": "v1alpha1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


DEFINITIONS = (
    definition("vulnerabilityreports", "VulnerabilityReport"),
    definition("sbomreports", "SbomReport"),
    definition("clustervulnerabilityreports", "ClusterVulnerabilityReport", namespaced=False),
    definition("clustersbomreports", "ClusterSbomReport", namespaced=False),
)


def vulnerability(number: int = 1, **fields: object) -> Json:
    return {
        "vulnerabilityID": f"CVE-2026-{number:04}",
        "resource": "openssl",
        "installedVersion": "3.0.11",
        "fixedVersion": "3.0.12",
        "severity": "HIGH",
        "title": "openssl: something",
        "primaryLink": f"https://avd.aquasec.com/nvd/cve-2026-{number:04}",
        "packagePURL": "pkg:deb/debian/openssl@3.0.11",
        **fields,
    }


def metadata(namespace: str, workload: str, container: str = "app", **fields: object) -> Json:
    """What a report of a workload's container is called and labelled with."""
    kind, _, name = workload.partition("/")
    labels = {
        trivy_wire.KIND_LABEL: kind,
        trivy_wire.NAME_LABEL: name,
        "trivy-operator.resource.namespace": namespace,
        trivy_wire.CONTAINER_LABEL: container,
    }
    called = f"{kind.lower()}-{name}-{container}"[:200]
    return {"name": called, "namespace": namespace, "labels": labels, **fields}


def report(
    where: Json,
    *vulnerabilities: Json,
    digest: str = "",
    repository: str = "shop/cart",
    tag: str = "",
    updated: datetime | str = "2026-11-23T10:00:00Z",
    **fields: object,
) -> Json:
    """A VulnerabilityReport; `where` is its metadata."""
    moment = updated if isinstance(updated, str) else updated.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": API_VERSION,
        "kind": "VulnerabilityReport",
        "metadata": where,
        "report": {
            "updateTimestamp": moment,
            "registry": {"server": "registry.example.com"},
            "artifact": {"repository": repository, "tag": tag, "digest": digest},
            "os": {"family": "debian", "name": "12.4"},
            "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.65.0"},
            "summary": {"highCount": len(vulnerabilities)},
            "vulnerabilities": list(vulnerabilities),
            **fields,
        },
    }


def sbom(where: Json, *, image_id: str, manifest: str, repository: str = "shop/cart") -> Json:
    """An SbomReport, with the identity that Trivy writes into its CycloneDX."""
    name = f"registry.example.com/{repository}"
    return {
        "apiVersion": API_VERSION,
        "kind": "SbomReport",
        "metadata": where,
        "report": {
            "components": {
                "bomFormat": "CycloneDX",
                "metadata": {
                    "component": {
                        "purl": f"pkg:oci/cart@{manifest.replace(':', '%3A')}?arch=amd64",
                        "properties": [
                            {"name": "aquasecurity:trivy:ImageID", "value": image_id},
                            {
                                "name": "aquasecurity:trivy:RepoDigest",
                                "value": f"{name}@{manifest}",
                            },
                        ],
                    }
                },
                "components": [],
            }
        },
    }


@dataclass
class Stored:
    """The reports that an API server has; whoever deletes one may have it made anew."""

    bodies: dict[ReportKind, list[Json]] = field(default_factory=dict)
    renewals: list[Json] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    looks: int = 0

    def put(self, body: Json) -> None:
        kind = next(each for each in ReportKind if each.value == f"{body['kind'].lower()}s")
        stored = {**body, "metadata": {**body["metadata"], "uid": f"uid-{next(_uids)}"}}
        self.bodies.setdefault(kind, []).append(stored)

    async def check(self, kind: ReportKind) -> None:
        """Every kind is served."""

    async def find(
        self, kind: ReportKind, namespace: str | None, labels: Mapping[str, str]
    ) -> Sequence[Mapping[str, Any]]:
        self.looks += 1
        return [
            body
            for body in self.bodies.get(kind, ())
            if namespace in (None, body["metadata"]["namespace"])
            and labels.items() <= body["metadata"]["labels"].items()
        ]

    async def delete(self, kind: ReportKind, namespace: str, name: str, uid: str) -> None:
        self.deleted.append(f"{namespace}/{name}")
        kept = [body for body in self.bodies[kind] if body["metadata"]["uid"] != uid]
        self.bodies[kind] = kept
        for renewed in self.renewals:
            self.put(renewed)

"""Who may talk to whom, and on which ports: the parts that intents and profiles share."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from bailiwick.api.types import (
    AS_SET,
    ApiModel,
    LabelSelector,
    Name,
    Rule,
    bounded,
    rules,
)

EntityName = Literal["Internet", "DNS", "KubeAPIServer", "Nodes", "IngressController", "Cluster"]

_NUMBERS = "^[0-9]{1,5}(-[0-9]{1,5})?(/(TCP|UDP|SCTP))?$"
_NAME = "^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?(/(TCP|UDP|SCTP))?$"

Port = Annotated[
    int | str,
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 20,
            **rules(
                Rule(
                    f"type(self) == int || self.matches('{_NUMBERS}')"
                    f" || self.matches('{_NAME}') && self.split('/')[0].matches('[a-z]')"
                    " && !self.contains('--')",
                    "write a port's number (8443), a range (9000-9100) or a container port's name"
                    " (grpc), with /UDP or /SCTP after it where it is not TCP",
                ),
                Rule(
                    f"type(self) == int ? self >= 1 && self <= 65535 : !self.matches('{_NUMBERS}')"
                    " || self.split('/')[0].split('-').all(n, int(n) >= 1 && int(n) <= 65535)",
                    "ports go from 1 to 65535",
                ),
                Rule(
                    f"type(self) == int || !self.matches('{_NUMBERS}') || !self.contains('-')"
                    " || int(self.split('/')[0].split('-')[0])"
                    " <= int(self.split('/')[0].split('-')[1])",
                    "write the lower port of a range first: 9000-9100",
                ),
            ),
        }
    ),
]
"""`8443`, `9000-9100/UDP`, `grpc`, `grpc/TCP`; TCP where no protocol is written."""

NO_PORTS = "name some ports, or leave this out: then it is for all of them"
Ports = Annotated[
    tuple[Port, ...],
    Field(max_length=20, json_schema_extra={**AS_SET, **rules(Rule("self.size() > 0", NO_PORTS))}),
]
"""An empty list would mean all ports to one reader and none to another, so people are refused one;
a template whose values name none may give it."""

CIDR = Annotated[
    str,
    bounded(
        43,
        Rule(
            "isCIDR(self) && cidr(self) == cidr(self).masked()",
            "write a range of addresses whose bits after the prefix are zero: 203.0.113.0/24 or"
            " 2001:db8::/32",
        ),
    ),
]

_HOST = "^([*][.])?[a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
HostName = Annotated[
    str,
    bounded(
        253,
        Rule(
            f"self.matches('{_HOST}')",
            "write a host name in lower case, api.example.com or *.example.com, without scheme,"
            " port or path",
        ),
        Rule(
            "!self.matches('^[0-9.]+$')",
            "an address is no host name: write cidr: 203.0.113.7/32",
        ),
    ),
]


class ServiceReference(ApiModel):
    """A Service; what counts is the pods or addresses behind it, and their target ports."""

    name: Name
    """The name of the Service."""
    namespace: Name | None = None
    """The namespace of the Service; this namespace where it is left out."""


class Peer(ApiModel):
    """One side of a rule. Exactly one kind: workload, namespace, service, cidr, fqdn or entity."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            Rule(
                "[has(self.workload) || has(self.__namespace__), has(self.service),"
                " has(self.cidr), has(self.fqdn), has(self.entity)].filter(kind, kind).size() == 1",
                "write exactly one of workload, namespace (alone or with workload), service, cidr,"
                " fqdn, entity; for more peers write more rules",
            ),
            Rule(
                "!has(self.except) || has(self.cidr)",
                "except is cut out of a cidr: write cidr beside it",
            ),
            Rule(
                "!has(self.except) || !has(self.cidr) || !isCIDR(self.cidr)"
                " || self.except.all(e, !isCIDR(e) || cidr(self.cidr).containsCIDR(e)"
                " && cidr(e).prefixLength() > cidr(self.cidr).prefixLength())",
                "each range under except must lie inside cidr and be smaller than it",
            ),
        )
    )

    workload: LabelSelector | None = None
    """Pods by their labels, in this namespace, or in the one under namespace. {} is all of them."""
    namespace: Name | None = None
    """The name of another namespace; all of its pods unless workload selects some."""
    service: ServiceReference | None = None
    """What a Service sends its traffic to."""
    cidr: CIDR | None = None
    """A range of addresses outside of the cluster, IPv4 or IPv6."""
    except_: (
        Annotated[tuple[CIDR, ...], Field(min_length=1, max_length=16, json_schema_extra=AS_SET)]
        | None
    ) = None
    """Ranges cut out of cidr."""
    fqdn: HostName | None = None
    """A host name outside of the cluster; only some network plugins can enforce it."""
    entity: EntityName | None = None
    """A peer that the cluster itself has, looked up in what it really runs."""


class HTTPMatch(ApiModel):
    """HTTP requests that a rule is limited to."""

    methods: (
        Annotated[
            tuple[
                Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"], ...
            ],
            Field(min_length=1, max_length=8, json_schema_extra=AS_SET),
        ]
        | None
    ) = None
    """Methods; all where it is left out."""
    path: (
        Annotated[
            str,
            bounded(
                512,
                Rule("self.startsWith('/')", "write a path that starts with /: /charge"),
            ),
        ]
        | None
    ) = None
    """A path, taken as a prefix; all where it is left out."""

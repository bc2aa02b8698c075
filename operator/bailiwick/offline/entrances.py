"""Ways into the cluster: Ingress and the routes of the Gateway API, by the Services they lead to.

https://kubernetes.io/docs/concepts/services-networking/ingress/,
https://gateway-api.sigs.k8s.io/reference/spec/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from bailiwick.offline.projecting import InvalidObject

GATEWAY: Final = "gateway.networking.k8s.io"
ROUTES: Final = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")


@dataclass(frozen=True, slots=True, order=True)
class Entrance:
    """A Service that an Ingress or a route leads to.

    `port` is the number or the name of a port of the Service, None for all of them.
    """

    namespace: str
    service: str
    port: int | str | None = None
    protocol: Literal["TCP", "UDP"] = "TCP"


def of_ingress(namespace: str, spec: Mapping[str, Any]) -> tuple[Entrance, ...]:
    """Read the spec of an Ingress; raises InvalidObject."""
    backends = [(spec.get("defaultBackend"), "spec.defaultBackend")]
    for at, rule in _objects(spec.get("rules"), "spec.rules"):
        http = _object(rule.get("http"), f"{at}.http")
        for where, path in _objects(http.get("paths"), f"{at}.http.paths"):
            backends.append((path.get("backend"), f"{where}.backend"))
    found = set()
    for backend, at in backends:
        service = _object(_object(backend, at).get("service"), f"{at}.service")
        port = _object(service.get("port"), f"{at}.service.port")
        if service:
            name = _text(service.get("name"), f"{at}.service.name")
            found.add(Entrance(namespace, name, _port(port.get("name") or port.get("number"), at)))
    return tuple(sorted(found, key=str))


def of_route(kind: str, namespace: str, spec: Mapping[str, Any]) -> tuple[Entrance, ...]:
    """Read the spec of a route of the Gateway API; raises InvalidObject."""
    found = set()
    for at, rule in _objects(spec.get("rules"), "spec.rules"):
        for where, backend in _objects(rule.get("backendRefs"), f"{at}.backendRefs"):
            if backend.get("group") or backend.get("kind") not in (None, "Service"):
                continue
            found.add(
                Entrance(
                    _text(backend.get("namespace") or namespace, f"{where}.namespace"),
                    _text(backend.get("name"), f"{where}.name"),
                    _port(backend.get("port"), where),
                    "UDP" if kind == "UDPRoute" else "TCP",
                )
            )
    return tuple(sorted(found, key=str))


def _objects(value: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if value is None:
        return
    if not isinstance(value, list):
        raise InvalidObject(at, "write a list")
    for number, each in enumerate(value):
        yield f"{at}[{number}]", _object(each, f"{at}[{number}]")


def _object(value: Any, at: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidObject(at, "write a mapping")
    return value


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidObject(at, "write a name")
    return value


def _port(value: Any, at: str) -> int | str | None:
    if value is None or (isinstance(value, int | str) and not isinstance(value, bool)):
        return value
    raise InvalidObject(f"{at}.port", "write the number or the name of a port")

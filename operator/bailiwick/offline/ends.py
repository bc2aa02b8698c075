"""The ends of a connection as a person names them: `shop/api:8443`, an address, `internet`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from bailiwick.offline.sources import CannotRead
from bailiwick.policy.cluster import FixedCluster
from bailiwick.policy.facts import Pod, Service
from bailiwick.policy.findings.words import some
from bailiwick.policy.network.services import meant, target_port
from bailiwick.policy.ports import InvalidPort, Port
from bailiwick.policy.reach import addresses
from bailiwick.policy.reach.explain import Place
from bailiwick.policy.reach.pods import Workload, workload_of
from bailiwick.policy.reach.workloads import Workloads
from bailiwick.policy.selectors import Selector

INTERNET: Final = "internet"
_SOMEWHERE: Final = "1.1.1.1"
"""An address for the internet, where all of it is treated alike."""

_NAMED: Final = 8
_BRACKETS: Final = re.compile(r"\[(?P<address>[0-9a-fA-F:.]+)\](?::(?P<port>.+))?")
_KIND: Final = re.compile(r"(?P<name>.+)\[(?P<kind>\w+)\]")


@dataclass(frozen=True, slots=True)
class NamedEnd:
    """An end of a connection: workloads, or an address outside of the cluster.

    `service` is what it was named by, where that is a Service: its ports are meant then.
    """

    text: str
    workloads: tuple[Workload, ...] = ()
    address: str = ""
    port: Port | None = None
    service: Service | None = None

    @property
    def name(self) -> str:
        """What it is called, without a port."""
        if self.service is not None:
            return f"Service {self.service.namespace}/{self.service.name}"
        if self.workloads:
            return " and ".join(f"{each.namespace}/{each.name}" for each in self.workloads)
        return INTERNET if self.text.startswith(INTERNET) else self.address

    def places(self, workloads: Workloads) -> list[Place]:
        """Return the classes of pods, or the address."""
        if self.address:
            return [Place(address=addresses.of_address(self.address))]
        numbers = {n for each in self.workloads for n in workloads.classes[each]}
        return [Place(number=number) for number in sorted(numbers)]


@dataclass(frozen=True, slots=True)
class Directory:
    """Who there is, by name; `namespace` is that of names without one."""

    cluster: FixedCluster
    workloads: Workloads
    namespace: str

    def find(self, text: str) -> NamedEnd:
        """Find an end by what a person wrote; raises CannotRead with what there is."""
        if text == INTERNET:
            return NamedEnd(text, address=_SOMEWHERE)
        bracketed = _BRACKETS.fullmatch(text)
        name, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if bracketed:
            name, port = bracketed["address"], bracketed["port"] or ""
        elif _is_address(text):
            name, port = text, ""
        try:
            wanted = Port.parse(port) if port else None
        except InvalidPort as error:
            raise CannotRead(f"{text}: {error}") from error
        if name == INTERNET:
            return NamedEnd(text, address=_SOMEWHERE, port=wanted)
        if _is_address(name):
            return self._at(text, name, wanted)
        return self._named(text, name, wanted)

    def ports(self, end: NamedEnd) -> list[Port]:
        """Return the ports that are asked of a target, by number; all that it declares if none.

        Raises CannotRead where there are none.
        """
        if end.port is not None:
            served = meant(end.port, end.service.ports) if end.service else []
            wanted = [target_port(each) for each in served] or [end.port]
        elif end.service is not None:
            wanted = [target_port(each) for each in end.service.ports]
        else:
            wanted = [
                Port.number(p.number, p.protocol) for pod in self._pods(end) for p in pod.ports
            ]
        found = {number for port in wanted for number in self._numbers(port, end)}
        if found:
            return sorted(found)
        if end.port is not None and end.port.name:
            raise CannotRead(f"{end.text}: none of its pods has a port called {end.port.name}")
        raise CannotRead(f"{end.text}: write the port too, such as {end.text}:443")

    def _numbers(self, port: Port, end: NamedEnd) -> set[Port]:
        """Return what a port stands for at a target."""
        if not port.name:
            return {port}
        return {
            Port.number(own.number, own.protocol)
            for pod in self._pods(end)
            for own in pod.ports
            if (own.name, own.protocol) == (port.name, port.protocol)
        }

    def _pods(self, end: NamedEnd) -> list[Pod]:
        return [pod for pod in self.cluster.all_pods if workload_of(pod) in end.workloads]

    def _at(self, text: str, address: str, port: Port | None) -> NamedEnd:
        """Find the pod of an address, or take it for one outside."""
        same = ip_address(address)
        found = {
            workload_of(pod)
            for pod in self.cluster.all_pods
            if any(_is_address(each) and ip_address(each) == same for each in pod.addresses)
        }
        if found:
            return NamedEnd(text, tuple(sorted(found)), port=port)
        return NamedEnd(text, address=address, port=port)

    def _named(self, text: str, name: str, port: Port | None) -> NamedEnd:
        of_kind = _KIND.fullmatch(name)
        kind = of_kind["kind"] if of_kind else ""
        namespace, _, own = (of_kind["name"] if of_kind else name).rpartition("/")
        namespace = namespace or self.namespace
        found = [
            workload
            for workload in self.workloads.classes
            if (workload.namespace, workload.name) == (namespace, own)
            and kind in ("", workload.kind)
        ]
        if found:
            return NamedEnd(text, tuple(found), port=port)
        service = self.cluster.service(namespace, own)
        if service is not None and service.selector and not kind:
            return NamedEnd(text, tuple(self._behind(service)), port=port, service=service)
        raise CannotRead(f"{text}: {self._what_there_is(namespace, own)}")

    def _behind(self, service: Service) -> list[Workload]:
        selector = Selector.of(service.selector)
        found = {
            workload_of(pod)
            for pod in self.cluster.pods(service.namespace)
            if selector.matches(pod.labels)
        }
        if not found:
            raise CannotRead(f"Service {service.namespace}/{service.name} selects no pod")
        return sorted(found)

    def _what_there_is(self, namespace: str, name: str) -> str:
        here = [w.name for w in self.workloads.classes if w.namespace == namespace]
        missing = f"there is no workload or Service {name} in namespace {namespace}"
        if here:
            return f"{missing}; there are: {some(sorted(set(here)), _NAMED)}"
        elsewhere = sorted({w.namespace for w in self.workloads.classes})
        if not elsewhere:
            return "there are no workloads at all"
        return f"{missing}, which has none; namespaces with workloads: {some(elsewhere, _NAMED)}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

"""Somebody who sees every change of policies and intents, and judges each moment afterwards.

It reads the API server by a connection of its own. The API server gives every change of whatever
kind a resourceVersion in the order in which they took place, so the events of both kinds become
one history.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from bailiwick.api.meta import API_VERSION
from tests.cluster.faults.edges import Declared, Edge, Rule, permitted
from tests.controlplane.api import Api, Json
from tests.controlplane.identity import Identity
from tests.controlplane.kubectl import eventually

POLICIES: Final = "/apis/networking.k8s.io/v1/networkpolicies"
INTENTS: Final = f"/apis/{API_VERSION}/securityintents"
Revision = tuple[str, int]  # an intent's UID and generation
NEVER: Final[Revision] = ("", 0)
NOTHING: Final = Declared(enforce=False)  # where there is no intent, or none in force


@dataclass(frozen=True, slots=True)
class Event:
    """One change, as a watch told of it."""

    version: int
    collection: str
    type: str  # ADDED, MODIFIED or DELETED
    body: Json

    @property
    def namespace(self) -> str:
        found: str = self.body["metadata"]["namespace"]
        return found

    @property
    def name(self) -> str:
        found: str = self.body["metadata"]["name"]
        return found

    def __str__(self) -> str:
        metadata = self.body["metadata"]
        told = metadata.get("generation", "")
        return f"{self.version} {self.type} {self.namespace}/{self.name} {told}"


class Witness:
    """Watches from its beginning to its end; a context manager."""

    def __init__(self, identity: Identity) -> None:
        self._api = Api(identity)
        self._events: list[Event] = []
        self._broken: list[str] = []
        self._ended = threading.Event()
        self._connections: list[http.client.HTTPSConnection] = []
        self._threads = [self._follow(collection) for collection in (POLICIES, INTENTS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        for connection in self._connections:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._api.close()

    def history(self, namespace: str) -> list[Event]:
        """All that has happened in a namespace until now, in order."""
        eventually(self._is_up_to_date, 30)
        found = [event for event in list(self._events) if event.namespace == namespace]
        return sorted(found, key=lambda event: event.version)

    def _is_up_to_date(self) -> None:
        assert not self._broken, self._broken
        for collection in (POLICIES, INTENTS):
            listed = self._api.get(collection)["items"]
            told: dict[tuple[str, str], int] = {}
            for event in list(self._events):
                if event.collection == collection:
                    key = event.namespace, event.name
                    told.pop(key, None)
                    if event.type != "DELETED":
                        told[key] = event.version
            assert told == {
                (each["metadata"]["namespace"], each["metadata"]["name"]): version_of(each)
                for each in listed
            }

    def _follow(self, collection: str) -> threading.Thread:
        listed = self._api.get(collection)
        for each in listed["items"]:
            self._events.append(Event(version_of(each), collection, "ADDED", each))
        thread = threading.Thread(
            target=self._watch, args=(collection, listed["metadata"]["resourceVersion"])
        )
        thread.start()
        return thread

    def _watch(self, collection: str, version: str) -> None:
        """Take in what happens; a watch that ends early would be a hole in the history."""
        identity = self._api.identity
        address = urlsplit(identity.server)
        context = ssl.create_default_context(cafile=str(identity.ca_file))
        connection = http.client.HTTPSConnection(
            str(address.hostname), address.port, context=context
        )
        self._connections.append(connection)
        path = f"{collection}?watch=true&timeoutSeconds=3600&resourceVersion={version}"
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {identity.token}"})
            with closing(connection), connection.getresponse() as lines:
                for line in lines:
                    told = json.loads(line)
                    body = told["object"]
                    self._events.append(Event(version_of(body), collection, told["type"], body))
            raise EOFError("the API server ended it")
        except (OSError, EOFError, KeyError, http.client.HTTPException) as error:
            if not self._ended.is_set():
                self._broken.append(f"the watch of {collection}: {error!r}")


def version_of(body: Json) -> int:
    """The resourceVersion of an object as the number that it is."""
    return int(body["metadata"]["resourceVersion"])


@dataclass(slots=True)
class Judge:
    """Goes through the history of one namespace and notes each moment that breaks the rule.

    The rule: what is permitted lies between the intersection and the union of before and after.
    *After* is every intent that was declared and whose status does not say yet that it is done;
    *before* is the one that was done last. `declared` has the intents by UID and generation.
    """

    declared: Mapping[Revision, Declared]
    others: Sequence[Rule] = ()
    faults: list[str] = field(default_factory=list)
    settled: int = 0  # how often what was declared was said to be done
    _policies: dict[str, Json] = field(default_factory=dict)
    _in_play: list[tuple[Revision, Declared]] = field(default_factory=list)
    _done: Revision = NEVER

    def hear(self, history: Iterable[Event]) -> Self:
        """Judge every moment of a history."""
        self._in_play = [(NEVER, NOTHING)]
        for event in history:
            (self._policy if event.collection == POLICIES else self._intent)(event)
            self._look(event)
        return self

    def _policy(self, event: Event) -> None:
        self._policies.pop(event.name, None)
        if event.type != "DELETED":
            self._policies[event.name] = event.body

    def _intent(self, event: Event) -> None:
        metadata = event.body["metadata"]
        revision = metadata["uid"], metadata["generation"]
        if event.type == "DELETED":
            self._in_play.append((NEVER, NOTHING))
            return
        if revision != self._in_play[-1][0]:
            self._in_play.append((revision, self.declared[revision]))
        done = metadata["uid"], generation_done(event.body)
        if done[1] and done != self._done:
            self._done = done
            self.settled += 1
            revisions = [each for each, _ in self._in_play]
            self._in_play = self._in_play[revisions.index(done) :]
            wanted = self._in_play[0][1].edges(self.others)
            self._compare(event, "said to be done", wanted, wanted)

    def _look(self, event: Event) -> None:
        edges = [intent.edges(self.others) for _, intent in self._in_play]
        self._compare(event, "meanwhile", frozenset.intersection(*edges), frozenset.union(*edges))

    def _compare(
        self, event: Event, when: str, least: frozenset[Edge], most: frozenset[Edge]
    ) -> None:
        permitted_now = permitted(self._policies.values(), event.namespace)
        if not least <= permitted_now <= most:
            self.faults.append(
                f"after {event} ({when}):"
                f" cut off {sorted(least - permitted_now)[:6]},"
                f" open {sorted(permitted_now - most)[:6]},"
                f" of intents {[revision[1] for revision, _ in self._in_play]}"
            )


def generation_done(intent: Json) -> int:
    """The generation that an intent's status says is in force, 0 where it says of none."""
    status = intent.get("status") or {}
    ready = [c for c in status.get("conditions") or () if c["type"] == "Ready"]
    if not ready or ready[0]["status"] != "True":
        return 0
    observed: int = status["observedGeneration"]
    return observed

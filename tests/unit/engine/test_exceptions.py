"""What is said on exceptions as time passes, and when nothing is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from bailiwick.engine.declared import DeclaredStore
from bailiwick.engine.exceptions.coverage import Exceptions
from bailiwick.engine.exceptions.reconciler import ExceptionReconciler
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.notices import Notices
from bailiwick.engine.objects import DeclaredObject
from bailiwick.engine.served import Served
from bailiwick.kube.client import Json
from bailiwick.kube.events import Recorder, Regarding, Severity
from bailiwick.kube.resources import Resource
from bailiwick.policy.effective import ExceptionTerms
from bailiwick.policy.exceptions.ruling import State
from bailiwick.policy.exceptions.standing import Standing
from tests.unit.controls.make import running
from tests.unit.engine.doubles import START, Clock, MemoryClient
from tests.unit.exceptions.make import approval, finding, spec, stamp

WARNING = timedelta(days=14)
ENDS = START + timedelta(days=60)
KINDS = {
    "VulnerabilityException": "vulnerabilityexceptions",
    "ClusterVulnerabilityException": "clustervulnerabilityexceptions",
}


class Server(MemoryClient):
    """Keeps of a status what others wrote there, as server-side apply does."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Json] = []

    async def apply(self, resource: Resource, body: Json, **options: Any) -> Json:
        before = self.objects[resource.plural, body["metadata"]["name"]]
        self.written.append(body["status"])
        theirs = (before.get("status") or {}).get("approval")
        kept = {"approval": theirs} if theirs else {}
        return await super().apply(
            resource, {**body, "status": {**body["status"], **kept}}, **options
        )


@dataclass
class Told:
    """The reasons of the Events."""

    reasons: list[str] = field(default_factory=list)

    def tell(self, _about: Regarding, _how: Severity, reason: str, *_words: str) -> None:
        self.reasons.append(reason)


class Bench:
    """The operator's side of exceptions, with a clock that a test moves."""

    def __init__(self) -> None:
        self.clock, self.client, self.told = Clock(), Server(), Told()
        self.notices = Notices(cast(Recorder, self.told), Metrics())
        self.complete = True
        self.start()

    def start(self) -> None:
        """Start a new process: everything in memory is gone, the cluster is as it was."""
        self.changed: list[str] = []
        self.queued: list[tuple[str, str]] = []
        self.stores = {kind: DeclaredStore(kind, self._changed) for kind in KINDS}
        namespaced, cluster = self.stores.values()
        self.exceptions = Exceptions(namespaced, cluster, WARNING, self.queued.append)
        self.reconciler = ExceptionReconciler(
            self.client,
            self.exceptions,
            Served(self.client),
            self.notices,
            lambda: self.complete,
            self.clock,
        )
        for (plural, _), body in self.client.objects.items():
            kind = next(kind for kind, name in KINDS.items() if name == plural)
            self.stores[kind].observe(DeclaredObject.from_json(kind, body))

    def declare(
        self, name: str = "openssl", *, cluster: bool = False, **fields: Any
    ) -> tuple[str, str]:
        kind = "ClusterVulnerabilityException" if cluster else "VulnerabilityException"
        namespace = "" if cluster else "shop"
        self.client.version += 1
        body = {
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "generation": 1,
                "resourceVersion": str(self.client.version),
                "creationTimestamp": START.isoformat(),
                **({"namespace": namespace} if namespace else {}),
            },
            "spec": spec(expiresAt=stamp(ENDS), **fields),
        }
        self.client.objects[KINDS[kind], name] = body
        self.stores[kind].observe(DeclaredObject.from_json(kind, body))
        return namespace, name

    def approve(self, name: str = "openssl", *, told: bool = True) -> None:
        """Approve an exception; the watch tells of it at once, or never."""
        body = self.client.objects["vulnerabilityexceptions", name]
        body["status"] = {**(body.get("status") or {}), **approval(at=stamp(self.clock()))}
        self.client.version += 1
        body["metadata"]["resourceVersion"] = str(self.client.version)
        if told:
            store = self.stores["VulnerabilityException"]
            store.observe(DeclaredObject.from_json(store.kind, body))

    def look(self, namespace: str = "shop", *, required: bool = False, found: int = 1) -> None:
        """Look at a namespace that runs an image with so many findings."""
        terms = ExceptionTerms(approval_required=required)
        covered = self.exceptions.coverage(
            namespace, terms, lambda _selector: frozenset(), self.clock()
        )
        covered.excuses(running(), [finding(version=f"3.0.{n}") for n in range(found)])
        self.exceptions.record(namespace, terms, covered)

    async def wait(self, key: tuple[str, str]) -> timedelta | None:
        return await self.reconciler.reconcile(key)

    def status(self, key: tuple[str, str]) -> Json:
        plural = "vulnerabilityexceptions" if key[0] else "clustervulnerabilityexceptions"
        found: Json = self.client.objects[plural, key[1]].get("status") or {}
        return found

    def _changed(self, old: DeclaredObject | None, new: DeclaredObject | None) -> None:
        self.changed.append((new or old).name)  # type: ignore[union-attr]  # one is there


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize(
    "before, after, reason",
    [
        ("", State.ACTIVE, None),
        ("", State.MATCHES_NOTHING, None),
        ("", State.AWAITING_APPROVAL, "AwaitingApproval"),
        ("", State.INVALID, "Invalid"),
        ("AwaitingApproval", State.ACTIVE, "Approved"),
        ("AwaitingApproval", State.MATCHES_NOTHING, "Approved"),
        ("AwaitingApproval", State.EXPIRED, "Expired"),
        ("Active", State.EXPIRES_SOON, "ExpiresSoon"),
        ("Active", State.SUPERSEDED, "Superseded"),
        ("Active", State.MATCHES_NOTHING, None),
        ("Invalid", State.ACTIVE, "Approved"),
    ],
)
def test_an_event_tells_what_somebody_has_to_know(
    bench: Bench, before: str, after: State, reason: str | None
) -> None:
    bench.declare()
    bench.approve()
    found = bench.stores["VulnerabilityException"].objects.get("shop", "openssl")
    assert found is not None
    off = (State.AWAITING_APPROVAL, State.INVALID, State.EXPIRED)
    standing = Standing(after, "In words.", after not in off)
    bench.notices.exception(found, before, standing)
    assert bench.told.reasons == ([reason] if reason else [])


async def test_time_alone_takes_an_exception_through_its_states(bench: Bench) -> None:
    key = bench.declare()
    bench.look()
    seen: list[tuple[str, datetime]] = []
    while True:
        wait = await bench.wait(key)
        seen.append((bench.status(key)["state"], bench.clock().replace(microsecond=0)))
        if wait is None:
            break
        bench.clock.advance(seconds=wait.total_seconds())
    assert seen == [("Active", START), ("ExpiresSoon", ENDS - WARNING), ("Expired", ENDS)]
    assert bench.told.reasons == ["ExpiresSoon", "Expired"]
    conditions = {c["type"]: c["status"] for c in bench.status(key)["conditions"]}
    assert conditions == {"Ready": "True", "InForce": "False"}


async def test_nothing_is_written_while_nothing_changes_nor_by_the_next_process(
    bench: Bench,
) -> None:
    key = bench.declare()
    bench.look(required=True)
    await bench.wait(key)
    bench.approve()
    bench.look(required=True)
    await bench.wait(key)
    assert bench.status(key)["state"] == "Active"
    written = len(bench.client.written)
    for _ in range(2):
        bench.clock.advance(hours=1)
        bench.look(required=True)
        await bench.wait(key)
        bench.start()
        # Before the namespace was looked at it is not known what matches there.
        assert await bench.wait(key) is None
    bench.look(required=True)
    await bench.wait(key)
    assert len(bench.client.written) == written


async def test_the_approval_is_never_written_by_us_and_stays(bench: Bench) -> None:
    key = bench.declare()
    bench.look(required=True)
    await bench.wait(key)
    bench.approve()
    await bench.wait(key)
    assert bench.status(key)["state"] == "Active"
    assert bench.status(key)["approval"]["by"] == "noor"
    assert all("approval" not in status for status in bench.client.written)
    assert bench.told.reasons == ["AwaitingApproval", "Approved"]


async def test_an_approval_that_is_first_seen_in_the_answer_to_our_own_write_is_news(
    bench: Bench,
) -> None:
    key = bench.declare()
    bench.look(required=True)
    bench.approve(told=False)
    bench.changed.clear()
    await bench.wait(key)
    assert bench.changed == ["openssl"]


async def test_what_is_told_is_looked_at_where_something_changed(bench: Bench) -> None:
    key = bench.declare()
    bench.look()
    assert bench.queued == [key, key]  # it matches, and the namespace is new
    bench.queued.clear()
    bench.look()
    assert bench.queued == []
    bench.look(found=2)
    assert bench.queued == [key]


async def test_one_of_the_platform_adds_up_what_it_is_for_everywhere(bench: Bench) -> None:
    key = bench.declare("platform", cluster=True)
    bench.complete = False
    bench.look("shop")
    assert await bench.wait(key) is None
    assert bench.status(key) == {}
    bench.look("data")
    bench.complete = True
    await bench.wait(key)
    # Both run the same image.
    assert (bench.status(key)["matchedImages"], bench.status(key)["matchedFindings"]) == (1, 1)
    bench.exceptions.forget("shop")
    bench.exceptions.forget("data")
    await bench.wait(key)
    assert bench.status(key)["matchedImages"] == 0
    assert bench.status(key)["state"] == "MatchesNothing"


async def test_where_nothing_is_judged_an_exception_says_why(bench: Bench) -> None:
    key = bench.declare()
    bench.exceptions.leave("shop", "This namespace has no SecurityIntent.")
    await bench.wait(key)
    assert "no SecurityIntent" in bench.status(key)["message"]
    assert "state" not in bench.status(key)
    bench.look()
    await bench.wait(key)
    assert bench.status(key)["state"] == "Active"


async def test_one_that_is_gone_or_going_is_left_alone(bench: Bench) -> None:
    assert await bench.wait(("shop", "gone")) is None
    key = bench.declare()
    bench.look()
    store = bench.stores["VulnerabilityException"]
    found = store.objects.get(*key)
    assert found is not None
    store.forget(found)
    assert await bench.wait(key) is None
    assert bench.client.written == []

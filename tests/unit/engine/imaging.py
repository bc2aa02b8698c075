"""Everything about images in one process, with a clock of its own and nothing real around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from bailiwick.engine.declared import DeclaredStore
from bailiwick.engine.images.assembly import Imaging
from bailiwick.engine.images.config_maps import OwnConfigMaps
from bailiwick.engine.images.reconciler import scan_name
from bailiwick.engine.metrics import Metrics
from bailiwick.engine.notices import Notices
from bailiwick.engine.objects import DeclaredObject
from bailiwick.engine.options import Options, ScannerOptions
from bailiwick.engine.served import Served
from bailiwick.engine.world import World
from bailiwick.evidence.config_maps import ConfigMapShelf
from bailiwick.evidence.kept import KeptEvidence
from bailiwick.evidence.layout import LABEL
from bailiwick.kube.client import Json
from bailiwick.kube.errors import ApiError
from bailiwick.kube.events import Recorder
from bailiwick.policy.assessment.evidence import ImageFact
from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.exceptions.matching import Coverage
from bailiwick.policy.facts import Container, Namespace, Node, Pod
from bailiwick.policy.images.state import Verdict
from bailiwick.scanners.source import NamedSource
from tests.unit.engine.doubles import START, Clock, Events, FakeAdapter, MemoryClient

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
CART = "registry.example.com/shop/cart"
TERMS = ImageTerms(registries=("registry.example.com",), rescan_every=None, scan_max_age=None)


@dataclass
class Bench:
    """One operator's image side. What a namespace runs is looked at when a test says so."""

    clock: Clock = field(default_factory=Clock)
    client: MemoryClient = field(default_factory=MemoryClient)
    scanner: ScannerOptions = field(default_factory=ScannerOptions)
    unreadable: dict[str, str] = field(default_factory=dict)
    with_scanner: bool = True
    adapter: FakeAdapter = field(init=False)
    entries: list[NamedSource] = field(init=False)

    events: Events = field(default_factory=Events)

    def __post_init__(self) -> None:
        self.adapter = FakeAdapter(self.clock)
        if not hasattr(self, "entries"):
            self.entries = [NamedSource("fake", self.adapter)] if self.with_scanner else []
        self.start()

    def start(self) -> None:
        """Start a new process: everything in memory is gone, the cluster is as it was."""
        self.world = World(lambda: self.unreadable)
        self.scans = DeclaredStore(
            "ImageScan", lambda old, new: self.imaging.scan_changed(old, new)
        )
        self.requests = DeclaredStore("RescanRequest", lambda _old, _new: None)
        self.intents: dict[str, DeclaredObject] = {}
        self.terms: dict[str, ImageTerms] = {}
        self.told: list[str] = []
        self.waits: dict[str, datetime] = {}
        self.imaging = Imaging(
            look_everywhere=lambda: None,
            client=self.client,
            sources=self.entries,
            evidence=KeptEvidence(ConfigMapShelf(OwnConfigMaps(self.client, "bailiwick-system"))),
            world=self.world,
            served=Served(self.client),
            scans=self.scans,
            requests=self.requests,
            options=Options(scanner=self.scanner),
            metrics=Metrics(),
            notices=Notices(cast(Recorder, self.events), Metrics()),
            tell=lambda namespace, _pause: self.told.append(namespace),
            concerned=lambda: list(self.intents),
            clock=self.clock,
        )
        for (plural, _), body in list(self.client.objects.items()):
            if plural == "imagescans":
                self.scans.observe(DeclaredObject.from_json("ImageScan", body))

    def declare(
        self,
        namespace: str = "shop",
        terms: ImageTerms = TERMS,
        status: Json | None = None,
    ) -> None:
        """Give a namespace an intent."""
        self.world.keep_namespace(None, Namespace(namespace, f"uid-{namespace}", {}))
        self.terms[namespace] = terms
        self.intents[namespace] = DeclaredObject(
            "SecurityIntent", namespace, "default", "uid", 1, 1, START, status=status or {}
        )

    def run(self, *images: str, namespace: str = "shop", pod: str = "web", node: str = "") -> None:
        """Let a pod run images, named by digest."""
        containers = tuple(
            Container(f"c{n}", "main", image, image) for n, image in enumerate(images)
        )
        new = Pod(namespace, pod, f"uid-{pod}", node=node, containers=containers)
        self.world.keep_pod(None, new)

    def run_tagged(self, image: str, digest: str, namespace: str = "shop") -> None:
        """Let a pod run an image that is named by a tag, and that its node reports by digest."""
        reported = f"{image.rpartition(':')[0]}@{digest}"
        containers = (Container("c", "main", image, reported),)
        self.world.keep_pod(None, Pod(namespace, "tagged", "uid-tagged", containers=containers))

    def node(self, name: str, architecture: str) -> None:
        self.world.keep_node(None, Node(name, architecture=architecture))

    def stop_pod(self, namespace: str = "shop", pod: str = "web") -> None:
        self.world.keep_pod(Pod(namespace, pod, f"uid-{pod}"), None)

    async def look(self, namespace: str = "shop") -> Sequence[ImageFact]:
        """Reconcile a namespace's images, and return what is known of them."""
        found = await self.imaging.inventory.look(
            self.intents[namespace],
            self.world.pods(namespace),
            self.terms[namespace],
            Coverage((), lambda _selector: frozenset()),
            self.clock(),
        )
        assert found is not None
        return found

    async def work(self) -> None:
        """Do all that is due now, until nothing is."""
        for digest, at in list(self.waits.items()):
            if at <= self.clock():
                del self.waits[digest]
                self.imaging.image_queue.add(digest)
        for _ in range(1000):
            if not await self._step():
                return
        raise AssertionError("the work never ends")

    async def after(self, **time: float) -> Sequence[ImageFact]:
        """Let time pass, do what is due then, and look at the namespace again."""
        self.clock.advance(**time)
        await self.work()
        return await self.look()

    async def scanned(self, *images: str, **where: Any) -> Sequence[ImageFact]:
        """Run images, and have them scanned."""
        if "shop" not in self.intents:
            self.declare()
        self.run(*images, **where)
        return await self.settled()

    async def settled(self) -> Sequence[ImageFact]:
        """Look and work in turns, as namespaces that are told do."""
        for _ in range(4):
            for namespace in self.intents:
                await self.look(namespace)
            await self.work()
        return await self.look()

    def status(self, digest: str) -> Json:
        """The status of an ImageScan."""
        found: Json = self.client.objects["imagescans", scan_name(digest)].get("status", {})
        return found

    def has_scan(self, digest: str) -> bool:
        return ("imagescans", scan_name(digest)) in self.client.objects

    def config_maps(self, kind: str) -> list[str]:
        """The names of the ConfigMaps that hold one kind of evidence."""
        return [
            name
            for (plural, name), body in self.client.objects.items()
            if plural == "configmaps" and body["metadata"]["labels"].get(LABEL) == kind
        ]

    async def _step(self) -> bool:
        images, scans = self.imaging.image_queue, self.imaging.scan_queue
        if len(images):
            digest = await images.get()
            assert digest is not None
            try:
                wait = await self.imaging.reconciler.reconcile(digest)
                if wait is not None:
                    self.waits[digest] = self.clock() + wait
            except ApiError:
                self.waits[digest] = self.clock() + timedelta(seconds=1)
            finally:
                images.done(digest)
            return True
        if len(scans):
            digest = await scans.get()
            assert digest is not None
            await self.imaging.scanning.scan(digest)
            scans.done(digest)
            return True
        return False


def verdicts(facts: Sequence[ImageFact]) -> list[Verdict]:
    """The verdicts on the images that have one."""
    return [fact.state.verdict for fact in facts if fact.state]

"""Which images run in a namespace: every container of every pod, by digest and never by tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from bailiwick.policy.images.references import InvalidReference, Reference, read_image_id
from bailiwick.policy.reach.pods import controller_of

if TYPE_CHECKING:
    from bailiwick.policy.facts import Container, ContainerKind, Pod


ManifestOf: TypeAlias = Callable[[str, str], str]
"""From a digest and an architecture to the digest of the platform's manifest."""


@dataclass(frozen=True, slots=True)
class ContainerUse:
    """A container that runs an image: the pod's controller where it has one, else the pod.

    `made_by` is what people made, the Deployment of a ReplicaSet; empty where it is the workload.
    `run_as_user` and `run_as_non_root` are what the pod asks for, None where it does not.
    """

    workload: str
    container: str
    kind: ContainerKind
    made_by: str = ""
    run_as_user: int | None = None
    run_as_non_root: bool | None = None

    @property
    def name(self) -> str:
        """How people know it: Deployment/cart."""
        return self.made_by or self.workload


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the digest of an image is not known: a reason code, and words for people.

    `passing` where it mends itself, as when a container has not started yet.
    """

    reason: str
    message: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class RunningImage:
    """One image that runs in a namespace.

    `digest` is that of the platform's manifest, as far as that is known, or else what the
    runtime reported or the pod pins, which may be an index. None comes with a `problem`.
    `indexes` are the digests of indexes that pods run it by, `pull_secrets` the names of the
    Secrets that those pods are pulled with. `reference` is the repository to
    find it in, None where no name could be read. `declared` are the spellings in pods' specs,
    `architectures` those of the nodes that are known.
    """

    digest: str | None
    reference: Reference | None
    declared: tuple[str, ...]
    containers: tuple[ContainerUse, ...]
    architectures: tuple[str, ...] = ()
    problem: Problem | None = None
    indexes: tuple[str, ...] = ()
    pull_secrets: tuple[str, ...] = ()


def _as_reported(digest: str, architecture: str) -> str:  # noqa: ARG001  # the shape of ManifestOf
    return digest


def inventory(
    pods: Iterable[Pod],
    architectures: Mapping[str, str] | None = None,
    manifest_of: ManifestOf = _as_reported,
) -> tuple[RunningImage, ...]:
    """List the images of a namespace's pods, sorted, each digest of a repository once.

    `architectures` gives those of nodes by name, `manifest_of` the platform's manifest of a
    digest. Finished pods run nothing and do not count. Images whose digest is not known stay
    apart by their spelling in the spec.
    """
    known = architectures or {}
    groups: dict[_Identity, _Group] = defaultdict(_Group)
    for pod in pods:
        if pod.finished:
            continue
        workload = f"{pod.owner.kind}/{pod.owner.name}" if pod.owner else f"Pod/{pod.name}"
        maker = controller_of(pod)
        made_by = f"{maker.kind}/{maker.name}" if maker and maker != pod.owner else ""
        architecture = known.get(pod.node, "")
        for container in pod.containers:
            identity, index = _identify(container, architecture, manifest_of)
            group = groups[identity]
            group.declared.add(container.image)
            use = ContainerUse(
                workload,
                container.name,
                container.kind,
                made_by,
                container.run_as_user,
                container.run_as_non_root,
            )
            group.containers.add(use)
            group.architectures.add(architecture)
            group.indexes.add(index)
            group.pull_secrets.update(pod.pull_secrets)
    images = (group.of(identity) for identity, group in groups.items())
    return tuple(sorted(images, key=_order))


@dataclass(frozen=True, slots=True)
class _Identity:
    digest: str | None
    reference: Reference | None
    problem: Problem | None = None
    spelling: str = ""


@dataclass(slots=True)
class _Group:
    declared: set[str] = field(default_factory=set)
    containers: set[ContainerUse] = field(default_factory=set)
    architectures: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    pull_secrets: set[str] = field(default_factory=set)

    def of(self, identity: _Identity) -> RunningImage:
        return RunningImage(
            digest=identity.digest,
            reference=identity.reference,
            declared=tuple(sorted(self.declared)),
            containers=tuple(sorted(self.containers, key=repr)),
            architectures=tuple(sorted(self.architectures - {""})),
            problem=identity.problem,
            indexes=tuple(sorted(self.indexes - {""})),
            pull_secrets=tuple(sorted(self.pull_secrets)),
        )


def _identify(
    container: Container, architecture: str, manifest_of: ManifestOf
) -> tuple[_Identity, str]:
    """Return what a container runs, and the digest of the index that it runs it by, if any."""
    declared = _parse(container.image)
    reported = _read_image_id(container.image_id)
    reference = declared or reported.reference
    pinned = declared.digest if declared else ""
    # What was pulled by digest is that digest, whatever else the runtime calls it.
    told = reported.digest or pinned
    if not told:
        problem = _problem(container, reported.configuration)
        return _Identity(None, reference, problem, container.image), ""
    if not told.startswith("sha256:"):
        problem = _not_sha256(container)
        return _Identity(None, reference, problem, container.image), ""
    digest = manifest_of(told, architecture)
    place = _at(reference, digest) if reference else None
    nameless = None if place else _nameless(container)
    return _Identity(digest, place, nameless), told if told != digest else ""


def _not_sha256(container: Container) -> Problem:
    return Problem(
        "DigestNotSupported",
        f'"{container.image[:200]}" is known by a digest other than SHA-256, which scans are not '
        "kept by. Name it by its sha256 digest.",
    )


def _nameless(container: Container) -> Problem:
    return Problem(
        "NameNotUnderstood",
        f'"{container.image[:200]}" is not the name of an image, so its registry is not known. '
        "Name it as registry/repository@sha256:…",
    )


def _problem(container: Container, configuration: bool) -> Problem:
    if container.kind == "volume":
        return Problem(
            "ImageVolumeNotPinned",
            "Kubernetes does not report which image a volume holds. Name it by digest: "
            f"{container.image}@sha256:…",
        )
    if configuration:
        return Problem(
            "ManifestNotReported",
            f'The node reports only the configuration of "{container.image}", no manifest: the '
            "image was loaded into the node or built there. Pull it from a registry, or name it by "
            "digest.",
        )
    if container.image_id:
        return Problem(
            "ImageIDNotUnderstood",
            f'The node reports "{container.image_id[:200]}" for "{container.image}", which names '
            "no digest. Name the image by digest.",
        )
    return Problem(
        "DigestNotReported",
        f'No digest is reported for "{container.image}" yet: its container has not started.',
        passing=True,
    )


# Many pods run the same image, and each look at their namespace reads what all of them are called.
@lru_cache(maxsize=4096)
def _parse(text: str) -> Reference | None:
    try:
        return Reference.parse(text)
    except InvalidReference:
        return None


_read_image_id = lru_cache(maxsize=4096)(read_image_id)
_at = lru_cache(maxsize=4096)(Reference.at)


def _order(image: RunningImage) -> tuple[str, str, tuple[str, ...], str]:
    return (
        str(image.reference or ""),
        image.digest or "",
        image.declared,
        image.problem.reason if image.problem else "",
    )

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bailiwick.policy.facts import Container, ContainerKind, Owner, Pod
from bailiwick.policy.images.inventory import ContainerUse, RunningImage, inventory

A, B = ("sha256:" + letter * 64 for letter in "ab")
CART = "registry.example.com/shop/cart"


def container(
    image: str = f"{CART}:1",
    image_id: str = f"{CART}@{A}",
    name: str = "app",
    kind: ContainerKind = "main",
) -> Container:
    return Container(name, kind, image, image_id)


def pod(name: str, *containers: Container, owner: Owner | None = None, **more: object) -> Pod:
    return Pod("shop", name, f"uid-{name}", owner=owner, containers=containers, **more)  # type: ignore[arg-type]  # fields of Pod


def only(*containers: Container) -> RunningImage:
    found = inventory([pod("p", *containers)])
    assert len(found) == 1
    return found[0]


def test_an_image_is_known_by_the_digest_that_the_runtime_reports_and_not_by_its_tag() -> None:
    image = only(container())
    assert image.digest == A
    assert str(image.reference) == f"{CART}@{A}"
    assert image.declared == (f"{CART}:1",)
    assert image.problem is None


@pytest.mark.parametrize("kind", ["main", "init", "sidecar", "ephemeral"])
def test_containers_of_every_kind_count(kind: ContainerKind) -> None:
    assert only(container(kind=kind)).containers == (ContainerUse("Pod/p", "app", kind),)


def test_ten_pods_of_one_image_are_one_image() -> None:
    replicas = [pod(f"p{n}", container(), owner=Owner("ReplicaSet", "cart")) for n in range(10)]
    found = inventory(replicas)
    assert len(found) == 1
    assert found[0].containers == (ContainerUse("ReplicaSet/cart", "app", "main"),)


def test_the_deployment_of_a_replica_set_is_named_beside_it() -> None:
    made = replace(
        pod("p", container(), owner=Owner("ReplicaSet", "cart-6d4")),
        labels={"pod-template-hash": "6d4"},
    )
    (use,) = inventory([made])[0].containers
    assert (use.workload, use.name) == ("ReplicaSet/cart-6d4", "Deployment/cart")


def test_one_tag_with_two_digests_is_two_images() -> None:
    moved = container(image_id=f"{CART}@{B}")
    assert [i.digest for i in inventory([pod("a", container()), pod("b", moved)])] == [A, B]


def test_the_same_digest_under_two_names_keeps_both_names() -> None:
    other = container("mirror.example.com/cart:1", f"{CART}@{A}")
    found = inventory([pod("a", container()), pod("b", other)])
    assert [i.reference and i.reference.name for i in found] == [
        "mirror.example.com/cart",
        CART,
    ]


def test_a_digest_is_one_image_on_whichever_nodes_until_it_is_known_as_an_index() -> None:
    nodes = {"n1": "amd64", "n2": "arm64"}
    pods = [
        pod(name, container(), node=node)
        for name, node in zip("abc", ("n1", "n2", ""), strict=True)
    ]
    (image,) = inventory(pods, nodes)
    assert image.architectures == ("amd64", "arm64")


@pytest.mark.parametrize(
    "image, image_id, reason",
    [
        (f"{CART}:1", "", "DigestNotReported"),
        (f"{CART}:1", A, "ManifestNotReported"),
        (f"{CART}:1", f"docker://{A}", "ManifestNotReported"),
        (f"{CART}:1", "whatever", "ImageIDNotUnderstood"),
    ],
)
def test_without_a_manifest_digest_the_problem_is_said_in_words(
    image: str, image_id: str, reason: str
) -> None:
    found = only(container(image, image_id))
    assert found.digest is None
    assert found.problem is not None
    assert found.problem.reason == reason
    assert image in found.problem.message
    assert found.problem.passing is (reason == "DigestNotReported")


@pytest.mark.parametrize("image_id", ["", A, "whatever"])
def test_what_a_pod_pins_is_known_whatever_the_runtime_calls_it(image_id: str) -> None:
    assert only(container(f"{CART}@{B}", image_id)).digest == B


def test_what_runs_outweighs_what_is_pinned() -> None:
    assert only(container(f"{CART}@{B}", f"{CART}@{A}")).digest == A


def test_an_image_volume_is_known_only_where_it_is_pinned() -> None:
    assert only(Container("v", "volume", f"{CART}@{A}")).digest == A
    unpinned = only(Container("v", "volume", f"{CART}:1"))
    assert unpinned.problem is not None
    assert unpinned.problem.reason == "ImageVolumeNotPinned"
    assert not unpinned.problem.passing


def test_pods_that_finished_run_nothing() -> None:
    assert inventory([pod("done", container(), finished=True)]) == ()


def test_an_image_loaded_by_its_id_has_no_place_to_fetch_it_from() -> None:
    assert only(container(A, A)).reference is None or only(container(A, A)).digest is None


def test_the_order_of_pods_and_containers_does_not_matter() -> None:
    pods = [
        pod(f"p{n}", container(image_id=f"{CART}@{d}"), container(f"x/{n}:1", "", name="second"))
        for n, d in enumerate([A, B, A, B])
    ]
    expected = inventory(pods)
    for seed in range(10):
        shuffled = pods[:]
        random.Random(seed).shuffle(shuffled)
        assert inventory(shuffled) == expected


def test_an_image_that_is_run_by_an_index_is_known_by_its_platform_s_manifest() -> None:
    def manifest_of(digest: str, architecture: str) -> str:
        return B if (digest, architecture) == (A, "arm64") else digest

    by_index = pod("a", container(), node="n1")
    by_manifest = pod("b", container(image_id=f"{CART}@{B}"), node="n1")
    (image,) = inventory([by_index, by_manifest], {"n1": "arm64"}, manifest_of)
    assert image.digest == B
    assert image.indexes == (A,)
    assert str(image.reference) == f"{CART}@{B}"


def test_one_index_on_nodes_of_two_kinds_is_two_images() -> None:
    def manifest_of(_digest: str, architecture: str) -> str:
        return {"amd64": A, "arm64": B}[architecture]

    index = f"{CART}@sha256:{'c' * 64}"
    pods = [pod(n, container(image_id=index), node=n) for n in ("n1", "n2")]
    found = inventory(pods, {"n1": "amd64", "n2": "arm64"}, manifest_of)
    assert [(i.digest, i.architectures) for i in found] == [(A, ("amd64",)), (B, ("arm64",))]


@pytest.mark.parametrize(
    "image, image_id, reason",
    [
        (f"{CART}@sha512:{'a' * 128}", f"{CART}@sha512:{'a' * 128}", "DigestNotSupported"),
        ("Shop Cart", f"Shop Cart@{A}", "NameNotUnderstood"),
    ],
)
def test_what_no_scan_can_be_kept_by_or_asked_for_is_told(
    image: str, image_id: str, reason: str
) -> None:
    found = only(container(image, image_id))
    assert found.problem is not None
    assert found.problem.reason == reason

"""A namespace that runs images, and what the operator says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from bailiwick.api.meta import API_VERSION
from tests.cluster.engine.tenant import Tenant, absent_as_none
from tests.controlplane.api import Api, Json
from tests.controlplane.kubectl import eventually
from tests.images.build import Image, layout_of
from tests.images.registry import Registry

PROFILE: Final = "scanned"
WITHIN: Final = 90.0  # seconds; a scan takes one, on a machine busy with other things many
SCANS: Final = f"/apis/{API_VERSION}/imagescans"
VERDICTS: Final = ("unscanned", "scanning", "failed", "stale", "violating", "clean")


def container(image: str, name: str = "app", **more: Any) -> Json:
    return {"name": name, "image": image, **more}


def push(registry: Registry, repository: str, image: Image | None = None) -> str:
    """Push an image, by itself one of its own, and return its name by digest."""
    unique = image or Image(files={"/name": repository}, programs=("/app",), user="1000")
    return f"{registry.host}/{repository}@{registry.push(layout_of(unique), repository)}"


def digest_in(reference: str) -> str:
    """The digest that an image is named by."""
    return reference.partition("@")[2]


class Shop(Tenant):
    """A namespace with an intent, whose pods run what a test says."""

    def run(
        self,
        name: str,
        *containers: Json,
        image_ids: Mapping[str, str] | None = None,
        **spec: Any,
    ) -> None:
        """Make a pod; `image_ids` are what the node reports, by container, if not the image."""
        told = {f"image-id.bailiwick.dev/{key}": text for key, text in (image_ids or {}).items()}
        body = {
            "metadata": {"name": name, "labels": {"app": name}, "annotations": told},
            "spec": {"containers": list(containers), **spec},
        }
        self.api.create(f"{self.path}/pods", body)

    def stop(self, name: str) -> None:
        """Delete a pod."""
        self.api.delete(f"{self.path}/pods/{name}")

    def images(self) -> Json:
        """What the status says of images; empty until it says something."""
        found: Json = self.status().get("images") or {}
        return found

    def counts(self) -> dict[str, int]:
        """The verdicts that occur, with how many images have each."""
        images = self.images()
        return {verdict: images[verdict] for verdict in VERDICTS if images.get(verdict)}

    def until_problem(self, image: str, reason: str, within: float = WITHIN) -> Json:
        """Wait until one image has this problem; it is named as in the status, or by digest."""

        def told() -> Json:
            found = [
                each
                for each in self.images().get("problems", ())
                if image in (each["image"], each.get("digest"))
            ]
            assert [each["reason"] for each in found] == [reason], self.images()
            one: Json = found[0]
            return one

        return eventually(told, within)

    def until_counts(self, within: float = WITHIN, **expected: int) -> None:
        """Wait until the verdicts are these and no others: until_counts(clean=2)."""

        def same() -> None:
            assert self.counts() == expected, self.images()

        eventually(same, within)

    def rescan(self, name: str, **spec: Any) -> str:
        """Ask for a rescan, and return the path of the request."""
        body = {
            "apiVersion": API_VERSION,
            "kind": "RescanRequest",
            "metadata": {"name": name},
            "spec": spec,
        }
        requests = f"/apis/{API_VERSION}/namespaces/{self.name}/rescanrequests"
        self.api.create(requests, body)
        return f"{requests}/{name}"


def scan_path(digest: str) -> str:
    """The path of the ImageScan of a digest."""
    return f"{SCANS}/{digest.replace(':', '-')}"


def scan_of(api: Api, digest: str) -> Json | None:
    """The ImageScan of a digest, None where there is none."""
    return absent_as_none(lambda: api.get(scan_path(digest)))


def until_scan(
    api: Api, digest: str, holds: Callable[[Json], object], within: float = WITHIN
) -> Json:
    """Wait until the status of the ImageScan of a digest is as it should be, and return it."""

    def check() -> Json:
        found = scan_of(api, digest)
        assert found is not None, f"there is no ImageScan of {digest}"
        status: Json = found.get("status") or {}
        assert holds(status), f"{digest}: {status}"
        return status

    return eventually(check, within)


def until_scanned(api: Api, digest: str, within: float = WITHIN) -> Json:
    """Wait until a digest was scanned, and return its ImageScan's status."""
    return until_scan(api, digest, lambda status: status.get("phase") == "Scanned", within)


def until_gone(api: Api, digest: str, within: float = WITHIN) -> None:
    """Wait until a digest has no ImageScan."""

    def check() -> None:
        assert scan_of(api, digest) is None

    eventually(check, within)


def conditions(status: Json) -> dict[str, Any]:
    """The conditions of a status by their type."""
    return {each["type"]: each for each in status.get("conditions") or ()}


def until_complete(api: Api, path: str) -> Json:
    """Wait until a request is complete, and return its status."""

    def check() -> Json:
        found: Json = api.get(path).get("status") or {}
        assert conditions(found).get("Complete", {}).get("status") == "True", found
        return found

    return eventually(check, WITHIN)


def until_condition(api: Api, path: str, kind: str, words: str) -> None:
    """Wait until a condition of a request says something."""

    def check() -> None:
        found: Json = api.get(path).get("status") or {}
        assert words in conditions(found).get(kind, {}).get("message", ""), found

    eventually(check, WITHIN)

"""The manifests of manifests/examples/, as the demo applies them.

What differs from the files: images come from another registry and are named by digest, dates of
review lie ahead, and on a cluster that somebody else uses, namespaces have names of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

Json = dict[str, Any]

EXAMPLES: Final = Path(__file__).parents[2] / "manifests" / "examples"
REGISTRY: Final = "registry.example.com"
NAMESPACES: Final = ("shop", "payments", "legacy", "preview", "broken")
NEIGHBOURS: Final = ("ingress-nginx",)  # there, and not opted in
_REVIEW_IN: Final = timedelta(days=90)
_IMAGE_ID: Final = "image-id.bailiwick.dev/"  # how tests/controlplane/assets/kwok.yaml takes it


@dataclass(frozen=True, slots=True)
class Application:
    """The documents of the examples, ready to be applied."""

    profile: Json
    workloads: list[Json]
    intents: Mapping[str, Json]  # by the namespace's name in manifests/examples
    rescan: Json


def read(
    image: Callable[[str], str],
    *,
    registry: str,
    prefix: str = "",
    reported: Callable[[str], str] = lambda _: "",
) -> Application:
    """Read the examples.

    `image` gives the reference to run instead of one in a manifest, `registry` the pattern of
    images that the profile lists, `prefix` stands before namespaces' names. `reported` is the
    imageID that a played kubelet reports for a reference; none where it is empty.
    """

    def renamed(path: str) -> list[Json]:
        return [_renamed(each, prefix) for each in _documents(EXAMPLES / path)]

    [profile] = renamed("profile.yaml")
    profile["spec"]["images"]["registries"] = [registry]
    workloads = [
        _with_images(each, image, reported)
        for name in (*NAMESPACES, *NEIGHBOURS)
        for each in renamed(f"{name}/application.yaml")
    ]
    intents = {
        name: _reviewed_later(renamed(f"{name}/intent.yaml")[0])
        for name in NAMESPACES
        if (EXAMPLES / name / "intent.yaml").exists()
    }
    return Application(profile, workloads, intents, renamed("rescan.yaml")[0])


def tags() -> dict[str, str]:
    """Repository → tag, of every image in the examples."""
    text = "".join(path.read_text() for path in sorted(EXAMPLES.glob("*/application.yaml")))
    return dict(re.findall(r"image: [^/\s]+/(\S+):(\S+)", text))


def _documents(path: Path) -> list[Json]:
    # As strings, so that dates stay what the API server is to be sent.
    return [each for each in yaml.load_all(path.read_text(), _Loader) if each]


class _Loader(yaml.SafeLoader):
    """Leaves dates as they are written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _renamed(document: Json, prefix: str) -> Json:
    """Put the prefix before every name of one of our namespaces."""
    if document["kind"] == "Namespace":
        document["metadata"]["name"] = prefix + document["metadata"]["name"]
    for mapping in _mappings(document):
        if mapping.get("namespace") in (*NAMESPACES, *NEIGHBOURS):
            mapping["namespace"] = prefix + mapping["namespace"]
    return document


def _mappings(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            yield from _mappings(each)


def _with_images(
    document: Json, image: Callable[[str], str], reported: Callable[[str], str]
) -> Json:
    template = document.get("spec", {}).get("template")
    for container in template["spec"]["containers"] if template else ():
        image_id = reported(container["image"])
        container["image"] = image(container["image"])
        if image_id:
            annotations = template["metadata"].setdefault("annotations", {})
            annotations[_IMAGE_ID + container["name"]] = image_id
    return document


def _reviewed_later(intent: Json) -> Json:
    for rule in intent["spec"]["network"]["allow"]:
        if "reviewBy" in rule:
            rule["reviewBy"] = (datetime.now(UTC) + _REVIEW_IN).date().isoformat()
    return intent

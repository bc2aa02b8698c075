"""The images of the examples: small, real, each with the packages that its story needs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from tests.images.build import (
    DEBIAN_12_FAT,
    DEBIAN_12_FIXED,
    DEBIAN_12_VULNERABLE,
    NODE_VULNERABLE,
    Image,
    layout_of,
)
from tests.images.registry import Registry

_STATIC: Final = Image(user="65532")  # one Go program and nothing else
_NODE_FIXED: Final = Image(
    files={"/app/node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}'},
    user="node",
)

_BASES: Final[Mapping[str, Image]] = {
    "shop/frontend": _STATIC,
    "shop/adservice": DEBIAN_12_FIXED,
    "shop/cartservice": DEBIAN_12_FIXED,
    "shop/checkoutservice": _STATIC,
    "shop/currencyservice": NODE_VULNERABLE,
    "shop/emailservice": replace(DEBIAN_12_FAT, user="1000"),
    "shop/productcatalogservice": _STATIC,
    "shop/recommendationservice": DEBIAN_12_FIXED,
    "shop/shippingservice": _STATIC,
    "shop/redis-cart": DEBIAN_12_VULNERABLE,
    "shop/loadgenerator": DEBIAN_12_FIXED,
    "payments/api": _NODE_FIXED,
    "payments/ledger": DEBIAN_12_FIXED,
    "legacy/billing": replace(DEBIAN_12_VULNERABLE, user=""),
    "preview/web": _STATIC,
    "ingress-nginx/controller": _STATIC,
    "library/worker": _STATIC,
}


REBUILT: Final = "shop/redis-cart"
_MENDED: Final = ("libc6", "glibc", "2.36-9+deb12u13")


def push_rebuilt(registry: Registry) -> str:
    """Push that image with its C library mended and all else as it was; returns its name."""
    image = _image(REBUILT)
    others = tuple(each for each in image.packages if each[0] != _MENDED[0])
    digest = registry.push(layout_of(replace(image, packages=(*others, _MENDED))), REBUILT, "next")
    return f"{registry.host}/{REBUILT}@{digest}"


def push_all(registry: Registry, tags: Mapping[str, str]) -> dict[str, str]:
    """Build what is not built yet and push it; returns the digest of each repository."""

    def push(repository: str, tag: str) -> str:
        return registry.push(layout_of(_image(repository)), repository, tag)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(tags, pool.map(push, tags, tags.values()), strict=True))


def _image(repository: str) -> Image:
    """Each service has an image of its own, built at the beginning of this month."""
    base = _BASES[repository]
    program = f"/usr/bin/{repository.rpartition('/')[2]}"
    month = datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")
    return replace(base, programs=(program, *base.programs), created=month)

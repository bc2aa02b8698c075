"""Which image a product of an OpenVEX document is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from packageurl import PackageURL

from bailiwick.policy.images.references import InvalidReference, Reference, is_digest

if TYPE_CHECKING:
    from bailiwick.policy.exceptions.openvex import Product

_HASHES: Final = ("sha-256", "sha256")


@dataclass(frozen=True, slots=True)
class NamedImage:
    """An image by its repository, by its digest, or by both; what is not named is empty."""

    repository: str
    digest: str


def image_of(product: Product) -> NamedImage | None:
    """Find out which image a product is; None where it is none, or not known by either."""
    hashed = next((product.hashes[name] for name in _HASHES if name in product.hashes), "")
    digest = f"sha256:{hashed}" if hashed else ""
    found = _by_purl(product.purl) if product.purl else _by_reference(product.id)
    image = NamedImage(found.repository if found else "", digest or (found.digest if found else ""))
    if not (image.repository or image.digest) or (image.digest and not is_digest(image.digest)):
        return None
    return image


def _by_purl(text: str) -> NamedImage | None:
    try:
        purl = PackageURL.from_string(text)
    except ValueError:
        return None
    if purl.type not in ("oci", "docker"):
        return None
    repository = _by_reference(str(purl.qualifiers.get("repository_url", "")))
    return NamedImage(repository.repository if repository else "", purl.version or "")


def _by_reference(text: str) -> NamedImage | None:
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return None
    # A tag names something else tomorrow.
    return (
        None
        if reference.tag and not reference.digest
        else NamedImage(reference.name, reference.digest)
    )

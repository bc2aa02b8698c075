from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bailiwick.engine.images.uses import ImageUses, Use
from bailiwick.policy.effective import ImageTerms
from bailiwick.policy.images.references import Reference

PROXY = "sha256:" + "a" * 64
SHOP = "sha256:" + "b" * 64
USE = Use((Reference("registry.example.com", "mesh/proxy"),), ("amd64",), ImageTerms())
STRICTER = replace(USE, terms=ImageTerms(rescan_every=timedelta(hours=1)))


def test_a_digest_is_looked_at_when_it_is_first_run() -> None:
    uses = ImageUses()
    assert uses.record("shop", {PROXY: USE, SHOP: USE}) == {PROXY, SHOP}
    assert uses.record("shop", {PROXY: USE, SHOP: USE}) == frozenset()


def test_one_more_namespace_that_runs_it_alike_changes_nothing_for_it() -> None:
    uses = ImageUses()
    uses.record("shop", {PROXY: USE})
    assert uses.record("payments", {PROXY: USE}) == frozenset()
    assert uses.of(PROXY) == {"shop": USE, "payments": USE}


def test_whoever_asks_for_more_has_it_looked_at() -> None:
    uses = ImageUses()
    uses.record("shop", {PROXY: USE})
    assert uses.record("payments", {PROXY: STRICTER}) == {PROXY}


def test_whoever_asks_for_less_than_before_has_it_looked_at() -> None:
    uses = ImageUses()
    uses.record("shop", {PROXY: USE})
    uses.record("payments", {PROXY: STRICTER})
    assert uses.record("payments", {PROXY: USE}) == {PROXY}


def test_whoever_no_longer_runs_it_has_it_looked_at() -> None:
    uses = ImageUses()
    uses.record("shop", {PROXY: USE})
    uses.record("payments", {PROXY: USE})
    assert uses.record("payments", {}) == {PROXY}
    assert uses.record("shop", {}) == {PROXY}
    assert uses.digests() == frozenset()

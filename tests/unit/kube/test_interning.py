from __future__ import annotations

from bailiwick.kube.interning import Interner


def test_equal_documents_become_one_whatever_the_order_of_their_keys() -> None:
    interner = Interner()
    first: dict[str, object] = {"podSelector": {}, "ingress": [{"from": []}]}
    assert interner.document(first) is first
    assert interner.document({"ingress": [{"from": []}], "podSelector": {}}) is first
    assert interner.document({"podSelector": {}, "ingress": []}) is not first


def test_beyond_its_limit_it_begins_anew() -> None:
    interner = Interner(limit=2)
    first = interner.document({"a": 1})
    interner.document({"a": 2})
    interner.document({"a": 3})
    assert len(interner) == 1
    again = interner.document({"a": 1})
    assert again == first
    assert again is not first

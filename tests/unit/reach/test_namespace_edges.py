"""The edges of one namespace: what is kept of them."""

from __future__ import annotations

from pathlib import Path

from tests.pictures.make import planned
from tests.unit.offline.make import intent, profile, workload


def test_equal_sets_of_ports_are_kept_once(tmp_path: Path) -> None:
    many = "".join(workload(f"app-{number}") for number in range(12))
    (found,) = planned(tmp_path, profile() + many + intent(enforcement="Audit")).namespaces
    assert len(found.cut) >= 12 * 11
    assert len({id(edge.ports) for edge in found.cut}) == len({edge.ports for edge in found.cut})

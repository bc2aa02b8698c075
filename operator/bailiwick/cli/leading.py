"""The Lease that says who may write: the operator's, and for a while that of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bailiwick.kube.client import Client
from bailiwick.kube.errors import NotLeader
from bailiwick.kube.lease import Lease, Terms

if TYPE_CHECKING:
    from bailiwick.kube.session import Session

LEASE_NAME = "bailiwick-operator"


def lease_of_the_operator(
    session: Session, namespace: str, identity: str, *, seconds: int
) -> Lease:
    """Return the operator's Lease, to be held under a name for some seconds at a time."""
    return Lease(
        Client(session, concurrency=2, timeout=seconds / 3),
        namespace,
        LEASE_NAME,
        identity,
        terms=Terms(seconds, margin=seconds / 3, renew=seconds / 5, ask=min(1.0, seconds / 10)),
    )


def only_as_leader(lease: Lease) -> None:
    """Refuse a write that the API server's fence does not see; raises NotLeader."""
    if lease.seconds_left() <= 0:
        raise NotLeader

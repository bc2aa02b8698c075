"""What the template of an allowance gives: a rule like those of an intent."""

from __future__ import annotations

from bailiwick.api.peers import Peer, Ports
from bailiwick.api.types import ApiModel, Text


class TemplateRule(ApiModel):
    """One thing that is allowed. It has a side in this namespace; a side left out is all of it.

    No schema of the API server stands before it: `policy.network.rule_checks` asks the same.
    """

    from_: Peer | None = None
    """Who may open connections; every workload of this namespace where it is left out."""
    to: Peer | None = None
    """Whom they may reach; every workload of this namespace where it is left out."""
    ports: Ports = ()
    """On which ports; all where it is left out, or the Service's where to is a service."""
    reason: Text | None = None
    """Why this is open everywhere."""

"""The profile that holds where no profile could be chosen: the strictest that still runs."""

from __future__ import annotations

from bailiwick.api.meta import BUILT_IN
from bailiwick.api.profile import SecurityProfileSpec
from bailiwick.policy.merge import ProfileVersion

BUILT_IN_PROFILE = ProfileVersion(
    name=BUILT_IN,
    generation=0,
    spec=SecurityProfileSpec.model_validate(
        {
            "network": {
                "isolate": ["Ingress", "Egress"],
                "internet": "Denied",
                "mayDeclare": {"entities": ["DNS"], "cidrs": []},
                "allowances": [{"name": "dns", "entity": "DNS"}],
            },
            "images": {
                "remediateWithin": {"knownExploited": "3d", "critical": "15d", "high": "30d"},
                "minimal": {
                    "shells": "Warn",
                    "packageManagers": "Fail",
                    "debugTools": "Fail",
                    "buildTools": "Fail",
                },
                "maxAge": "90d",
            },
        }
    ),
)
"""In Audit, unless the intent says Enforce: a missing profile must not cut anybody off."""

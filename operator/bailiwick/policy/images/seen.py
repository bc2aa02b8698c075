"""Since when a finding is known in a repository, and whether it went away in between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """When a vulnerability of a package was seen in a repository's images.

    `first` is the first time of all. One that went away and came back has `returned`, the scan
    that found it again, and `absent`, the first scan that had shown it gone.
    """

    first: datetime
    returned: datetime | None = None
    absent: datetime | None = None

    @property
    def since(self) -> datetime:
        """What its deadline counts from: its return, where it was gone.

        Who mended it kept the deadline. The same flaw in a new image is found anew, and would
        otherwise be overdue in the minute in which it comes back.
        """
        return self.returned or self.first

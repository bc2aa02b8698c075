"""What a template of an allowance gives, checked like a rule that a person wrote."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TemplateFailure:
    """A template that gave no rule, in words; `unreadable` names a kind that was needed for it."""

    message: str
    unreadable: str = ""

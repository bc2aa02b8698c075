"""How many random clusters the engine is held against."""

from __future__ import annotations

from hypothesis import settings

_IS_THOROUGH = settings().max_examples > settings.get_profile("bailiwick").max_examples

many = settings(max_examples=20_000 if _IS_THOROUGH else 500)
"""More than for other properties: a wrong answer here is a hole in somebody's network."""

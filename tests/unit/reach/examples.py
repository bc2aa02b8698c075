"""How many random clusters the engine is held against."""

from __future__ import annotations

from hypothesis import settings

many = settings(max_examples=5 * settings().max_examples)
"""More than for other properties: a wrong answer here is a hole in somebody's network."""

"""Bailiwick: a namespace's declared security intent, made so, kept so and reported."""

from importlib.metadata import version

__version__ = version("bailiwick-operator")

"""Profiles: which generation of it each namespace is held to."""

"""Vulnerability exceptions: what they are for, and where they stand."""

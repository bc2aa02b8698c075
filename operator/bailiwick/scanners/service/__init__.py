"""The default scanner: the adapter API around syft and grype, in a process of its own.

It reads hostile images, so it has no right on the API server, and everything it runs is bounded
in time, output and number.
"""

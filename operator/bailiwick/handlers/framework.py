"""Kopf, imported without what it loads only to recognise objects that nobody here hands to it.

Where the `kubernetes` package is installed, importing Kopf imports its models: 8 MB, and a third
of the operator's start. We need that package for kubeconfigs with plugins, and never its models.
"""

from __future__ import annotations

import sys

if "kubernetes" in sys.modules:
    import kopf
else:
    sys.modules["kubernetes"] = None  # type: ignore[assignment]  # what import takes for "is absent"
    try:
        import kopf
    finally:
        del sys.modules["kubernetes"]

__all__ = ["kopf"]

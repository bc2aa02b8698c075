"""Manifests on disk and on pipes, read as `kubectl` reads them, and what they would come to."""

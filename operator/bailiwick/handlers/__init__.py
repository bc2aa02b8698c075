"""Kopf's decorators: what people write is told to the engine here, and nothing is decided."""

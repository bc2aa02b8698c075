"""Exceptions as OpenVEX documents, and such documents as exceptions."""

"""Policies of a namespace: brought to what they are to be, and what they come to."""

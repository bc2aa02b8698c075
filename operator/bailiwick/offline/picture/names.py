"""What groups, nodes and lines are called in pictures that are text."""

from __future__ import annotations

from typing import Final

from bailiwick.offline.picture.model import USUAL, Group, Line, Node, Side, Stroke

_OUTSIDE: Final = {Side.COMES_IN: "From outside", Side.GOES_OUT: "To outside"}


def group_name(group: Group) -> str:
    """Name a group."""
    return _OUTSIDE.get(group.side, group.name)


def group_title(group: Group) -> str:
    """Name a group, and what it is held to: `shop (profile restricted, Enforce)`."""
    if group.side is not Side.NAMESPACE:
        return group_name(group)
    return f"{group.name} ({group.held})"


def node_title(node: Node) -> str:
    """Name a node, with what nothing restricts."""
    if node.open_in and node.open_out:
        return f"{node.name} (not isolated)"
    if node.open_in:
        return f"{node.name} (open to all)"
    return f"{node.name} (may reach all)" if node.open_out else node.name


def line_title(line: Line) -> str:
    """Say on what ports a line is, and how it is where it is not as declared."""
    if line.stroke in USUAL:
        return line.ports
    return f"{line.stroke.value}: {line.ports}"


def bundle_title(stroke: Stroke, count: int) -> str:
    """Say how many lines there are."""
    many = "1 connection" if count == 1 else f"{count} connections"
    return many if stroke in USUAL else f"{stroke.value}: {many}"

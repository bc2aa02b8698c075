"""Reading all that the arguments of a command name into one inventory."""

from __future__ import annotations

from collections.abc import Sequence

from bailiwick.offline.documents import Place, documents
from bailiwick.offline.inventory import Inventory, Problem
from bailiwick.offline.objects import Collector
from bailiwick.offline.parts import InvalidDocument
from bailiwick.offline.sources import CannotRead, sources


def read(
    arguments: Sequence[str], namespace: str = "default", into: Inventory | None = None
) -> Inventory:
    """Read files, directories and standard input; `namespace` is for objects that name none.

    What cannot be read is in the inventory's `problems`; what stands before it in its file, and
    in other files, is read.
    """
    inventory = into if into is not None else Inventory()
    collector = Collector(inventory, namespace)
    try:
        for source in sources(arguments):
            try:
                with source.open() as stream:
                    for document in documents(stream, source.name):
                        collector.take(document)
            except InvalidDocument as error:
                place = Place(source.name, error.line)
                inventory.problems.append(Problem(place, error.message))
    except CannotRead as error:
        inventory.problems.append(Problem(Place(""), str(error)))
    return inventory

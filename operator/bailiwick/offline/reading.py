"""Reading all that the arguments of a command name into one inventory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bailiwick.offline.documents import Place, documents
from bailiwick.offline.inventory import Inventory, Problem
from bailiwick.offline.objects import Collector
from bailiwick.offline.parts import InvalidDocument
from bailiwick.offline.sources import CannotRead, sources


def read(
    arguments: Sequence[str],
    namespace: str = "default",
    shown_as: Callable[[str], str] = str,
) -> Inventory:
    """Read files, directories and standard input; `namespace` is for objects that name none.

    What cannot be read is in the inventory's `problems`; what stands before it in its file, and
    in other files, is read. `shown_as` gives the name of a file for messages.
    """
    inventory = Inventory()
    collector = Collector(inventory, namespace)
    try:
        for source in sources(arguments):
            try:
                with source.open() as stream:
                    for document in documents(stream, shown_as(source.name)):
                        collector.take(document)
            except InvalidDocument as error:
                place = Place(shown_as(source.name), error.line)
                inventory.problems.append(Problem(place, error.message))
    except CannotRead as error:
        inventory.problems.append(Problem(Place(""), shown_as(str(error))))
    return inventory

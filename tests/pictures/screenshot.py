"""The picture in docs/graph.md: python -m tests.pictures.screenshot"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.pictures.chromium import chromium
from tests.pictures.make import page
from tests.unit.offline.make import EXAMPLES, policy

PICTURE: Final = Path(__file__).parents[2] / "docs" / "graph.png"
BREAK_GLASS: Final = policy(
    "break-glass",
    "podSelector: {matchLabels: {app: ledger}}, policyTypes: [Egress], egress: [{}]",
    namespace="payments",
)
_PARTS: Final = ("profile.yaml", "shop/*.yaml", "payments/*.yaml", "legacy/*.yaml")


def main() -> None:
    """Draw the examples with a policy by hand among them, and look at one connection."""
    files = [file for part in _PARTS for file in sorted(EXAMPLES.glob(part))]
    texts = [file.read_text() for file in files]
    with TemporaryDirectory() as directory, chromium() as browser:
        file = Path(directory) / "page.html"
        file.write_text(page(Path(directory) / "manifests", *texts, BREAK_GLASS))
        shown = browser.new_page(viewport={"width": 1360, "height": 640})
        shown.goto(file.as_uri())
        shown.locator('.node[aria-label^="api,"]').click()
        shown.locator("#panel summary", has_text="half-open").click()
        shown.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()

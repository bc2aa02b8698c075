"""Images: what runs, when it is scanned, and what was found."""

"""The edge to image scanners: a client of the scanner adapter API, and a scanner that serves it."""

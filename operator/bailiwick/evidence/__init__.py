"""The store of findings and of when each was first seen, behind one interface."""

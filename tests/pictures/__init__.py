"""Pictures, read by the programs that draw them: Graphviz, and a browser that people use."""

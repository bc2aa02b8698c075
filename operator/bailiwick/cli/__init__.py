"""The command line: one module for each subcommand, each thin over the rest of the package."""

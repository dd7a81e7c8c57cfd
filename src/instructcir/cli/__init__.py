"""The command line: one file per command, each parsing, making one library call and printing."""

"""Pages of HTML that are one file: they need no other file and ask nothing of a network."""

"""The HTTP server: composed search for programs, and a page for people."""

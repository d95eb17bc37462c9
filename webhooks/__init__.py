"""The outermost ring: HTTP, the command line, and the one place where all is wired together."""

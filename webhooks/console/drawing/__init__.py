"""Pictures drawn by the server: they need no script, and print as they are seen."""

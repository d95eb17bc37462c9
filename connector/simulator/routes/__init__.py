"""The REST routes, a module for each part of Jira's API; `rest.py` mounts them all."""

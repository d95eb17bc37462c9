"""Chaos: processes killed and a Jira that misbehaves, held against a run in which all was calm."""

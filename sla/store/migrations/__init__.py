"""The way from any older database to this version's tables."""

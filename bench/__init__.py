"""Measurements: what Dueline does under a load, on the machine at hand."""

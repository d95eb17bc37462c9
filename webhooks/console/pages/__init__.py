"""What people see: a module for each page, its template beside it under `templates/`."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from flask import Blueprint

_PAGES = (
    "audit", "backtests", "board", "calendars", "contracts", "described", "documents", "health",
    "issue", "mapping", "signing_in", "tokens", "versions", "drafts", "reports",
)  # fmt: skip
"""Each a module here, with the blueprint of the same name."""

NAVIGATION = (
    ("board.page", "Board"),
    ("reports.page", "Reports"),
    ("mapping.page", "Mapping"),
    ("contracts.page", "Contracts"),
    ("calendars.page", "Calendars"),
    ("versions.page", "Versions"),
    ("health.page", "Health"),
    ("audit.page", "Audit log"),
)
"""What stands at the top of every page: endpoint and title, as far as the endpoint is there."""


def blueprints() -> Iterator[Blueprint]:
    """Those of every page."""
    for name in _PAGES:
        blueprint: Blueprint = import_module(f"{__name__}.{name}").blueprint
        yield blueprint

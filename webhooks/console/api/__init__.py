"""What programs are told and may do, as JSON; described by OpenAPI from the same types."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from flask import Blueprint

_PARTS = (
    "audit", "backtests", "board", "calendars", "contracts", "health", "issue", "mapping",
    "openapi", "reports", "tokens", "versions",
)  # fmt: skip
"""Each a module here, with the blueprint of the same name."""


def blueprints() -> Iterator[Blueprint]:
    """Those of every part."""
    for name in _PARTS:
        blueprint: Blueprint = import_module(f"{__name__}.{name}").blueprint
        yield blueprint

"""Reads numbers that stand in addresses and forms."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest

_MOST_DIGITS = 9


def positive(given: str, name: str) -> int:
    """What was typed as a number from 1 on.

    Raises:
        BadRequest: it is none.
    """
    if given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS and int(given):
        return int(given)
    raise BadRequest(f"{name}: expected a number from 1 on; go back and load the page anew")


def number(given: str, name: str) -> int | None:
    """The same; None: nothing was typed."""
    return positive(given, name) if given.strip() else None


def asked_number(name: str) -> int | None:
    """The same of what the address asks for."""
    return number(request.args.get(name, ""), name)

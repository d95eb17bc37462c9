"""Who makes this request; asked once by every page and every answer of the API."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import g
from werkzeug.exceptions import Forbidden, Unauthorized

from webhooks.console.access import sessions, tokens
from webhooks.console.access.people import Person

_P = ParamSpec("_P")
_R = TypeVar("_R")


def sign_in(person: Person) -> None:
    """Remember who it is, from the next request on."""
    sessions.begin(person)
    g.person = person


def sign_out() -> Person | None:
    """Forget who it was; tells it once more."""
    person = sessions.end()
    g.person = None
    return person


def found() -> Person | None:
    """Who asks, by their session or their token; None: nobody who signed in.

    Raises:
        Unauthorized: a token came along that opens nothing.
    """
    if "person" not in g:
        g.person = None  # Whatever is shown of a refusal does not ask again.
        g.person = tokens.found() if tokens.came_along() else sessions.found()
    return cast("Person | None", g.person)


def person() -> Person:
    """Who asks.

    Raises:
        Unauthorized: nobody signed in.
    """
    asks = found()
    if asks is None:
        raise Unauthorized(
            "Your session has ended; sign in again."
            if sessions.is_over()
            else "Sign in to see this."
        )
    return asks


def administrators(view: Callable[_P, _R]) -> Callable[_P, _R]:
    """A view for administrators alone; others are told so, with 403."""

    @wraps(view)
    def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if not person().may_change:
            raise Forbidden("Only an administrator may change this; ask one, or sign in as one.")
        return view(*args, **kwargs)

    return guarded

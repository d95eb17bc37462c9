"""An answer of the API with its description: path, roles, what is asked, what is answered.

Types are `msgspec` structs. The same types check a request, encode the answer and make its schema
in the OpenAPI document, so that none of the three can differ from the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, Forbidden, NotFound

from webhooks.console.access import asking
from webhooks.console.access.people import Role

Method = Literal["GET", "POST", "PUT", "DELETE"]
LARGEST = 2**63 - 1
"""No number in a path is larger; databases have none that are."""
_JSON = "application/json"
_View = TypeVar("_View", bound=Callable[..., Any])
_REFUSALS: Mapping[int, str] = {
    400: "The request cannot be understood; the message says what would be right.",
    401: "Nobody signed in, and no good token came along.",
    403: "Whoever asks may not do this.",
}


class Refusal(msgspec.Struct):
    """Why a request was refused."""

    error: str
    """What is wrong, where, and what would be right."""


class Nothing(msgspec.Struct):
    """No query, no body, or an answer without content."""


@dataclass(frozen=True)
class Endpoint:
    """One answer of the API."""

    method: Method
    path: str
    """As OpenAPI writes it: `/api/issues/{key}/sla`."""
    name: str
    summary: str
    description: str
    role: Role
    query: type[msgspec.Struct]
    body: type[msgspec.Struct]
    answer: Any
    refusals: Mapping[int, str] = field(default_factory=dict)
    part: str = ""
    """To which part of the API it belongs."""
    numbers: frozenset[str] = frozenset()
    """Those parameters of the path that are whole numbers."""

    @property
    def parameters(self) -> list[str]:
        """Those of the path."""
        return re.findall(r"{(\w+)}", self.path)


ENDPOINTS: list[Endpoint] = []
"""All that were described, for the document."""


class Part(Blueprint):
    """Some answers that belong together, under `/api`."""

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(f"api_{name}", import_name, url_prefix="/api")

    def answers(
        self,
        method: Method,
        path: str,
        *,
        summary: str,
        answer: Any,
        role: Role = "viewer",
        query: type[msgspec.Struct] = Nothing,
        body: type[msgspec.Struct] = Nothing,
        refusals: Mapping[int, str] | None = None,
    ) -> Callable[[_View], _View]:
        """Describe the decorated view and hang it on.

        The view is called with the path's parameters by name, then `query=` and `body=` where they
        were described, and returns a value of the type `answer`; `Nothing` is sent as 204.

        Args:
            method: the HTTP method.
            path: as Flask writes it, such as `/issues/<key>/sla`.
            summary: half a line; the view's docstring is the description.
            answer: the type of what is returned.
            role: who may ask.
            query, body: the types of what is asked; unknown members are refused.
            refusals: by status, what else can be wrong.
        """

        def hang_on(view: _View) -> _View:
            as_openapi = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
            wrong = {**_REFUSALS, **dict(_of_parts(path, body)), **(refusals or {})}
            described = Endpoint(
                method, f"/api{as_openapi}", view.__name__, summary,
                (view.__doc__ or "").strip(), role, query, body, answer, wrong,
                self.name.removeprefix("api_"), frozenset(re.findall(r"<int:(\w+)>", path)),
            )  # fmt: skip
            ENDPOINTS.append(described)

            def answered(**parameters: Any) -> Response:
                _check_role(role)
                if any(parameters[name] > LARGEST for name in described.numbers):
                    raise NotFound("Nothing here has a number so large.")
                if query is not Nothing:
                    parameters["query"] = _query(query)
                if body is not Nothing:
                    parameters["body"] = _body(body)
                return _encoded(view(**parameters))

            self.add_url_rule(path, view.__name__, answered, methods=[method])
            return view

        return hang_on


def _of_parts(path: str, body: type[msgspec.Struct]) -> Iterator[tuple[int, str]]:
    """What else can be wrong with what an answer takes."""
    if "<" in path:
        yield 404, "What the path names is not there."
    if body is not Nothing:
        yield 413, "The body is too large."


def refused(code: int, message: str) -> Response:
    """A refusal as the API tells it."""
    return Response(msgspec.json.encode(Refusal(message)), code, content_type=_JSON)


def _check_role(role: Role) -> None:
    if role == "administrator" and not asking.person().may_change:
        raise Forbidden("Only an administrator may do this.")


def _query(kind: type[msgspec.Struct]) -> Any:
    """The query; a member that takes several values may be repeated."""
    several = {
        each.encode_name for each in msgspec.structs.fields(kind) if _takes_several(each.type)
    }
    asked: dict[str, Any] = {
        name: values if name in several else values[-1]
        for name, values in request.args.lists()
    }  # fmt: skip
    known = {each.encode_name for each in msgspec.structs.fields(kind)}
    if unknown := sorted(asked.keys() - known):
        raise BadRequest(
            f"unknown in the query: {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    try:
        return msgspec.convert(asked, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"query: {error}") from None


def _takes_several(kind: Any) -> bool:
    return getattr(kind, "__origin__", None) in (list, tuple, frozenset)


def _body(kind: type[msgspec.Struct]) -> Any:
    if request.mimetype != _JSON:
        raise BadRequest(f"the body must be {_JSON}, not {request.mimetype or 'of no named type'}")
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequest(f"body: {error}") from None
    except UnicodeDecodeError:
        raise BadRequest("body: JSON is written in UTF-8, and this is not") from None
    except RecursionError:
        raise BadRequest("body: is nested too deeply") from None


def _encoded(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, Nothing):
        return Response(status=204)
    return Response(msgspec.json.encode(answer), content_type=_JSON)


__all__ = ["ENDPOINTS", "Endpoint", "Nothing", "Part", "Refusal", "refused"]

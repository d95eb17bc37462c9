"""What every route is given, and how it says which path, method and caller it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connector.simulator.errors import JiraError, unknown_member
from connector.simulator.model import Account, Flavour
from connector.simulator.present import Json, Presenter
from connector.simulator.simulator import Simulator

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request that was let in: who calls, which version, with what.

    `args` are the query's values by name, in order of appearance; `payload` is the decoded body,
    None when there was none.
    """

    sim: Simulator
    version: int
    account: Account
    args: dict[str, list[str]]
    payload: Any

    @property
    def show(self) -> Presenter:
        """Return the presenter of this API version."""
        return Presenter(self.sim, self.version)

    @property
    def documents(self) -> bool:
        """Tell whether rich texts come as Atlassian documents."""
        return self.version > 2

    @property
    def body(self) -> Json:
        """Return the body as an object; raises a 400 when it is none."""
        if not isinstance(self.payload, dict):
            raise JiraError(400, ["There was an error parsing JSON. Check your request body."])
        return self.payload

    def only(self, *members: str, open_on_cloud: bool = False) -> Json:
        """Return the body; raises a 400 for a member beside those named.

        Data Center takes no other; Cloud overlooks it where its document leaves the schema open.
        """
        unknown = sorted(set(self.body) - set(members))
        if unknown and not (open_on_cloud and self.sim.cloud):
            raise unknown_member(self.sim.flavour, unknown[0])
        return self.body

    def part(self, name: str) -> Json:
        """Return a part of the body that must be an object, or is left out."""
        part = self.body.get(name)
        if part is None:
            return {}
        if not isinstance(part, dict):
            raise JiraError(400, [f"Can not deserialize '{name}': an object was expected."])
        return part

    def arg(self, name: str, default: str = "") -> str:
        """Return a query value."""
        return self.args.get(name, [default])[0]

    def listed(self, name: str) -> list[str]:
        """Return the parts of a query value that holds a comma-separated list, or is repeated."""
        joined = ",".join(self.args.get(name, []))
        return [part.strip() for part in joined.split(",") if part.strip()]

    def number(self, name: str, default: int) -> int:
        """Return a query value as a number, never below zero; raises a 400 when it is none."""
        text = self.arg(name, str(default))
        if not text.lstrip("-").isdigit():
            raise JiraError(400, [f"The value '{text}' of '{name}' is not a number."])
        return max(0, int(text))

    def page(self, items: Sequence[Any], limit: int = 50) -> Json:
        """Return one page of items in the form of Jira's page beans; `values` holds the items."""
        start, size = self.number("startAt", 0), self.number("maxResults", limit)
        return {
            "maxResults": size,
            "startAt": start,
            "total": len(items),
            "isLast": start + size >= len(items),
            "values": list(items[start : start + size]),
        }


_FORBIDDEN: Mapping[Flavour, int] = {"cloud": 403, "datacenter": 403}


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path below /rest/api/<version> (or below /rest, when `root`).

    What is for administrators, who is none is refused with the status in `refusals`.
    """

    method: str
    path: str
    answer: Callable[..., Answer]
    flavours: frozenset[Flavour] = field(default=frozenset({"cloud", "datacenter"}))
    admin: bool = False
    anonymous: bool = False
    root: bool = False
    refusals: Mapping[Flavour, int] = field(default_factory=lambda: _FORBIDDEN)


CLOUD: frozenset[Flavour] = frozenset({"cloud"})
DATACENTER: frozenset[Flavour] = frozenset({"datacenter"})

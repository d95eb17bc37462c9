"""The fields in which an issue shows its SLA: found, or made once, and never made twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from connector.base import Field, JiraClient
from connector.errors import SetupError

ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType({
    "policy": ("textfield", "select"),
    "severity": ("textfield", "select"),
    "due": ("datetime",),
    "responded": ("datetime",),
    "state": ("textfield", "select"),
    "level": ("float",),
})  # fmt: skip
"""What each field is for, with the types that can hold it; the first is what is made."""


@dataclass(frozen=True, slots=True)
class SetupReport:
    """What became of the fields."""

    fields: Mapping[str, Field]
    """By role."""
    made: frozenset[str]
    """The roles whose fields were made; the others were there already."""

    def lines(self) -> Iterator[str]:
        """For people: one line for each field."""
        for role, field in self.fields.items():
            became = "made" if role in self.made else "there already"
            yield f"{role}: {field.name} ({field.id}), {became}"


def find_fields(
    fields: Iterable[Field], wanted: Mapping[str, str]
) -> tuple[dict[str, Field], tuple[str, ...]]:
    """Find which of Jira's fields play which role.

    Args:
        fields: all of Jira's.
        wanted: by role the name or the id of a field.

    Returns:
        By role the field; and the names, as wanted, for which there is none.

    Raises:
        SetupError: two fields have the name, or the field cannot hold what the role needs.
    """
    known = tuple(fields)
    found = {role: _find(known, role, name) for role, name in wanted.items()}
    kept = {role: field for role, field in found.items() if field is not None}
    _refuse_shared(kept)
    return kept, tuple(wanted[role] for role, field in found.items() if field is None)


def set_up(client: JiraClient, wanted: Mapping[str, str]) -> SetupReport:
    """Find the SLA fields, make those that are missing, and have all of them shown.

    Doing it again changes nothing. It needs an account that administers Jira.

    Args:
        client: the site.
        wanted: by role the name or the id of a field.

    Raises:
        SetupError: see `find_fields`; or an id was given that no field has.
        JiraError: Jira refused.
    """
    found, _missing = find_fields(client.fields(), wanted)
    fields: dict[str, Field] = {}
    for role, name in wanted.items():
        field = found.get(role) or _make(client, role, name)
        if field.custom:
            client.show_field(field.id)
        fields[role] = field
    return SetupReport(fields, frozenset(fields.keys() - found.keys()))


def _find(fields: Sequence[Field], role: str, wanted: str) -> Field | None:
    if role not in ROLES:
        raise SetupError(f"{role!r} is no role of a field; there are {', '.join(ROLES)}.")
    same = [field for field in fields if field.id == wanted]
    same = same or [field for field in fields if field.name.casefold() == wanted.casefold()]
    if len(same) > 1:
        ids = " and ".join(field.id for field in same)
        raise SetupError(
            f"{ids} are all named {wanted!r}; name the {role} field by its id instead."
        )
    if same and same[0].type not in ROLES[role]:
        raise SetupError(
            f"{wanted!r} ({same[0].id}) is of type {same[0].type or 'unknown'}; the {role} field "
            f"must be of type {' or '.join(ROLES[role])}."
        )
    return same[0] if same else None


def _refuse_shared(found: Mapping[str, Field]) -> None:
    roles: dict[str, str] = {}
    for role, field in found.items():
        other = roles.setdefault(field.id, role)
        if other != role:
            raise SetupError(
                f"{field.name!r} ({field.id}) is named for both {other} and {role}; "
                "each needs a field of its own."
            )


def _make(client: JiraClient, role: str, name: str) -> Field:
    if name.startswith("customfield_"):
        raise SetupError(
            f"No field has the id {name}, which is named for {role}; give the id of an existing "
            "field, or a name under which to make one."
        )
    return client.create_field(name, ROLES[role][0])

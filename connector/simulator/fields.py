"""Setting up custom fields: creating them, saying where they apply, putting them on screens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.simulator.errors import JiraError, already_shown
from connector.simulator.model import Context, Field, Option, Screen, Tab
from connector.simulator.site import (
    CUSTOM_TYPES,
    SEARCHERS,
    TYPES,
    custom_field,
    default_context,
)
from connector.simulator.world import World

_NAME_LIMIT = 255


def create(world: World, given: Mapping[str, Any]) -> Field:
    """Create a custom field from `name`, `type` and `searcherKey`.

    It applies everywhere at once, unless Data Center was given `projectIds`.
    Raises `JiraError` with a 400 for a name or a type that will not do.
    """
    name, type_key = given.get("name"), str(given.get("type", ""))
    prefix, _, type_name = type_key.partition(":")
    if not isinstance(name, str) or not name.strip():
        raise JiraError(400, errors={"name": "The field name is required."})
    if len(name) > _NAME_LIMIT:
        raise JiraError(400, errors={"name": "The field name is too long."})
    if prefix != CUSTOM_TYPES or type_name not in TYPES:
        raise JiraError(400, errors={"type": f"Custom field type '{type_key}' is not supported."})
    searcher = given.get("searcherKey")
    if searcher is not None and searcher not in SEARCHERS[type_name]:
        raise JiraError(400, errors={"searcherKey": f"'{searcher}' cannot search '{type_key}'."})
    field_id = f"customfield_{world.next_number('field')}"
    field = custom_field(field_id, name.strip(), type_name, str(given.get("description") or ""))
    context = default_context(str(world.next_number("context")), field.name)
    if not world.cloud:
        context.project_ids = [str(i) for i in given.get("projectIds") or []]
    field.contexts.append(context)
    world.site.fields[field_id] = field
    return field


def custom(world: World, field_id: str) -> Field:
    """Return the custom field; raises the 404 when there is none."""
    field = world.site.fields.get(field_id)
    if field is None or not field.custom:
        raise JiraError(404, ["The custom field was not found."])
    return field


def add_context(world: World, field: Field, given: Mapping[str, Any]) -> Context:
    """Say where a field applies as well; no project means everywhere.

    Raises `JiraError`: 400 without a name, 404 for a project that does not exist, 409 when the
    field has a context there already.
    """
    name = given.get("name")
    if not isinstance(name, str) or not name:
        raise JiraError(400, ["The custom field context name is required."])
    projects = [str(i) for i in given.get("projectIds") or []]
    known = {project.id for project in world.site.projects.values()}
    if not set(projects) <= known:
        raise JiraError(404, ["The project was not found."])
    for context in field.contexts:
        if set(context.project_ids) & set(projects) or not (context.project_ids or projects):
            raise JiraError(409, ["The custom field has a context for these projects already."])
    context = Context(
        str(world.next_number("context")),
        name,
        str(given.get("description") or ""),
        projects,
        [str(i) for i in given.get("issueTypeIds") or []],
    )
    field.contexts.append(context)
    return context


def remove_context(field: Field, context_id: str) -> None:
    """Take a context away; a field without any applies nowhere."""
    field.contexts.remove(context_of(field, context_id))


def context_of(field: Field, context_id: str) -> Context:
    """Return a context of the field; raises the 404 when there is none."""
    for context in field.contexts:
        if context.id == context_id:
            return context
    raise JiraError(404, ["The custom field context was not found."])


def add_options(world: World, field: Field, values: list[str]) -> list[Option]:
    """Add choices to a select field."""
    if field.kind not in {"option", "options"}:
        raise JiraError(400, ["The field does not support options."])
    taken = {option.value for option in field.options}
    if taken & set(values) or not all(values):
        raise JiraError(400, ["The custom field option values must be new, and not empty."])
    options = [Option(str(world.next_number("option")), value) for value in values]
    field.options += options
    return options


def show(world: World, screen: Screen, tab: Tab, field_id: str) -> Field:
    """Put a field on a tab; raises `JiraError` when it is unknown or already on the screen."""
    field = world.site.fields.get(field_id)
    if field is None:
        raise JiraError(404 if world.cloud else 400, [f"Field with id {field_id} does not exist."])
    if screen.shows(field_id):
        raise already_shown(field_id)
    tab.fields.append(field_id)
    return field


def tab_of(world: World, screen: Screen, tab_id: int) -> Tab:
    """Return a tab of the screen; raises Cloud's 404, or Data Center's 400, when there is none."""
    for tab in screen.tabs:
        if tab.id == tab_id:
            return tab
    raise JiraError(404 if world.cloud else 400, [f"Tab with id {tab_id} does not exist."])

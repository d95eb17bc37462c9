"""Fields, contexts, options and screens over REST: what a set-up has to do before it can write."""

from __future__ import annotations

from collections.abc import Mapping

from connector.simulator import fields
from connector.simulator.errors import JiraError, already_shown
from connector.simulator.model import Context, Flavour, Screen, Tab
from connector.simulator.present import Json
from connector.simulator.routes.call import CLOUD, Answer, Call, Route


def get_fields(call: Call) -> Answer:
    """GET /field."""
    return 200, [call.show.field(field) for field in call.sim.site.fields.values()]


def search_fields(call: Call) -> Answer:
    """GET /field/search: custom and system fields, by name, id or type."""
    sought, ids, types = call.arg("query").casefold(), call.listed("id"), call.listed("type")
    found = [
        {"id": f.id, "name": f.name, "schema": dict(f.schema), "description": f.description}
        for f in call.sim.site.fields.values()
        if sought in f.name.casefold()
        and (not ids or f.id in ids)
        and (not types or ("custom" if f.custom else "system") in types)
    ]
    return 200, call.page(found)


def create_field(call: Call) -> Answer:
    """POST /field."""
    known = _FIELD if call.sim.cloud else (*_FIELD, "projectIds", "issueTypeIds")
    return 201, call.show.field(fields.create(call.sim, call.only(*known)))


def get_contexts(call: Call, field_id: str) -> Answer:
    """GET /field/{id}/context."""
    field = fields.custom(call.sim, field_id)
    wanted = call.listed("contextId")
    found = [_context(c) for c in field.contexts if not wanted or c.id in wanted]
    if call.arg("isGlobalContext"):
        asked = call.arg("isGlobalContext") == "true"
        found = [shown for shown in found if shown["isGlobalContext"] == asked]
    return 200, call.page(found)


def get_project_mapping(call: Call, field_id: str) -> Answer:
    """GET /field/{id}/context/projectmapping."""
    field = fields.custom(call.sim, field_id)
    mapped: list[Json] = [
        {"contextId": context.id, "projectId": project}
        for context in field.contexts
        for project in context.project_ids
    ]
    mapped += [
        {"contextId": context.id, "isGlobalContext": True}
        for context in field.contexts
        if not context.project_ids
    ]
    return 200, call.page(mapped)


def create_context(call: Call, field_id: str) -> Answer:
    """POST /field/{id}/context."""
    field = fields.custom(call.sim, field_id)
    known = ("name", "description", "projectIds", "issueTypeIds")
    context = fields.add_context(call.sim, field, call.only(*known))
    return 201, {
        "id": context.id,
        "name": context.name,
        "description": context.description,
        "projectIds": context.project_ids,
        "issueTypeIds": context.issue_type_ids,
    }


def delete_context(call: Call, field_id: str, context_id: str) -> Answer:
    """DELETE /field/{id}/context/{id}."""
    fields.remove_context(fields.custom(call.sim, field_id), context_id)
    return 204, None


def get_options(call: Call, field_id: str, context_id: str) -> Answer:
    """GET /field/{id}/context/{id}/option."""
    field = fields.custom(call.sim, field_id)
    fields.context_of(field, context_id)
    shown = [{"id": o.id, "value": o.value, "disabled": False} for o in field.options]
    return 200, call.page(shown, 100)


def create_options(call: Call, field_id: str, context_id: str) -> Answer:
    """POST /field/{id}/context/{id}/option."""
    field = fields.custom(call.sim, field_id)
    fields.context_of(field, context_id)
    values = [str(option.get("value") or "") for option in call.body.get("options") or []]
    made = fields.add_options(call.sim, field, values)
    return 200, {"options": [{"id": o.id, "value": o.value, "disabled": False} for o in made]}


def get_screens(call: Call) -> Answer:
    """GET /screens: a page on Cloud, a plain list on Data Center."""
    sought = call.arg("queryString" if call.sim.cloud else "search").casefold()
    shown = [
        {"id": screen.id, "name": screen.name, "description": screen.description}
        for screen in call.sim.site.screens.values()
        if sought in screen.name.casefold()
    ]
    return 200, call.page(shown, 100) if call.sim.cloud else shown


def get_screens_of(call: Call, field_id: str) -> Answer:
    """GET /field/{id}/screens: where a field is shown."""
    shown = [
        {"id": screen.id, "name": screen.name, "description": screen.description}
        for screen in call.sim.site.screens.values()
        if screen.shows(field_id)
    ]
    return 200, call.page(shown, 100)


def get_tabs(call: Call, screen_id: int) -> Answer:
    """GET /screens/{id}/tabs."""
    screen = call.sim.screen(screen_id)
    return 200, [{"id": tab.id, "name": tab.name} for tab in screen.tabs]


def create_tab(call: Call, screen_id: int) -> Answer:
    """POST /screens/{id}/tabs."""
    screen, name = call.sim.screen(screen_id), call.body.get("name")
    if not isinstance(name, str) or not name:
        raise JiraError(400, errors={"name": "A tab name is required."})
    tab = Tab(call.sim.next_number("tab"), name, [])
    screen.tabs.append(tab)
    return 200, {"id": tab.id, "name": tab.name}


def get_tab_fields(call: Call, screen_id: int, tab_id: int) -> Answer:
    """GET /screens/{id}/tabs/{id}/fields."""
    _, tab = _tab(call, screen_id, tab_id)
    return 200, [_shown(call, field_id) for field_id in tab.fields]


def add_tab_field(call: Call, screen_id: int, tab_id: int) -> Answer:
    """POST /screens/{id}/tabs/{id}/fields."""
    screen, tab = _tab(call, screen_id, tab_id)
    field_id = str(call.body.get("fieldId") or "")
    fields.show(call.sim, screen, tab, field_id)
    return 200, _shown(call, field_id)


def remove_tab_field(call: Call, screen_id: int, tab_id: int, field_id: str) -> Answer:
    """DELETE /screens/{id}/tabs/{id}/fields/{id}."""
    _, tab = _tab(call, screen_id, tab_id)
    if field_id not in tab.fields:
        status = 404 if call.sim.cloud else 400
        raise JiraError(status, [f"Field with id {field_id} does not exist on the tab."])
    tab.fields.remove(field_id)
    return 204, None


def add_to_default(call: Call, field_id: str) -> Answer:
    """POST /screens/addToDefault/{field}: only the default screen, whichever projects use it."""
    screen = call.sim.screen(1)
    if call.sim.cloud and screen.shows(field_id):
        raise already_shown(field_id, 404)
    fields.show(call.sim, screen, screen.tabs[0], field_id)
    return (200, {}) if call.sim.cloud else (204, None)


def _tab(call: Call, screen_id: int, tab_id: int) -> tuple[Screen, Tab]:
    screen = call.sim.screen(screen_id)
    return screen, fields.tab_of(call.sim, screen, tab_id)


def _shown(call: Call, field_id: str) -> Json:
    return {"id": field_id, "name": call.sim.site.fields[field_id].name}


def _context(context: Context) -> Json:
    return {
        "id": context.id,
        "name": context.name,
        "description": context.description,
        "isGlobalContext": not context.project_ids,
        "isAnyIssueType": not context.issue_type_ids,
    }


_TAB = "/screens/<int:screen_id>/tabs/<int:tab_id>/fields"
_FIELD = ("name", "description", "type", "searcherKey")
# What each document says of a caller who is no administrator, where it is not 403.
_BAD_REQUEST: Mapping[Flavour, int] = {"cloud": 400, "datacenter": 403}
_UNAUTHORIZED: Mapping[Flavour, int] = {"cloud": 403, "datacenter": 401}
_OPTION = "/field/<field_id>/context/<context_id>/option"

ROUTES = [
    Route("GET", "/field", get_fields),
    Route("GET", "/field/search", search_fields, CLOUD, admin=True),
    Route("POST", "/field", create_field, admin=True, refusals=_BAD_REQUEST),
    Route("GET", "/field/<field_id>/context", get_contexts, CLOUD, admin=True),
    Route(
        "GET", "/field/<field_id>/context/projectmapping", get_project_mapping, CLOUD, admin=True
    ),
    Route("GET", "/field/<field_id>/screens", get_screens_of, CLOUD, admin=True),
    Route("POST", "/field/<field_id>/context", create_context, CLOUD, admin=True),
    Route("DELETE", "/field/<field_id>/context/<context_id>", delete_context, CLOUD, admin=True),
    Route("GET", _OPTION, get_options, CLOUD, admin=True),
    Route("POST", _OPTION, create_options, CLOUD, admin=True),
    *(
        Route(method, path, answer, admin=True, refusals=_UNAUTHORIZED)
        for method, path, answer in (
            ("GET", "/screens", get_screens),
            ("GET", "/screens/<int:screen_id>/tabs", get_tabs),
            ("POST", "/screens/<int:screen_id>/tabs", create_tab),
            ("GET", _TAB, get_tab_fields),
            ("POST", _TAB, add_tab_field),
            ("DELETE", f"{_TAB}/<field_id>", remove_tab_field),
            ("POST", "/screens/addToDefault/<field_id>", add_to_default),
        )
    ),
]

"""Users, groups and permissions over REST."""

from __future__ import annotations

from connector.simulator.errors import JiraError, not_admin
from connector.simulator.model import Account, Group
from connector.simulator.present import Json
from connector.simulator.routes.call import CLOUD, Answer, Call, Route

_ADMIN_ONLY = {"ADMINISTER", "SYSTEM_ADMIN", "ADMINISTER_PROJECTS"}
_PERMISSIONS = [
    "BROWSE_PROJECTS",
    "CREATE_ISSUES",
    "EDIT_ISSUES",
    "ASSIGN_ISSUES",
    "TRANSITION_ISSUES",
    "MOVE_ISSUES",
    "LINK_ISSUES",
    "DELETE_ISSUES",
    "ADD_COMMENTS",
    "EDIT_OWN_COMMENTS",
    "EDIT_ALL_COMMENTS",
    "DELETE_OWN_COMMENTS",
    "DELETE_ALL_COMMENTS",
    "ADMINISTER_PROJECTS",
    "ADMINISTER",
    "SERVICEDESK_AGENT",
]


def get_myself(call: Call) -> Answer:
    """GET /myself."""
    shown = _in_full(call, call.account)
    groups = sorted(call.sim.groups_of(call.account.email))
    shown["groups"] = {"size": len(groups), "items": []}
    shown["applicationRoles"] = {"size": 1, "items": []}
    shown["locale"] = "en_US"
    return 200, shown


def get_user(call: Call) -> Answer:
    """GET /user, by account id on Cloud, by user name or key elsewhere."""
    names = ("accountId",) if call.sim.cloud else ("username", "key")
    reference = next((call.arg(name) for name in names if call.arg(name)), "")
    account = call.sim.find_account(reference)
    if account is None:
        raise JiraError(404, ["Specified user does not exist or you do not have required rights."])
    return 200, _in_full(call, account)


def search_users(call: Call) -> Answer:
    """GET /user/search (and assignable): users whose name or address begins so."""
    name = "query" if call.sim.cloud else "username"
    if not call.arg(name) and not call.arg("accountId"):
        raise JiraError(400, [f"The query parameter '{name}' must be provided."])
    return 200, call.page(_matching(call, call.arg(name)))["values"]


def assignable_users(call: Call) -> Answer:
    """GET /user/assignable/search: an empty query means everybody."""
    sought = call.arg("query" if call.sim.cloud else "username")
    return 200, call.page(_matching(call, sought))["values"]


def all_users(call: Call) -> Answer:
    """GET /users/search."""
    return 200, call.page(_matching(call, ""))["values"]


def get_group(call: Call) -> Answer:
    """GET /group."""
    group = _group(call)
    users = {
        "size": len(group.members),
        "items": [],
        "max-results": 50,
        "start-index": 0,
        "end-index": 0,
    }
    address = call.show.url(f"group?groupname={group.name}")
    return 200, {**call.show.group(group), "self": address, "users": users, "expand": "users"}


def get_members(call: Call) -> Answer:
    """GET /group/member: for administrators; on Cloud for who may browse users as well."""
    may_browse = call.sim.cloud and call.sim.allows(call.account, "USER_PICKER")
    if not may_browse and not call.sim.is_admin(call.account):
        raise not_admin()
    group = _group(call)
    page = call.page([_in_full(call, call.sim.account(email)) for email in group.members])
    return 200, {"self": call.show.url(f"group/member?groupname={group.name}"), **page}


def get_groups(call: Call) -> Answer:
    """GET /group/bulk."""
    names, ids = call.args.get("groupName", []), call.args.get("groupId", [])
    found = [
        call.show.group(group)
        for group in call.sim.site.groups.values()
        if not (names or ids) or group.name in names or group.group_id in ids
    ]
    return 200, call.page(found)


def pick_groups(call: Call) -> Answer:
    """GET /groups/picker."""
    sought = call.arg("query").casefold()
    found = [g for g in call.sim.site.groups.values() if sought in g.name.casefold()]
    groups = [_picked(call, group) for group in found]
    header = f"Showing {len(found)} of {len(found)} matching groups"
    return 200, {"header": header, "total": len(found), "groups": groups}


def get_my_permissions(call: Call) -> Answer:
    """GET /mypermissions; Cloud wants to be told which."""
    asked = call.listed("permissions") if call.sim.cloud else []
    if call.sim.cloud and not asked:
        raise JiraError(400, ["The 'permissions' query parameter is required."])
    unknown = [name for name in asked if name not in _PERMISSIONS]
    if unknown:
        raise JiraError(400, [f"Unrecognized permission: {unknown[0]}"])
    shown = {}
    for number, name in enumerate(asked or _PERMISSIONS):
        allowed = call.sim.allows(call.account, name)
        if name in _ADMIN_ONLY:
            allowed = allowed and call.sim.is_admin(call.account)
        shown[name] = {
            "id": str(number),
            "key": name,
            "name": name.replace("_", " ").capitalize(),
            "type": "GLOBAL" if name == "ADMINISTER" else "PROJECT",
            "description": "",
            "havePermission": allowed,
        }
    return 200, {"permissions": shown}


def _in_full(call: Call, account: Account) -> Json:
    return call.show.user(account.email, in_full=True) or {}


def _matching(call: Call, sought: str) -> list[Json]:
    wanted, by_id = sought.casefold(), call.arg("accountId")
    return [
        _in_full(call, account)
        for account in call.sim.site.accounts.values()
        if by_id in {"", account.account_id}
        and any(
            part.casefold().startswith(wanted)
            for part in (account.email, account.name, *account.display_name.split())
        )
    ]


def _group(call: Call) -> Group:
    name, group_id = call.arg("groupname"), call.arg("groupId")
    if not name and not group_id:
        raise JiraError(400, ["Query parameter 'groupname' or 'groupId' must be provided."])
    for group in call.sim.site.groups.values():
        if group.name == name or (call.sim.cloud and group.group_id == group_id):
            return group
    raise JiraError(404, [f"The group named '{name or group_id}' does not exist."])


def _picked(call: Call, group: Group) -> Json:
    shown: Json = {"name": group.name, "html": group.name, "labels": []}
    return shown | {"groupId": group.group_id} if call.sim.cloud else shown


ROUTES = [
    Route("GET", "/myself", get_myself),
    Route("GET", "/user", get_user),
    Route("GET", "/user/search", search_users),
    Route("GET", "/user/assignable/search", assignable_users),
    Route("GET", "/users/search", all_users, CLOUD),
    Route("GET", "/group", get_group, CLOUD),
    Route("GET", "/group/member", get_members),
    Route("GET", "/group/bulk", get_groups, CLOUD),
    Route("GET", "/groups/picker", pick_groups),
    Route("GET", "/mypermissions", get_my_permissions),
]

"""What a site offers, over REST: the server itself, projects, issue types, priorities, statuses."""

from __future__ import annotations

from connector.simulator.errors import JiraError
from connector.simulator.model import Project
from connector.simulator.present import Json
from connector.simulator.routes.call import CLOUD, Answer, Call, Route
from connector.simulator.site import ROLES
from connector.simulator.values import jira_time


def get_server_info(call: Call) -> Answer:
    """GET /serverInfo."""
    cloud = call.sim.cloud
    version = "1001.0.0-SNAPSHOT" if cloud else "10.3.24"
    return 200, {
        "baseUrl": call.sim.base_url,
        "version": version,
        "versionNumbers": [1001, 0, 0] if cloud else [10, 3, 24],
        "deploymentType": "Cloud" if cloud else "Server",
        "buildNumber": 100290 if cloud else 10030024,
        "buildDate": "2026-09-01T00:00:00.000+0000",
        "serverTime": jira_time(call.sim.now()),
        "scmInfo": "simulator",
        "serverTitle": "Jira simulator",
    }


def get_projects(call: Call) -> Answer:
    """GET /project."""
    return 200, [_project(call, project) for project in _browsable(call)]


def search_projects(call: Call) -> Answer:
    """GET /project/search."""
    keys, sought = call.args.get("keys", []), call.arg("query").casefold()
    found = [
        _project(call, project)
        for project in _browsable(call)
        if (not keys or project.key in keys)
        and (sought in project.name.casefold() or sought in project.key.casefold())
    ]
    return 200, {"self": call.show.url("project/search"), **call.page(found)}


def get_project(call: Call, key: str) -> Answer:
    """GET /project/{key}."""
    project = _find(call, key)
    kinds = [call.show.issue_type(kind) for kind in call.sim.site.issue_types]
    return 200, {
        **_project(call, project),
        "description": "",
        "lead": call.show.user(project.lead),
        "issueTypes": kinds,
    }


def get_project_statuses(call: Call, key: str) -> Answer:
    """GET /project/{key}/statuses: by issue type."""
    _find(call, key)
    statuses = [call.show.status(status) for status in call.sim.site.statuses]
    return 200, [
        {
            "self": call.show.url(f"issuetype/{kind.id}"),
            "id": kind.id,
            "name": kind.name,
            "subtask": False,
            "statuses": statuses,
        }
        for kind in call.sim.site.issue_types
    ]


def get_project_roles(call: Call, key: str) -> Answer:
    """GET /project/{key}/role: where to read about each role."""
    project = _find(call, key)
    path = f"project/{project.id}/role"
    return 200, {
        name: call.show.url(f"{path}/{number}") for number, name in enumerate(ROLES, 10002)
    }


def get_issue_types(call: Call) -> Answer:
    """GET /issuetype."""
    return 200, [call.show.issue_type(kind) for kind in call.sim.site.issue_types]


def get_priorities(call: Call) -> Answer:
    """GET /priority."""
    return 200, [call.show.priority(p, in_full=True) for p in call.sim.site.priorities]


def search_priorities(call: Call) -> Answer:
    """GET /priority/search."""
    return 200, call.page(get_priorities(call)[1])


def get_statuses(call: Call) -> Answer:
    """GET /status."""
    return 200, [call.show.status(status) for status in call.sim.site.statuses]


def get_resolutions(call: Call) -> Answer:
    """GET /resolution."""
    return 200, [call.show.resolution(r) for r in call.sim.site.resolutions]


def _browsable(call: Call) -> list[Project]:
    """Return the projects that the account may see."""
    if not call.sim.allows(call.account, "BROWSE_PROJECTS"):
        return []
    return list(call.sim.site.projects.values())


def _find(call: Call, key: str) -> Project:
    for project in _browsable(call):
        if key.upper() == project.key or key == project.id:
            return project
    raise JiraError(404, [f"No project could be found with key '{key}'."])


def _project(call: Call, project: Project) -> Json:
    shown = call.show.project(project)
    if call.sim.cloud:
        shown |= {"style": "classic", "isPrivate": False}
    else:
        del shown["simplified"]
    return shown


ROUTES = [
    Route("GET", "/serverInfo", get_server_info, anonymous=True),
    Route("GET", "/project", get_projects),
    Route("GET", "/project/search", search_projects, CLOUD),
    Route("GET", "/project/<key>", get_project),
    Route("GET", "/project/<key>/statuses", get_project_statuses),
    Route("GET", "/project/<key>/role", get_project_roles),
    Route("GET", "/issuetype", get_issue_types),
    Route("GET", "/priority", get_priorities),
    Route("GET", "/priority/search", search_priorities, CLOUD),
    Route("GET", "/status", get_statuses),
    Route("GET", "/resolution", get_resolutions),
]

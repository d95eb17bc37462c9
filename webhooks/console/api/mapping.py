"""The mapping for programs: what each project is promised, and a draft that changes it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from werkzeug.exceptions import NotFound

from webhooks.console.access import asking
from webhooks.console.api.described import Part
from webhooks.console.questions import mapping as asked
from webhooks.console.questions import mapping_saving
from webhooks.console.questions.mapping import ProjectAsked, ProjectMapping, Projects, ProjectsAsked
from webhooks.console.questions.mapping_saving import Saved, Wanted
from webhooks.console.standing import here

blueprint = Part("mapping", __name__)
Number = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]
_MISSING = {404: "There is no such project or draft."}


class MappingSaving(Wanted, kw_only=True, forbid_unknown_fields=True):
    """What a project's mapping is to be, and where that is saved."""

    draft: Number | None = None
    """Null: a new draft is begun, on what is in force."""
    revision: Number | None = None
    """That of the draft which was seen."""
    base: Number | None = None
    """Without a draft the version which was seen; null: whichever is in force."""


@blueprint.answers(
    "GET", "/mapping", summary="Every project and what it is promised", query=ProjectsAsked,
    answer=Projects, refusals=_MISSING,
)  # fmt: skip
def projects(query: ProjectsAsked) -> Projects:
    """Those of Jira as its last answer has them, and those that only the mapping names."""
    return asked.projects(here(), query)


@blueprint.answers(
    "GET", "/mapping/<project>", summary="The mapping of a project", query=ProjectAsked,
    answer=ProjectMapping, refusals=_MISSING,
)  # fmt: skip
def project(project: str, query: ProjectAsked) -> ProjectMapping:
    """With all that may be said in it: types, priorities, parameters, choices."""
    found = asked.mapping(here(), project, query.draft)
    if found is None:
        raise NotFound(f"Neither Jira nor the mapping has a project {project}.")
    return found


@blueprint.answers(
    "PUT", "/mapping/<project>", summary="Save the mapping of a project in a draft",
    role="administrator", body=MappingSaving, answer=Saved,
    refusals={
        **_MISSING,
        409: "It cannot be saved as things stand: somebody else saved or published meanwhile, "
        "nothing differs, or it is incomplete; the message says which.",
    },
)  # fmt: skip
def save(project: str, body: MappingSaving) -> Saved:
    """Nothing is judged by it until the draft is published. What is not named stays as it is."""
    standing = here()
    at = asked.source(standing.publishing, body.draft)
    if not asked.is_known(project, at, asked.around(standing, project, at)):
        raise NotFound(f"Neither Jira nor the mapping has a project {project}.")
    return mapping_saving.save(
        standing, asking.person(), project, body,
        draft=body.draft, revision=body.revision, base=body.base,
    )  # fmt: skip

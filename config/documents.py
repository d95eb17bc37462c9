"""The kinds of documents, each published as JSON Schema for editors."""

from __future__ import annotations

from typing import Any

from config.calendar_schema import CalendarDocument
from config.contract_schema import ContractDocument, with_choices
from config.model import Model
from config.site_schema import ProjectsDocument, SiteDocument

DOCUMENTS: dict[str, type[Model]] = {
    "contract": ContractDocument,
    "calendar": CalendarDocument,
    "projects": ProjectsDocument,
    "site": SiteDocument,
}


def json_schema(document: str) -> dict[str, Any]:
    """The JSON Schema of one kind of document, for editors.

    Args:
        document: contract, calendar, projects or site.
    """
    schema = DOCUMENTS[document].model_json_schema(mode="validation")
    if document == "contract":
        schema = with_choices(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

"""The API's own description, for programs and for what generates clients."""

from __future__ import annotations

from typing import Any

from webhooks.console.api.described import ENDPOINTS, Part
from webhooks.console.api.document import document
from webhooks.console.standing import here

blueprint = Part("openapi", __name__)


@blueprint.answers(
    "GET", "/openapi.json", summary="This description, as OpenAPI 3.1", answer=dict[str, Any]
)
def described() -> dict[str, Any]:
    """Made of the types that check requests and encode answers, so that it cannot differ."""
    return document(ENDPOINTS, here().settings.public_url)

"""A world with the console beside it, and somebody who sits at it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.scenarios.world import World
from webhooks.console.apart import Console
from webhooks.console.standing import Standing

TOKEN = "planted-console-token-0123456789abcdef"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@dataclass
class Desk:
    """Somebody at the console of a world."""

    world: World
    client: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.world.receiver.application.test_client()

    @property
    def standing(self) -> Standing:
        """What the console stands on."""
        apart = self.world.receiver.application.wsgi_app
        assert isinstance(apart, Console)
        pages = apart.pages()
        standing: Standing = pages.extensions["dueline"]
        return standing

    def sign_in(self, token: str = TOKEN) -> TestResponse:
        """With the administrator's token."""
        return self.post("/sign-in", {"token": token}, form="/sign-in")

    def get(self, path: str, **query: Any) -> TestResponse:
        """Ask for a page."""
        return self.client.get(path, query_string=query or None)

    def page(self, path: str, **query: Any) -> str:
        """The same, which must be there; what it says, without its marks."""
        answer = self.get(path, **query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:500])
        return words(answer.text)

    def json(self, path: str, **query: Any) -> Any:
        """What the API answers, refusals too."""
        return self.get(path, **query).json

    def post(self, path: str, values: dict[str, Any], *, form: str | None = None) -> TestResponse:
        """Send a form as the page at `form` shows it, with its token against forgery."""
        shown = self.client.get(form or path).text
        found = _CSRF.search(shown)
        token = {"csrf_token": found.group(1)} if found else {}
        return self.client.post(path, data={**token, **values})


def words(html: str) -> str:
    """What a page says, without its marks."""
    body = re.sub(r"<(script|style|title)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).strip()

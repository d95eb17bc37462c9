"""The receiver: check who sends, keep the raw delivery, answer. Nothing is parsed here.

Most deliveries are kept by the short way (`webhooks.short_way`), before Flask is asked.
"""

from __future__ import annotations

import hmac
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec
from flask import Blueprint, Response, abort, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from sla.store.database import Database
from webhooks.intake import LARGEST_BODY, Intake, delivery_id
from webhooks.monitoring import tell_refusals
from webhooks.refusals import Refusals
from webhooks.rush import Rush
from webhooks.short_way import BADLY_SIGNED, COME_AGAIN
from webhooks.signatures import is_signed, may_be_signature

if TYPE_CHECKING:
    from webhooks.invocation import InvocationTokens

__all__ = ["LARGEST_BODY", "delivery_id", "is_signed", "may_be_signature", "receiver", "site_of"]

_NO_SIGNATURE = "The signature does not fit; check the webhook's secret."
_NO_RULE = (
    "The header X-Dueline-Secret does not hold the secret; check the rule's header, "
    "and DUELINE_AUTOMATION_SECRET."
)
_NO_APP = (
    "The invocation token is not one for this app, or no longer; check DUELINE_FORGE_APP, "
    "and the clock."
)
_NO_KEYS = "Forge's keys cannot be had at present; please send it again."


def receiver(
    database: Database,
    *,
    secrets: Mapping[str, tuple[str, ...]],
    tokens: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    automation: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    forge: InvocationTokens | None = None,
    default_site: str,
    now: Callable[[], datetime],
    heard: Callable[[str, str | None], None],
    subject_of: Callable[[bytes], str | None] = lambda _body: None,
    refusals: Refusals | None = None,
    rush: Rush | None = None,
) -> Blueprint:
    """The routes that Jira posts to.

    Args:
        database: where deliveries are kept.
        secrets: for each site the webhook secrets that are good at present.
        tokens: for each site the path tokens that are; none: nothing is taken unsigned.
        automation: for each site the secrets that a rule of Jira automation sends; none: closed.
        forge: tells which calls are those of our Forge app; None: closed.
        default_site: the site that `/webhooks/jira` stands for.
        now: the present instant.
        heard: told after a delivery was kept, with the site and the issue that it is about.
        subject_of: tells the issue from a body; must not raise.
        refusals: where what is refused is taken down.
        rush: told of each delivery while it is taken in.
    """
    intake = Intake(database, now, heard, subject_of, rush or Rush())
    kept = refusals or Refusals(now)
    return _Door(intake, secrets, tokens, automation, forge, default_site, kept).routes()


@dataclass(frozen=True)
class _Door:
    """What the ways in share; see `receiver`."""

    intake: Intake
    secrets: Mapping[str, tuple[str, ...]]
    tokens: Mapping[str, tuple[str, ...]]
    automation: Mapping[str, tuple[str, ...]]
    forge: InvocationTokens | None
    default_site: str
    refusals: Refusals

    def routes(self) -> Blueprint:
        """The routes that Jira posts to."""
        routes = Blueprint("receive", __name__)
        routes.post("/webhooks/jira")(self.signed)
        routes.post("/webhooks/jira/<site>")(self.signed)
        routes.post("/webhooks/jira/token/<token>")(self.unsigned)
        routes.post("/webhooks/automation")(self.from_automation)
        routes.post("/webhooks/forge")(self.from_forge)
        return routes

    def signed(self, site: str | None = None) -> Response:
        """A webhook that Jira signs."""
        site = self.default_site if site is None else site
        if site not in self.secrets:
            return _answer(404, "There is no such site here.")
        body = _signed_body(self.secrets[site])
        if body is None:
            return self._refuse(site, _NO_SIGNATURE)
        return self._keep(site, body, _webhook_id(body))

    def unsigned(self, token: str) -> Response:
        """A webhook to an address that holds a secret."""
        site = site_of(token, self.tokens)
        if site is None:
            self._refuse(self.default_site, _NO_SIGNATURE)
            # As for any page that is not there: whether tokens are good at all is not told.
            abort(404)
        body = _unsigned_body()
        return self._keep(site, body, _webhook_id(body))

    def from_automation(self) -> Response:
        """What a rule of Jira automation sends."""
        if not any(self.automation.values()):
            abort(404)
        site = site_of(_presented_secret(), self.automation)
        if site is None:
            return self._refuse(self.default_site, _NO_RULE)
        return self._keep(site, _unsigned_body(), _notice_id())

    def from_forge(self) -> Response:
        """What our Forge app is told."""
        if self.forge is None:
            abort(404)
        verdict = self.forge.judge(_bearer())
        if verdict == "no keys":
            return _come_again(_NO_KEYS)
        if verdict == "bad":
            return self._refuse(self.default_site, _NO_APP)
        kept = self._keep(self.default_site, _unsigned_body(), _notice_id())
        # Forge takes nothing but JSON for an answer.
        good = kept.status_code < 300
        return Response("{}", 200, content_type="application/json") if good else kept

    def _keep(self, site: str, body: bytes, delivery: str) -> Response:
        kept = self.intake.keep(site, body, delivery)
        return _answer(202, "") if kept else _come_again(COME_AGAIN)

    def _refuse(self, site: str, sentence: str) -> Response:
        wait = self.refusals.note(site, request.remote_addr or "")
        tell_refusals(self.intake.database, self.refusals)
        if wait is None:
            return _answer(401, sentence)
        response = _answer(429, "Too many signatures from there did not fit.")
        response.headers["Retry-After"] = str(math.ceil(wait.total_seconds()))
        return response


def site_of(token: str, tokens: Mapping[str, Iterable[str]]) -> str | None:
    """The site that a token or secret opens; every one is tried, each in constant time."""
    presented = token.encode("utf-8", "replace")
    opened = [
        site
        for site, known in tokens.items()
        for each in known
        if hmac.compare_digest(each.encode(), presented)
    ]
    return opened[0] if opened else None


def _webhook_id(body: bytes) -> str:
    return delivery_id(request.headers.get("X-Atlassian-Webhook-Identifier"), body)


def _notice_id() -> str:
    """A new name for each notice: two may read the same and tell of two things that happened.

    One that is heard twice does no harm.
    """
    return f"notice {uuid.uuid4()}"


def _presented_secret() -> str:
    return request.headers.get("X-Dueline-Secret") or _bearer()


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


_BROKEN_OFF = "The body broke off before its end."


def _signed_body(secrets: Iterable[str]) -> bytes | None:
    """The request's body; None where it is not signed with one of the secrets."""
    header = request.headers.get("X-Hub-Signature", "")
    # What has no signature's form is not worth reading, up to the largest body.
    if not may_be_signature(header) or request.environ.get(BADLY_SIGNED):
        return None
    body = _whole_body()
    return body if is_signed(body, header, secrets) else None


def _unsigned_body() -> bytes:
    """The request's body, where no signature tells whether that is all of it."""
    body = _whole_body()
    # A connection that broke ends a body without a length early, and nothing else says so.
    if request.content_length is None and not _is_json(body):
        raise BadRequest(_BROKEN_OFF)
    return body


def _whole_body() -> bytes:
    """The request's body, all of it.

    Raises:
        RequestEntityTooLarge: it is larger than allowed.
        BadRequest: the connection ended before it did.
    """
    try:
        body = request.get_data(cache=False)
        # Of a body without a length what is beyond the limit is left unread without a word.
        beyond = request.content_length is None and request.environ["wsgi.input"].read(1)
    except RequestEntityTooLarge:
        beyond = True
    if beyond:
        raise RequestEntityTooLarge(f"A delivery may have {LARGEST_BODY} bytes at most.")
    if len(body) < (request.content_length or 0):
        raise BadRequest(_BROKEN_OFF)
    return body


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _answer(status: int, sentence: str) -> Response:
    return Response(sentence, status, content_type="text/plain; charset=utf-8")


def _come_again(sentence: str) -> Response:
    response = _answer(503, sentence)
    response.headers["Retry-After"] = "30"
    return response

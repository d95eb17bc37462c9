"""The receiver: check the signature, keep the raw delivery, answer. Nothing is parsed here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from datetime import datetime

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from sla.store import inbox
from sla.store.database import Database

_log = structlog.get_logger(__name__)
# Jira stops trying again at any 4xx, so a larger payload would be lost: allow what Jira may send.
LARGEST_BODY = 25 * 1024 * 1024
# Jira speaks of "method=hex" and reserves the right to move on from sha256 (WebSub's convention).
_METHODS = frozenset({"sha256", "sha384", "sha512"})
_LONGEST_IDENTIFIER = 200


def receiver(
    database: Database,
    *,
    secrets: dict[str, tuple[str, ...]],
    default_site: str,
    now: Callable[[], datetime],
    kick: Callable[[], None],
) -> Blueprint:
    """The routes that Jira posts to.

    Args:
        database: where deliveries are kept.
        secrets: for each site the webhook secrets that are good at present.
        default_site: the site that `/webhooks/jira` stands for.
        now: the present instant.
        kick: told after a delivery was kept.
    """
    routes = Blueprint("receive", __name__)

    @routes.post("/webhooks/jira")
    @routes.post("/webhooks/jira/<site>")
    def receive(site: str = default_site) -> Response:
        if site not in secrets:
            return _answer(404, f"There is no site {site!r} here.")
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            return _answer(413, f"A delivery may have {LARGEST_BODY} bytes at most.")
        if not is_signed(body, request.headers.get("X-Hub-Signature", ""), secrets[site]):
            return _refuse(site)
        return _keep(site, body)

    def _keep(site: str, body: bytes) -> Response:
        identifier = request.headers.get("X-Atlassian-Webhook-Identifier")
        delivery = delivery_id(identifier, body)
        received_at = now()
        try:
            is_new = database.write(
                lambda connection: inbox.keep(connection, site, delivery, body, received_at)
            )
        except Exception:  # noqa: BLE001 - logged, and answered
            # Whatever the reason, it is not safely stored: Jira must come again.
            _log.exception("delivery could not be stored", site=site, delivery=delivery)
            response = _answer(503, "The delivery could not be stored; please send it again.")
            response.headers["Retry-After"] = "30"
            return response
        if is_new:
            kick()
        return _answer(202, "")

    def _refuse(site: str) -> Response:
        _log.warning("signature refused", site=site)
        try:
            database.write(lambda connection: inbox.count(connection, site, "signature_refused"))
        except Exception:  # noqa: BLE001 - refused all the same
            _log.exception("refusal could not be counted", site=site)
        return _answer(401, "The signature does not fit; check the webhook's secret.")

    return routes


def is_signed(body: bytes, header: str, secrets: Iterable[str]) -> bool:
    """Whether `X-Hub-Signature` was made over these very bytes with one of the secrets.

    Every secret is tried, each compared in constant time, whatever the header looks like.
    """
    method, _, given = header.partition("=")
    method = method.strip().lower()
    if method not in _METHODS:
        return False
    presented = given.strip().lower().encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(hmac.new(secret.encode(), body, method).hexdigest().encode(), presented)
        for secret in secrets
    ]
    return any(matches)


def delivery_id(identifier: str | None, body: bytes) -> str:
    """What tells deliveries apart: Jira's own identifier (kept over retries), else the body."""
    if identifier and len(identifier) <= _LONGEST_IDENTIFIER:
        return identifier
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _answer(status: int, sentence: str) -> Response:
    return Response(sentence, status, content_type="text/plain; charset=utf-8")

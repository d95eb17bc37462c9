"""What an administrator does about an answer that is no data: the one next step, in a sentence.

Whether and when it is tried again is said by whoever does so: a service, and no command that ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import unescape
from ssl import SSLError
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from connector.scopes import needed_for

SCOPE_MISSING: Final = "scope does not match"
"""Atlassian's gateway says so to a token that it knows, of a call beyond the token's scopes."""
NO_BEARER_HERE: Final = "failed to parse connect session auth token"
"""What a site on Cloud says to a token that comes without the account's e-mail address."""

AUTHORITIES = (
    "Let REQUESTS_CA_BUNDLE, or CURL_CA_BUNDLE, name a file with the certificates of the "
    "authorities to trust, or do not set it."
)
FIREWALL = "A firewall on the way may drop it: let this machine reach the address and its port."
SLOW = "Jira is too busy, or a proxy on the way holds the call."
PROXY = "Check HTTPS_PROXY and NO_PROXY, and that the proxy may reach the address."
NAME = "Check how the address is written, and that this machine's DNS knows it."
NOBODY_LISTENS = "Nothing listens there: check the address and its port, and that Jira runs."
PLAIN_HTTP = "Write the address with http://, or with the port on which it speaks https."
_WRITE_HTTPS = "The port speaks https: write the address with https://."
_SIGN_IN_PAGE = (
    "Something before Jira, such as single sign-on, asks for a sign-in by hand: let calls below "
    "/rest through to Jira, or give an address that leads past it."
)
_NO_PASSWORDS = (
    "This Jira takes no passwords: make a personal access token (profile, Personal access tokens) "
    "and give it without a user name."
)
_STRIPPED = "If they are right, a proxy on the way takes the Authorization header out."
_ONE_PERSON = (
    "Check the account's name (on Cloud its e-mail address) and its token; a token ends after a "
    f"year at the latest, make a new one then. {_STRIPPED}"
)
_STANDING_ALONE = (
    "The token is wrong, has ended or was revoked: make a new one. An API token of Cloud needs the "
    "account's e-mail address beside it. If it is right, a proxy on the way takes the "
    "Authorization header out."
)
_CAPTCHA = (
    "Too many sign-ins failed: sign in with this account in a browser once, to answer the CAPTCHA, "
    "and correct the password."
)
_NEEDS_EMAIL = "Give the account's e-mail address beside its token, or a token with scopes."
LACKS_RIGHT = (
    "Jira knows the account, which lacks the permission; fields and screens take one that may "
    "administer Jira."
)
_UNKNOWN_SITE = (
    "Atlassian has no site of this name, or has suspended it: check the address as the browser "
    "shows it, and status.atlassian.com."
)
_SHUT = "temporarily unavailable"
_UNKNOWN_CLOUD_ID = (
    "No site has this cloud id: give the site's own address, such as https://example.atlassian.net."
)
_MAINTENANCE = "Jira, or what stands before it, is in maintenance or starting."
_NO_ANSWER_BEHIND = "A proxy before Jira gets no answer from it."
_BARRED = (
    "A firewall, a proxy or an IP allow-list before Jira bars the call: let this machine through."
)
_OWN_AUTHORITY = (
    "If it is your own authority's, name the file with that authority's certificate in "
    "REQUESTS_CA_BUNDLE."
)
_TITLE = re.compile(r"<title[^>]{0,100}>([^<]{1,300})", re.IGNORECASE)
_SIGN_IN = re.compile(r"log-?in|sign-?(in|on)|\bsso\b|saml|adfs|oauth|/idp/|openid", re.IGNORECASE)
_SIGN_IN_FORM = re.compile(
    r"""type=["']?password|SAMLRequest|<title[^>]{0,100}>[^<]{0,100}(log ?in|sign ?(in|on))""",
    re.IGNORECASE,
)
_READ_AT_MOST = 20_000
_LONGEST_TITLE = 80

# Numbers of OpenSSL (x509_vfy.h).
_TOO_EARLY, _EXPIRED, _OTHER_NAME, _OTHER_ADDRESS = 9, 10, 62, 64
_SELF_SIGNED = frozenset({18, 19})


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer as the rules look at it."""

    response: requests.Response
    sentence: str
    """Jira's own words, in small letters."""

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def page(self) -> str:
        """The text of a page for people; empty when the answer is data."""
        text = self.text[:_READ_AT_MOST]
        kind = self.response.headers.get("Content-Type", "").lower()
        return text if "html" in kind or text.lstrip()[:1] == "<" else ""

    @property
    def text(self) -> str:
        return body_text(self.response)

    @property
    def url(self) -> str:
        return self.response.request.url or ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def target(self) -> str:
        return self.response.headers.get("Location", "")

    def about_the_gateway(self) -> bool:
        """Whether Atlassian's gateway itself answers, and no site behind it."""
        return self.path.startswith("/ex/jira/") and "no message available" in self.sentence

    def about_the_server(self) -> bool:
        """Whether it was asked what every Jira tells anybody."""
        return self.path.endswith("/serverInfo")


_Rule = tuple[Callable[[_Seen], object], str | Callable[[_Seen], str]]


def _lacks_scope(seen: _Seen) -> str:
    scope = needed_for(seen.response.request.method or "GET", seen.path)
    return f"Make a token that has the scope {scope} too; a token's scopes cannot be changed."


def _detour(seen: _Seen) -> str:
    here, there = urlsplit(seen.url), urlsplit(seen.target)
    if _SIGN_IN.search(seen.target):
        return _SIGN_IN_PAGE
    if there.scheme == "https" and here.scheme == "http" and there.hostname == here.hostname:
        return "Write the address with https://."
    return "Give the address to which it leads, if that is your Jira."


def elsewhere(url: str) -> str:
    """What to do when no Jira answers below an address.

    Args:
        url: the address that was asked, as a whole.
    """
    root = "/".join(url.split("/", 3)[:3])
    base = url.partition("/rest/")[0]
    return (
        f"No Jira answers at {base}: give the address as the browser shows it, with the path "
        f"under which Jira is served, if any, such as {root}/jira."
    )


_RULES: tuple[_Rule, ...] = (
    (lambda it: SCOPE_MISSING in it.sentence, _lacks_scope),
    (lambda it: NO_BEARER_HERE in it.sentence, _NEEDS_EMAIL),
    (lambda it: "basic auth" in it.sentence and it.status == 403, _NO_PASSWORDS),
    (lambda it: "plain http request" in it.page.lower(), _WRITE_HTTPS),
    (lambda it: "http request to an https server" in it.text[:200].lower(), _WRITE_HTTPS),
    (lambda it: 300 <= it.status < 400, _detour),
    (lambda it: it.status < 400 and _SIGN_IN_FORM.search(it.page), _SIGN_IN_PAGE),
    (lambda it: it.status == 401 and is_somebodys(it.response), LACKS_RIGHT),
    (lambda it: it.status == 401, lambda it: on_credentials(it.response)),
    (lambda it: it.status == 403 and it.page, _BARRED),
    (lambda it: _SHUT in it.sentence and it.status == 404, _UNKNOWN_SITE),
    (lambda it: "site is currently unavailable" in it.page, _UNKNOWN_SITE),
    (lambda it: it.status == 404 and it.page and it.host.endswith(".atlassian.net"), _UNKNOWN_SITE),
    (lambda it: it.status == 404 and it.about_the_gateway(), _UNKNOWN_CLOUD_ID),
    (
        lambda it: it.status == 404 and (it.page or it.about_the_server()),
        lambda it: elsewhere(it.url),
    ),
    (lambda it: it.status < 400 and it.about_the_server(), lambda it: elsewhere(it.url)),
    (lambda it: it.status == 503, _MAINTENANCE),
    (lambda it: it.status in (502, 504), _NO_ANSWER_BEHIND),
)


def on_answer(response: requests.Response, sentence: str) -> str:
    """Return what to do; empty where nothing is known beyond what the status says.

    Args:
        response: the answer.
        sentence: Jira's own words in it.
    """
    seen = _Seen(response, sentence.lower())
    for holds, advice in _RULES:
        if holds(seen):
            return advice if isinstance(advice, str) else advice(seen)
    return ""


def is_not_jira(response: requests.Response, sentence: str) -> bool:
    """Whether a 403 or 404 comes from something before Jira, or in its place.

    Jira's own speak of a permission or a thing that is not there, and are never pages.
    """
    seen = _Seen(response, sentence.lower())
    if seen.status not in (403, 404):
        return False
    return bool(seen.page) or seen.about_the_gateway() or _SHUT in seen.sentence


def is_somebodys(response: requests.Response) -> bool:
    """Whether Jira says for which account it took a call: 401 is then about a permission."""
    name = response.headers.get("X-AUSERNAME", "anonymous")
    return "X-AACCOUNTID" in response.headers or name != "anonymous"


def on_credentials(response: requests.Response) -> str:
    """What to do when an answer says that the credentials are not taken."""
    reasons = ("X-Authentication-Denied-Reason", "X-Seraph-LoginReason")
    told = " ".join(response.headers.get(name, "") for name in reasons)
    if "CAPTCHA" in told or "AUTHENTICATION_DENIED" in told:
        return _CAPTCHA
    signed = response.request.headers.get("Authorization") or ""
    return _STANDING_ALONE if str(signed).startswith("Bearer ") else _ONE_PERSON


def on_certificate(code: int, host: str) -> tuple[str, str]:
    """What is wrong with a certificate, and what to do.

    Args:
        code: OpenSSL's number of the fault.
        host: whose certificate it should be.
    """
    if code == _EXPIRED:
        return f"the certificate of {host} has expired", "Have it renewed."
    if code == _TOO_EARLY:
        return f"the certificate of {host} is not valid yet", "Check this machine's clock."
    if code in (_OTHER_NAME, _OTHER_ADDRESS):
        return (
            f"the certificate there is not made for {host}",
            "Give the address by the name that the certificate has.",
        )
    own = "is self-signed" if code in _SELF_SIGNED else "comes from an authority not known here"
    return (
        f"the certificate of {host} {own}",
        _OWN_AUTHORITY,
    )


def speaks_no_tls(error: SSLError) -> bool:
    """Whether somebody answered who does not speak TLS at all."""
    told = f"{getattr(error, 'reason', '')} {error}".upper().replace(" ", "_")
    return any(sign in told for sign in ("WRONG_VERSION", "UNKNOWN_PROTOCOL", "HTTP_REQUEST",
                                         "RECORD_LAYER_FAILURE"))  # fmt: skip


def on_a_break(request: Any) -> str:
    """What to do about a connection that broke."""
    if str(getattr(request, "url", "")).startswith("http://"):
        return "If the port speaks https, write the address with https://."
    return ""


def body_text(response: requests.Response) -> str:
    """What an answer says. Where it names no encoding, that is guessed, and kept for who asks next.

    `requests` guesses anew each time it is asked, and a refusal is asked for its text five times.
    """
    if response.encoding is None:
        response.encoding = response.apparent_encoding
    return response.text


def title_of(response: requests.Response) -> str:
    """The title of a page for people; empty where it has none."""
    found = _TITLE.search(body_text(response)[:_READ_AT_MOST])
    return " ".join(unescape(found[1]).split())[:_LONGEST_TITLE] if found else ""

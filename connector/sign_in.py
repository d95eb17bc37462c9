"""The ways to sign in: what a site takes, at which address, and how a token is had that ends.

A token with scopes is good at Atlassian's gateway only, and looks like any other; so it is tried
at the site's own address, and there when the site refuses it. Nothing is ever sent to a host that
an answer names: of the answer only the cloud id is taken.
"""

from __future__ import annotations

import base64
import math
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from connector import answer
from connector.advice import SCOPE_MISSING, body_text
from connector.errors import Call, ConnectorError, JiraUnreachable, SignInRefused

Request = requests.PreparedRequest
Response = requests.Response

_CLOUD_ID = re.compile(r"[0-9A-Za-z-]{8,64}")
_RENEWED_BEFORE = 120.0
"""Seconds before its end at which an access token is renewed, at most a tenth of its life."""
_RENEWED_AGAIN = 5.0
"""Seconds until it is tried again, while no other is to be had and the old one is still good."""
_GATEWAY_PATH = "/ex/jira/"
# Of what Jira Data Center gives to service accounts the most; it holds READ.
_DATA_CENTER_SCOPE = "WRITE"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An account with its API token (Cloud), with or without scopes, or its password."""

    user: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that stands alone: a personal access token of Data Center, a service account's."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The OAuth 2.0 client of a service account, on Cloud or on Data Center."""

    client_id: str
    client_secret: str = field(repr=False)


Credentials = ApiToken | BearerToken | ClientCredentials


@dataclass(frozen=True, slots=True)
class Atlassian:
    """Where Atlassian's own servers are."""

    gateway: str = "https://api.atlassian.com"
    """Where tokens with scopes and access tokens are taken, for every site on Cloud."""
    authorization: str = "https://auth.atlassian.com"
    """Where service accounts get their access tokens."""

    def site(self, cloud_id: str) -> str:
        """The address of a site at the gateway."""
        return f"{self.gateway}{_GATEWAY_PATH}{cloud_id}"

    def may_serve(self, site: str) -> bool:
        """Whether a site can be one of Cloud: Atlassian serves them over https alone.

        So no token of a Jira in the cellar, or of a stand-in, is ever tried at Atlassian's.
        """
        return site.startswith("https://") or not self.gateway.startswith("https://")

    def has(self, address: str) -> bool:
        """Whether an address is that of a site at the gateway."""
        return address.startswith(f"{self.gateway}{_GATEWAY_PATH}")


ATLASSIAN = Atlassian()


class _Adapter(HTTPAdapter):
    """Sends; a list of authorities that is not there is an error of the call, not of the code."""

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """See to it that the certificate is checked, by a list that is there."""
        try:
            super().cert_verify(*args, **kwargs)  # type: ignore[no-untyped-call]
        except OSError as error:
            raise answer.NoAuthorities(str(error)) from None


class Session(requests.Session):
    """A session that follows no redirect and retries nothing, and knows nobody by itself."""

    def __init__(self) -> None:
        super().__init__()
        # Without any, requests would look for credentials in a file of its own (.netrc).
        self.auth = _unsigned
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter(max_retries=0))

    def get_redirect_target(self, resp: Response) -> None:
        """Follow no redirect."""


def _unsigned(request: Request) -> Request:
    return request


class Signer(Protocol):
    """Says what stands in the Authorization header."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no message, in each form that an answer may repeat."""

    def header(self) -> str:
        """What signs a call now; raises `SignInRefused` or `JiraUnreachable`."""

    def renew(self, refused: str) -> bool:
        """Whether there is another header than the one that was refused."""


class Kept:
    """Signs with what a person made and gave."""

    def __init__(self, credentials: ApiToken | BearerToken) -> None:
        self._secrets: tuple[str, ...]
        token = _checked_token(credentials.token)
        if isinstance(credentials, BearerToken):
            self._header, self._secrets = f"Bearer {token}", (token,)
            return
        pair = f"{credentials.user.strip()}:{token}"
        encoded = base64.b64encode(pair.encode()).decode()
        self._header, self._secrets = f"Basic {encoded}", (encoded, pair, token)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token in each form that an answer may repeat of the request, the longest first."""
        return self._secrets

    def header(self) -> str:
        """The same for every call."""
        return self._header

    def renew(self, refused: str) -> bool:
        """There is no other."""
        return refused != self._header


class Granted:
    """Signs with an access token that is asked for, kept for its life, and shared by all threads.

    Args:
        credentials: of the client.
        url: where access tokens are given.
        scope: what to ask for; None: all that the client may.
        ask: sends a request; see `WayIn`.
        monotonic: seconds of real time from any start.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        url: str,
        scope: str | None,
        ask: Callable[..., Response],
        monotonic: Callable[[], float],
    ) -> None:
        self._url, self._ask, self._monotonic = url, ask, monotonic
        self._secret = _checked_token(credentials.client_secret)
        form = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id.strip(),
            "client_secret": self._secret,
        }
        self._form = {**form, "scope": scope} if scope else form
        self._lock = threading.Lock()
        self._tokens: tuple[str, ...] = ()
        self._renewed_at = self._ends_at = -math.inf

    @property
    def secrets(self) -> tuple[str, ...]:
        """The client's secret, and the access tokens that a call on its way may be signed with."""
        return (*self._tokens, self._secret)

    def header(self) -> str:
        """One token for all, renewed shortly before its end."""
        with self._lock:
            if self._monotonic() >= self._renewed_at:
                self._renew_in_time()
            return f"Bearer {self._tokens[0]}"

    def renew(self, refused: str) -> bool:
        """Another one, which a thread fetches unless another thread just did."""
        with self._lock:
            if self._tokens and refused == f"Bearer {self._tokens[0]}":
                self._fetch()
            return True

    def _renew_in_time(self) -> None:
        try:
            self._fetch()
        except JiraUnreachable:
            now = self._monotonic()
            if now >= self._ends_at:
                raise
            self._renewed_at = min(now + _RENEWED_AGAIN, self._ends_at)

    def _fetch(self) -> None:
        asked_at = self._monotonic()
        call = Call("signing in", None, f"POST {self._url}")
        response = self._ask(call, "POST", self._url, data=self._form)
        granted = self._granted(call, response)
        token, seconds = str(granted.get("access_token")), _seconds(granted.get("expires_in"))
        self._tokens = (_checked_token(token), *self._tokens[:1])
        self._ends_at = asked_at + seconds
        self._renewed_at = self._ends_at - min(_RENEWED_BEFORE, seconds / 10)

    def _granted(self, call: Call, response: Response) -> dict[str, Any]:
        """The answer with a token in it, or an error with the endpoint's own words."""
        data = answer.json_of(response)
        said = answer.shown(self.secrets, answer.sentence_of(response, data))
        status = response.status_code
        if status == 429 or status >= 500:
            raise JiraUnreachable(
                call,
                f"it answered {status}" + (f', "{said.rstrip(".")}"' if said else ""),
                retry_after=answer.retry_after(response),
                advice="Access tokens are not given at the moment.",
            )
        if status == 200 and isinstance(data, dict) and isinstance(data.get("access_token"), str):
            return data
        if status == 404 or status < 400:
            remedy = (
                "No access tokens are given there: check the address of Jira; one without service "
                "accounts takes a personal access token instead."
            )
        else:
            remedy = (
                "Check the client id and its secret, which the service account's page shows once; "
                "make a new credential there if it was deleted or has ended."
            )
        # As with every refused sign-in no call can succeed before somebody sets it right.
        raise SignInRefused(call, said or f"status {status}", status=401, advice=remedy)


class WayIn(AuthBase):
    """Where the calls to a site go, and what signs them; shared by all threads of a client.

    Args:
        site: the address that a person gave.
        credentials: what the person gave with it.
        flavour: what the site is; None: not known yet. On Cloud a token may be good at Atlassian's
            gateway only.
        atlassian: where that is.
        timeout: seconds to wait for a connection, and again for an answer.
        monotonic: seconds of real time from any start.

    Raises:
        ConnectorError: the credentials cannot be such, or a client's site is not what it is said.
        JiraUnreachable: a client's own kind of site had to be asked for, and did not answer.
    """

    def __init__(
        self,
        site: str,
        credentials: Credentials,
        *,
        flavour: Literal["cloud", "datacenter"] | None = None,
        atlassian: Atlassian = ATLASSIAN,
        timeout: int = 20,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = self._base = site
        self._atlassian = atlassian
        self._timeout = timeout
        self._lock = threading.Lock()
        self._cloud_id: str | None = None
        self._may_move = (
            flavour != "datacenter" and atlassian.may_serve(site) and not atlassian.has(site)
        )
        self._signer: Signer
        if isinstance(credentials, ClientCredentials):
            self._signer = self._client(credentials, flavour, monotonic)
        else:
            self._signer = Kept(credentials)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must appear in no message."""
        return self._signer.secrets

    def address_of(self, url: str) -> str:
        """Where a call goes that is made to an address of the site."""
        return self._base + url.removeprefix(self._site)

    def __call__(self, request: Request) -> Request:
        """Sign a request."""
        request.headers["Authorization"] = self._signer.header()
        return request

    def ready(self) -> None:
        """See to it that the next call is signed without waiting for a token.

        Raises:
            SignInRefused, JiraUnreachable: no token is to be had.
        """
        self._signer.header()

    def another(self, refused: Request) -> bool:
        """Whether a call whose credentials were refused is worth sending once more.

        It is when the access token was renewed, or when the site is on Cloud and its address at
        the gateway takes the token.

        Raises:
            SignInRefused, JiraUnreachable: no token is to be had any more.
        """
        signed = str(refused.headers.get("Authorization"))
        with self._lock:
            if self._base != self._site and not _is_below(refused.url or "", self._base):
                # Another thread has found the gateway meanwhile.
                return True
            return self._signer.renew(signed) or self._moves(signed)

    def _client(
        self,
        credentials: ClientCredentials,
        flavour: str | None,
        monotonic: Callable[[], float],
    ) -> Signer:
        cloud_id = self._asked_cloud_id() if self._may_move else None
        if cloud_id:
            self._base = self._atlassian.site(cloud_id)
        elif self._may_move and flavour == "cloud":
            raise ConnectorError(
                f"{self._site} does not tell its cloud id, as a site on Cloud does; check the "
                "address, or leave it to Dueline to find out which Jira it is."
            )
        if self._atlassian.has(self._base):
            url, scope = f"{self._atlassian.authorization}/oauth/token", None
        else:
            url, scope = f"{self._site}/rest/oauth2/latest/token", _DATA_CENTER_SCOPE
        self._may_move = False
        return Granted(credentials, url, scope, self._ask, monotonic)

    def _moves(self, signed: str) -> bool:
        """Whether the gateway knows the token that the site refused; from then on it is asked."""
        if not self._may_move or self._base != self._site:
            return False
        try:
            self._cloud_id = self._cloud_id or self._asked_cloud_id()
            if self._cloud_id is None:
                return False
            there = self._atlassian.site(self._cloud_id)
            found = self._ask(
                Call("trying the token at Atlassian's gateway", None, "GET /rest/api/3/myself"),
                "GET",
                f"{there}/rest/api/3/myself",
                headers={"Authorization": signed},
            )
        except JiraUnreachable:
            # What the site said stands; whoever calls again tries again.
            return False
        if found.status_code != 200 and SCOPE_MISSING not in body_text(found).lower():
            return False
        self._base = there
        return True

    def _asked_cloud_id(self) -> str | None:
        """The site's id at Atlassian; None where it is no site on Cloud."""
        call = Call("finding the cloud id", None, "GET /_edge/tenant_info")
        found = self._ask(call, "GET", f"{self._site}/_edge/tenant_info")
        if found.status_code == 429 or found.status_code >= 500:
            raise JiraUnreachable(
                call,
                f"it answered {found.status_code}",
                retry_after=answer.retry_after(found),
                advice="The site is in maintenance or busy.",
            )
        data = answer.json_of(found) if found.status_code == 200 else None
        cloud_id = data.get("cloudId") if isinstance(data, dict) else None
        return cloud_id if isinstance(cloud_id, str) and _CLOUD_ID.fullmatch(cloud_id) else None

    def _ask(self, call: Call, method: str, url: str, **parts: Any) -> Response:
        """Send a request that no client of the library makes; it is unsigned unless told."""
        headers = {"Accept": "application/json", **parts.pop("headers", {})}
        try:
            with Session() as session:
                return session.request(method, url, headers=headers, timeout=self._timeout, **parts)
        except requests.RequestException as error:
            found = answer.none_came(call, error)
            raise JiraUnreachable(call, found.sentence, advice=found.advice) from None


def checked_address(url: str) -> str:
    """Return an address without what people copy along.

    Raises:
        ConnectorError: it is none, or holds credentials.
    """
    try:
        parts = urlsplit(url.strip())
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right:
        shown = "It" if "@" in url else repr(url)
        raise ConnectorError(
            f"{shown} is no address of a Jira; https://example.atlassian.net would be one."
        )
    if parts.username or parts.password:
        raise ConnectorError(
            f"The address of {parts.hostname} holds credentials; give the account and its token "
            "on their own."
        )
    host = parts.netloc.lower()
    return parts._replace(scheme=parts.scheme.lower(), netloc=host).geturl().rstrip("/")


def _is_below(url: str, base: str) -> bool:
    # By the path alone: requests writes a host in its own way.
    return urlsplit(url).path.startswith(urlsplit(base).path)


def _seconds(lasting: Any) -> float:
    """How long an access token is good; for ever where nobody says, until it is refused."""
    # Some servers write the number as a text (RFC 6749 wants a number).
    digits = isinstance(lasting, str) and lasting.isascii() and lasting.isdecimal()
    return float(lasting) if digits or isinstance(lasting, int | float) else math.inf


def _checked_token(token: str) -> str:
    found = token.strip()
    if not found or not found.isascii() or not found.isprintable():
        raise ConnectorError(
            "The token is empty or holds characters that no token has; copy it anew from the "
            "account's settings."
        )
    return found

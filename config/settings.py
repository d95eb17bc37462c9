"""What the service is told by its environment: where Jira is, who it is there, where it stores."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

import msgspec

from config.errors import SettingsError

Flavour = Literal["cloud", "datacenter"]
Edits = Literal["console", "files", "apply"]
"""Where the configuration is changed: what is published in the console decides, what stands in the
directory at a start, or what `dueline apply` put in force, which nothing else changes then."""

LogForm = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

SHIPPED = Path(__file__).parent
"""The directory of the shipped contracts and the example site."""

ATLASSIAN_GATEWAY = "https://api.atlassian.com"
ATLASSIAN_AUTH = "https://auth.atlassian.com"

_POSTGRESQL = frozenset({"postgres", "postgresql", "postgresql+psycopg"})
_SQLITE = frozenset({"sqlite", "sqlite+pysqlite"})
_PATH_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,}")
_T = TypeVar("_T")


FORGE_KEYS = "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json"
"""Where Atlassian publishes the keys that sign Forge's invocation tokens."""


class Secret:
    """A value that no message, log line or traceback shows."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one place that sends or checks it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


_DATABASE_URL = Secret("sqlite:///dueline.sqlite3")
_INBOX_DAYS = 30
_RECONCILE_EVERY: timedelta | None = timedelta(minutes=10)
_SESSION_IDLE = timedelta(hours=8)
_LONGEST_DAYS = 36_500
_LONGEST_HOURS = 7 * 24
_SHORTEST_TOKEN = 20
_LONGEST_MINUTES = 7 * 24 * 60


class JiraAccess(msgspec.Struct, frozen=True):
    """All that talking with Jira needs, complete."""

    url: str
    user: str
    """The account's e-mail address; empty where the token stands alone."""
    token: Secret | None
    """None where the client signs in by its own id and secret (OAuth 2.0 client credentials)."""
    webhook_secrets: tuple[Secret, ...]
    """Each is good for a signature, so that a secret can be changed without a gap."""
    flavour: Flavour | None
    """None: to be found out by asking the server."""
    webhook_tokens: tuple[Secret, ...] = ()
    """Each opens the address at which deliveries are taken without a signature; none: closed."""
    client_id: str = ""
    """Of a service account's OAuth 2.0 client; empty where `token` is the way to sign in."""
    client_secret: Secret | None = None
    automation_secrets: tuple[Secret, ...] = ()
    """Each is good as the header that a rule of Jira automation sends; none: closed."""
    forge_app: str = ""
    """Of which Forge app invocation tokens are taken; empty: closed."""
    atlassian_gateway: str = ATLASSIAN_GATEWAY
    """Where sites on Cloud take tokens with scopes."""
    atlassian_auth: str = ATLASSIAN_AUTH
    """Where service accounts on Cloud get their access tokens."""
    forge_keys: str = FORGE_KEYS
    """Where the keys are that sign Forge's invocation tokens."""


_WANTED = {
    "DUELINE_JIRA_URL": "the address of Jira, such as https://acme.atlassian.net",
    "DUELINE_JIRA_USER": "the e-mail address of Dueline's own account, which Jira Cloud asks for",
    "DUELINE_JIRA_TOKEN": "that account's API token (Cloud) or personal access token (Data Center),"
    " or DUELINE_JIRA_TOKEN_FILE with the file that holds it",
    "DUELINE_WEBHOOK_SECRET": "the secret of the webhook in Jira,"
    " or DUELINE_WEBHOOK_SECRET_FILE with the file that holds it;"
    " for a Jira that cannot sign, DUELINE_WEBHOOK_TOKEN instead",
    "DUELINE_JIRA_CLIENT_ID": "the id of the client whose secret is DUELINE_JIRA_CLIENT_SECRET",
    "DUELINE_JIRA_CLIENT_SECRET": "the secret of the client named by DUELINE_JIRA_CLIENT_ID,"
    " or DUELINE_JIRA_CLIENT_SECRET_FILE with the file that holds it",
}


class OpenIdConnect(msgspec.Struct, frozen=True):
    """Signing in to the console by a provider of OpenID Connect."""

    issuer: str
    """The provider's address, as its tokens name it."""
    client_id: str
    client_secret: Secret
    administrators: frozenset[str] = frozenset()
    """E-mail addresses and groups, in lower case."""
    viewers: frozenset[str] | None = None
    """The same; None: whoever the provider lets in."""


class AtlassianSignIn(msgspec.Struct, frozen=True):
    """Signing in to the console by Atlassian's own accounts, for a site on Cloud."""

    client_id: str
    client_secret: Secret
    administrators: frozenset[str] = frozenset()
    """E-mail addresses and account ids, in lower case."""


class Settings(msgspec.Struct, frozen=True):
    """The environment, read and checked once."""

    jira_url: str = ""
    jira_user: str = ""
    jira_token: Secret | None = None
    webhook_secrets: tuple[Secret, ...] = ()
    webhook_tokens: tuple[Secret, ...] = ()
    jira_client_id: str = ""
    jira_client_secret: Secret | None = None
    automation_secrets: tuple[Secret, ...] = ()
    forge_app: str = ""
    atlassian_gateway: str = ATLASSIAN_GATEWAY
    atlassian_auth: str = ATLASSIAN_AUTH
    forge_keys: str = FORGE_KEYS
    console_token: Secret | None = None
    """With which an administrator signs in to the console; None: one is made at the first start."""
    oidc: OpenIdConnect | None = None
    atlassian_sign_in: AtlassianSignIn | None = None
    session_idle: timedelta = _SESSION_IDLE
    """How long somebody stays signed in who does nothing."""
    public_url: str = ""
    """Where people and Jira reach this service, without a slash at its end; empty: not known."""
    database_url: Secret = _DATABASE_URL
    """A secret as a whole, since it may hold a password."""
    config: Path = SHIPPED
    edits: Edits = "console"
    host: str = "127.0.0.1"
    port: int = 8090
    jira_flavour: Flavour | None = None
    inbox_days: int = _INBOX_DAYS
    """How long deliveries are kept after they were handled."""
    reconcile_every: timedelta | None = _RECONCILE_EVERY
    """How often Jira is asked for what its webhooks did not tell; None: never by itself."""
    log: LogForm | None = None
    """How logs are written; None: for people at a terminal, else as JSON."""
    log_level: LogLevel = "info"
    """How grave an event is at least that is logged."""
    metrics_token: Secret | None = None
    """With which `/metrics` is asked; None: it is closed."""
    channels: Mapping[str, Secret] = msgspec.field(default_factory=dict)
    """Where the channels beyond Jira lead, by name: addresses as apprise reads them."""
    worker_port: int | None = None
    """Where a worker tells monitoring how it is; None: nowhere."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the `DUELINE_` variables.

        Args:
            env: such as `os.environ`. Each secret may instead come from the file that the variable
                with `_FILE` at its end names.

        Raises:
            SettingsError: with a sentence for every variable that is wrong. What is missing is
                no fault here: `require_jira` asks for it.
        """
        reader = _Reader(env)
        settings = cls(
            jira_url=reader.plain("DUELINE_JIRA_URL", _jira_url, ""),
            jira_user=reader.plain("DUELINE_JIRA_USER", str, ""),
            jira_token=reader.secret("DUELINE_JIRA_TOKEN", Secret, None),
            webhook_secrets=reader.secret("DUELINE_WEBHOOK_SECRET", _rotating, ()),
            webhook_tokens=reader.secret("DUELINE_WEBHOOK_TOKEN", _path_tokens, ()),
            jira_client_id=reader.plain("DUELINE_JIRA_CLIENT_ID", str, ""),
            jira_client_secret=reader.secret("DUELINE_JIRA_CLIENT_SECRET", Secret, None),
            automation_secrets=reader.secret("DUELINE_AUTOMATION_SECRET", _path_tokens, ()),
            forge_app=reader.plain("DUELINE_FORGE_APP", str, ""),
            atlassian_gateway=reader.plain(
                "DUELINE_ATLASSIAN_GATEWAY", _atlassian, ATLASSIAN_GATEWAY
            ),
            atlassian_auth=reader.plain("DUELINE_ATLASSIAN_AUTH", _atlassian, ATLASSIAN_AUTH),
            forge_keys=reader.plain("DUELINE_FORGE_KEYS", _key_set_url, FORGE_KEYS),
            console_token=reader.secret("DUELINE_CONSOLE_TOKEN", _guessed_by_nobody, None),
            oidc=_oidc(reader),
            atlassian_sign_in=_atlassian_sign_in(reader),
            session_idle=reader.plain("DUELINE_SESSION_HOURS", _hours, _SESSION_IDLE),
            public_url=reader.plain("DUELINE_PUBLIC_URL", _public_url, ""),
            database_url=reader.secret("DUELINE_DATABASE_URL", _database_url, _DATABASE_URL),
            config=reader.plain("DUELINE_CONFIG", Path, SHIPPED),
            # Whoever keeps a directory goes on editing it; the shipped example nobody can edit.
            edits=reader.plain(
                "DUELINE_EDITS", _edits, "files" if reader.has("DUELINE_CONFIG") else "console"
            ),
            host=reader.plain("DUELINE_HOST", str, "127.0.0.1"),
            port=reader.plain("DUELINE_PORT", _port, 8090),
            jira_flavour=reader.plain("DUELINE_JIRA_FLAVOUR", _flavour, None),
            inbox_days=reader.plain("DUELINE_INBOX_DAYS", _days, _INBOX_DAYS),
            reconcile_every=reader.plain("DUELINE_RECONCILE_MINUTES", _minutes, _RECONCILE_EVERY),
            log=reader.plain("DUELINE_LOG", _log_form, None),
            log_level=reader.plain("DUELINE_LOG_LEVEL", _log_level, "info"),
            metrics_token=reader.secret("DUELINE_METRICS_TOKEN", _guessed_by_nobody, None),
            channels=reader.secret("DUELINE_CHANNELS", _channels, MappingProxyType({})),
            worker_port=reader.plain("DUELINE_WORKER_PORT", _port, None),
        )
        if (settings.oidc or settings.atlassian_sign_in) and not settings.public_url:
            reader.problems.append(
                "DUELINE_PUBLIC_URL is not set: whoever signs in elsewhere is sent back there, so "
                "give the address at which people open the console"
            )
        if reader.problems:
            raise SettingsError(reader.problems)
        return settings

    def require_jira(self, *, webhook: bool = True) -> JiraAccess:
        """What serving needs and checking documents does not.

        Args:
            webhook: whether a way in for the webhook is needed too: its secret or a path token.

        Raises:
            SettingsError: with a sentence for every variable that is not set.
        """
        with_client = bool(self.jira_client_id or self.jira_client_secret)
        lacking = {
            "DUELINE_JIRA_URL": not self.jira_url,
            "DUELINE_JIRA_CLIENT_ID": with_client and not self.jira_client_id,
            "DUELINE_JIRA_CLIENT_SECRET": with_client and self.jira_client_secret is None,
            "DUELINE_JIRA_USER": not (with_client or self.jira_user) and self._is_cloud(),
            "DUELINE_JIRA_TOKEN": not with_client and self.jira_token is None,
            "DUELINE_WEBHOOK_SECRET": webhook and not self._has_way_in(),
        }
        problems = [f"{name} is not set: give {_WANTED[name]}" for name in lacking if lacking[name]]
        if with_client and self.jira_token is not None:
            problems.append(
                "DUELINE_JIRA_TOKEN and DUELINE_JIRA_CLIENT_ID are both set: keep one of them"
            )
        if problems:
            raise SettingsError(problems)
        return JiraAccess(
            url=self.jira_url,
            user=self.jira_user,
            token=self.jira_token,
            webhook_secrets=self.webhook_secrets,
            flavour=self.jira_flavour,
            webhook_tokens=self.webhook_tokens,
            client_id=self.jira_client_id,
            client_secret=self.jira_client_secret,
            automation_secrets=self.automation_secrets,
            forge_app=self.forge_app,
            atlassian_gateway=self.atlassian_gateway,
            atlassian_auth=self.atlassian_auth,
            forge_keys=self.forge_keys,
        )

    @property
    def database_file(self) -> Path | None:
        """The file that SQLite keeps the database in; None: it is no file."""
        scheme, _, rest = self.database_url.reveal().partition("://")
        # What stands before the first slash would be a host, and may hold a password: no file.
        host, _, path = rest.partition("?")[0].partition("/")
        return Path(path) if scheme in _SQLITE and path and not host else None

    def _has_way_in(self) -> bool:
        return bool(
            self.webhook_secrets or self.webhook_tokens or self.automation_secrets or self.forge_app
        )

    def _is_cloud(self) -> bool:
        host = urlsplit(self.jira_url).hostname or ""
        return self.jira_flavour == "cloud" or (
            self.jira_flavour is None and host.endswith(".atlassian.net")
        )


class _Reader:
    """Reads variables and keeps every complaint. The readers raise ValueError without the value."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.problems: list[str] = []

    def plain(self, name: str, read: Callable[[str], _T], default: _T) -> _T:
        """An empty variable is one that is not set, as compose files like to have it."""
        value = self._env.get(name, "").strip()
        return self._read(name, value, read, default) if value else default

    def has(self, name: str) -> bool:
        """Whether a variable is set to something."""
        return bool(self._env.get(name, "").strip())

    def secret(self, name: str, read: Callable[[str], _T], default: _T) -> _T:
        """From the variable or from the file; an empty secret is a fault, not a default."""
        file_name = f"{name}_FILE"
        if name in self._env and file_name in self._env:
            self.problems.append(f"{name} and {file_name} are both set: keep one of them")
            return default
        if file_name in self._env:
            return self._from_file(file_name, read, default)
        if name not in self._env:
            return default
        value = self._env[name].strip()
        if not value:
            self.problems.append(f"{name} is empty: give its value, or do not set it")
            return default
        return self._read(name, value, read, default)

    def complete(self, given: Mapping[str, object], *, wanted: bool) -> bool:
        """Whether what belongs together is there; a part of it alone is a fault.

        Args:
            given: the values by variable; what is not set is empty or None.
            wanted: whether something else was set that needs them.
        """
        lacking = [name for name, value in given.items() if not value]
        # What is wrong in itself was told already, and is not lacking.
        told = any(problem.startswith(tuple(given)) for problem in self.problems)
        if lacking and not told and (wanted or len(lacking) < len(given)):
            self.problems.append(f"{', '.join(lacking)} not set: the way to sign in needs each")
        return not lacking

    def _from_file(self, name: str, read: Callable[[str], _T], default: _T) -> _T:
        path = self._env[name].strip()
        try:
            value = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            self.problems.append(
                f"{name}: {path or '(empty)'} cannot be read ({error.strerror}): "
                "name a file that this user may read"
            )
            return default
        except UnicodeDecodeError:
            self.problems.append(f"{name}: {path} is not UTF-8 text: put the bare secret into it")
            return default
        if not value:
            self.problems.append(f"{name}: {path} is empty: put the secret into it")
            return default
        return self._read(name, value, read, default)

    def _read(self, name: str, value: str, read: Callable[[str], _T], default: _T) -> _T:
        try:
            return read(value)
        except ValueError as error:
            self.problems.append(f"{name} {error}")
            return default


def _oidc(reader: _Reader) -> OpenIdConnect | None:
    issuer = reader.plain("DUELINE_OIDC_ISSUER", _issuer, "")
    client_id = reader.plain("DUELINE_OIDC_CLIENT_ID", str, "")
    secret = reader.secret("DUELINE_OIDC_CLIENT_SECRET", Secret, None)
    administrators = reader.plain("DUELINE_OIDC_ADMINISTRATORS", _named, None)
    viewers = reader.plain("DUELINE_OIDC_VIEWERS", _named, None)
    given = {
        "DUELINE_OIDC_ISSUER": issuer,
        "DUELINE_OIDC_CLIENT_ID": client_id,
        "DUELINE_OIDC_CLIENT_SECRET": secret,
    }
    with_roles = administrators is not None or viewers is not None
    if not reader.complete(given, wanted=with_roles) or secret is None:
        return None
    return OpenIdConnect(issuer, client_id, secret, administrators or frozenset(), viewers)


def _atlassian_sign_in(reader: _Reader) -> AtlassianSignIn | None:
    client_id = reader.plain("DUELINE_ATLASSIAN_CLIENT_ID", str, "")
    secret = reader.secret("DUELINE_ATLASSIAN_CLIENT_SECRET", Secret, None)
    administrators = reader.plain("DUELINE_ATLASSIAN_ADMINISTRATORS", _named, None)
    given = {"DUELINE_ATLASSIAN_CLIENT_ID": client_id, "DUELINE_ATLASSIAN_CLIENT_SECRET": secret}
    if not reader.complete(given, wanted=administrators is not None) or secret is None:
        return None
    return AtlassianSignIn(client_id, secret, administrators or frozenset())


def _jira_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message would show the value, which may hold a password
        right = False
    if not right:
        raise ValueError(
            "is no web address: write it with its scheme, such as https://acme.atlassian.net"
        )
    if "@" in parts.netloc:
        raise ValueError(
            "holds a user or password: give them as DUELINE_JIRA_USER and DUELINE_JIRA_TOKEN"
        )
    if parts.query or parts.fragment:
        raise ValueError(
            "goes on after the path: give the address of Jira only, "
            "such as https://acme.atlassian.net"
        )
    return value.rstrip("/")


def _atlassian(value: str) -> str:
    if not _is_bare_address(value):
        raise ValueError(
            f"is no address of Atlassian's: leave it out, or write it as {ATLASSIAN_GATEWAY}"
        )
    return value.rstrip("/")


def _is_bare_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return right and not ("@" in parts.netloc or parts.query or parts.fragment)


def _issuer(value: str) -> str:
    if not (_is_bare_address(value) and is_safe_address(value)):
        raise ValueError(
            "is no address of a provider: write it with https://, as its tokens name it, such as "
            "https://login.acme.example/realms/acme"
        )
    return value


def is_safe_address(url: str) -> bool:
    """Whether what goes there is read by nobody on the way: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "@" in parts.netloc or not host:
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and host in {"localhost", "127.0.0.1", "::1"}
    )


def _named(value: str) -> frozenset[str]:
    names = frozenset(name.strip().casefold() for name in value.split(","))
    if not all(names):
        raise ValueError("has an empty name between its commas: write one,another without a gap")
    return names


def _guessed_by_nobody(value: str) -> Secret:
    if len(value) < _SHORTEST_TOKEN:
        raise ValueError(
            f"is too easily guessed: give at least {_SHORTEST_TOKEN} characters, such as "
            "`openssl rand -hex 32` makes them"
        )
    return Secret(value)


def _hours(value: str) -> timedelta:
    hours = _number(value, _LONGEST_HOURS)
    if not hours:
        raise ValueError(f"is {value!r}: give a number of hours from 1 to {_LONGEST_HOURS}")
    return timedelta(hours=hours)


def _key_set_url(value: str) -> str:
    if not _is_bare_address(value):
        raise ValueError(
            f"is no address of a key set: leave it out, or give one such as {FORGE_KEYS}"
        )
    return value


def _public_url(value: str) -> str:
    if not _is_bare_address(value):
        raise ValueError(
            "is no address of this service: write it as https://dueline.example.com, with the path "
            "under which a proxy serves it, if any"
        )
    return value.rstrip("/")


def _database_url(value: str) -> Secret:
    scheme, colon, rest = value.partition("://")
    scheme = scheme.lower()
    if colon and rest and scheme in _SQLITE:
        return Secret(f"{scheme}://{rest}")
    if not colon or scheme not in _POSTGRESQL:
        raise ValueError(
            "is no database address: write it as sqlite:///dueline.sqlite3 "
            "or as postgresql://user:password@host:5432/dueline"
        )
    if not _is_server_address(f"postgresql://{rest}"):
        raise ValueError(
            "cannot be read as postgresql://user:password@host:5432/dueline: name the database, "
            "and write special characters of the password as in a web address, such as %40 for @"
        )
    return Secret(f"postgresql+psycopg://{rest}")


def _is_server_address(url: str) -> bool:
    """Whether each part is where every reader of addresses looks for it.

    A password that holds a separator is taken for part of the host or the port by some of them, and
    is then shown in their errors.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        port != 0
        and parts.netloc.count("@") <= 1
        and "@" not in f"{parts.path}{parts.query}"
        and not parts.fragment
        and bool(parts.path.strip("/"))
    )


def _rotating(value: str) -> tuple[Secret, ...]:
    parts = [part.strip() for part in value.split(",")]
    if not all(parts):
        raise ValueError("has an empty secret between its commas: write old,new without a gap")
    return tuple(map(Secret, parts))


def _path_tokens(value: str) -> tuple[Secret, ...]:
    tokens = _rotating(value)
    if not all(_PATH_TOKEN.fullmatch(token.reveal()) for token in tokens):
        raise ValueError(
            "is too easily guessed or cannot stand in an address: give at least 32 random letters, "
            "digits, - and _, such as `openssl rand -hex 32` makes them"
        )
    return tokens


def _channels(value: str) -> Mapping[str, Secret]:
    found: dict[str, Secret] = {}
    for number, line in enumerate(value.splitlines(), 1):
        name, equals, address = (part.strip() for part in line.partition("="))
        if not line.strip() or name.startswith("#"):
            continue
        if not (equals and name and "://" in address) or name in found:
            raise ValueError(
                f"cannot be read in line {number}: write each channel once, in a line of its own, "
                "as on-call = slack://..."
            )
        found[name] = Secret(address)
    return MappingProxyType(found)


def _days(value: str) -> int:
    days = _number(value, _LONGEST_DAYS)
    if not days:
        raise ValueError(f"is {value!r}: give a number of days from 1 to {_LONGEST_DAYS}")
    return days


def _minutes(value: str) -> timedelta | None:
    minutes = _number(value, _LONGEST_MINUTES)
    if minutes is None:
        raise ValueError(
            f"is {value!r}: give a number of minutes from 1 to {_LONGEST_MINUTES}, or 0 for never"
        )
    return timedelta(minutes=minutes) if minutes else None


def _number(value: str, most: int) -> int | None:
    """A number in plain digits; None for anything else and for more than `most`."""
    plain = value.isascii() and value.isdecimal() and len(value) <= len(str(most))
    return int(value) if plain and int(value) <= most else None


def _port(value: str) -> int:
    if not (value.isascii() and value.isdecimal()) or not 1 <= int(value) <= 65535:
        raise ValueError(f"is {value!r}: give a port number from 1 to 65535, such as 8090")
    return int(value)


def _edits(value: str) -> Edits:
    if value.casefold() not in get_args(Edits):
        raise ValueError(
            f"is {value!r}: give console or files, or apply for `dueline apply` alone; or leave it "
            "out: files where DUELINE_CONFIG is set, console where it is not"
        )
    return cast("Edits", value.casefold())


def _log_form(value: str) -> LogForm:
    if value not in get_args(LogForm):
        raise ValueError(
            f"is {value!r}: give text or json, or leave it out: text at a terminal, else json"
        )
    return cast("LogForm", value)


def _log_level(value: str) -> LogLevel:
    if value not in get_args(LogLevel):
        raise ValueError(f"is {value!r}: give debug, info, warning or error")
    return cast("LogLevel", value)


def _flavour(value: str) -> Flavour:
    if value.casefold() not in get_args(Flavour):
        raise ValueError(
            f"is {value!r}: give cloud or datacenter, or leave it out to have it found out"
        )
    return cast("Flavour", value.casefold())

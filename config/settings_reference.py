"""Every setting with its meaning, its default and an example: the tables of the documentation.

`python -m config.settings_reference` writes them into README.md and docs/settings.md. A test holds
that the settings are those that `config.settings` reads, that each example is taken, and that what
is said to be a default is one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parent.parent
_BEGIN, _END = "<!-- settings: written by `python -m config.settings_reference` -->", "<!-- end -->"
_PATTERN = "0123456789abcdef" * 2


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of the environment."""

    name: str
    example: str
    default: str = ""
    """The value that stands for it where it is not set; empty: none does."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One or more variables that are given together."""

    variables: tuple[Variable, ...]
    meaning: str
    """In a line; links as from the top of the repository."""
    otherwise: str = ""
    """What happens where it is not set, where no value says so."""

    @property
    def names(self) -> str:
        """As a table shows them."""
        return ", ".join(f"`{each.name}`" for each in self.variables)

    @property
    def default(self) -> str:
        """As a table shows it."""
        values = ", ".join(f"`{each.default}`" for each in self.variables if each.default)
        return values or self.otherwise


def _one(
    name: str, meaning: str, example: str, default: str = "", *, otherwise: str = ""
) -> Setting:
    return Setting((Variable(f"DUELINE_{name}", example, default),), meaning, otherwise)


def _many(meaning: str, otherwise: str = "", **examples: str) -> Setting:
    named = tuple(Variable(f"DUELINE_{name}", example) for name, example in examples.items())
    return Setting(named, meaning, otherwise)


GROUPS: Final[dict[str, tuple[Setting, ...]]] = {
    "Jira": (
        _one("JIRA_URL", "address of Jira", "https://acme.atlassian.net",
             otherwise="needed to serve"),
        _one("JIRA_USER",
             "e-mail address of Dueline's account; empty for a personal access token",
             "dueline@acme.example", otherwise="needed on Cloud"),
        _one("JIRA_TOKEN", "that account's token", "ATATT3xFfGF0",
             otherwise="needed to serve, or the client"),
        _many("the OAuth 2.0 client of a service account, in place of user and token",
              JIRA_CLIENT_ID="fJkq2", JIRA_CLIENT_SECRET="ATOA7"),  # noqa: S106 - an example
        _one("JIRA_FLAVOUR", "`cloud` or `datacenter`", "cloud", otherwise="Jira is asked"),
    ),
    "What comes from Jira": (
        _one("WEBHOOK_SECRET",
             "the webhook's secret; several, separated by commas, while rotating",
             "old-secret,new-secret", otherwise="needed to serve, or the token"),
        _one("WEBHOOK_TOKEN",
             "for a Jira that cannot sign: opens `/webhooks/jira/token/TOKEN`; at least 32 of "
             "`A-Za-z0-9_-`, several while rotating", _PATTERN, otherwise="closed"),
        _one("AUTOMATION_SECRET",
             "opens `/webhooks/automation` to rules of Jira automation that send it in a header; "
             "written as the token", _PATTERN, otherwise="closed"),
        _one("FORGE_APP", "opens `/webhooks/forge` to this Forge app",
             "ari:cloud:ecosystem::app/8db33809-ce36-4dd9-b4ae-0b3ec92a5bf2", otherwise="closed"),
        _one("PUBLIC_URL",
             "where people and Jira reach this service; issues then link to their explanation",
             "https://dueline.acme.example", otherwise="not known"),
        _one("RECONCILE_MINUTES",
             "how often Jira is asked for what its webhooks did not tell; `0`: never by itself",
             "60", "10"),
    ),
    "The console": (
        _one("CONSOLE_TOKEN",
             "the administrator's token of the [console](docs/console.md#signing-in), at least 20 "
             "characters", _PATTERN,
             otherwise="one is made and shown at the first start at a terminal"),
        _many("signing in to the console by a provider of OpenID Connect; needs "
              "`DUELINE_PUBLIC_URL`", "not offered",
              OIDC_ISSUER="https://login.acme.example/realms/acme", OIDC_CLIENT_ID="dueline",
              OIDC_CLIENT_SECRET="s3cr3t"),  # noqa: S106 - an example
        _many("who may change and who may look there: e-mail addresses and groups, separated by "
              "commas", "nobody; whoever the provider lets in",
              OIDC_ADMINISTRATORS="ann@acme.example,sla-owners", OIDC_VIEWERS="support"),
        _many("signing in to the console by Atlassian's accounts, for a site on Cloud; needs "
              "`DUELINE_PUBLIC_URL`", "not offered",
              ATLASSIAN_CLIENT_ID="mT4Qb", ATLASSIAN_CLIENT_SECRET="s3cr3t"),  # noqa: S106 - an example
        _one("ATLASSIAN_ADMINISTRATORS",
             "who of them may change things: e-mail addresses and account ids, separated by commas",
             "ann@acme.example", otherwise="nobody"),
        _one("SESSION_HOURS",
             "after how many hours without doing anything somebody is signed out of the console, "
             "at most 168", "1", "8"),
    ),
    "Data and configuration": (
        _one("DATABASE_URL",
             "where to keep everything: a file, or a PostgreSQL server",
             "postgresql://dueline:password@db.acme.example:5432/dueline",
             "sqlite:///dueline.sqlite3"),
        _one("CONFIG", "the configuration directory", "/etc/dueline",
             otherwise="the shipped example site"),
        _one("EDITS",
             "where the configuration is changed: `files`, the directory decides at each start; "
             "`console`, what was [published there](docs/console.md#versions-and-drafts) last "
             "stays in force; `apply`, what `dueline apply` put in force", "files",
             otherwise="`files` where `DUELINE_CONFIG` is set, else `console`"),
        _one("INBOX_DAYS", "how long deliveries are kept after they were handled", "3", "30"),
    ),
    "Notifications": (
        _one("CHANNELS",
             "where the channels beyond Jira lead, which `site.yaml` names: a line each, "
             "`name = address` as [apprise](docs/notifications.md) reads addresses",
             "on-call = slack://TokenA/TokenB/TokenC/alerts", otherwise="none is told"),
    ),
    "The process": (
        _many("where `dueline serve` listens", "`127.0.0.1`, `8090`", HOST="0.0.0.0", PORT="8080"),  # noqa: S104 - an example
        _one("WORKER_PORT",
             "where `dueline worker` tells [monitoring](docs/operations.md) how it is, beside "
             "`DUELINE_HOST`", "8091", otherwise="nowhere"),
        _one("METRICS_TOKEN",
             "opens [`/metrics`](docs/operations.md#metrics) to who sends it as a bearer token; at "
             "least 20 characters", _PATTERN, otherwise="closed"),
        _one("LOG", "`text` or `json`, how [logs](docs/operations.md#logs) are written", "json",
             otherwise="`text` at a terminal, else `json`"),
        _one("LOG_LEVEL", "`debug`, `info`, `warning` or `error`: what is logged at least",
             "warning", "info"),
    ),
    "Stand-ins": (
        _many("where Atlassian's gateway, access tokens and Forge's keys are; for trying Dueline "
              "against a stand-in", "Atlassian's own",
              ATLASSIAN_GATEWAY="http://127.0.0.1:8099", ATLASSIAN_AUTH="http://127.0.0.1:8099",
              FORGE_KEYS="http://127.0.0.1:8099/keys"),
    ),
}  # fmt: skip
"""Every setting, in the order in which people need them."""


def settings() -> Iterator[Setting]:
    """All of them."""
    for group in GROUPS.values():
        yield from group


def overview() -> str:
    """The table of the README."""
    rows = [f"| {each.names} | {each.meaning} | {each.default} |" for each in settings()]
    return "\n".join(["| variable | meaning | default |", "|---|---|---|", *rows])


def reference() -> str:
    """The tables of docs/settings.md, a heading and a table for each group."""
    return "\n\n".join(
        "\n".join([f"## {title}", "", *_table(group)]) for title, group in GROUPS.items()
    )


def _table(group: tuple[Setting, ...]) -> Iterator[str]:
    yield "| variable | meaning | default | example |"
    yield "|---|---|---|---|"
    for each in group:
        examples = "<br>".join(f"`{variable.example}`" for variable in each.variables)
        meaning = each.meaning.replace("](docs/", "](")
        files = ", ".join(f"`{v.name}_FILE`" for v in each.variables if v.name in SECRETS)
        more = f"; a secret, or its file as {files}" if files else ""
        yield f"| {each.names} | {meaning}{more} | {each.default} | {examples} |"


SECRETS: Final = frozenset(
    f"DUELINE_{name}"
    for name in (
        "JIRA_TOKEN", "JIRA_CLIENT_SECRET", "WEBHOOK_SECRET", "WEBHOOK_TOKEN", "AUTOMATION_SECRET",
        "CONSOLE_TOKEN", "OIDC_CLIENT_SECRET", "ATLASSIAN_CLIENT_SECRET", "DATABASE_URL",
        "METRICS_TOKEN", "CHANNELS",
    )
)  # fmt: skip
"""Those that may come from a file."""


def with_tables(text: str, tables: str) -> str:
    """A page with the tables between its marks.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"the page does not say where: expected {_BEGIN} and {_END}")
    return f"{before}{_BEGIN}\n{tables}\n{_END}{after}"


def pages() -> dict[Path, str]:
    """The pages that show settings, each as it should read."""
    tables = {_ROOT / "README.md": overview(), _ROOT / "docs/settings.md": reference()}
    return {page: with_tables(page.read_text("utf-8"), table) for page, table in tables.items()}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{page}\n")

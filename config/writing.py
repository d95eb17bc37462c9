"""The configuration directory and the file of settings as `dueline init` writes them.

A file appears whole or not at all, and what a person may have edited is never lost unasked.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from config.contract_schema import ContractDocument
from config.errors import ConfigurationError
from config.proposing import SeverityRule
from config.site_schema import FieldNames

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_/-]*( [A-Za-z0-9_/-]+)*")
_WORDS_OF_YAML = frozenset({"yes", "no", "true", "false", "null", "on", "off", "y", "n"})
_PLAIN_SETTING = re.compile(r"[A-Za-z0-9_./:@+,%-]+")
_SETTING = re.compile(r"\s*(?:export\s+)?(DUELINE_[A-Z_]+)\s*=")
_SECRET_LINE = re.compile(r"(DUELINE_[A-Z_]*(?:TOKEN|SECRET|DATABASE_URL)\s*=).*")
_SHOWN: Mapping[str, str] = MappingProxyType({
    "policy": "the contract that holds",
    "severity": "the contract's own level",
    "due": "until when the first response was promised",
    "responded": "when the first public reply came",
    "state": "of the first response: running, paused, met, breached, cancelled",
    "level": "the highest level of escalation reached",
    "next_due": "of all that is promised, what is due first",
    "next_metric": "what that is",
})  # fmt: skip

_PROJECTS = """\
# Which promise an issue has. Of each list the first rule that matches wins; case does not count.
# Begun by `dueline init`, and yours to edit: `dueline check DIRECTORY` names every mistake, and
# docs/configuration.md has all that can stand here. The service reads it when it starts.
projects:
"""
_ALERTS = """\

# Who hears of a promise in danger, in a comment on the issue. An audience names `assignee`,
# `groups` of Jira and `users` by account id.
alerts:
  default:
    warnings:
      - used: 75% # of the open time; or so much of it left, as `left: 30m`
        audience: { assignee: true }
    breach: # at the due instant
      audience: { assignee: true }
    # Each level so much open time after the due instant; `used: 90%` speaks before it.
    #levels:
    #  - { level: 1, name: Team lead, after: 30m, audience: { groups: [support-leads] } }
    #  - { level: 2, name: Management, after: 2h, audience: { groups: [managers] } }
"""
_ROLES = """\

# Who is meant by the roles that these contracts name: groups of Jira, or users by account id.
#roles:
"""
_PARAMETERS = """\

# What the texts of these contracts leave open. A promise that needs what nobody set is not made,
# and `dueline check` names what is missing; no figure is made up.
"""
_SITE_ABOVE = """\
# One Jira: its fields, its people, and who reads Dueline's comments. All of it may be left out.

# The fields that show the promise: each a field's name, or its id such as customfield_10050 where
# two fields share a name. `dueline setup` makes those that are missing.
fields:
"""
_SITE_BELOW = """\

# A field with the instant at which an issue was reported, where it was typed in later:
#reported_at: Reported at

# A field that names the customer, where order forms or downtimes differ between customers:
#customer: Customer

# Whose public reply counts, by account id (Cloud) or user key (Data Center). `only` left empty:
# anyone but the reporter, customers and apps.
responders:
  only: []
  never: []

comments:
  internal: true # in a service project: customers do not see them
  role: null # elsewhere: the one project role that sees them; null: everybody

# The words of a comment are Markdown with Jinja; each kind has a default. To change one:
#wording:
#  warning: "{{ mentions }} {{ issue }} needs its {{ metric }} by {{ due }}; {{ left }} left."
"""
_SETTINGS = """\
# What `dueline` reads when it is run in this directory, where the environment does not say
# otherwise. Paths count from this file; that of a database from the directory in which `dueline` is
# run. Secrets stand in files of their own.
"""


@dataclass(frozen=True, slots=True)
class ProjectPlan:
    """What a project is to be promised."""

    key: str
    name: str
    contract: str
    rules: tuple[SeverityRule, ...]
    issue_types: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is to be."""

    path: Path
    text: str = field(repr=False)
    private: bool = False
    """Whether its owner alone may read it, and a directory that is made for it."""

    def present(self) -> str | None:
        """What stands there; None where there is no such file.

        Raises:
            ConfigurationError: it cannot be read.
        """
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{self.path} is not UTF-8 text") from None

    def differences(self) -> list[str]:
        """What would change in a file that is there, line by line, without the secrets in it."""
        before, after = (self.present() or "").splitlines(), self.text.splitlines()
        found = difflib.unified_diff(
            before, after, f"{self.path}, as it is", f"{self.path}, as proposed", n=1, lineterm=""
        )
        return [_SECRET_LINE.sub(r"\1***", line) for line in found]

    def write(self) -> None:
        """Put the file in its place, as a whole.

        Raises:
            ConfigurationError: it cannot be written.
        """
        # A link to the file stays one.
        path = self.path.resolve()
        temporary = None
        try:
            path.parent.mkdir(0o700 if self.private else 0o777, parents=True, exist_ok=True)
            name = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
            with open(name, "x", encoding="utf-8", opener=self._open) as written:
                temporary = name
                written.write(self.text)
                written.flush()
                os.fsync(written.fileno())
            if path.exists() and not self.private:
                # Its owner may have wanted it otherwise.
                shutil.copymode(path, temporary)
            temporary.replace(path)
        except OSError as error:
            reason = error.strerror or "for a reason that is not told"
            raise ConfigurationError(f"{self.path} cannot be written: {reason}") from None
        finally:
            if temporary:
                with suppress(FileNotFoundError):
                    temporary.unlink()

    def _open(self, name: str, flags: int) -> int:
        # What is not private is as open to others as the umask has it.
        return os.open(name, flags, 0o600 if self.private else 0o666)


def projects_yaml(
    plans: Sequence[ProjectPlan],
    contracts: Mapping[str, ContractDocument],
    holidays: Sequence[str] | None,
) -> str:
    """The text of `projects.yaml`.

    Args:
        plans: the projects, in the order in which they are to stand.
        contracts: by their ids at least those that the projects use.
        holidays: whose public holidays count where a contract leaves that open: countries, each
            as US or with a subdivision as DE-BY; empty: no day is one; None: nobody said.
    """
    used = {plan.contract: contracts[plan.contract] for plan in plans}
    lines = [line for plan in plans for line in _project(plan, used[plan.contract])]
    text = _PROJECTS + "\n".join(lines)
    text += _parameters(used, holidays)
    roles = sorted({role for contract in used.values() for role in _roles(contract)})
    if roles:
        named = "\n".join(f"#  {scalar(role)}: {{ groups: [...] }}" for role in roles)
        text += f"{_ROLES}{named}\n"
    return text + _ALERTS


def site_yaml(fields: Mapping[str, str]) -> str:
    """The text of `site.yaml`.

    Args:
        fields: by role the name or id of a field; the roles left out have their defaults.
    """
    names = {**FieldNames().model_dump(), **fields}
    lines = [f"  {role}: {scalar(name)} # {_SHOWN[role]}\n" for role, name in names.items()]
    return f"{_SITE_ABOVE}{''.join(lines)}{_SITE_BELOW}"


def settings_file(before: str | None, values: Mapping[str, tuple[str | None, str]]) -> str:
    """The text of `dueline.env`; what a person added to it stays.

    Args:
        before: the text as it is; None where there is none.
        values: by the setting's name its value and what it is for; the value None takes the
            setting out.
    """
    kept = (before if before is not None else _SETTINGS).splitlines()
    lines, seen = [], set[str]()
    for line in kept:
        match = _SETTING.match(line)
        name = match[1] if match else ""
        if name not in values:
            lines.append(line)
            continue
        value = values[name][0]
        if value is not None and name not in seen:
            lines.append(f"{name}={_setting(value)}")
        seen.add(name)
    for name, (value, purpose) in values.items():
        if value is not None and name not in seen:
            lines += ["", f"# {purpose}", f"{name}={_setting(value)}"]
    return "\n".join(lines) + "\n"


def _project(plan: ProjectPlan, contract: ContractDocument) -> Iterator[str]:
    title = _comment(contract.title)
    yield f"  {plan.key}: # {_comment(plan.name)}"
    for what, names in (("Issue types", plan.issue_types), ("Statuses", plan.statuses)):
        if names:
            yield f"    # {what}: {', '.join(map(_comment, names))}"
    yield "    contracts:"
    yield f"      - contract: {scalar(plan.contract)} # {title}"
    yield "    severities: # a rule without a priority is for every other one, and for none"
    for rule in plan.rules:
        yield f"      - {_rule(rule)}"
    yield ""


def _rule(rule: SeverityRule) -> str:
    members = [
        *([f"type: {_scalars(rule.types)}"] if rule.types else ()),
        *([f"priority: {_scalars(rule.priorities)}"] if rule.priorities else ()),
        f"severity: {scalar(rule.severity)}",
        *([f"kind: {scalar(rule.kind)}"] if rule.kind else ()),
    ]
    return f"{{ {', '.join(members)} }}"


def _parameters(used: Mapping[str, ContractDocument], holidays: Sequence[str] | None) -> str:
    open_ = {id_: contract.parameters for id_, contract in used.items() if contract.parameters}
    if not open_:
        return ""
    lines = []
    any_set = False
    for id_, parameters in open_.items():
        settled = {
            name: _holidays(holidays)
            for name, parameter in parameters.items()
            if parameter.kind == "holidays" and holidays is not None
        }
        mark = "" if settled else "#"
        any_set = any_set or bool(settled)
        lines.append(f"{mark}  {scalar(id_)}:")
        for name, parameter in parameters.items():
            value, off = (settled[name], "") if name in settled else (" ...", "#")
            first, *more = value.split("\n")
            lines.append(f"{off}    {scalar(name)}:{first} # {_comment(parameter.what)}")
            lines += more
    head = "parameters:" if any_set else "#parameters:"
    return "\n".join([_PARAMETERS + head, *lines, ""])


def _holidays(countries: Sequence[str]) -> str:
    if not countries:
        return " []"
    lines = []
    for each in countries:
        country, _, subdivision = each.partition("-")
        where = f"country: {scalar(country)}"
        where += f", subdivision: {scalar(subdivision)}" if subdivision else ""
        lines.append(f"      - library: {{ {where}, categories: [public], observed: true }}")
    return "\n" + "\n".join(lines)


def _roles(contract: ContractDocument) -> Iterator[str]:
    """The roles that a contract names, wherever in it."""
    waiting: list[object] = [contract.model_dump(exclude_none=True)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        if isinstance(part, dict):
            waiting += [value for name, value in part.items() if name not in ("role", "roles")]
            for named in (part.get("role"), part.get("roles")):
                yield from [named] if isinstance(named, str) else named or ()


def scalar(text: str) -> str:
    """A text as a value in YAML, in quotes only where it needs them."""
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML
    if is_plain:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)


def _scalars(texts: Sequence[str]) -> str:
    return scalar(texts[0]) if len(texts) == 1 else f"[{', '.join(map(scalar, texts))}]"


def _comment(text: str) -> str:
    """A text on one line, without the characters that YAML takes nowhere."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def _setting(value: str) -> str:
    if _PLAIN_SETTING.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

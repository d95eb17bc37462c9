"""The files that are to be written here: the configuration, the settings, and the secrets."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from config.configuration import Configuration
from config.env_file import NAME
from config.errors import ConfigurationError
from config.library import Library
from config.loader import load
from config.settings import Settings
from config.site_schema import FieldNames
from config.writing import File, projects_yaml, settings_file, site_yaml
from webhooks.initiating.asking import Asker, Given, InitError
from webhooks.initiating.choosing import Promises
from webhooks.initiating.signing_in import Credentials, SignedIn

Fate = Literal["new", "brought up to date", "there already", "left as it is"]
Values = dict[str, tuple[str | None, str]]
_SECRET_NAME = "DUELINE_WEBHOOK_SECRET"  # noqa: S105 - the name of a setting
_TOKEN_NAME = "DUELINE_WEBHOOK_TOKEN"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class Home:
    """Where the files stand."""

    directory: Path
    settings: Path

    @classmethod
    def of(cls, given: Given, env: Mapping[str, str]) -> Home:
        """As the options and the environment have it."""
        return cls(given.directory, Path(env.get("DUELINE_ENV_FILE", "").strip() or NAME))

    def secret(self, name: str) -> Path:
        """The file for a secret."""
        return self.secrets / name

    @property
    def secrets(self) -> Path:
        """The directory of the secrets."""
        return self.settings.parent / "secrets"

    def beside(self, path: str | Path) -> str:
        """A path as the file of settings names it."""
        own, base = Path(path).resolve(), self.settings.parent.resolve()
        return str(own.relative_to(base)) if own.is_relative_to(base) else str(own)


@dataclass(frozen=True, slots=True)
class Key:
    """A secret by which deliveries are known to be Jira's, and where it is kept."""

    value: str = field(repr=False)
    file: str | None
    """As the settings name it; None: the environment holds the secret itself."""
    is_new: bool


def key_of(env: Mapping[str, str], name: str, file: Path) -> Key:
    """The newest secret under a setting's name, the one in our own file, or a new one.

    Raises:
        ConfigurationError: one is set and cannot be read.
    """
    named = {each: env[each] for each in (name, f"{name}_FILE") if env.get(each)}
    # What was taken away since is made anew.
    if f"{name}_FILE" in named and not Path(named[f"{name}_FILE"]).exists():
        named = {}
    settings = Settings.from_environment(named)
    known = settings.webhook_secrets if name == _SECRET_NAME else settings.webhook_tokens
    if known:
        return Key(known[-1].reveal(), env.get(f"{name}_FILE"), is_new=False)
    kept = (File(file, "").present() or "").strip()
    return Key(kept or secrets.token_urlsafe(32), str(file), is_new=not kept)


def webhook_secret(home: Home, env: Mapping[str, str]) -> Key:
    """The secret with which Jira signs."""
    return key_of(env, _SECRET_NAME, home.secret("webhook-secret"))


def path_token(home: Home, env: Mapping[str, str]) -> Key:
    """The token in the address to which a Jira posts that cannot sign."""
    return key_of(env, _TOKEN_NAME, home.secret("webhook-token"))


@dataclass(frozen=True, slots=True)
class Written:
    """A file, and what becomes of it."""

    file: File
    fate: Fate


def settings_of(
    given: Given,
    home: Home,
    signed_in: SignedIn,
    *,
    public_url: str,
    secret: Key | None,
    token: Key | None,
) -> Values:
    """What the file of settings says."""
    place, credentials = signed_in.place, signed_in.credentials
    with_client = bool(credentials.client_id)
    kept_in = credentials.kept_in or home.secret(_name_of(credentials))
    of_token = home.beside(kept_in)
    values: Values = {
        "DUELINE_JIRA_URL": (place.url, "Where Jira is."),
        "DUELINE_JIRA_FLAVOUR": (
            place.flavour if place.settled else None,
            "Which Jira it is: cloud or datacenter.",
        ),
        "DUELINE_JIRA_USER": (
            credentials.user or None,
            "Dueline's own account there; not set where its token stands alone.",
        ),
        "DUELINE_JIRA_TOKEN": (None, ""),
        "DUELINE_JIRA_TOKEN_FILE": (
            None if with_client else of_token,
            "The file with that account's token.",
        ),
        "DUELINE_JIRA_CLIENT_ID": (
            credentials.client_id or None,
            "The OAuth 2.0 client of the service account as which Dueline signs in.",
        ),
        "DUELINE_JIRA_CLIENT_SECRET": (None, ""),
        "DUELINE_JIRA_CLIENT_SECRET_FILE": (
            of_token if with_client else None,
            "The file with that client's secret.",
        ),
        "DUELINE_CONFIG": (
            home.beside(home.directory),
            "The directory with projects.yaml and site.yaml.",
        ),
    }
    if public_url:
        purpose = "Where Jira and people reach this service."
        values["DUELINE_PUBLIC_URL"] = (public_url, purpose)
    for key, name, purpose in (
        (secret, _SECRET_NAME, "The file with the secret with which Jira signs its deliveries."),
        (token, _TOKEN_NAME, "The file with the token in the webhook's address."),
    ):
        if key and key.file:
            values[f"{name}_FILE"] = (home.beside(key.file), purpose)
    if given.host:
        values["DUELINE_HOST"] = (given.host, "On which address of this machine to listen.")
    if given.port:
        values["DUELINE_PORT"] = (str(given.port), "On which port to listen.")
    return values


def secret_files(
    home: Home, credentials: Credentials, secret: Key, token: Key | None
) -> list[File]:
    """The secrets that are to be put into files of ours."""
    found = []
    if credentials.kept_in is None:
        text = credentials.client_secret or credentials.token
        found.append(File(home.secret(_name_of(credentials)), f"{text}\n", private=True))
    found += [
        File(Path(key.file), f"{key.value}\n", private=True)
        for key in (secret, token)
        if key and key.file and key.is_new
    ]
    return found


def unused(home: Home, written: Iterable[Written]) -> list[str]:
    """The secrets of another way to sign in than the one that was just written down."""
    ways = {"jira-token", "jira-client-secret"}
    named = {each.file.path.name for each in written} & ways
    others = (home.secret(name) for name in sorted(ways - named) if named)
    return [home.beside(path) for path in others if path.exists()]


def configuration_files(
    home: Home, promises: Promises | None, fields: Mapping[str, str], *, keep: bool
) -> list[File]:
    """`projects.yaml`, where it is to be written, and `site.yaml`, where there is reason to.

    Args:
        home: where they stand.
        promises: what the projects are promised; None: `projects.yaml` is kept as it is.
        fields: by role what `--field` says.
        keep: whether a `site.yaml` that is there is to stay as it is, but for these fields.
    """
    found = []
    if promises:
        text = projects_yaml(promises.plans, promises.contracts, promises.holidays)
        found.append(File(home.directory / "projects.yaml", text))
    site = home.directory / "site.yaml"
    if fields or not keep or not site.exists():
        found.append(File(site, site_yaml({**_present_fields(home.directory), **fields})))
    return found


def settings_text(home: Home, values: Values) -> File:
    """The file of settings; what a person added to it stays in it."""
    before = File(home.settings, "").present()
    return File(home.settings, settings_file(before, values), private=True)


def wanted_fields(given: Given, directory: Path) -> dict[str, str]:
    """By role the field that is to show it: as the options say, the directory, or by default.

    Raises:
        InitError: an option is not written as ROLE=NAME.
    """
    return {**FieldNames().model_dump(), **_present_fields(directory), **given_fields(given)}


def given_fields(given: Given) -> dict[str, str]:
    """By role what `--field` says; raises `InitError`."""
    found = {}
    for text in given.fields:
        role, equals, name = (part.strip() for part in text.partition("="))
        if not equals or not name or role not in FieldNames.model_fields:
            roles = ", ".join(FieldNames.model_fields)
            raise InitError(f"--field {text!r}: write it as ROLE=NAME; the roles are {roles}")
        found[role] = name
    return found


def decided(file: File, asker: Asker, *, keep: bool) -> Written:
    """What becomes of a file: what somebody may have edited is replaced only when they agree."""
    present = file.present()
    if present is None:
        return Written(file, "new")
    if present == file.text:
        return Written(file, "there already")
    # Of secrets and settings only what was answered just now is another, and it belongs together.
    if file.private or not keep:
        return Written(file, "brought up to date")
    if asker.prompts:
        asker.say("\n" + "\n".join(file.differences()))
        if asker.agrees(f"Replace {file.path} so", default=False):
            return Written(file, "brought up to date")
    return Written(file, "left as it is")


def close_to_others(home: Home, present: Sequence[File]) -> None:
    """Leave the directory of the secrets to its owner alone, where it was there before ours."""
    if any(file.path.parent == home.secrets for file in present):
        # Somebody else's is not ours to change.
        with suppress(OSError):
            home.secrets.chmod(0o700)


def loaded(home: Home, files: Sequence[Written]) -> Configuration:
    """The configuration as it will be, with everything that is wrong with it found.

    Raises:
        InitError: the service would refuse it.
    """
    texts = {each.file.path.name: each.file for each in files if each.fate != "left as it is"}
    with tempfile.TemporaryDirectory(prefix="dueline-init-") as name:
        trial = Path(name)
        for part in ("projects.yaml", "site.yaml"):
            present = File(home.directory / part, "").present()
            text = texts[part].text if part in texts else present
            if text is not None:
                (trial / part).write_text(text, encoding="utf-8")
        for part in ("contracts", "calendars"):
            if (home.directory / part).is_dir():
                (trial / part).symlink_to((home.directory / part).resolve())
        try:
            return load(trial)
        except ConfigurationError as error:
            found = str(error).replace(name, str(home.directory))
            raise InitError(
                f"The configuration cannot be used:\n{found}\n"
                "Correct it, or give --overwrite to have it written anew."
            ) from None


def _name_of(credentials: Credentials) -> str:
    return "jira-client-secret" if credentials.client_id else "jira-token"


def _present_fields(directory: Path) -> dict[str, str]:
    """The fields that the directory's own `site.yaml` names."""
    if not (directory / "site.yaml").exists():
        return {}
    model = Library(directory).site.model
    return model.fields.model_dump() if model else {}

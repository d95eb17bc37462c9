"""Answers, from the options of the command or from the person at the keyboard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console

from config.errors import ConfigurationError
from config.settings import Flavour

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Given:
    """What the options said; left out: what there is to ask for."""

    directory: Path = Path("site")
    url: str | None = None
    user: str | None = None
    token_file: str | None = None
    """`-` is standard input."""
    client_id: str | None = None
    client_secret_file: str | None = None
    flavour: Flavour | None = None
    projects: tuple[str, ...] = ()
    """Each as KEY=CONTRACT."""
    severities: tuple[str, ...] = ()
    """Each as KEY:PRIORITY=SEVERITY, or without the key for every project."""
    holidays: str | None = None
    fields: tuple[str, ...] = ()
    """Each as ROLE=NAME."""
    public_url: str | None = None
    host: str | None = None
    port: int | None = None
    webhook: bool = True
    setup: bool = True
    yes: bool = False
    overwrite: bool = False


class InitError(ConfigurationError):
    """The set-up cannot go on; the message says why and what would be right."""


class Asker:
    """Asks a person, unless nobody is to be asked: then what is missing is an error."""

    def __init__(self, *, prompts: bool) -> None:
        self.prompts = prompts
        self.console = Console() if sys.stdout.isatty() else Console(width=100)

    def say(self, text: str = "") -> None:
        """Print a line, or several."""
        click.echo(text)

    def ask(
        self,
        question: str,
        option: str,
        read: Callable[[str], _T],
        *,
        given: str | None = None,
        default: str | None = None,
        hidden: bool = False,
    ) -> _T:
        """One answer, asked for until it can be read.

        Args:
            question: without its question mark.
            option: by which it can be given, for those who are not asked.
            read: raises an error with a sentence for what will not do.
            given: by the option.
            default: what is meant by an empty answer, and by silence.
            hidden: whether what is typed is not shown, nor the default.

        Raises:
            InitError: nobody is asked, and nothing was given.
        """
        answer = given
        if answer is None and not self.prompts:
            answer = default
            if answer is None:
                raise InitError(f"{option} is missing: {question}")
        while True:
            if answer is None:
                # Without a default an empty answer would be asked for again without a word.
                answer = click.prompt(
                    question,
                    default=default or "",
                    hide_input=hidden,
                    show_default=bool(default) and not hidden,
                )
            try:
                return read(str(answer).strip())
            except (ValueError, ConfigurationError) as error:
                if not self.prompts:
                    raise InitError(f"{option}: {error}") from None
                self.say(f"  {error}")
            answer = None

    def choose(
        self, question: str, option: str, choices: Sequence[str], default: str | None = None
    ) -> str:
        """One of several names; case does not count."""

        def read(text: str) -> str:
            found = next((each for each in choices if each.casefold() == text.casefold()), None)
            if found is None:
                raise ValueError(f"{text!r} is none of {', '.join(choices)}")
            return found

        return self.ask(f"{question} ({', '.join(choices)})", option, read, default=default)

    def agrees(self, question: str, *, default: bool = True) -> bool:
        """Yes or no; whoever is not asked agrees."""
        return not self.prompts or click.confirm(question, default=default)


def as_given(text: str) -> str:
    """An answer that is taken as it is, unless it is empty."""
    if not text:
        raise ValueError("An answer is needed here.")
    return text

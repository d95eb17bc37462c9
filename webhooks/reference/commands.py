"""Every command with its options, as the command line itself knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from webhooks.cli import main
from webhooks.reference.markdown import code, joined, prose, table

_INTRODUCTION = """\
# Commands

What `dueline COMMAND --help` says, all on one page. Each command reads its
[settings](../settings.md) from the environment, or from the `dueline.env` of the directory in which
it is run. `dueline --version` prints the version. Where nothing else is said the exit status is 0
when all went well, 1 when it did not, and 2 when the command line was not understood."""


def page() -> str:
    """The page of all commands, in alphabetical order."""
    parent = click.Context(main, info_name="dueline", color=False, **main.context_settings)
    parts = [_INTRODUCTION]
    for name in sorted(main.commands):
        parts += _command(main.commands[name], name, parent)
    return joined(parts)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {context.command_path}"
    yield from _paragraphs(command.help or "")
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    told = [each.get_help_record(context) for each in command.params]
    yield table(
        ("option", "what it does"),
        [
            (code(each[0]), prose(each[1]))
            for each in told
            if each and (each[1] or each[0][0] == "-")
        ],
    )
    if isinstance(command, click.Group):
        for below in sorted(command.commands):
            yield from _command(command.commands[below], below, context)


def _paragraphs(text: str) -> Iterator[str]:
    """A help text, whose lines are wrapped."""
    for part in re.split(r"\n\s*\n", text.replace("\b", "").strip()):
        yield prose(part)

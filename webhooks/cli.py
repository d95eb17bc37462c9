"""The command line: each command reads, asks the package that knows, and prints."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from webhooks.to_stay import made_to_stay

with made_to_stay():
    import click

    from webhooks.initiating.command import init

if TYPE_CHECKING:
    from datetime import datetime

    from config.configuration import Configuration
    from config.settings import Settings
    from webhooks.deciding import Deciding
    from webhooks.set_aside import Action

# A promise of half an hour is warned of, broken and escalated within a minute.
_DEMO_SPEED = 120.0
_JIRA_PORT = 8080
_NUMBER = click.IntRange(1, 2**63 - 1)
"""Of something in a database, which counts no further."""
_DAY = click.DateTime(["%Y-%m-%d"])
_NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dueline", prog_name="dueline")
def main() -> None:
    """SLA deadlines, warnings and escalations for teams that live in Jira."""
    # One line that is not UTF-8 must not take the answers to the others with it.
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=errors)
    _take_env_file()


def _take_env_file() -> None:
    """Let the file of settings speak where the environment does not; children inherit it."""
    from config.env_file import read_env_file
    from config.errors import ConfigurationError

    is_init = click.get_current_context().invoked_subcommand == init.name
    if is_init and not Path(os.environ.get("DUELINE_ENV_FILE", "").strip()).exists():
        return  # The file that is named is still to be written.
    try:
        os.environ.update(read_env_file(os.environ))
    except ConfigurationError as error:
        _fail(str(error))


@main.command()
def run() -> None:
    """Serve, or show the demo when no Jira is set."""
    if os.environ.get("DUELINE_JIRA_URL"):
        _serve()
    else:
        click.echo("DUELINE_JIRA_URL is not set, so this is the demo, with a simulated Jira.")
        _demo(None, _DEMO_SPEED, _JIRA_PORT)


@main.command()
@click.option(
    "--receive-only",
    is_flag=True,
    help="Only hear Jira, and leave the work to `dueline worker` on this or other machines.",
)
def serve(receive_only: bool) -> None:
    """Hear Jira's webhooks, decide, and write back."""
    _serve(receive_only=receive_only)


@main.command()
def worker() -> None:
    """Decide and write back, for the services that share a PostgreSQL database."""
    from webhooks.serve import clock_from
    from webhooks.working import work

    with _refusing():
        settings = _settings()
        access = settings.require_jira()
        click.echo(f"Dueline worker for {access.url}", err=True)
        work(settings, clock_from(os.environ))


@main.command()
@click.option("--all", "thorough", is_flag=True, help="Look for deleted issues as well.")
def reconcile(thorough: bool) -> None:
    """Find what webhooks lost: ask Jira what was updated, and read it."""
    from rich.console import Console

    from webhooks import reconciling
    from webhooks.serve import clock_from

    with _refusing():
        settings, clock, console = _settings(), clock_from(os.environ), Console(stderr=True)
        _print_lines(reconciling.reconcile(settings, clock, console, thorough=thorough))


@main.command()
@click.option("--project", "projects", multiple=True, help="Its key; left out: all of the mapping.")
def backfill(projects: tuple[str, ...]) -> None:
    """Take over the issues that are open in Jira; what lies in the past is not announced."""
    from rich.console import Console

    from webhooks import reconciling
    from webhooks.serve import clock_from

    with _refusing():
        settings, clock, console = _settings(), clock_from(os.environ), Console(stderr=True)
        _print_lines(reconciling.backfill(settings, clock, console, projects=projects))


@main.command()
@click.option("--at", help="The instant at which the demo starts, such as 2026-11-20T15:00Z.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1),
    default=_DEMO_SPEED,
    show_default=True,
    help="How many times faster than real time the demo's clock runs.",
)
@click.option(
    "--jira-port",
    type=click.IntRange(1, 65535),
    default=_JIRA_PORT,
    show_default=True,
    help="Where the simulated Jira listens; the service listens on DUELINE_PORT.",
)
def demo(at: str | None, speed: float, jira_port: int) -> None:
    """Simulated Jira and service together, with sample issues and a clock that can run faster."""
    _demo(at, speed, jira_port)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--flavour", type=click.Choice(["cloud", "datacenter"]), default="cloud", show_default=True
)
def simulator(host: str, port: int, flavour: str) -> None:
    """A Jira-style case system that speaks Jira's REST and webhook protocols, in memory."""
    from webhooks.demo import DemoError, run_simulator

    try:
        run_simulator(host, port, flavour)
    except DemoError as error:
        _fail(str(error))


main.add_command(init)


@main.command()
@click.option("--webhook-url", help="Register a webhook there, signed with DUELINE_WEBHOOK_SECRET.")
@click.option(
    "--webhook-kind",
    type=click.Choice(["admin", "dynamic"]),
    default="admin",
    show_default=True,
    help="An administrator's, or an OAuth app's own, which comes to DUELINE_PUBLIC_URL.",
)
def setup(webhook_url: str | None, webhook_kind: str) -> None:
    """Find or make the SLA fields in Jira; can be run again."""
    from config.errors import ConfigurationError
    from connector.errors import ConnectorError
    from webhooks.serve import clock_from
    from webhooks.set_up import set_up_dynamic, set_up_jira

    if webhook_url and webhook_kind == "dynamic":
        raise click.UsageError("an app's webhook comes to DUELINE_PUBLIC_URL: no --webhook-url")
    try:
        settings = _settings()
        configuration = _configuration()
        projects = configuration.policy.projects
        if webhook_kind == "dynamic":
            lines = set_up_dynamic(settings, projects, clock_from(os.environ).now())
        else:
            fields = configuration.site.fields
            lines = set_up_jira(settings, fields, webhook_url, projects=projects)
        for line in lines:
            click.echo(line)
    except (ConnectorError, ConfigurationError) as error:
        _fail(str(error))


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--issue", help="Change a field of this issue and put it back, to hear of it.")
@click.option("--accept", "accepted", multiple=True, help="A check that may fail, by its id.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(
    directory: Path | None, issue: str | None, accepted: tuple[str, ...], as_json: bool
) -> None:
    """Find out what is wrong, of Dueline and of its Jira, and what to do about it.

    With DIRECTORY its contracts and projects are held against Jira, before they are in force.
    """
    from rich.console import Console

    from webhooks.doctor import examined
    from webhooks.serve import clock_from

    now = clock_from(os.environ).now
    report = examined(os.environ, now, issue=issue, accepted=accepted, directory=directory)
    if as_json:
        click.echo(report.as_json())
    else:
        report.show(Console() if sys.stdout.isatty() else Console(width=140))
    raise SystemExit(report.exit_status)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--contract", help="Show one contract's register: its clauses, its choices.")
def check(directory: Path | None, contract: str | None) -> None:
    """Check a configuration directory: every error at once, or a summary with what to look at.

    Without DIRECTORY it is what is in force, where the database decides, else the directory of
    DUELINE_CONFIG.
    """
    from webhooks.checking import checked

    with _refusing():
        for line in checked(directory or _settings(), contract):
            click.echo(line)


@main.command("plan")
@click.argument("directory", type=click.Path(path_type=Path), required=False)
@click.option("--version", "number", type=int, help="An earlier version in place of a directory.")
@click.option(
    "--recalculate/--keep",
    default=True,
    help="Open issues are judged by it (default), or keep what was promised.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every move.")
def plan_change(
    directory: Path | None, number: int | None, recalculate: bool, as_json: bool
) -> None:
    """Which open issues a configuration directory would move, and what would be written to Jira.

    \b
    Exit status: 0 nothing moves, 3 something moves, 4 a promise would be broken by it,
    1 it could not be found out.
    """
    from webhooks.logs import set_up_logs

    with made_to_stay():
        # Before all that logs: it decides what logging imports.
        set_up_logs("warning")

        from webhooks.planning import plan
        from webhooks.serve import clock_from

    if (directory is None) == (number is None):
        raise click.UsageError("name a directory, or an earlier version with --version")
    with _refusing():
        target = directory or number or 0
        found = plan(_settings(), target, clock_from(os.environ).now(), recalculate=recalculate)
    if as_json:
        click.echo(found.as_json())
    else:
        _print_lines(found.lines())
    raise SystemExit(found.exit_status)


_REASON = click.option("--reason", required=True, help="Why; it stays with the version.")
_AUTHOR = click.option("--author", help="Who; left out: your login name on this machine.")


def _chosen(_context: click.Context, _option: click.Parameter, value: bool | None) -> bool:
    # A flag with two names counts as given for click, whatever its default is.
    if value is None:
        raise click.UsageError("say what becomes of the open issues: --recalculate or --keep")
    return value


_OPEN_ISSUES = click.option(
    "--recalculate/--keep",
    default=None,
    callback=_chosen,
    help="Whether the open issues are judged by it, or keep what was promised.",
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
_PLAN = click.option(
    "--plan",
    "seen",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What `dueline plan --json` printed: do that and nothing else.",
)


@main.command()
@click.argument("directory", type=click.Path(path_type=Path))
@_REASON
@_AUTHOR
@_OPEN_ISSUES
@_PLAN
@_YES
def apply(
    directory: Path, reason: str, author: str | None, recalculate: bool, seen: Path | None,
    yes: bool,
) -> None:  # fmt: skip
    """Put a configuration directory in force, as a plan of it says.

    \b
    Exit status: 0 it is in force, 5 the world is not what the plan says and nothing was changed,
    1 it could not be done, or was not agreed to.
    """
    _put_in_force(directory, reason, author, recalculate, seen, yes)


@main.command()
@click.argument("number", type=int)
@_REASON
@_AUTHOR
@_OPEN_ISSUES
@_PLAN
@_YES
def rollback(
    number: int, reason: str, author: str | None, recalculate: bool, seen: Path | None, yes: bool
) -> None:
    """Put an earlier version in force again, exactly as it was frozen; exit status as of apply."""
    _put_in_force(number, reason, author, recalculate, seen, yes)


def _put_in_force(
    target: Path | int, reason: str, author: str | None, recalculate: bool, seen: Path | None,
    agreed: bool,
) -> None:  # fmt: skip
    from webhooks.logs import set_up_logs

    with made_to_stay():
        set_up_logs("warning")

        from webhooks.applying import MOVED_ON, Applying, WorldMovedOnError
        from webhooks.serve import clock_from

    asks = not agreed and sys.stdin.isatty()
    if not (agreed or asks or seen):
        raise click.UsageError("nobody can be asked here: give --yes, or the plan as --plan")
    with _refusing():
        now = clock_from(os.environ).now
        applying = Applying(_settings(), target, now, reason, author, recalculate)
        try:
            found = applying.plan(seen)
            _print_lines(found.lines())
            if found.does_nothing:
                click.echo("It is in force already: nothing was changed.")
                return
            if asks:
                click.confirm("Put it in force?", abort=True)
                applying.again(found)
            added = applying.put_in_force(found)
        except WorldMovedOnError as error:
            click.echo(str(error), err=True)
            raise SystemExit(MOVED_ON) from None
    click.echo(
        f"Version {added.id} ({added.version}) is in force, by {added.author}: {added.reason}\n"
        "A running service takes it over within five seconds, else the next start does."
    )


@main.command()
@click.argument("numbers", type=int, nargs=-1)
@click.option("--limit", type=_NUMBER, default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def history(numbers: tuple[int, ...], limit: int, as_json: bool) -> None:
    """The versions that were in force; with one or two NUMBERS, what differs between two.

    With one number that version is compared with the one before it.
    """
    import msgspec

    from webhooks import versions
    from webhooks.serve import clock_from

    if len(numbers) > 2:
        raise click.UsageError("two versions at most can be compared")
    with _refusing():
        if numbers:
            now = clock_from(os.environ).now()
            pair = (numbers[0], numbers[1] if len(numbers) == 2 else None)
            between = versions.difference(_settings(), now, *pair)
            _print_lines(iter([between.as_json()]) if as_json else between.lines())
            return
        found = versions.history(_settings(), limit)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _print_lines(versions.history_lines(found))


@main.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path), required=False)
@click.option("--version", "number", type=int, help="Its number; left out: what is in force.")
@click.option("--zip", "archive", type=_NEW_FILE, help="Write a zip archive.")
@click.option("--overwrite", is_flag=True, help="Change and remove documents that are there.")
def export(
    directory: Path | None, number: int | None, archive: Path | None, overwrite: bool
) -> None:
    """Write the documents of a version into a directory, or a zip archive."""
    from webhooks import versions

    if directory is None and archive is None:
        raise click.UsageError("name a directory, or a file with --zip")
    with _refusing():
        settings = _settings()
        _print_lines(versions.export(settings, directory, archive, number, overwrite=overwrite))


@main.command("backtest")
@click.option(
    "--contract",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A configuration directory, or one contract's document in place of that contract.",
)
@click.option("--from", "first", required=True, type=_DAY, help="The first day: 2026-01-01.")
@click.option("--to", "last", type=_DAY, help="The last day; it counts. Left out: today.")
@click.option("--from-jira", is_flag=True, help="Ask Jira, read only, and not what is stored.")
@click.option("--jql", help="With --from-jira: only these issues.")
@click.option("--csv", "counts", type=_NEW_FILE, help="Write the counts into this file.")
@click.option("--differing", type=_NEW_FILE, help="Write what differs into this file, as CSV.")
@click.option("--save", metavar="NAME", help="Keep the result for the console, under a name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backtest_contract(
    contract: Path,
    first: datetime,
    last: datetime | None,
    from_jira: bool,
    jql: str | None,
    counts: Path | None,
    differing: Path | None,
    save: str | None,
    as_json: bool,
) -> None:
    """What a period would have come to under another contract; nothing is changed by it."""
    from webhooks.logs import set_up_logs

    with made_to_stay():
        set_up_logs("warning")

        from rich.console import Console

        from webhooks import backtests
        from webhooks.backtesting import Days, backtest, refuse_unless_writable, write_into
        from webhooks.progress import shown_on
        from webhooks.serve import clock_from

    if jql and not from_jira:
        raise click.UsageError("--jql goes with --from-jira")
    with _refusing():
        settings, now = _settings(), clock_from(os.environ).now()
        name = backtests.check_name(save) if save is not None else None
        refuse_unless_writable(counts, differing)
        days = Days(first.date(), (last or now).date())
        with shown_on(Console(stderr=True), "Folding") as told:
            if from_jira:
                from webhooks.backtesting_jira import backtest_jira

                found = backtest_jira(settings, contract, days, now, told, jql=jql)
            else:
                found = backtest(settings, contract, days, now, told)
        for file, text in ((counts, found.lines_as_csv), (differing, found.differing_as_csv)):
            if file:
                write_into(file, text())
        if name:
            click.echo(backtests.keep(settings, name, found, now), err=True)
    if as_json:
        click.echo(found.as_json())
    else:
        found.show(Console() if sys.stdout.isatty() else Console(width=140))


@main.command("verify")
@click.option("--expect-last", metavar="HASH", help="A hash of the audit log, kept elsewhere.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify_all(expect_last: str | None, as_json: bool) -> None:
    """Fold every history again and compare with what is recorded; check the audit log.

    \b
    Exit status: 0 all follows, 3 something differs, 1 it could not be found out.
    """
    from webhooks.logs import set_up_logs

    with made_to_stay():
        set_up_logs("warning")

        from rich.console import Console

        from webhooks.progress import shown_on
        from webhooks.serve import clock_from
        from webhooks.verifying import verify

    with _refusing():
        settings, now = _settings(), clock_from(os.environ).now
        with shown_on(Console(stderr=True), "Folding") as told:
            found = verify(settings, now, told, expected=expect_last)
    if as_json:
        click.echo(found.as_json())
    else:
        _print_lines(found.lines())
    raise SystemExit(found.exit_status)


@main.command()
@click.option("--month", required=True, help="Such as 2026-10, in the contract's own zone.")
@click.option("--customer", help="As issues and order forms name it; left out: everybody.")
@click.option("--contract", help="Needed where several contracts promise a percentage.")
@click.option("--fee", help="What the customer paid for the month, in place of the order form's.")
@click.option("--fact", "facts", multiple=True, help="A condition, as invoices_paid=yes.")
@click.option("--down", multiple=True, help="A downtime for this question alone, as FROM/TO.")
@click.option("--basis", type=click.Choice(["business", "all"]), help="Which minutes a month has.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def uptime(as_json: bool, **asked: Any) -> None:
    """A month's availability, with the formula, and the credit that follows from it."""
    import json

    from webhooks.downtime import Month, uptime_of

    with _refusing():
        found = uptime_of(_settings(), _configuration(), Month(**asked))
        if as_json:
            click.echo(json.dumps(found.as_dict()))
        else:
            _print_lines(iter(found.lines()))


@main.group()
def downtime() -> None:
    """The downtime that people enter, beside what issues report."""


@downtime.command("add")
@click.option("--confirmed", required=True, help="When it was confirmed: ISO 8601 with an offset.")
@click.option("--restored", help="When it was over; left out: it still lasts.")
@click.option("--contract", help="Needed where several contracts promise a percentage.")
@click.option("--kind", help="Such as one of the kinds that the contract leaves out.")
@click.option("--customer", "customers", multiple=True, help="Whom it hit; left out: everybody.")
@click.option("--note", default="")
def downtime_add(**entry: Any) -> None:
    """Enter a downtime."""
    from webhooks.downtime import Entry, enter

    with _refusing():
        _print_lines(iter(enter(_settings(), _configuration(), Entry(**entry))))


@downtime.command("close")
@click.argument("number", type=_NUMBER)
@click.option("--restored", required=True, help="ISO 8601 with an offset.")
def downtime_close(number: int, restored: str) -> None:
    """Say when a service that was entered as down was restored."""
    from webhooks.downtime import close

    with _refusing():
        _print_lines(iter(close(_settings(), number, restored)))


@downtime.command("remove")
@click.argument("number", type=_NUMBER)
def downtime_remove(number: int) -> None:
    """Take an entry away."""
    from webhooks.downtime import remove

    with _refusing():
        _print_lines(iter(remove(_settings(), number)))


@downtime.command("list")
def downtime_list() -> None:
    """Show what was entered."""
    from webhooks.downtime import listed

    with _refusing():
        _print_lines(iter(listed(_settings())))


@main.command()
@click.option("--month", help="Only promises that started in it (UTC), such as 2026-10.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def report(month: str | None, as_json: bool) -> None:
    """How promises were kept: commitments apart from goals."""
    from rich.console import Console

    from webhooks.reporting import kept

    with _refusing():
        found = kept(_settings(), month)
        if as_json:
            click.echo(found.as_json())
        else:
            # Where no terminal says how wide it is, nothing is to be cut.
            found.show(Console() if sys.stdout.isatty() else Console(width=140))


@main.command()
@click.argument("document", type=click.Choice(["contract", "calendar", "projects", "site"]))
def schema(document: str) -> None:
    """Print the JSON Schema of a document, for editors to check and complete while typing."""
    import json

    from config.documents import json_schema

    click.echo(json.dumps(json_schema(document), indent=2))


@main.command()
@click.option("--project")
@click.option("--type", "issue_type", default="")
@click.option("--priority", default="")
@click.option("--created", help="ISO 8601 with an offset, such as 2024-07-10T19:00:00-04:00.")
@click.option(
    "--field", "fields", multiple=True, help='Another field, as "Support plan=Enterprise".'
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
@click.option(
    "--jsonl", is_flag=True, help="A question a line on standard input, an answer a line."
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Ask a configuration directory, in force or not.",
)
def deadline(
    project: str | None,
    issue_type: str,
    priority: str,
    created: str | None,
    fields: tuple[str, ...],
    as_json: bool,
    jsonl: bool,
    directory: Path | None,
) -> None:
    """Which promise an issue would have, and when it is due.

    By what is in force, where the database decides, else by the directory of DUELINE_CONFIG.
    """
    with made_to_stay():
        from sla.errors import SlaError
        from webhooks.questions import Question, QuestionError, answer_lines, as_text, unmapped

        found = _deciding(directory)
        policy = found.configuration.policy
    if jsonl:
        _print_lines(answer_lines(policy, sys.stdin))
        return
    if project is None or created is None:
        raise click.UsageError("--project and --created are needed (or --jsonl)")
    try:
        question = Question.read(
            {
                "project": project,
                "type": issue_type,
                "priority": priority,
                "created": created,
                "fields": dict(_pairs(fields)),
            }
        )
        answer = question.answer(policy)
    except (QuestionError, SlaError) as error:
        _fail(str(error))
    if as_json:
        click.echo(answer.as_json())
        return
    if found.documents is not None:
        click.echo(f"By {found.what}:", err=True)
    click.echo(as_text(answer))
    if hint := unmapped(answer, policy):
        click.echo(hint)


@main.command()
@click.option(
    "--calendars", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def clock(calendars: Path) -> None:
    """Calendar questions: a JSON line each on standard input, an answer a line."""
    from webhooks.calendar_questions import answer_lines, read_calendars
    from webhooks.questions import QuestionError

    try:
        known = read_calendars(calendars)
    except QuestionError as error:
        _fail(str(error))
    _print_lines(answer_lines(known, sys.stdin))


@main.command(name="inbox")
@click.option("--replay", is_flag=True, help="Try them again, once the service runs.")
@click.option("--dismiss", is_flag=True, help="Make nothing of those NUMBERS, now or later.")
@click.argument("numbers", type=_NUMBER, nargs=-1)
def show_inbox(replay: bool, dismiss: bool, numbers: tuple[int, ...]) -> None:
    """The deliveries that were not understood or failed, latest first.

    NUMBERS are those that it lists. With --replay and none of them all are tried again.
    """
    from webhooks.serve import clock_from
    from webhooks.set_aside import inbox_lines, seen_to_lines

    if replay and dismiss:
        raise click.UsageError("a delivery is tried again or dismissed: give one of the two")
    if dismiss and not numbers:
        raise click.UsageError("--dismiss goes with the numbers of deliveries")
    if numbers and not (replay or dismiss):
        raise click.UsageError("numbers go with --replay or --dismiss")
    with _refusing():
        now = clock_from(os.environ).now
        if numbers:
            action: Action = "dismissed" if dismiss else "replayed"
            _print_lines(seen_to_lines(_settings(), now, action, numbers))
        else:
            _print_lines(inbox_lines(_settings(), now, replay=replay))


@main.command()
@click.option("--retry", is_flag=True, help="Try again what was given up, once the service runs.")
@click.argument("key", required=False)
def outbox(retry: bool, key: str | None) -> None:
    """What waits to be written to Jira, and what was given up with the reason."""
    from webhooks.given_up import outbox_lines
    from webhooks.serve import clock_from

    if key and not retry:
        raise click.UsageError("a key goes with --retry")
    with _refusing():
        now = clock_from(os.environ).now
        _print_lines(iter(outbox_lines(_settings(), now, retry=retry, key=key)))


@main.command("notify-test")
@click.argument("channel")
def notify_test(channel: str) -> None:
    """Send a line to a channel of DUELINE_CHANNELS, to see that it comes."""
    from webhooks.trying_channels import tried

    with _refusing():
        _print_lines(iter([tried(_settings(), channel)]))


@main.command()
def migrate() -> None:
    """Bring the database to this version's tables."""
    from webhooks.migrating import migrated

    with _refusing():
        click.echo(migrated(_settings()))


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Copy the database into a new file, while the service goes on."""
    from rich.console import Console

    from webhooks.backing_up import back_up
    from webhooks.serve import clock_from

    with _refusing():
        now = clock_from(os.environ).now()
        click.echo(back_up(_settings(), file, now, Console(stderr=True)))


@main.command()
@click.option(
    "--of",
    "at",
    required=True,
    type=click.DateTime(["%Y-%m-%dT%H:%MZ"]),
    help="When the copy was made, in UTC, such as 2026-11-20T15:00Z.",
)
def restored(at: datetime) -> None:
    """Say that the database is a copy, put back by other means than a backup of ours."""
    from datetime import UTC

    from webhooks.backing_up import note_restored
    from webhooks.serve import clock_from

    with _refusing():
        now = clock_from(os.environ).now()
        click.echo(note_restored(_settings(), at.replace(tzinfo=UTC), now))


@main.command("copy-database")
@click.option(
    "--to",
    required=True,
    envvar="DUELINE_COPY_TO",
    help="The address of an empty database; it may come from DUELINE_COPY_TO.",
)
def copy_database(to: str) -> None:
    """Copy everything into an empty database of either kind, and hold both against each other."""
    from rich.console import Console

    from webhooks import copying

    with _refusing():
        found = copying.copy_database(_settings(), to, Console(stderr=True))
        copying.show(found, Console() if sys.stdout.isatty() else Console(width=140))


@main.command("console-token")
def console_token() -> None:
    """Make a new administrator's token for the console and print it; the old one ends."""
    from webhooks.console_token import another
    from webhooks.publishing import DEFAULT_SITE
    from webhooks.serve import clock_from

    with _refusing():
        now = clock_from(os.environ).now()
        token, database = another(_settings(), DEFAULT_SITE, now)
    click.echo(token)
    click.echo(
        f"It opens the console of the service on {database}, and is not shown again. Whoever "
        "signed in there with the one before is out.",
        err=True,
    )


@main.command()
@click.argument("account")
def forget(account: str) -> None:
    """Remove a person from what is stored, by the account that Jira knows them by."""
    from webhooks.forgetting import forget_account

    with _refusing():
        _print_lines(forget_account(_settings(), account))


@main.command()
@click.argument("key")
@click.option("--at", help="As of a past instant, such as 2026-11-20T15:00Z; left out: now.")
def explain(key: str, at: str | None) -> None:
    """What was promised for an issue, by which clause, and each step to each instant."""
    from sla.errors import SlaError
    from webhooks.explaining import explain_issue
    from webhooks.questions import QuestionError

    try:
        for line in explain_issue(_settings(), key, at):
            click.echo(line)
    except (QuestionError, SlaError) as error:
        _fail(str(error))


def _serve(*, receive_only: bool = False) -> None:
    with made_to_stay():
        # Before all that logs: it decides what logging imports.
        from webhooks.logs import set_up_logs

        set_up_logs()

        from config.errors import ConfigurationError
        from sla.errors import SlaError
        from webhooks.clock import ClockError
        from webhooks.console_token import first_told
        from webhooks.databases import opened
        from webhooks.publishing import DEFAULT_SITE, configuration_in_force
        from webhooks.serve import ServeError, clock_from, kept_address
        from webhooks.serve import serve as serve_http
        from webhooks.working import need_shared

    settings = _settings()
    try:
        access = settings.require_jira()
        clock = clock_from(os.environ)
        if receive_only:
            need_shared(settings)
        with (
            kept_address(settings.host, settings.port) as address,
            opened(settings, make=True) as database,
        ):
            database.claim()
            first_told(database, DEFAULT_SITE, settings, clock.now())
            with made_to_stay():
                in_force = configuration_in_force(settings, DEFAULT_SITE, database)
            if os.environ.get("DUELINE_DEMO_CLOCK"):
                told = f"DUELINE_DEMO_CLOCK is set: it is {clock.now():%Y-%m-%d %H:%M} here."
                click.echo(told, err=True)
            if in_force.refused:
                told = f"{in_force.refused}\n\nThe version in force stays in force."
                click.echo(told, err=True)
            click.echo(
                f"Dueline for {access.url}, policy {in_force.configuration.policy.version}, "
                f"configured in {settings.config}\n"
                f"Webhooks to http://{settings.host}:{settings.port}/webhooks/jira",
                err=True,
            )
            serve_http(settings, database, in_force, clock, address, works=not receive_only)
    except (ConfigurationError, SlaError, ServeError, ClockError) as error:
        _fail(str(error))


def _demo(at: str | None, speed: float, jira_port: int) -> None:
    from config.errors import ConfigurationError
    from webhooks.demo import DemoError, run_demo

    try:
        run_demo(at, speed, jira_port)
    except (ConfigurationError, DemoError) as error:
        _fail(str(error))


def _settings() -> Settings:
    from config.errors import ConfigurationError
    from config.settings import Settings

    try:
        return Settings.from_environment(os.environ)
    except ConfigurationError as error:
        _fail(str(error))


def _configuration() -> Configuration:
    """What decides about issues."""
    return _deciding(None).configuration


def _deciding(directory: Path | None) -> Deciding:
    """The same, or what a directory would decide, and where it stands."""
    from config.errors import ConfigurationError
    from sla.errors import SlaError
    from webhooks.deciding import deciding, of_directory

    try:
        return of_directory(directory) if directory else deciding(_settings())
    except (ConfigurationError, SlaError) as error:
        _fail(str(error))


@contextmanager
def _refusing() -> Iterator[None]:
    """Say what is wrong with what was asked for, and fail, instead of a traceback."""
    from config.errors import ConfigurationError
    from sla.errors import SlaError
    from webhooks.questions import QuestionError

    try:
        yield
    except (ConfigurationError, QuestionError, SlaError) as error:
        _fail(str(error))


def _pairs(fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for text in fields:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f'--field "{text}": write it as "Support plan=Enterprise"')
        yield name.strip(), value.strip()


def _print_lines(lines: Iterator[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _fail(message: str) -> NoReturn:
    click.echo(message, err=True)
    raise SystemExit(1)


if __name__ == "__main__":
    main()

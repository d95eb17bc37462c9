"""The command itself: its options, each of them an answer to one of its questions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_EXIT = {"done": 0, "left_to_others": 3, "not_delivered": 4}


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default="site")
@click.option("--url", help="Where Jira is: an address, or a link to an issue.")
@click.option("--user", help="Dueline's own account: its e-mail address on Cloud.")
@click.option("--token-file", help="The file with that account's token; - for standard input.")
@click.option("--client-id", help="In place of account and token: an OAuth 2.0 client.")
@click.option("--client-secret-file", help="The file with that client's secret; - likewise.")
@click.option(
    "--flavour",
    type=click.Choice(["cloud", "datacenter"]),
    help="Which Jira it is, where it does not say.",
)
@click.option(
    "--project", "projects", multiple=True, metavar="KEY=CONTRACT", help="Again for each project."
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    metavar="[KEY:]PRIORITY=SEVERITY",
    help='What a priority means, such as "HLP:Highest=High"; * is every other one.',
)
@click.option("--holidays", help="Where a contract leaves them open: US, DE-BY, several, or none.")
@click.option(
    "--field",
    "fields",
    multiple=True,
    metavar="ROLE=NAME",
    help="Another field than usual, by name or id, such as due=customfield_10050.",
)
@click.option("--public-url", help="Where Jira reaches Dueline: https://dueline.example.com.")
@click.option("--host", help="On which address of this machine the service is to listen.")
@click.option("--port", type=click.IntRange(1, 65535), help="And on which port.")
@click.option("--no-webhook", "webhook", flag_value=False, default=True, help="Register none.")
@click.option("--no-setup", "setup", flag_value=False, default=True, help="Only write the files.")
@click.option("--overwrite", is_flag=True, help="Replace files that read otherwise.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is missing is an error.")
def init(**options: Any) -> None:
    """Connect Dueline to a Jira, step by step; can be run again.

    It writes the configuration into DIRECTORY (site, if not given), the settings into dueline.env
    and the secrets into secrets/, makes the SLA fields and the webhook, and tries a delivery.
    Nothing is written or changed before a summary is confirmed.

    \b
    Exit status: 0 all is done, 3 something is left for an administrator of Jira, 4 the test
    delivery did not arrive, 1 it could not be done.
    """
    from config.errors import ConfigurationError
    from connector.errors import ConnectorError
    from webhooks.initiating.asking import Given
    from webhooks.initiating.story import initiate

    try:
        end = initiate(Given(**options), os.environ)
    except (ConfigurationError, ConnectorError) as error:
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    raise SystemExit(_EXIT[end])

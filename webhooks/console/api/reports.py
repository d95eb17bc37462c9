"""Reports for programs."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest, NotFound

from webhooks.console.api.described import Part
from webhooks.console.questions import breaches, reports, statement
from webhooks.console.questions.breaches import Breaches, BreachQuery
from webhooks.console.questions.reports import (
    ContractUptime,
    NotUnderstood,
    ReportQuery,
    Reports,
    UptimeQuery,
)
from webhooks.console.questions.statement import Statement, StatementQuery
from webhooks.console.standing import here

blueprint = Part("reports", __name__)


@blueprint.answers(
    "GET", "/reports", summary="Met and breached in a period", query=ReportQuery, answer=Reports
)
def kept_and_missed(query: ReportQuery) -> Reports:
    """By week, contract, severity, metric, project, customer, responder and group of responders.

    A promise counts in the week in which it was met, breached or cancelled. Commitments, goals and
    conditional ones are told apart, and never added together.
    """
    try:
        return reports.kept_and_missed(here(), query)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/reports/breaches", summary="What was breached, and why", query=BreachQuery,
    answer=Breaches,
)  # fmt: skip
def missed(query: BreachQuery) -> Breaches:
    """A page of the promises that were breached in a period, the latest first.

    With `next` as `after` the following page comes.
    """
    try:
        return breaches.breaches(here(), query)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/reports/uptime", summary="Availability and credit in a month", query=UptimeQuery,
    answer=list[ContractUptime],
)  # fmt: skip
def uptime(query: UptimeQuery) -> list[ContractUptime]:
    """By contract, for one customer or for the service as such."""
    try:
        return reports.uptimes(here(), query)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/reports/statement", summary="A customer's month", query=StatementQuery,
    answer=Statement, refusals={404: "Nothing was ever promised to that customer."},
)  # fmt: skip
def of_customer(query: StatementQuery) -> Statement:
    """What was promised to a customer, met and breached; availability, credit, what is left out."""
    try:
        return statement.statement(here(), query)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None
    except LookupError as error:
        raise NotFound(str(error.args[0])) from None

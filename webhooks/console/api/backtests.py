"""Backtests that were kept, for programs."""

from __future__ import annotations

from werkzeug.exceptions import NotFound

from webhooks.backtesting import Backtest
from webhooks.console.api.described import Part
from webhooks.console.questions import backtests
from webhooks.console.questions.backtests import BacktestKept, BacktestQuery
from webhooks.console.standing import here

blueprint = Part("backtests", __name__)


@blueprint.answers(
    "GET", "/backtests", summary="Backtests that were kept", answer=list[BacktestKept]
)
def listed() -> list[BacktestKept]:
    """What `dueline backtest --save` kept, newest first."""
    return backtests.listed(here())


@blueprint.answers(
    "GET", "/backtests/<int:id_>", summary="A period under another contract", query=BacktestQuery,
    answer=Backtest, refusals={404: "There is no such backtest."},
)  # fmt: skip
def one(id_: int, query: BacktestQuery) -> Backtest:
    """All counts side by side with today's, and a page of the promises that differ."""
    try:
        return backtests.told(here(), id_, query.page)
    except LookupError as error:
        raise NotFound(str(error.args[0])) from None

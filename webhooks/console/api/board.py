"""What is open, for programs: the board's rows and counts."""

from __future__ import annotations

from werkzeug.exceptions import BadRequest

from webhooks.console.api.described import Part
from webhooks.console.questions import board, unpromised
from webhooks.console.questions.board import Board, BoardQuery
from webhooks.console.questions.unpromised import Unpromised, UnpromisedQuery
from webhooks.console.standing import here

blueprint = Part("board", __name__)


@blueprint.answers(
    "GET", "/board", summary="Open promises, and how many there are", query=BoardQuery, answer=Board
)
def open_promises(query: BoardQuery) -> Board:
    """A page of the promises that are open, each with the open time that it has left.

    With `next` as `after` the following page comes, whatever came or went meanwhile.
    """
    standing = here()
    try:
        board.check(query, standing)
        return board.shown(standing, board.recorded(standing, query))
    except board.NotUnderstood as error:
        raise BadRequest(str(error)) from None


@blueprint.answers(
    "GET", "/board/not-promised", summary="Open issues that have a contract, and no promise",
    query=UnpromisedQuery, answer=list[Unpromised],
)  # fmt: skip
def not_promised(query: UnpromisedQuery) -> list[Unpromised]:
    """By project, the oldest first, 200 at most; the board lists none of them."""
    return unpromised.unpromised(here(), query)

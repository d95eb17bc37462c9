"""The tokens of the API for programs that look after them."""

from __future__ import annotations

from werkzeug.exceptions import Forbidden, NotFound

from webhooks.console.access import asking, sessions, tokens
from webhooks.console.api.described import Nothing, Part
from webhooks.console.questions import tokens as questions
from webhooks.console.questions.tokens import MadeToken, NewToken, Tokens
from webhooks.console.standing import here

blueprint = Part("tokens", __name__)


@blueprint.answers(
    "GET", "/tokens", summary="The API's tokens", answer=Tokens, role="administrator"
)
def listed() -> Tokens:
    """Those that were made, newest first, the revoked ones as well; never the tokens themselves."""
    return questions.listed(here(), sessions.real_now())


@blueprint.answers(
    "POST", "/tokens", summary="Make a token", body=NewToken, answer=MadeToken, role="administrator"
)
def make(body: NewToken) -> MadeToken:
    """The token is told this once. A token makes no tokens: whoever revokes it would miss them."""
    person = asking.person()
    if person.via == "token":
        raise Forbidden("A token makes no tokens: sign in to make one.")
    ends_at = questions.ends_at(body, sessions.real_now())
    return MadeToken(tokens.make(here(), person, body.name.strip(), body.role, ends_at))


@blueprint.answers(
    "DELETE",
    "/tokens/<int:number>",
    summary="Revoke a token",
    answer=Nothing,
    role="administrator",
    refusals={404: "No token that still is good has this number."},
)
def revoke(number: int) -> Nothing:
    """It opens nothing from now on."""
    if tokens.revoke(here(), asking.person(), number) is None:
        raise NotFound("No token that still is good has this number.")
    return Nothing()

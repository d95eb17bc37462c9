"""Who asks: a person or a program that signed in, and what they may do."""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["viewer", "administrator"]


class Person(msgspec.Struct, frozen=True):
    """Somebody who signed in, or the owner of a token."""

    id: str
    """What the audit log calls them by: `local`, or the way in and who they are to it, such as
    `oidc:SUBJECT`, `atlassian:ACCOUNT`, `token:7`."""
    name: str
    """For people to read."""
    role: Role
    via: str = "local"
    """How they signed in: `local`, `oidc`, `atlassian` or `token`."""

    @property
    def may_change(self) -> bool:
        """Whether they may change what is promised; a viewer sees all and changes nothing."""
        return self.role == "administrator"


COMMAND_LINE = Person("command line", "Command line", "administrator", "command line")
"""Whoever may run Dueline's commands where it runs."""
NOBODY = Person("", "Nobody", "viewer", "none")
"""Somebody who was not let in."""

"""Sends a line to a channel, so that somebody finds out whether it comes before it has to."""

from __future__ import annotations

from collections.abc import Callable

from config.errors import ConfigurationError, nearest
from config.settings import Settings
from connector.sending import Message, Sent, kind_of, send

_LINE = Message("Dueline: a test", "This is a test: warnings and escalations would come here.")


def tried(settings: Settings, channel: str, sending: Callable[[str, Message], Sent] = send) -> str:
    """Send a test to a channel.

    Args:
        settings: with the addresses.
        channel: its name.
        sending: how it is told.

    Returns:
        A sentence on what came of it.

    Raises:
        ConfigurationError: there is no such channel, or the test did not go out.
    """
    address = settings.channels.get(channel)
    if address is None:
        known = (
            nearest(channel, settings.channels)
            if settings.channels
            else "it is not set: write a line such as on-call = slack://..."
        )
        raise ConfigurationError(f"DUELINE_CHANNELS has no channel {channel}; {known}")
    shown = f"{channel} ({kind_of(address.reveal())})"
    sent = sending(address.reveal(), _LINE)
    if sent.outcome == "sent":
        return f"{shown} took it: look whether it came"
    doubt = "did not say whether it took it" if sent.outcome == "in_doubt" else "did not take it"
    raise ConfigurationError(f"{shown} {doubt}: {sent.reason}")

"""What the command line says of a channel that is tried."""

from __future__ import annotations

import pytest

from config.errors import ConfigurationError, SettingsError
from config.settings import Settings
from connector.sending import Message, Sent, send
from webhooks.trying_channels import tried

SET = {"DUELINE_CHANNELS": "# ours\non-call = json://me:not-to-be-seen@127.0.0.1:1/hidden-part\n"}


def test_what_came_of_it_is_told_without_the_address() -> None:
    settings = Settings.from_environment(SET)
    addresses: list[str] = []

    def takes(address: str, _message: Message) -> Sent:
        addresses.append(address)
        return Sent("sent")

    assert tried(settings, "on-call", takes).startswith("on-call (json) took it")
    assert addresses == ["json://me:not-to-be-seen@127.0.0.1:1/hidden-part"]
    with pytest.raises(ConfigurationError, match="did not take it") as refused:
        tried(settings, "on-call")
    assert "not-to-be-seen" not in str(refused.value)
    assert "hidden-part" not in str(refused.value)
    with pytest.raises(ConfigurationError, match="did you mean `on-call`"):
        tried(settings, "on-cal")
    with pytest.raises(ConfigurationError, match="is not set"):
        tried(Settings.from_environment({}), "on-call")


@pytest.mark.parametrize("lines", ["on-call", "= json://x", "a = b", "a = b://c\na = b://d"])
def test_addresses_that_cannot_be_read_are_refused_without_being_shown(lines: str) -> None:
    with pytest.raises(SettingsError, match=r"DUELINE_CHANNELS cannot be read in line \d") as error:
        Settings.from_environment({"DUELINE_CHANNELS": lines})
    assert "b://" not in str(error.value).replace("slack://", "")


@pytest.mark.parametrize("address", ["nonsense://x", "slack://not-enough", "json://"])
def test_an_address_that_apprise_cannot_read_is_a_failure(address: str) -> None:
    assert send(address, Message("a", "b")).outcome == "failed"

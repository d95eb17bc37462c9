"""The reference pages of the documentation, made of what they describe.

`make reference` writes them into `docs/`; a test holds that they are current.
"""

from __future__ import annotations

from webhooks.reference import api, commands, documents, policies

NOTE = "<!-- Written by `make reference` from the code; changes made here are lost. -->\n\n"


def pages() -> dict[str, str]:
    """By path below `docs/` the text of each page."""
    texts = {
        "reference/commands.md": commands.page(),
        "reference/api.md": api.page(),
        **documents.pages(),
        **policies.pages(),
    }
    return {path: NOTE + text for path, text in texts.items()}

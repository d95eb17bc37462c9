"""Where somebody goes on to after signing in: this console and nowhere else."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_OWN = re.compile(r"/(?![/\\])[^\x00-\x20\x7f\\]*")
"""Browsers take a backslash for a slash and leave out tabs and ends of lines; spaces are written as
%20."""


def own(path: str) -> str:
    """A path of this console; whatever else was asked for leads to the first page."""
    if not _OWN.fullmatch(path):
        return "/"
    parts = urlsplit(path)
    return "/" if parts.scheme or parts.netloc else path

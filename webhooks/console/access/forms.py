"""What was typed into a form that came too late, so that it need not be typed again."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from webhooks.console.standing import here

_CSRF = "csrf_token"


def what_was_typed() -> list[tuple[str, str]] | None:
    """The members of the form, for a page on which it can be sent again.

    Returns:
        None where there is nothing to send, or where another site may have filled it in: nobody
        shall be led to send that with a press of a button.
    """
    if request.method != "POST" or request.files or not _is_from_here():
        return None
    return [(name, value) for name, value in request.form.items(multi=True) if name != _CSRF]


def _is_from_here() -> bool:
    """Whether a page of ours sent the form, as browsers say and no page can make them say."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    public = urlsplit(here().settings.public_url)
    ours = {f"{request.scheme}://{request.host}", f"{public.scheme}://{public.netloc}"}
    return request.headers.get("Origin") in ours

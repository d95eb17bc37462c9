"""Answers that a browser saves as a file.

Each is made whole before it begins: what fails halfway is a refusal, and never half a file, which
whoever saves it would take for all of it.
"""

from __future__ import annotations

from flask import Response

from config.document_sets import as_zip


def csv_file(text: str, name: str) -> Response:
    """A table, as `csv_export` writes it."""
    return _file(text, name, "text/csv; charset=utf-8")


def zip_file(documents: dict[str, str], name: str) -> Response:
    """Documents by their names, packed."""
    return _file(as_zip(documents), name, "application/zip")


def _file(body: str | bytes, name: str, content_type: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, content_type=content_type, headers=headers)

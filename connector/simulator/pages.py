"""Two plain pages on which a person can look at the issues; no scripts, everything escaped."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, abort, render_template_string

from connector.simulator.errors import JiraError
from connector.simulator.model import Field, Issue
from connector.simulator.simulator import Simulator
from connector.simulator.values import word_value

_MENTION = re.compile(r"\[~(?:accountid:)?([^\]]+)\]")
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} - Jira simulator</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; color: #172b4d; max-width: 64rem; margin: 2rem auto;
         padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; }
  .key { white-space: nowrap; }
  th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0;
           border-bottom: 1px solid #dfe1e6; }
  th[scope=row] { width: 14rem; font-weight: 600; }
  a { color: #0052cc; }
  .status { background: #deebff; border-radius: 3px; padding: 0 .4rem; }
  .comment { border-left: 3px solid #dfe1e6; margin: 1rem 0; padding: 0 1rem;
             overflow-wrap: anywhere; }
  .comment.internal { border-color: #ff991f; background: #fffae6; }
  .comment p { white-space: pre-wrap; margin: .3rem 0; }
  .quiet { color: #5e6c84; }
</style>
</head>
<body>
<main>
<h1>{{ title }}</h1>
{% if issue %}
<p class="quiet"><a href="/">All issues</a></p>
<h2>{{ issue.values.summary }} <span class="status">{{ issue.status.name }}</span></h2>
<table>
{% for name, text in rows %}<tr><th scope="row">{{ name }}</th><td>{{ text }}</td></tr>
{% endfor %}</table>
<h2>Comments</h2>
{% for c in comments %}<section class="comment{{ ' internal' if c.internal }}">
<p class="quiet">{{ c.author }}, {{ c.at }}{{ ', internal' if c.internal }}\
{% if c.only %}, only for {{ c.only }}{% endif %}</p>
<p>{{ c.body }}</p>
</section>
{% else %}<p class="quiet">No comments yet.</p>
{% endfor %}
{% else %}
<p class="quiet">{{ flavour }}; {{ issues | length }} issues.</p>
<table>
<tr><th>Key</th><th>Summary</th><th>Status</th><th>Fields</th><th>Comments</th></tr>
{% for row in issues %}<tr>
<td class="key"><a href="/browse/{{ row.key }}">{{ row.key }}</a></td>
<td>{{ row.summary }}</td>
<td><span class="status">{{ row.status }}</span></td>
<td>{% for name, text in row.fields %}{{ name }}: {{ text }}<br>{% endfor %}</td>
<td>{% for c in row.comments %}{{ c.author }}: {{ c.body }}<br>{% endfor %}</td>
</tr>
{% endfor %}</table>
{% endif %}
</main>
</body>
</html>
"""


def mount(app: Flask, sim: Simulator) -> None:
    """Add the pages to the application."""

    @app.get("/")
    def index() -> str:
        with sim.lock:
            found = sorted(sim.issues.values(), key=lambda issue: int(issue.id), reverse=True)
            rows = [_summary(sim, issue) for issue in found]
            flavour = "Jira Cloud" if sim.cloud else "Jira Data Center"
            return render_template_string(_PAGE, title="Issues", issues=rows, flavour=flavour)

    @app.get("/browse/<key>")
    def browse(key: str) -> str:
        with sim.lock:
            try:
                issue = sim.issue(key)
            except JiraError:
                abort(404)
            return render_template_string(
                _PAGE,
                title=issue.key,
                issue=issue,
                rows=_rows(sim, issue),
                comments=_comments(sim, issue),
            )


def _summary(sim: Simulator, issue: Issue) -> dict[str, Any]:
    shown = [(f.name, text) for f, text in _worded(sim, issue) if f.custom or f.id == "priority"]
    return {
        "key": issue.key,
        "summary": issue.values["summary"],
        "status": issue.status.name,
        "fields": shown,
        "comments": _comments(sim, issue),
    }


def _rows(sim: Simulator, issue: Issue) -> list[tuple[str, str]]:
    rows = [("Project", f"{issue.project.name} ({issue.project.key})")]
    rows += [(field.name, text) for field, text in _worded(sim, issue) if field.id != "summary"]
    rows.append(("Created", f"{issue.created:%Y-%m-%d %H:%M:%S} UTC"))
    rows.append(("Updated", f"{issue.updated:%Y-%m-%d %H:%M:%S} UTC"))
    if issue.resolved:
        rows.append(("Resolved", f"{issue.resolved:%Y-%m-%d %H:%M:%S} UTC"))
    return rows


def _worded(sim: Simulator, issue: Issue) -> list[tuple[Field, str]]:
    worded = []
    for field_id, field in sim.site.fields.items():
        text = word_value(sim, field, issue.values.get(field_id))[1]
        if text:
            zoned = f"{text} UTC" if field.kind == "datetime" else text
            worded.append((field, zoned))
    return worded


def _author(sim: Simulator, email: str | None) -> str:
    return "Anonymous" if email is None else sim.account(email).display_name


def _comments(sim: Simulator, issue: Issue) -> list[dict[str, Any]]:
    return [
        {
            "author": _author(sim, comment.author),
            "at": f"{comment.created:%Y-%m-%d %H:%M:%S} UTC",
            "internal": not comment.public,
            "only": comment.visibility["value"] if comment.visibility else "",
            "body": _MENTION.sub(lambda found: _mentioned(sim, found[1]), comment.body.wiki),
        }
        for comment in issue.comments
    ]


def _mentioned(sim: Simulator, who: str) -> str:
    accounts = sim.site.accounts.values()
    names = (each.display_name for each in accounts if who in (each.account_id, each.name))
    return f"@{next(names, who)}"

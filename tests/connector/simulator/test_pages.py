from __future__ import annotations

from collections.abc import Callable

import requests

from connector.simulator import CUSTOMER, Simulator

Ask = Callable[..., requests.Response]


def test_a_person_can_look_at_the_issues(ask: Ask, sim: Simulator) -> None:
    issue = sim.create_issue(
        {"Support plan": "Enterprise", "Reported at": sim.now()},
        project="BOT",
        summary="<script>alert(1)</script>",
        description="a & b",
    )
    sim.add_comment(issue.key, "<b>we</b> are on it", internal=True)
    sim.add_comment(issue.key, "thanks", account=CUSTOMER)
    sim.add_comment(issue.key, "hush", visibility={"type": "group", "value": "support"})
    sim.transition(issue.key, "Done")
    for path in ("//", f"//browse/{issue.key}"):
        page = ask("GET", path, account=None)
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert "<script" not in page.text
        assert "&lt;script&gt;" in page.text
        assert "&lt;b&gt;we&lt;/b&gt; are on it" in page.text
        assert "Enterprise" in page.text
        assert issue.key in page.text
    assert "internal" in page.text
    assert "only for support" in page.text
    assert "21/Nov/26 10:00 AM UTC" in page.text
    assert ask("GET", "//browse/NOPE-1").status_code == 404


def test_an_empty_site_and_an_issue_without_comments(ask: Ask, sim: Simulator) -> None:
    assert "0 issues" in ask("GET", "//").text
    sim.create_issue(project="BOT", summary="x")
    assert "No comments yet" in ask("GET", "//browse/BOT-1").text

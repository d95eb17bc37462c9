"""The link on an issue: it shows how promises stand, leads to why, and costs no call in vain."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from connector.simulator import AGENT, DUELINE, Simulator
from tests.scenarios.world import World, a_site, utc, world

# What a link shows is decided before any database is asked; how it is kept, `outbox` tells on both.
pytestmark = pytest.mark.one_database("sqlite")

PUBLIC = "https://dueline.acme.test/sla"
POST: dict[str, Any] = {"method": "POST", "path": r"/remotelink$"}
HOUR = timedelta(hours=1)


def reachable(place: World, address: str = PUBLIC) -> World:
    """The same world with a Dueline that knows its own address."""
    place.stop()
    place.settings = replace(place.settings, public_url=address)
    place.start()
    return place


@pytest.fixture
def linking(anywhere: World) -> World:
    return reachable(anywhere)


def links(place: World, key: str) -> list[dict[str, Any]]:
    return place.jira.issue(key).remote_links


def link(place: World, key: str) -> dict[str, Any]:
    (only,) = links(place, key)
    return only


def shown(place: World, key: str) -> tuple[str, str, bool]:
    """The state's icon, the title, and whether it is struck through."""
    thing = link(place, key)["object"]
    assert thing["icon"] == thing["status"]["icon"]
    icon = thing["icon"]["url16x16"]
    assert icon.startswith(f"{PUBLIC}/states/")
    return icon.rpartition("/")[2], thing["title"], thing["status"]["resolved"]


def posts(place: World) -> int:
    return sum(
        each.method == "POST" and each.path.endswith("/remotelink") for each in place.jira.requests
    )


def test_it_follows_the_promise_from_the_report_to_the_answer(linking: World) -> None:
    key = linking.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    assert shown(linking, key) == (
        "running.png", "First response due Wed 10 Jul 2024 14:30 CDT", False,
    )  # fmt: skip
    linking.advance(utc("2024-07-10 19:29"))
    assert posts(linking) == 1, "a warning changes nothing that it shows"
    linking.advance(utc("2024-07-10 20:10"))
    assert shown(linking, key) == (
        "breached.png", "First response was due Wed 10 Jul 2024 14:30 CDT", False,
    )  # fmt: skip
    assert posts(linking) == 2, "a level changes nothing that it shows"
    linking.jira.add_comment(key, "We are on it.")
    linking.settle()
    assert shown(linking, key) == ("late.png", "First response came late", True)
    assert link(linking, key)["application"] == {"type": "dueline", "name": "Dueline"}


def test_where_nothing_changes_nothing_is_sent(linking: World) -> None:
    key = linking.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    linking.jira.add_comment(key, "We are on it.")
    linking.settle()
    assert shown(linking, key) == ("met.png", "Every promise was kept", True)
    before = posts(linking)
    linking.jira.edit(key, {"description": "More."}, account=AGENT)
    linking.jira.add_comment(key, "And more.")
    linking.advance(timedelta(days=3))
    linking.stop()
    linking.start()
    linking.advance(timedelta(days=3))
    assert posts(linking) == before


def test_without_an_address_of_its_own_there_is_no_link(anywhere: World) -> None:
    key = anywhere.report("HLP", {"Support plan": "Enterprise"})
    anywhere.advance(HOUR)
    assert links(anywhere, key) == []
    assert posts(anywhere) == 0
    assert "links" not in " ".join(anywhere.service.health()["troubles"])  # type: ignore[arg-type]


def test_a_site_can_go_without(tmp_path: Path) -> None:
    config = a_site(tmp_path)
    with (config / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("\nremote_link: false\n")
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as place:
        key = reachable(place).report("HLP", {"Support plan": "Enterprise"})
        assert links(place, key) == []


FAULTS: dict[str, Callable[[Simulator], Any]] = {
    "500 before": lambda jira: jira.faults.error(500, times=2, **POST),
    "500 after": lambda jira: jira.faults.error(500, when="after", times=2, **POST),
    "dropped before": lambda jira: jira.faults.drop("before", times=2, **POST),
    "dropped after": lambda jira: jira.faults.drop("after", times=2, **POST),
    "429": lambda jira: jira.faults.rate_limit(30, times=2, **POST),
    "a page": lambda jira: jira.faults.html(times=2, **POST),
    "401 for a scope": lambda jira: jira.faults.error(
        401, times=1, body={"code": 401, "message": "Unauthorized; scope does not match"}, **POST
    ),
    "a firewall's page": lambda jira: jira.faults.add(
        status=403,
        body="<html><title>Blocked</title></html>",
        headers={"Content-Type": "text/html"},
        times=2,
        **POST,
    ),
    "504": lambda jira: jira.faults.error(504, times=3, **POST),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_through_every_fault_there_is_one_link_and_it_is_true(linking: World, fault: str) -> None:
    FAULTS[fault](linking.jira)
    key = linking.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    assert linking.fields(key)["SLA state"] == "running"
    linking.advance(timedelta(minutes=10))
    if fault != "401 for a scope":
        # That one is asked for again in an hour.
        assert shown(linking, key)[0] == "running.png"
    FAULTS[fault](linking.jira)
    linking.jira.add_comment(key, "We are on it.")
    linking.settle()
    linking.advance(timedelta(minutes=70))
    assert shown(linking, key)[0] == "met.png"
    assert linking.fields(key)["SLA state"] == "met"


def test_who_may_not_link_is_held_up_in_nothing_else(linking: World) -> None:
    linking.jira.deny(DUELINE, "LINK_ISSUES")
    key = linking.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    other = linking.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    assert linking.fields(key)["SLA state"] == linking.fields(other)["SLA state"] == "running"
    assert posts(linking) == 1, "the project's other issues are spared the question"
    troubles: Any = linking.service.health()["troubles"]
    assert "Permission" in troubles["links in HLP"]
    linking.advance(timedelta(minutes=40))
    assert len(linking.said(key)) == 2
    assert posts(linking) == 1
    linking.jira.denied.clear()
    linking.advance(timedelta(hours=3))
    assert shown(linking, key)[0] == "breached.png"
    assert shown(linking, other)[0] == "breached.png"


# --- where it leads to ----------------------------------------------------------------------------


@pytest.fixture
def page(linking: World) -> tuple[World, str, str]:
    key = linking.report("HLP", {"Support plan": "Enterprise", "summary": "Help"}, priority="High")
    address = str(link(linking, key)["object"]["url"])
    assert address.startswith(f"{PUBLIC}/explain/")
    return linking, key, address.removeprefix(PUBLIC)


def test_the_page_prints_what_explain_prints(page: tuple[World, str, str]) -> None:
    place, key, path = page
    answer = place.receiver.get(path)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert f"<h1>{key}</h1>" in answer.text
    assert "first_response" in answer.text
    assert "As promised, when it was promised:" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_nobody_finds_it_who_does_not_see_the_link(page: tuple[World, str, str]) -> None:
    place, key, path = page
    _, _, token, issue_id = path.split("/")
    other = place.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    for guess in (
        f"/explain/{token}/{place.jira.issue(other).id}",
        f"/explain/{token[:-1]}/{issue_id}",
        f"/explain/{'0' * 64}/{issue_id}",
        f"/explain/ü/{issue_id}",
        f"/explain/{token}/{key}",
        f"/explain/{token}/{issue_id}%00",
    ):
        assert place.receiver.get(guess).status_code == 404, guess
    assert len(token) == 64


@pytest.mark.parametrize("where", ["/issues/{}", "/api/issues/{}/sla"])
def test_a_stranger_does_not_learn_whether_there_is_an_issue(
    page: tuple[World, str, str], where: str
) -> None:
    place, key, _ = page

    def told(asked: str) -> list[str]:
        answer = place.receiver.get(where.format(asked))
        said = [answer.status, *map(str, answer.headers), answer.text]
        return [each.replace(asked, "KEY") for each in said]

    # To sign in is asked of everybody, before anything is looked up.
    known = told(key)
    assert known[0][:3] in ("302", "401")
    assert known == told(key[:-1] + "7")


def test_whoever_has_no_token_cannot_have_the_database_asked(
    page: tuple[World, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _, path = page
    assert place.receiver.get(path).status_code == 200
    _, _, token, issue_id = path.split("/")
    asked: list[object] = []
    monkeypatch.setattr(place.service.database, "read", asked.append)
    for guess in (f"{'0' * 64}/{issue_id}", f"x/{issue_id}%00", f"{token}/1%00", f"{token}/١"):
        assert place.receiver.get(f"/explain/{guess}").status_code == 404
    assert asked == []


def test_a_key_of_its_own_for_each_installation(
    page: tuple[World, str, str], tmp_path: Path
) -> None:
    place, _, path = page
    place.stop()
    place.begin_anew(tmp_path / "anew")
    place.start()
    assert place.receiver.get(path).status_code == 404


def test_icons_are_png_for_all(linking: World) -> None:
    for state in ("running", "paused", "breached", "met", "late", "none"):
        answer = linking.receiver.get(f"/states/{state}.png")
        assert (answer.status_code, answer.content_type) == (200, "image/png")
        assert answer.data.startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        assert struct.unpack(">II", answer.data[16:24]) == (16, 16)
        length, start = struct.unpack(">I", answer.data[33:37])[0], 41
        rows = zlib.decompress(answer.data[start : start + length])
        assert len(rows) == 16 * (1 + 16 * 4)
    assert linking.receiver.get("/states/unknown.png").status_code == 404

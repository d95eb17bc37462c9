"""Which issues there are to read: the query as it goes over the wire, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo, available_timezones

import pytest
import responses
from hypothesis import example, given
from hypothesis import strategies as st

from connector.base import Found, wall_time
from connector.client import ApiToken, Flavour, JiraClient, connect
from connector.errors import JiraRefused, JiraUnreachable

SITE = "https://jira.example"
FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
API = {"cloud": f"{SITE}/rest/api/3", "datacenter": f"{SITE}/rest/api/2"}
ORDER = "ORDER BY created ASC, key ASC"
AT = datetime(2026, 11, 20, 10, 5, 59, 999_999, tzinfo=UTC)


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    found: Flavour = request.param
    return found


@pytest.fixture
def client(flavour: Flavour) -> JiraClient:
    return made(flavour)


def made(flavour: Flavour, page_size: int = 100) -> JiraClient:
    client = connect(SITE, ApiToken("me@example.com", "token"), flavour=flavour)
    client._page_size = page_size
    return client


def lives_in(jira: responses.RequestsMock, flavour: Flavour, zone: object = "Etc/UTC") -> None:
    jira.get(f"{API[flavour]}/myself", json={"accountId": "712020:me", "timeZone": zone})


def shown(number: int, project: str = "BOT") -> dict[str, Any]:
    return {
        "id": str(10_000 + number),
        "key": f"{project}-{number}",
        "fields": {"project": {"key": project}, "updated": "2026-11-20T11:00:00.000+0100"},
    }


def answers(jira: responses.RequestsMock, flavour: Flavour, answer: object, **parts: Any) -> None:
    if flavour == "cloud":
        jira.post(f"{API[flavour]}/search/jql", json=answer, **parts)
    else:
        jira.get(f"{API[flavour]}/search", json=answer, **parts)


def finds(jira: responses.RequestsMock, flavour: Flavour, *issues: dict[str, Any]) -> None:
    """Answer a search with one page."""
    page = {"issues": list(issues)}
    rest = {"isLast": True} if flavour == "cloud" else {"startAt": 0, "total": len(issues)}
    answers(jira, flavour, {**page, **rest})


def asked(jira: responses.RequestsMock) -> list[dict[str, Any]]:
    """What each search asked for."""
    requests = [call.request for call in jira.calls]
    return [
        json.loads(request.body) if request.body else query_of(str(request.url))
        for request in requests
        if "/search" in str(request.url)
    ]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def numbers(pages: Iterator[list[Found]]) -> list[list[int]]:
    return [[int(found.issue_id) - 10_000 for found in page] for page in pages]


class TestUpdatedSince:
    def test_what_is_found(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        lives_in(jira, flavour)
        bare = {"id": 10_002, "key": "A_B-2"}
        finds(jira, flavour, shown(1), bare)
        (page,) = client.updated_since(AT)
        assert page == [
            Found("10001", "BOT-1", "BOT", datetime(2026, 11, 20, 10, tzinfo=UTC)),
            Found("10002", "A_B-2", "A_B", None),
        ]

    def test_nothing_found_is_no_page(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        lives_in(jira, flavour)
        finds(jira, flavour)
        assert list(client.updated_since(AT)) == []

    def test_cloud_pages_by_token(self, jira: responses.RequestsMock) -> None:
        lives_in(jira, "cloud")
        answers(jira, "cloud", {"issues": [shown(1)], "nextPageToken": "a", "isLast": False})
        answers(jira, "cloud", {"issues": [], "nextPageToken": "b"})
        answers(jira, "cloud", {"issues": [shown(2)], "nextPageToken": None})
        assert numbers(made("cloud", 1).updated_since(AT)) == [[1], [2]]
        query = {
            "jql": f'updated >= "2026-11-20 10:05" {ORDER}',
            "fields": ["project", "updated"],
            "maxResults": 1,
        }
        assert asked(jira) == [
            query,
            {**query, "nextPageToken": "a"},
            {**query, "nextPageToken": "b"},
        ]

    def test_data_center_pages_overlap(self, jira: responses.RequestsMock) -> None:
        lives_in(jira, "datacenter")
        for start in (0, 2, 4):
            page = [shown(number) for number in range(start, min(start + 3, 6))]
            answers(jira, "datacenter", {"issues": page, "startAt": start, "total": 6})
        assert numbers(made("datacenter", 3).updated_since(AT)) == [[0, 1, 2], [3, 4], [5]]
        queries = asked(jira)
        assert [query.pop("startAt") for query in queries] == ["0", "2", "4"]
        assert queries[0] == {
            "jql": f'updated >= "2026-11-20 10:05" {ORDER}',
            "fields": "project,updated",
            "maxResults": "3",
        }

    def test_data_center_may_give_less_than_asked_for(self, jira: responses.RequestsMock) -> None:
        lives_in(jira, "datacenter")
        for start in (0, 1, 2):
            page = [shown(number) for number in range(start, start + 2)]
            answers(jira, "datacenter", {"issues": page, "startAt": start, "total": 4})
        assert numbers(made("datacenter").updated_since(AT)) == [[0, 1], [2], [3]]

    def test_what_moves_up_unseen_is_looked_for_further_back(
        self, jira: responses.RequestsMock
    ) -> None:
        lives_in(jira, "datacenter")
        # After the first page the issues 0 to 2 leave; issue 3 moves from place 3 to place 0.
        for start, found, total in (
            (0, [0, 1, 2], 8), (2, [5, 6, 7], 5), (0, [3, 4, 5], 5), (2, [5, 6, 7], 5),
        ):  # fmt: skip
            page = [shown(number) for number in found]
            answers(jira, "datacenter", {"issues": page, "startAt": start, "total": total})
        pages = numbers(made("datacenter", 3).updated_since(AT))
        assert pages == [[0, 1, 2], [3, 4, 5], [6, 7]]

    def test_when_all_the_rest_has_gone_it_ends(self, jira: responses.RequestsMock) -> None:
        lives_in(jira, "datacenter")
        for start, found, total in ((0, [0, 1, 2], 8), (2, [], 2), (0, [0, 1], 2)):
            page = [shown(number) for number in found]
            answers(jira, "datacenter", {"issues": page, "startAt": start, "total": total})
        assert numbers(made("datacenter", 3).updated_since(AT)) == [[0, 1, 2]]

    def test_it_asks_nothing_before_the_first_page_is_wanted(self, client: JiraClient) -> None:
        with responses.RequestsMock():
            client.updated_since(AT)

    def test_an_instant_needs_its_offset(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        lives_in(jira, flavour)
        with pytest.raises(ValueError, match="no offset"):
            list(client.updated_since(datetime(2026, 11, 20)))  # noqa: DTZ001


class TestTheZone:
    @pytest.mark.parametrize(
        ("zone", "at", "written"),
        [
            ("Etc/UTC", AT, "2026-11-20 10:05"),
            ("America/New_York", AT, "2026-11-20 05:05"),
            ("Asia/Kathmandu", AT, "2026-11-20 15:50"),
            ("Pacific/Kiritimati", AT, "2026-11-21 00:05"),
            ("Europe/Berlin", datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "2026-03-29 01:59"),
            ("Europe/Berlin", datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "2026-03-29 03:00"),
            ("Europe/Berlin", datetime(2026, 10, 24, 23, 59, tzinfo=UTC), "2026-10-25 01:59"),
            ("Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 01:45"),
            ("Europe/Berlin", datetime(2026, 10, 25, 0, 59, tzinfo=UTC), "2026-10-25 01:59"),
            ("Europe/Berlin", datetime(2026, 10, 25, 1, 0, tzinfo=UTC), "2026-10-25 02:00"),
            ("Europe/Berlin", datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30"),
            ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 45, tzinfo=UTC), "2026-04-05 01:15"),
        ],
    )
    def test_an_instant_is_written_as_the_account_reads_it(
        self,
        jira: responses.RequestsMock,
        client: JiraClient,
        flavour: Flavour,
        zone: str,
        at: datetime,
        written: str,
    ) -> None:
        lives_in(jira, flavour, zone)
        finds(jira, flavour)
        assert list(client.updated_since(at)) == []
        assert asked(jira)[0]["jql"] == f'updated >= "{written}" {ORDER}'

    @pytest.mark.parametrize("zone", [None, "", 7, "Mars/Olympus", "../etc/passwd", "Europe", "\0"])
    def test_without_a_zone_it_goes_back_as_far_as_any(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, zone: object
    ) -> None:
        lives_in(jira, flavour, zone)
        finds(jira, flavour)
        assert list(client.updated_since(AT)) == []
        assert asked(jira)[0]["jql"] == f'updated >= "2026-11-19 22:05" {ORDER}'

    def test_it_is_asked_for_each_time(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        for zone in ("Etc/UTC", "Europe/Berlin"):
            lives_in(jira, flavour, zone)
            finds(jira, flavour)
        written = []
        for _ in range(2):
            list(client.updated_since(AT))
            written.append(asked(jira)[-1]["jql"][11:29])
        assert written == ['"2026-11-20 10:05"', '"2026-11-20 11:05"']

    @given(
        at=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
        name=st.sampled_from(sorted(available_timezones())),
    )
    @example(datetime(2011, 12, 30, 12), "Pacific/Apia")  # noqa: DTZ001
    @example(datetime(2026, 10, 25, 0, 0, 1), "Europe/Berlin")  # noqa: DTZ001
    def test_no_reading_is_later_than_the_instant(self, at: datetime, name: str) -> None:
        instant, zone = at.replace(tzinfo=UTC), ZoneInfo(name)
        written = datetime.fromisoformat(wall_time(instant, zone))
        readings = [written.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
        assert max(readings) <= instant
        assert instant - min(readings) < timedelta(hours=2, minutes=16)
        # A time that clocks skip is refused by Jira.
        assert readings[0].astimezone(zone).replace(tzinfo=None) == written


class TestOpenIssues:
    def jql(self, project: str) -> str:
        return f'project = "{project}" AND statusCategory != Done {ORDER}'

    def test_one_project_after_another(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        for project in ("AND", "BOT"):
            finds(jira, flavour, shown(1, project))
        found = [page[0].issue_key for page in client.open_issues(["BOT", "AND", "BOT"])]
        assert found == ["AND-1", "BOT-1"]
        assert [query["jql"] for query in asked(jira)] == [self.jql("AND"), self.jql("BOT")]

    def test_a_name_cannot_leave_its_quotes(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        finds(jira, flavour)
        list(client.open_issues(['A" OR key != "\\']))
        assert asked(jira)[0]["jql"] == self.jql('A\\" OR key != \\"\\\\')

    def test_a_project_that_is_not_there_stops_no_other(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        refusal = "The value 'AAA' does not exist for the field 'project'."
        answers(jira, flavour, {"errorMessages": [refusal]}, status=400)
        jira.get(f"{API[flavour]}/project/AAA", status=404, json={})
        finds(jira, flavour, shown(1))
        assert numbers(client.open_issues(["AAA", "BOT"])) == [[1]]

    @pytest.mark.parametrize("status", [200, 403, 500])
    def test_any_other_refusal_is_one(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, status: int
    ) -> None:
        answers(jira, flavour, {"errorMessages": ["No."]}, status=400)
        jira.get(f"{API[flavour]}/project/BOT", status=status, json={"key": "BOT"})
        with pytest.raises(JiraRefused):
            list(client.open_issues(["BOT"]))

    def test_issues_of_a_project_of_that_name_are_left_out(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        finds(jira, flavour, shown(1, "NEW"))
        assert list(client.open_issues(["OLD"])) == []

    def test_no_project_no_call(self, client: JiraClient) -> None:
        with responses.RequestsMock():
            assert list(client.open_issues([])) == []


class TestStrangeAnswers:
    @pytest.mark.parametrize(
        "answer",
        [
            [],
            {},
            {"issues": {}},
            {"issues": ["x"]},
            {"issues": [{"id": "10001"}], "total": 1},
            {"issues": [{"key": "BOT-1"}], "total": 1},
        ],
    )
    def test_an_answer_without_issues_is_an_error(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, answer: object
    ) -> None:
        lives_in(jira, flavour)
        answers(jira, flavour, answer)
        with pytest.raises(JiraRefused, match=r"reading what was updated .*an answer that"):
            list(client.updated_since(AT))

    @pytest.mark.parametrize(
        "rest", [{"isLast": False}, {"nextPageToken": 7}, {"nextPageToken": "a", "isLast": False}]
    )
    def test_cloud_without_a_way_on(
        self, jira: responses.RequestsMock, rest: dict[str, object]
    ) -> None:
        lives_in(jira, "cloud")
        answers(jira, "cloud", {"issues": [shown(1)], **rest})
        with pytest.raises(JiraRefused, match="token"):
            list(made("cloud").updated_since(AT))

    @pytest.mark.parametrize(
        "rest", [{"total": 2}, {"total": None}, {"total": "1"}, {"total": 9, "startAt": 5}]
    )
    def test_data_center_without_a_way_on(
        self, jira: responses.RequestsMock, rest: dict[str, object]
    ) -> None:
        lives_in(jira, "datacenter")
        answers(jira, "datacenter", {"issues": [shown(1)], **rest})
        with pytest.raises(JiraRefused, match="page"):
            list(made("datacenter").updated_since(AT))

    def test_a_search_that_was_removed(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        lives_in(jira, flavour)
        gone = {"errorMessages": ["The requested API has been removed."]}
        answers(jira, flavour, gone, status=410)
        with pytest.raises(JiraRefused, match="newer version of Dueline"):
            list(client.updated_since(AT))

    @pytest.mark.parametrize("status", [500, 502])
    def test_a_search_changes_nothing_so_nothing_is_uncertain(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, status: int
    ) -> None:
        lives_in(jira, flavour)
        answers(jira, flavour, {}, status=status)
        with pytest.raises((JiraRefused, JiraUnreachable)):
            list(client.updated_since(AT))

    @pytest.mark.parametrize("answer", [[], {}, {"comments": None}, {"comments": {}}])
    def test_a_history_is_whole_or_not_read(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, answer: object
    ) -> None:
        fields = {"created": "2026-11-20T09:00:00Z", "project": {"projectTypeKey": "software"}}
        issue = {"id": "10001", "key": "A-1", "fields": fields}
        texts = f"{SITE}/rest/api/2/issue"
        jira.get(f"{texts}/A-1", json=issue)
        if flavour == "cloud":
            page = {"values": [], "isLast": True}
            jira.get(f"{API[flavour]}/issue/10001/changelog", json=page)
        first = [{"id": str(number), "created": "2026-11-20T09:10:00Z"} for number in range(100)]
        jira.get(f"{texts}/10001/comment", json={"comments": first, "total": 150})
        jira.get(f"{texts}/10001/comment", json=answer)
        with pytest.raises(JiraRefused, match="without comments"):
            client.read_history("A-1")

"""The main paths through the pages: by keyboard alone, without scripts, and under attack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Dialog, expect
from sqlalchemy import update

from sla.store import sign_ins
from sla.store.schema import sayings
from tests.browser.browsing import overheard, signed_in
from tests.browser.conftest import Shown
from tests.browser.keyboard import Keyboard
from tests.browser.showcase import TOKEN


@pytest.fixture(params=[True, False], ids=["scripts", "no-scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs any: every path is there without."""
    return bool(request.param)


@contextmanager
def outside(chrome: Browser, url: str, *, scripts: bool = True) -> Iterator[Keyboard]:
    """Somebody who has not signed in."""
    context = chrome.new_context(
        base_url=url, java_script_enabled=scripts, reduced_motion="reduce",
        viewport={"width": 1280, "height": 900},
    )  # fmt: skip
    context.set_default_timeout(15_000)
    try:
        yield Keyboard(context.new_page())
    finally:
        context.close()


def sign_in(keyboard: Keyboard) -> None:
    """With the token, by keyboard."""
    keyboard.type(keyboard.page.get_by_label("Administrator's token"), TOKEN)
    keyboard.page.keyboard.press("Enter")


def end_sessions(shown: Shown) -> None:
    """As when every session was too old."""
    shown.world.service.database.write(lambda c: sign_ins.end_all(c, "default"))


def test_from_signing_in_to_a_question_and_out(
    chrome: Browser, shown: Shown, scripts: bool
) -> None:
    with outside(chrome, shown.url, scripts=scripts) as keyboard:
        page = keyboard.page
        page.goto("/board?project=BIT")
        expect(page).to_have_url(re.compile("/sign-in"))
        sign_in(keyboard)
        expect(page).to_have_url(re.compile(r"/board\?project=BIT"))

        keyboard.type(page.get_by_label("Issue key, or a part of it"), "IT-1")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("key=IT-1"))
        keyboard.press(page.get_by_role("rowheader").get_by_role("link", name="BIT-1").first)
        expect(page).to_have_url(re.compile("/issues/BIT-1"))

        severity = page.locator(".what-if select[name=severity]")
        keyboard.to(severity)
        page.keyboard.press("End")
        chosen = severity.input_value()
        assert chosen
        keyboard.press(page.get_by_role("button", name="Work it out"))
        expect(page.locator("#what-if-answer")).to_contain_text(chosen)
        expect(page).to_have_url(re.compile("severity="))

        keyboard.press(page.get_by_role("button", name="Sign out"), back=True)
        expect(page).to_have_url(re.compile("/sign-in"))
        page.goto("/board")
        expect(page).to_have_url(re.compile("/sign-in"))


def test_what_was_given_up_is_tried_again(chrome: Browser, changed: Shown, scripts: bool) -> None:
    gave_up = (
        update(sayings)
        .where(sayings.c.id == 1)
        .values(state="given_up", try_at=None, error="Jira answered 403.")
    )
    changed.world.service.database.write(lambda c: c.execute(gave_up))
    with signed_in(chrome, changed.url, scripts=scripts) as page:
        keyboard = Keyboard(page)
        page.goto("/audit")
        keyboard.press(page.get_by_role("link", name="See what to do"))
        expect(page).to_have_url(re.compile("/health$"))
        again = page.get_by_role("button", name=re.compile("^Try again .* comment"))
        left = again.count()
        keyboard.press(again.first)
        expect(page.get_by_role("status")).to_contain_text("It is tried again within seconds.")
        expect(again).to_have_count(left - 1)
        keyboard.press(page.get_by_role("link", name="Audit log"))
        expect(page.get_by_role("row", name=re.compile("tried again")).first).to_be_visible()


def test_a_webhook_is_looked_at_and_dismissed(chrome: Browser, changed: Shown) -> None:
    with signed_in(chrome, changed.url) as page:
        keyboard = Keyboard(page)
        page.goto("/health")
        keyboard.press(page.get_by_role("link", name=re.compile(r"^Delivery \d+$")).first)
        expect(page.get_by_role("region", name="What Jira sent")).to_be_visible()
        keyboard.press(page.get_by_role("button", name="Dismiss it"))
        expect(page.get_by_role("status")).to_contain_text("is dismissed")


def test_a_calendar_says_when(chrome: Browser, shown: Shown, scripts: bool) -> None:
    with signed_in(chrome, shown.url, scripts=scripts) as page:
        keyboard = Keyboard(page)
        keyboard.press(page.get_by_role("link", name="Calendars"))
        expect(page).to_have_url(re.compile("/calendars$"))
        keyboard.press(page.get_by_role("main").get_by_role("link").first)
        keyboard.type(page.get_by_label("Start"), "2024-07-10 09:00")
        keyboard.type(page.get_by_label("Target"), "8h")
        page.keyboard.press("Enter")
        expect(page.locator(".due-answer")).to_contain_text("Due")
        keyboard.type(page.get_by_label("Start"), "yesterday-ish")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_be_visible()
        expect(page.get_by_label("Start")).to_have_value("yesterday-ish")


def test_a_mapping_is_changed_looked_at_and_published(chrome: Browser, changed: Shown) -> None:
    with signed_in(chrome, changed.url) as page:
        keyboard = Keyboard(page)
        keyboard.press(page.get_by_role("link", name="Mapping"))
        keyboard.press(page.get_by_role("rowheader").get_by_role("link", name="BIT", exact=True))
        cell = page.locator("select[name=cell-0-0]")
        keyboard.to(cell)
        page.keyboard.press("ArrowRight")
        expect(page.locator("select[name=cell-0-1]")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(cell).to_be_focused()
        before = cell.input_value()
        page.keyboard.press("End")
        if cell.input_value() == before:
            page.keyboard.press("Home")
        chosen = cell.input_value()
        assert chosen != before
        keyboard.press(page.get_by_role("button", name=re.compile("^Save in")))
        expect(page.locator("select[name=cell-0-0]")).to_have_value(chosen)
        keyboard.press(page.get_by_role("link", name=re.compile("^Preview and publish")))
        keyboard.press(page.get_by_role("button", name="Work out the preview"))
        expect(page.get_by_label("Why it is published")).to_be_visible(timeout=60_000)
        keyboard.to(page.get_by_role("radio", name=re.compile("^stay as promised")))
        page.keyboard.press("Space")
        keyboard.type(page.get_by_label("Why it is published"), "Another table")
        keyboard.press(page.get_by_role("button", name="Publish it"))
        expect(page.get_by_role("status").first).to_contain_text("is in force")
        expect(page.get_by_role("cell", name="Another table")).to_be_visible()


def test_a_mapping_is_not_left_unsaved_unasked(chrome: Browser, shown: Shown) -> None:
    with signed_in(chrome, shown.url) as page:
        asked: list[str] = []

        def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            dialog.dismiss()

        page.on("dialog", stay)
        board = page.get_by_role("link", name="Board", exact=True)
        page.goto("/mapping/BTL?draft=in-force")
        board.click()
        page.wait_for_url("**/board*")
        assert asked == []
        page.goto("/mapping/BTL?draft=in-force")
        page.get_by_label("error-urgent", exact=True).first.fill("3h")
        board.click(no_wait_after=True)
        page.wait_for_function("true")
        assert asked == ["beforeunload"]
        assert "/mapping/BTL" in page.url


def test_a_customers_month_is_printed(chrome: Browser, shown: Shown, scripts: bool) -> None:
    with signed_in(chrome, shown.url, scripts=scripts) as page:
        keyboard = Keyboard(page)
        keyboard.press(page.get_by_role("link", name="Reports"))
        expect(page).to_have_url(re.compile("/reports"))
        keyboard.press(page.get_by_role("main").get_by_role("link", name=re.compile("statement")))
        customer = page.locator("#statement-customers option").first.get_attribute("value")
        assert customer
        keyboard.type(page.get_by_label("Customer", exact=True), customer)
        page.keyboard.press("Escape")
        keyboard.press(page.get_by_role("button", name="Show the statement"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("Service level statement")
        expect(page.get_by_role("main")).to_contain_text(customer)


def test_the_first_stop_leads_past_the_navigation(chrome: Browser, shown: Shown) -> None:
    with signed_in(chrome, shown.url) as page:
        for path in ("/board", "/health", "/audit"):
            page.goto(path)
            keyboard = Keyboard(page)
            keyboard.press(page.get_by_role("link", name="Skip to the content"))
            expect(page.get_by_role("main")).to_be_focused()
            page.keyboard.press("Tab")
            assert page.evaluate(
                "document.querySelector('main').contains(document.activeElement)"
            ), path


def test_what_is_new_takes_the_focus_from_nobody(chrome: Browser, changed: Shown) -> None:
    with signed_in(chrome, changed.url) as page:
        keyboard = Keyboard(page)
        page.goto("/board")
        first = page.get_by_role("rowheader").get_by_role("link", name="BIT-1").first
        keyboard.to(first)
        key = changed.world.report("BIT", {"summary": "Something new"})
        page.evaluate("htmx.trigger(document.querySelector('[data-live]'), 'look')")
        expect(page.get_by_role("link", name=key, exact=True).first).to_be_visible()
        expect(first).to_be_focused()
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("/issues/BIT-1$"))


def test_light_and_dark_are_switched_and_stay(chrome: Browser, shown: Shown) -> None:
    with signed_in(chrome, shown.url, theme="light") as page:
        keyboard = Keyboard(page)

        def colour() -> str:
            return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

        light = colour()
        keyboard.press(page.get_by_role("button", name="Dark"))
        expect(page.get_by_role("button", name="Light")).to_be_focused()
        dark = colour()
        assert dark != light
        page.goto("/health")
        assert colour() == dark
        keyboard.press(page.get_by_role("button", name="Light"))
        assert colour() == light


def test_nothing_that_stands_in_an_issue_is_run(chrome: Browser, shown: Shown) -> None:
    (found,) = [
        each for each in shown.world.jira.search('summary ~ "more" ORDER BY created DESC')
        if "<script>" in str(each)
    ][:1]  # fmt: skip
    with signed_in(chrome, shown.url) as page:
        told = overheard(page)
        issue = f"/issues/{found.key}"
        for path in (issue, "/board?key=<script>alert(1)</script>",
                     "/audit?actor=\"><img src=x onerror=alert(1)>"):  # fmt: skip
            page.goto(path)
            assert page.evaluate("window.violations") == [], path
        page.goto(issue)
        assert '<script>alert("no")</script>' in page.get_by_role("main").inner_text()
        assert page.locator("main script").count() == 0
        assert told == []


def test_a_session_that_ended_loses_nothing(chrome: Browser, changed: Shown) -> None:
    with signed_in(chrome, changed.url) as page:
        keyboard = Keyboard(page)
        page.goto("/versions")
        keyboard.type(page.get_by_label("What the change is about"), "Shorter goals")
        end_sessions(changed)
        page.keyboard.press("Enter")
        title = page.get_by_role("heading", level=1)
        expect(title).to_have_text("Your session has ended")
        with page.context.expect_page() as opened:
            keyboard.press(page.get_by_role("link", name="Sign in in another tab"))
        sign_in(Keyboard(opened.value))
        expect(opened.value).to_have_url(re.compile("/board"))
        opened.value.close()
        keyboard.press(page.get_by_role("button", name="Send again"))
        # The token of the form is of the session before: it is asked once more.
        expect(title).to_have_text(re.compile("Send this once more|Draft"))
        if title.inner_text() == "Send this once more":
            keyboard.press(page.get_by_role("button", name="Send again"))
        expect(page).to_have_url(re.compile(r"/drafts/\d+"))
        assert "Shorter goals" in page.get_by_role("main").inner_text()


def test_a_board_whose_session_ended_leads_to_the_form_and_back(
    chrome: Browser, changed: Shown
) -> None:
    with signed_in(chrome, changed.url) as page:
        page.goto("/board?project=BIT")
        end_sessions(changed)
        page.evaluate("htmx.trigger(document.querySelector('[data-live]'), 'look')")
        expect(page).to_have_url(re.compile("/sign-in"))
        sign_in(Keyboard(page))
        expect(page).to_have_url(re.compile(r"/board\?project=BIT"))

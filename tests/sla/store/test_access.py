"""Sessions and tokens of the console in both kinds of database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from sla.store import api_tokens, sign_ins
from sla.store.database import Database

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def begin(database: Database, site: str, hash_: str, at: datetime) -> None:
    database.write(
        lambda c: sign_ins.begin(
            c, site, hash_, '{"id": "ada"}', "door", now=at, expires_at=at + 10 * HOUR
        )
    )


def there(database: Database, *hashes: str, site: str = "here") -> list[bool]:
    find = partial(sign_ins.found, site=site)
    return [database.read(partial(find, hash_=each)) is not None for each in hashes]


def test_a_session_is_found_by_its_hash_at_its_own_site(database: Database) -> None:
    begin(database, "here", "a", NOW)
    found = database.read(lambda c: sign_ins.found(c, "here", "a"))
    assert found == sign_ins.SignIn('{"id": "ada"}', "door", NOW, NOW + 10 * HOUR)
    assert there(database, "a", "b") == [True, False]
    assert there(database, "a", site="elsewhere") == [False]
    database.write(lambda c: sign_ins.seen(c, "a", NOW + HOUR))
    seen = database.read(lambda c: sign_ins.found(c, "here", "a"))
    assert seen
    assert seen.seen_at == NOW + HOUR
    database.write(lambda c: sign_ins.end(c, "a"))
    assert there(database, "a") == [False]


def test_what_is_over_is_forgotten_and_nothing_else(database: Database) -> None:
    begin(database, "here", "ended", NOW - 10 * HOUR)
    begin(database, "here", "idle", NOW - 2 * HOUR)
    begin(database, "here", "good", NOW - HOUR)
    begin(database, "elsewhere", "theirs", NOW - 10 * HOUR)
    database.write(lambda c: sign_ins.seen(c, "ended", NOW))
    database.write(lambda c: sign_ins.forget_ended(c, "here", NOW, NOW - 2 * HOUR))
    assert there(database, "ended", "idle", "good") == [False, False, True]
    assert there(database, "theirs", site="elsewhere") == [True]
    assert database.write(lambda c: sign_ins.end_all(c, "here")) == 1
    assert there(database, "theirs", site="elsewhere") == [True]


def test_a_token_is_good_until_it_ends_or_is_revoked(database: Database) -> None:
    def make(hash_: str, expires_at: datetime | None) -> api_tokens.ApiToken:
        return database.write(
            lambda c: api_tokens.make(
                c, "here", hash_, f"name of {hash_}", "viewer",
                made_by="Ada", owner="oidc:ada", now=NOW, expires_at=expires_at,
            )
        )  # fmt: skip

    ever, ends = make("a", None), make("b", NOW + HOUR)
    assert database.read(lambda c: api_tokens.found(c, "here", "a")) == ever
    assert database.read(lambda c: api_tokens.found(c, "elsewhere", "a")) is None
    assert database.read(lambda c: api_tokens.found(c, "here", "c")) is None
    assert [each.is_good(NOW + HOUR) for each in (ever, ends)] == [True, False]
    database.write(lambda c: api_tokens.used(c, ever.id, NOW + HOUR))
    assert database.write(lambda c: api_tokens.revoke(c, "elsewhere", ever.id, NOW)) is None
    revoked = database.write(lambda c: api_tokens.revoke(c, "here", ever.id, NOW))
    assert revoked
    assert (revoked.used_at, revoked.is_good(NOW)) == (NOW + HOUR, False)
    assert database.write(lambda c: api_tokens.revoke(c, "here", ever.id, NOW)) is None
    assert database.read(lambda c: api_tokens.listed(c, "here", 10)) == [ends, revoked]
    assert database.read(lambda c: api_tokens.listed(c, "here", 1)) == [ends]

"""Where a person is signed in: listed on their account, and ended from there."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from dashboard import last_seen
from dashboard.user_agents import device_name
from releases.models import Event, User, UserSession
from releases.services import sessions
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words

pytestmark = pytest.mark.django_db

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
DESK = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def cho() -> User:
    return factory.on_call()


def device(user_agent: str, username: str = "cho", address: str = "192.0.2.7") -> Client:
    """Sign in with the password, on a device."""
    client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    answer = client.post("/login", {"username": username, "password": "correct horse battery"})
    assert answer.status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def forget_looks() -> None:
    """Be another process, which has seen none of the sessions yet."""
    last_seen._looked_at.clear()


def test_each_device_is_listed_with_its_name_address_and_times_and_this_one_is_marked(cho: User) -> None:
    phone = device(PHONE, address="198.51.100.9")
    device(DESK)
    page = words(phone.get("/account"))
    assert "Safari on iPhone S-" in page
    assert "this device Signed in 0 s ago" in page
    assert "Firefox on Linux S-" in page
    assert "from 198.51.100.9" in page
    assert "from 192.0.2.7" in page
    assert page.count("this device") == 1


def test_the_key_of_a_session_is_on_no_page(cho: User) -> None:
    phone = device(PHONE)
    source = phone.get("/account").content.decode()
    assert not [key for key in Session.objects.values_list("pk", flat=True) if key in source]


def test_one_other_session_is_ended_at_once_and_the_book_says_so(cho: User) -> None:
    phone, desk, tablet = device(PHONE), device(DESK), device("curl/8")
    other = UserSession.objects.get(user_agent=DESK)
    answer = phone.post(f"/account/sessions/{other.pk}/end")
    assert (answer.status_code, answer["Location"]) == (303, "/account#sessions-heading")
    assert [is_signed_in(each) for each in (phone, desk, tablet)] == [True, False, True]
    event = Event.objects.get()
    assert (event.action, event.actor, event.object_tag) == ("session:ended", "Cho Park", cho.tag)
    assert event.payload["details"] == {"sessions": [f"{other.tag}: {DESK}"]}


def test_a_second_press_changes_nothing_and_leaves_no_event(cho: User) -> None:
    phone, _ = device(PHONE), device(DESK)
    other = UserSession.objects.get(user_agent=DESK)
    for _ in range(2):
        assert phone.post(f"/account/sessions/{other.pk}/end").status_code == 303
    assert Event.objects.count() == 1


def test_all_others_are_ended_with_one_press_and_this_one_stays(cho: User) -> None:
    phone, desk, tablet = device(PHONE), device(DESK), device("curl/8")
    phone.post("/account/sessions/end")
    assert [is_signed_in(each) for each in (phone, desk, tablet)] == [True, False, False]
    assert len(Event.objects.get().payload["details"]["sessions"]) == 2


def test_the_book_names_so_many_of_them_and_counts_the_rest(cho: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "NAMED", 1)
    phone, _, _ = device(PHONE), device(DESK), device("curl/8")
    phone.post("/account/sessions/end")
    named, rest = Event.objects.get().payload["details"]["sessions"]
    assert (named[:2], rest) == ("S-", "and 1 more")


def test_ending_many_takes_no_more_statements_than_ending_two(cho: User) -> None:
    phone = device(PHONE)

    def many(number: int) -> int:
        for _ in range(number):
            store = SessionStore()
            store.create()
            UserSession.objects.create(user=cho, session_id=store.session_key, last_seen_at=timezone.now())
        used = queries_of(lambda: phone.post("/account/sessions/end"))
        assert UserSession.objects.count() == Session.objects.count() == 1
        return used

    many(1)
    assert many(2) == many(60)
    assert len(Event.objects.latest("seq").payload["details"]["sessions"]) == sessions.NAMED + 1


def test_this_session_is_not_ended_by_its_number(cho: User) -> None:
    phone = device(PHONE)
    phone.post(f"/account/sessions/{UserSession.objects.get().pk}/end")
    assert is_signed_in(phone)
    assert not Event.objects.exists()


def test_somebody_elses_session_is_neither_listed_nor_ended(cho: User) -> None:
    """C27"""
    factory.lead()
    phone, hers = device(PHONE), device(DESK, "ana")
    assert "Firefox on Linux" not in words(phone.get("/account"))
    phone.post(f"/account/sessions/{UserSession.objects.get(user__username='ana').pk}/end")
    phone.post("/account/sessions/end")
    assert is_signed_in(hers)


def test_signing_out_takes_the_session_off_the_list(cho: User) -> None:
    phone = device(PHONE)
    phone.post("/logout")
    assert not UserSession.objects.exists()


def test_somebody_else_who_signs_in_on_the_same_device_has_a_session_of_their_own(cho: User) -> None:
    phone = device(PHONE)
    phone.force_login(factory.lead())
    assert [session.user.username for session in UserSession.objects.all()] == ["ana"]
    assert is_signed_in(phone)


def test_an_expired_session_is_not_listed_and_the_sweep_removes_it(cho: User) -> None:
    phone, _ = device(PHONE), device(DESK)
    old = UserSession.objects.get(user_agent=DESK).session_id
    Session.objects.filter(pk=old).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert "Firefox" not in words(phone.get("/account"))
    sessions.forget_expired()
    assert [session.user_agent for session in UserSession.objects.all()] == [PHONE]
    assert is_signed_in(phone)


def test_the_sweep_removes_so_many_expired_ones_at_once_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "FORGOTTEN_AT_ONCE", 2)
    ended = timezone.now()
    for age in (1, 3, 2):
        Session.objects.create(session_key=f"{age} days", expire_date=ended - timedelta(days=age))
    sessions.forget_expired()
    assert [session.pk for session in Session.objects.all()] == ["1 days"]


def test_a_session_is_kept_for_thirty_days(cho: User) -> None:
    device(PHONE)
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_a_request_writes_nothing_while_the_last_look_is_fresh(cho: User) -> None:
    phone = device(PHONE)
    first = queries_of(lambda: phone.get("/account"))
    forget_looks()
    before = UserSession.objects.get().last_seen_at
    phone.get("/account")
    assert UserSession.objects.get().last_seen_at == before
    assert queries_of(lambda: phone.get("/account")) == first


def test_after_some_minutes_it_is_kept_when_and_from_where_it_was_used(cho: User) -> None:
    phone = device(PHONE)
    UserSession.objects.update(last_seen_at=timezone.now() - sessions.SEEN_EVERY)
    forget_looks()
    phone.get("/account", REMOTE_ADDR="203.0.113.5")
    seen = UserSession.objects.get()
    assert timezone.now() - seen.last_seen_at < timedelta(seconds=30)
    assert seen.address == "203.0.113.5"


def test_a_session_from_before_they_were_kept_is_listed_from_its_next_request_on(cho: User) -> None:
    phone = device(PHONE)
    UserSession.objects.all().delete()
    forget_looks()
    phone.get("/")
    assert "this device Signed in not known" in words(phone.get("/account"))


def test_a_session_that_was_ended_meanwhile_does_not_come_back(cho: User) -> None:
    device(PHONE)
    key = Session.objects.get().pk
    Session.objects.all().delete()
    sessions.note_seen(cho, key, user_agent=PHONE, address="192.0.2.7", now=timezone.now())
    assert not UserSession.objects.exists()


def test_a_database_that_takes_no_writes_keeps_nobody_from_reading(cho: User, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = device(PHONE)
    forget_looks()

    def full(*_: Any, **__: Any) -> None:
        raise DatabaseError("disk full")

    monkeypatch.setattr(last_seen, "note_seen", full)
    assert is_signed_in(phone)


def test_what_a_process_remembers_is_bounded(cho: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_seen, "REMEMBERED", 2)
    for agent in (PHONE, DESK, "curl/8"):
        device(agent)
    assert len(last_seen._looked_at) <= 2


def test_a_new_password_ends_the_sessions_that_began_with_the_old_one(cho: User) -> None:
    phone = device(PHONE)
    cho.set_password("another horse battery")
    cho.save()
    assert not is_signed_in(phone)
    assert SESSION_KEY not in phone.session


@pytest.mark.parametrize("told", ["", "\x1b[31m<b>\u202e" * 200])
def test_a_device_that_tells_nothing_or_nonsense_is_listed_too(cho: User, told: str) -> None:
    phone = device(told)
    assert "A device that is not known" in words(phone.get("/account"))


def test_the_number_of_queries_does_not_grow_with_the_devices(cho: User) -> None:
    browser = signed_in(cho)
    few = queries_of(lambda: browser.get("/account"))
    for _ in range(5):
        signed_in(cho)
    assert queries_of(lambda: browser.get("/account")) == few


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (PHONE, "Safari on iPhone"),
        (DESK, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0", "Edge on Windows"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.1 Safari/605.1.15", "Safari on Mac"),
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/140.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "curl"),
        ("", "A device that is not known"),
    ],
)
def test_a_device_is_called_what_its_person_calls_it(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name

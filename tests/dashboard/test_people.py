"""Who there is: listed, added, put in groups and taken out, and their accounts closed, by whoever manages people."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from releases.actor import Actor
from releases.models import ApiToken, Event, Membership, User
from releases.services.tokens import create_token
from tests import factory
from tests.dashboard.pages import queries_of, sign_in_again, signed_in, words

pytestmark = pytest.mark.django_db

NEW = {"username": "dee", "first_name": "Dee", "last_name": "Lang", "group": "on-call", "service": ""}
TERMINAL = Actor(name="root (system user)", via="command line")


@pytest.fixture
def ana() -> User:
    return factory.lead()


@pytest.fixture
def browser(ana: User) -> Client:
    return signed_in(ana)


def link_on(answer: Any) -> str:
    """Return the path of the link that a page shows."""
    found = re.search(r"http://testserver(/password/[^\s<\"]+)", answer.content.decode())
    assert found
    return found[1]


def choose(link: str, typed: str, again: str | None = None, client: Client | None = None) -> Any:
    """Open a link and choose a password."""
    client = client or Client()
    opened = client.get(link)
    if opened.status_code != 302:
        return opened
    return client.post(opened["Location"], {"new_password": typed, "again": typed if again is None else again})


def actions() -> list[str]:
    return list(Event.objects.order_by("seq").values_list("action", flat=True))


# --- The list ---------------------------------------------------------------------------------------------------------


def test_everybody_is_listed_with_groups_last_sign_in_and_account(browser: Client) -> None:
    factory.person("cho", "on-call", factory.service("archive"))
    factory.person("lee", "auditor", is_active=False)
    page = words(browser.get("/people"))
    assert "Cho Park cho on-call of archive never open" in page
    assert "Lee Novak lee auditor never closed" in page
    assert re.search(r"Ana Ruiz ana lead \d+ s ago · \d\d:\d\d UTC open", page)


def test_the_list_is_searched_by_any_part_of_a_name(browser: Client) -> None:
    factory.on_call()
    page = words(browser.get("/people?q=park+CHO"))
    assert "Cho Park" in page
    assert "Ana Ruiz ana" not in page
    assert "Nobody has zoe in their name" in words(browser.get("/people?q=zoe"))


def test_many_people_stand_on_several_pages(browser: Client) -> None:
    User.objects.bulk_create(User(username=f"p{number:03}") for number in range(60))
    first = browser.get("/people")
    assert "p048" in words(first)
    assert "p050" not in words(first)
    further = words(browser.get("/people?after=p048"))
    assert "p059" in further
    assert "From the beginning" in further


@pytest.mark.parametrize("query", ["q=%00", "after=%00", "q=" + "x" * 5000])
def test_nonsense_in_the_address_is_answered(browser: Client, query: str) -> None:
    assert browser.get(f"/people?{query}").status_code == 200


def test_the_number_of_queries_does_not_grow_with_the_people(browser: Client) -> None:
    few = queries_of(lambda: browser.get("/people"))
    for number in range(10):
        factory.person(f"p{number}", "viewer")
    assert queries_of(lambda: browser.get("/people")) == few
    assert few <= 5


def test_whoever_manages_nobody_reads_whom_to_ask_and_has_no_link_there(ana: User) -> None:
    cho = signed_in(factory.on_call())
    answer = cho.get("/people")
    assert answer.status_code == 403
    assert "Ana Ruiz" in words(answer)
    assert 'href="/people"' not in cho.get("/account").content.decode()


# --- Adding somebody --------------------------------------------------------------------------------------------------


def test_a_person_is_added_and_chooses_a_password_by_a_link_that_is_shown_once(browser: Client) -> None:
    answer = browser.post("/people/new", NEW)
    assert answer.status_code == 200
    dee = User.objects.get(username="dee")
    assert (dee.name, dee.held, dee.has_usable_password()) == ("Dee Lang", [("on-call", "")], False)
    assert actions() == ["person:created", "person:password_link_made"]
    link = link_on(answer)
    assert link not in str([event.payload for event in Event.objects.all()])
    client = Client()
    assert "For Dee Lang , who signs in as dee ." in words(client.get(link, follow=True))
    chosen = choose(link, "correct horse battery", client=client)
    assert (chosen.status_code, chosen["Location"]) == (303, "/login")
    assert client.post("/login", {"username": "dee", "password": "correct horse battery"}).status_code == 302
    assert actions()[-1] == "person:password_chosen"


@pytest.mark.parametrize("username", ["ANA", "\uff41\uff4e\uff41"])
def test_a_name_that_would_be_taken_for_another_is_refused_with_that_one(browser: Client, username: str) -> None:
    """C4"""
    answer = browser.post("/people/new", NEW | {"username": username})
    assert answer.status_code == 409
    assert "Somebody is there as ana." in words(answer)
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": ""}, "username is missing."),
        ({"username": "x" * 81}, "username has 81 characters."),
        ({"username": "\ufdfa" * 10}, "username has 180 characters as it is kept."),
        ({"username": "dee\u202e"}, "username contains U+202E"),
        ({"first_name": "x" * 41}, "Expected: at most 40 characters, on one line."),
        ({"group": "boss"}, "Expected: one of lead, on-call, auditor, viewer."),
        ({"service": "nowhere"}, "There is no service nowhere."),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nobody_is_added(
    browser: Client, change: dict[str, str], said: str
) -> None:
    """C1, C2, C3"""
    answer = browser.post("/people/new", NEW | change)
    assert answer.status_code in (404, 422)
    assert said in words(answer)
    assert 'value="Lang"' in answer.content.decode()
    assert User.objects.count() == 1


def test_a_session_that_ended_meanwhile_keeps_what_was_typed(ana: User) -> None:
    """C22"""
    client = Client()
    answer = client.post("/people/new", NEW)
    assert answer.status_code == 403
    assert 'value="dee"' in sign_in_again(client, answer, ana).content.decode()


# --- Groups -----------------------------------------------------------------------------------------------------------


def test_somebody_is_put_in_a_group_for_one_service_once(browser: Client) -> None:
    factory.service("archive")
    cho = factory.person("cho")
    for _ in range(2):
        answer = browser.post(f"/people/{cho.pk}/groups", {"group": "on-call", "service": "archive"})
        assert (answer.status_code, answer["Location"]) == (303, f"/people/{cho.pk}")
    assert User.objects.get(pk=cho.pk).held == [("on-call", "archive")]
    event = Event.objects.get()
    assert (event.action, event.object_tag, event.service) == ("person:group_given", cho.tag, "archive")
    given = {"before": {"given_by": ""}, "after": {"given_by": "Ana Ruiz"}}
    assert event.payload["details"] == {"username": "cho", "group": "on-call"} | given
    page = words(browser.get(f"/people/{cho.pk}"))
    assert "on-call for archive alone by Ana Ruiz" in page


def test_somebody_is_taken_out_of_a_group_once_from_the_next_request_on(browser: Client) -> None:
    cho = factory.on_call()
    membership = cho.memberships.get()
    for _ in range(2):
        assert browser.post(f"/people/{cho.pk}/groups/{membership.pk}/take").status_code == 303
    assert not User.objects.get(pk=cho.pk).may("roll_back")
    event = Event.objects.get()
    assert event.action == "person:group_taken"
    taken = {"before": {"given_by": "a test"}, "after": {"given_by": ""}}
    assert event.payload["details"] == {"username": "cho", "group": "on-call"} | taken


def test_a_membership_is_found_only_at_its_own_person(browser: Client, ana: User) -> None:
    """C27"""
    cho = factory.on_call()
    browser.post(f"/people/{ana.pk}/groups/{cho.memberships.get().pk}/take")
    assert cho.memberships.exists()


def test_nobody_takes_from_themself_that_they_manage_people(browser: Client, ana: User) -> None:
    answer = browser.post(f"/people/{ana.pk}/groups/{ana.memberships.get().pk}/take")
    assert answer.status_code == 409
    assert "You would no longer manage people yourself." in words(answer)
    assert Membership.objects.filter(user=ana).exists()
    assert actions() == []


def test_another_group_of_ones_own_may_go(browser: Client, ana: User) -> None:
    browser.post(f"/people/{ana.pk}/groups", {"group": "auditor", "service": ""})
    browser.post(f"/people/{ana.pk}/groups/{ana.memberships.get(group='auditor').pk}/take")
    assert User.objects.get(pk=ana.pk).held == [("lead", "")]


@pytest.mark.parametrize("group", ["", "boss"])
def test_a_group_that_is_none_is_refused(browser: Client, group: str) -> None:
    cho = factory.person("cho")
    assert browser.post(f"/people/{cho.pk}/groups", {"group": group}).status_code == 422
    assert not cho.memberships.exists()


# --- Closing an account -----------------------------------------------------------------------------------------------


def test_a_closed_account_is_signed_out_everywhere_and_its_tokens_end(browser: Client) -> None:
    cho = factory.on_call()
    phone = signed_in(cho)
    create_token(cho, "ci", ["read"], None, actor=TERMINAL)
    answer = browser.post(f"/people/{cho.pk}/close", {"reason": "left the team"})
    assert (answer.status_code, answer["Location"]) == (303, f"/people/{cho.pk}")
    assert phone.get("/account").status_code == 302
    token = ApiToken.objects.get()
    assert token.revoked_at is not None
    event = Event.objects.get(action="person:account_closed")
    assert (event.object_tag, event.payload["reason"]) == (cho.tag, "left the team")
    closed = {"before": {"account": "open"}, "after": {"account": "closed"}}
    assert event.payload["details"] == {"username": "cho", "sessions": 1, "tokens": [token.tag]} | closed
    page = words(browser.get(f"/people/{cho.pk}"))
    assert "account closed" in page
    assert re.search(r"Closed \S+ s ago .* by Ana Ruiz ?: left the team", page)


def test_it_needs_a_reason(browser: Client) -> None:
    cho = factory.on_call()
    answer = browser.post(f"/people/{cho.pk}/close", {"reason": " "})
    assert answer.status_code == 422
    assert User.objects.get(pk=cho.pk).is_active


def test_it_is_closed_once_and_can_be_opened_again_once(browser: Client) -> None:
    cho = factory.on_call()
    for _ in range(2):
        browser.post(f"/people/{cho.pk}/close", {"reason": "left"})
    for _ in range(2):
        browser.post(f"/people/{cho.pk}/open")
    assert User.objects.get(pk=cho.pk).is_active
    assert actions() == ["person:account_closed", "person:account_opened"]


def test_nobody_closes_their_own_account(browser: Client, ana: User) -> None:
    answer = browser.post(f"/people/{ana.pk}/close", {"reason": "enough"})
    assert answer.status_code == 409
    assert "This is your own account." in words(answer)
    assert User.objects.get(pk=ana.pk).is_active
    assert "somebody else who manages people can close it" in words(browser.get(f"/people/{ana.pk}"))


def test_a_closed_account_gets_no_link(browser: Client) -> None:
    lee = factory.person("lee", is_active=False)
    assert browser.post(f"/people/{lee.pk}/link").status_code == 409


def test_every_button_names_the_person_and_not_a_number(browser: Client) -> None:
    cho = factory.on_call()
    for _ in range(2):
        source = browser.get(f"/people/{cho.pk}").content.decode()
        buttons = [words(HttpResponse(each)) for each in re.findall(r"<button.*?</button>", source, re.DOTALL)]
        about = [each for each in buttons if each != "Sign out"]
        assert about
        assert [each for each in about if "Cho Park" not in each or cho.tag in each] == []
        browser.post(f"/people/{cho.pk}/close", {"reason": "left"})


@pytest.mark.parametrize("page", ["/people/999", "/people/999/groups", "/people/999/close", "/people/999/link"])
def test_somebody_who_is_not_there_is_not_found(browser: Client, page: str) -> None:
    given = {"group": "viewer", "reason": "left"}
    answer = browser.get(page) if page == "/people/999" else browser.post(page, given)
    assert answer.status_code == 404


# --- The link ---------------------------------------------------------------------------------------------------------


def test_a_link_works_once(browser: Client) -> None:
    cho = factory.on_call()
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    late = Client()
    late.get(link)
    assert choose(link, "another horse battery").status_code == 303
    assert choose(link, "a third horse battery").status_code == 410
    typed = {"new_password": "a third horse battery", "again": "a third horse battery"}
    assert late.post("/password", typed).status_code == 410
    assert User.objects.get(pk=cho.pk).check_password("another horse battery")


def test_a_new_password_by_link_ends_the_sessions_of_the_old_one(browser: Client) -> None:
    cho = factory.on_call()
    phone = signed_in(cho)
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    assert phone.get("/account").status_code == 200
    choose(link, "another horse battery")
    assert phone.get("/account").status_code == 302
    assert not cho.sessions.exists()


@pytest.mark.parametrize("ends", ["signs in", "closed", "another person's"])
def test_a_link_ends_where_its_person_signs_in_or_the_account_is_closed(browser: Client, ends: str) -> None:
    cho = factory.on_call()
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    if ends == "signs in":
        signed_in(cho)
    elif ends == "closed":
        User.objects.filter(pk=cho.pk).update(is_active=False)
    else:
        link = link.replace(f"/{cho.pk}/", f"/{factory.person('eve').pk}/")
    answer = Client().get(link)
    assert answer.status_code == 410
    assert "This link does not work any more" in words(answer)


@pytest.mark.parametrize(
    ("typed", "again", "said"),
    [
        ("", "", "The new password is missing."),
        ("correct horse battery", "correct horse batterz", "The two passwords differ."),
        ("short", "short", "This password is too short."),
        ("password1234", "password1234", "This password is too common."),
        ("x" * 5000, "x" * 5000, "The password has 5,000 characters."),
    ],
)
def test_a_password_that_is_none_is_refused_and_not_repeated(
    browser: Client, typed: str, again: str, said: str
) -> None:
    cho = factory.on_call()
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    answer = choose(link, typed, again)
    assert answer.status_code == 422
    assert said in words(answer)
    assert not typed or f'value="{typed}"' not in answer.content.decode()
    assert User.objects.get(pk=cho.pk).check_password("correct horse battery")


@pytest.mark.parametrize("who", ["the person", "somebody else"])
def test_a_link_that_is_opened_where_somebody_is_signed_in_works_too(browser: Client, ana: User, who: str) -> None:
    cho = factory.on_call()
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    key = link.rpartition("/")[2]
    if who == "the person":
        client = Client()
        client.get(link)
        client.force_login(cho)  # which ends the link, as every sign-in does
        assert client.get("/password").status_code == 410
        link = link_on(browser.post(f"/people/{cho.pk}/link"))
    else:
        client = browser
    assert choose(link, "another horse battery", client=client).status_code == 303
    assert key not in str(client.session.items())
    assert client.get("/account").status_code == (302 if who == "the person" else 200)


def test_a_refused_password_leaves_no_secret_in_the_log(browser: Client, caplog: pytest.LogCaptureFixture) -> None:
    cho = factory.on_call()
    link = link_on(browser.post(f"/people/{cho.pk}/link"))
    assert choose(link, "short").status_code == 422
    assert "Unprocessable" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text

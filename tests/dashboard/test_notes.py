"""Notes on the page of a release and of a rollback: written and corrected with plain forms."""

import pytest

from releases.models import Note, Release, Rollback, User
from tests import factory
from tests.dashboard.pages import links, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def cho() -> User:
    return factory.on_call()


@pytest.fixture
def rollback(cho: User) -> Rollback:
    place, target, live = factory.story()
    return factory.rollback(place, target, live, cho)


@pytest.fixture
def thing(request: pytest.FixtureRequest, rollback: Rollback) -> Release | Rollback:
    return rollback if request.param == "rollback" else rollback.undone.release


both = pytest.mark.parametrize("thing", ["release", "rollback"], indirect=True)


def notes_of(thing: Release | Rollback) -> str:
    return f"{thing.get_absolute_url()}/notes"


@both
def test_a_note_is_written_from_the_page_and_stands_on_it(thing: Release | Rollback, cho: User) -> None:
    browser = signed_in(cho)
    assert f'action="{notes_of(thing)}"' in browser.get(thing.get_absolute_url()).content.decode()
    answer = browser.post(notes_of(thing), {"text": "Purged <b>by hand</b> too."})
    note = Note.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"{thing.get_absolute_url()}#note-{note.pk}")
    page = browser.get(thing.get_absolute_url())
    assert "&lt;b&gt;by hand" in page.content.decode()
    assert f"Cho Park · {note.tag}" in words(page)


@both
def test_a_corrected_note_stays_struck_through_with_the_way_to_its_correction(
    thing: Release | Rollback, cho: User
) -> None:
    browser = signed_in(cho)
    browser.post(notes_of(thing), {"text": "In the footer."})
    old = Note.objects.get()
    form = browser.get(f"{notes_of(thing)}?corrects={old.pk}")
    assert "Cho Park wrote" in words(form)
    browser.post(notes_of(thing), {"text": "In the header.", "corrects": str(old.pk)})
    new = Note.objects.latest("pk")
    page = browser.get(thing.get_absolute_url())
    struck = page.content.decode().split("<del>")[1].split("</del>")[0]
    assert "In the footer." in struck
    assert "In the header." not in struck
    assert f"Corrected by {new.tag} of Cho Park" in words(page)
    assert f"#note-{new.pk}" in links(page)
    assert f"{notes_of(thing)}?corrects={old.pk}" not in links(page)


def test_an_empty_note_says_so_beside_the_field(rollback: Rollback, cho: User) -> None:
    answer = signed_in(cho).post(notes_of(rollback), {"text": " "})
    assert answer.status_code == 422
    assert "text" in words(answer)
    assert not Note.objects.exists()


def test_a_correction_that_comes_second_keeps_the_words(rollback: Rollback, cho: User) -> None:
    browser = signed_in(cho)
    browser.post(notes_of(rollback), {"text": "one"})
    old = str(Note.objects.get().pk)
    browser.post(notes_of(rollback), {"text": "two", "corrects": old})
    answer = browser.post(notes_of(rollback), {"text": "mine came later", "corrects": old})
    assert answer.status_code == 409
    assert "was corrected already" in words(answer)
    assert "mine came later" in answer.content.decode()


def test_a_viewer_reads_notes_and_sees_who_may_write(rollback: Rollback, cho: User) -> None:
    signed_in(cho).post(notes_of(rollback), {"text": "seen by all"})
    browser = signed_in(factory.person("lee", "viewer"))
    page = words(browser.get(rollback.get_absolute_url()))
    assert "seen by all" in page
    assert "Only lead and on-call (now Cho Park) may write notes." in page
    assert browser.post(notes_of(rollback), {"text": "mine"}).status_code == 403
    assert Note.objects.count() == 1

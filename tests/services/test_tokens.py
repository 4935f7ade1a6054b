"""Tokens of pipelines: made once, shown once, kept as a digest."""

from datetime import timedelta

import pytest
from django.utils import timezone

from releases.management.refusing import person_at_the_terminal
from releases.models import ApiToken, Event, User
from releases.services.tokens import NotAuthenticated, create_token, token_of
from tests import factory

pytestmark = pytest.mark.django_db


@pytest.fixture
def pipeline() -> User:
    return factory.person("pipeline", "lead")


def make(user: User, days: int | None = None) -> str:
    return create_token(user, "ci", ["releases:write"], days, actor=person_at_the_terminal())


def test_a_token_opens_the_door_for_its_user(pipeline: User) -> None:
    token = token_of(make(pipeline))
    assert (token.user, token.scopes) == (pipeline, ["releases:write"])


def test_the_text_of_a_token_is_kept_nowhere(pipeline: User) -> None:
    text = make(pipeline)
    row = ApiToken.objects.get()
    assert text not in str(row.__dict__)
    assert text not in str(Event.objects.get().payload)
    assert len(text) > 40


def test_the_book_says_for_whom_a_token_was_made_and_what_it_may(pipeline: User) -> None:
    make(pipeline)
    details = Event.objects.get(action="token:created").payload["details"]
    assert details == {"user": "pipeline", "name": "ci", "scopes": ["releases:write"]}


@pytest.mark.parametrize("text", ["", "rb_", "rb_wrong", "no token at all"])
def test_another_text_is_refused(pipeline: User, text: str) -> None:
    """C33"""
    make(pipeline)
    with pytest.raises(NotAuthenticated):
        token_of(text)


@pytest.mark.parametrize(
    "change",
    [{"expires_at": timezone.now() - timedelta(seconds=1)}, {"revoked_at": timezone.now()}],
    ids=["expired", "revoked"],
)
def test_an_expired_or_revoked_token_is_refused_without_saying_which(pipeline: User, change: dict[str, object]) -> None:
    """C33"""
    text = make(pipeline, days=1)
    ApiToken.objects.update(**change)
    with pytest.raises(NotAuthenticated) as refused:
        token_of(text)
    assert refused.value.problems[0].failed == "The token is not valid."


def test_the_token_of_somebody_who_left_is_refused(pipeline: User) -> None:
    """C33"""
    text = make(pipeline)
    User.objects.update(is_active=False)
    with pytest.raises(NotAuthenticated):
        token_of(text)


def test_the_last_use_is_written_once_a_minute_at_most(pipeline: User) -> None:
    text = make(pipeline)
    token_of(text)
    first = ApiToken.objects.get().last_used_at
    token_of(text)
    assert first is not None
    assert ApiToken.objects.get().last_used_at == first

"""The permissions of a person: own and of their groups, in one query."""

import pytest
from django.contrib.auth.models import Permission
from pytest_django import DjangoAssertNumQueries

from releases.models import User
from tests import factory

pytestmark = pytest.mark.django_db


def again(user: User) -> User:
    return User.objects.get(pk=user.pk)


def test_own_permissions_and_those_of_groups_count(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    user = factory.person("dee", "auditor")
    user.user_permissions.add(Permission.objects.get(codename="roll_back"))
    user = again(user)
    with django_assert_num_queries(1):
        assert user.has_perm("releases.roll_back")
        assert user.has_perm("releases.read_book")
        assert not user.has_perm("releases.deploy")


def test_what_a_group_of_somebody_else_may_does_not_count() -> None:
    factory.lead()
    assert again(factory.person("dee")).get_all_permissions() == set()


def test_somebody_who_is_no_longer_active_may_nothing() -> None:
    user = factory.lead()
    user.is_active = False
    assert not user.has_perm("releases.roll_back")
    assert not user.get_all_permissions()


def test_a_superuser_may_everything() -> None:
    user = factory.person("root", is_superuser=True)
    assert user.has_perm("releases.roll_back")


def test_permissions_about_one_object_are_not_known() -> None:
    user = factory.lead()
    assert not user.has_perm("releases.roll_back", factory.service())

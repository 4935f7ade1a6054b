"""Somebody who manages people is always left, also where two take it from each other at once."""

import pytest

from releases.errors import Refused
from releases.intake import CloseSpec
from releases.models import User
from releases.services.people import close_account, take_group
from tests import factory
from tests.concurrency.conftest import Act, Together

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.mark.parametrize("how", ["the group is taken", "the account is closed"])
def test_of_two_who_end_each_other_one_stays(together: Together, how: str) -> None:
    for number in range(ROUNDS):
        User.objects.update(is_active=False)
        ana, ben = factory.lead(f"ana-{number}"), factory.lead(f"ben-{number}")

        def end(by: User, whom: User) -> Act:
            # Read before anybody acts, as at the request.
            actor, membership = factory.actor(by), whom.memberships.select_related("user", "service").get()
            if how == "the group is taken":
                return lambda: take_group(membership, actor=actor)
            return lambda: close_account(whom, CloseSpec(reason="mine"), actor=actor)

        answers = together([end(ana, ben), end(ben, ana)])
        left = [user for user in User.objects.filter(is_active=True) if user.may("manage_people")]
        assert len(left) == 1
        assert sum(answer is True for answer in answers) == 1
        assert sum(isinstance(answer, Refused) for answer in answers) == 1

"""Somebody who lacks a permission reads, on every form, who has it for that service: by group and by name."""

from typing import Any

import pytest

from releases.models import Deployment, Rollback
from releases.states import DeploymentStatus, Outcome, RollbackStatus
from tests import factory
from tests.dashboard.pages import queries_of, signed_in, words
from tests.dashboard.test_who_may_open_what import ACTIONS, SIGNED_IN, addresses  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

OPEN_ONLY: dict[str, tuple[Any, dict[str, Any]]] = {
    "deployment_finish": (Deployment, {"status": DeploymentStatus.STARTED}),
    "rollback_override": (Rollback, {"lock_holder": "process 4711 on worker-1"}),
    "rollback_verify": (Rollback, {"status": RollbackStatus.DONE, "outcome": Outcome.UNKNOWN}),
}
"""Forms that ask for nothing unless what they are about is still open."""
ASKING = sorted(set(ACTIONS) & SIGNED_IN)


@pytest.mark.parametrize("name", ASKING)
def test_a_form_names_the_people_to_ask_and_nobody_of_another_service(
    name: str,
    addresses: dict[str, str],  # noqa: F811
) -> None:
    factory.person("zoe", "lead", factory.service("payments"))
    factory.person("max", "lead", is_active=False)
    if name in OPEN_ONLY:
        model, fields = OPEN_ONLY[name]
        model.objects.update(**fields)
    page = words(signed_in(factory.person("sam", "viewer")).get(addresses[name], follow=True))
    assert "Dee" in page  # the lead whom the addresses are made with
    assert "Zoe" not in page
    assert "Max" not in page


def test_whoever_may_costs_no_look_at_the_others() -> None:
    place, _, _ = factory.story()
    address = f"/releases/{place.live.release_id}/notes"
    lead, viewer = signed_in(factory.lead()), signed_in(factory.person("sam", "viewer"))
    assert queries_of(lambda: viewer.get(address)) == queries_of(lambda: lead.get(address)) + 1


def test_a_refused_press_names_them_too(addresses: dict[str, str]) -> None:  # noqa: F811
    answer = signed_in(factory.person("sam", "viewer")).post(addresses["rollback_cancel"])
    assert answer.status_code == 403
    assert "Expected: a person of one of the groups lead, on-call for archive, such as Dee. Do not try again." in words(
        answer
    )

"""The page that asks whether an expected result came true, and the release page that shows the answer."""

import pytest

from releases.models import Confirmation, Deployment
from tests import factory
from tests.dashboard.pages import links, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture
def live() -> Deployment:
    _, _, deployment = factory.story()
    deployment.release.expected_result = "p95 of /articles <= +10 %; readers see teasers"
    deployment.release.save()
    return deployment


def test_the_release_page_sets_what_was_promised_beside_what_was_measured(live: Deployment) -> None:
    response = signed_in(factory.lead()).get(f"/releases/{live.release_id}")
    told = words(response)
    assert "p95 of /articles <= +10 % not measured no checklist has timed /articles" in told
    assert "readers see teasers to confirm Say whether it came true no probe can tell" in told
    assert f"/releases/{live.release_id}/results/2" in links(response)


def test_an_answer_leads_back_to_the_release_and_stands_there(live: Deployment) -> None:
    client = signed_in(factory.lead())
    given = {"came_true": "false", "note": "no teaser on any page"}
    response = client.post(f"/releases/{live.release_id}/results/2", given)
    assert (response.status_code, response["Location"]) == (303, f"/releases/{live.release_id}#promised")
    told = words(client.get(f"/releases/{live.release_id}"))
    assert "readers see teasers not as expected Answer anew Ana Ruiz" in told
    assert "no teaser on any page" in told


def test_an_answer_without_a_note_keeps_the_choice_and_says_what_is_missing(live: Deployment) -> None:
    response = signed_in(factory.lead()).post(f"/releases/{live.release_id}/results/2", {"came_true": "true"})
    assert response.status_code == 422
    assert 'value="true" required checked' in response.content.decode()
    assert "note is" in words(response)
    assert not Confirmation.objects.exists()


def test_a_refusal_names_its_field_once_and_no_white_space_as_got(live: Deployment) -> None:
    given = {"came_true": "true", "note": "  "}
    response = signed_in(factory.lead()).post(f"/releases/{live.release_id}/results/2", given)
    told = words(response)
    assert "Nothing was kept note is empty. Expected: what was seen, 1-4,000 characters. Safe to try again." in told
    assert '<a href="#field-note">note</a>' in response.content.decode()


def test_whoever_may_not_answer_reads_who_may(live: Deployment) -> None:
    client = signed_in(factory.on_call())
    told = words(client.get(f"/releases/{live.release_id}/results/2"))
    assert "Only lead may say whether an expected result came true." in told
    assert "Say whether it came true" not in words(client.get(f"/releases/{live.release_id}"))


def test_a_result_that_figures_score_has_no_such_page(live: Deployment) -> None:
    assert signed_in(factory.lead()).get(f"/releases/{live.release_id}/results/1").status_code == 404

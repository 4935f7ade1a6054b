"""GET /api/v1/rollbacks/<number>."""

from releases.models import Environment, Rollback
from releases.states import Outcome, RollbackStatus, Serving
from tests import factory
from tests.api.conftest import Pipeline


def test_a_rollback_can_be_followed(pipeline: Pipeline) -> None:
    place, target, live = factory.story()
    rollback = factory.rollback(place, target, live, factory.on_call())
    answer = pipeline.get(f"rollbacks/{rollback.pk}").json()
    assert (answer["id"], answer["status"], answer["command"]) == (rollback.tag, "queued", "not started")
    assert (answer["undone"], answer["target"]) == ("2026.11.4", "2026.11.3")
    assert (answer["serving"], answer["outcome"]) == (None, None)
    assert answer["url"] == f"http://testserver/rollbacks/{rollback.pk}"


def test_its_end_says_what_was_measured(pipeline: Pipeline, place: Environment) -> None:
    assert place.live is not None
    assert place.live.replaced is not None
    rollback = factory.rollback(place, place.live.replaced, place.live, factory.on_call())
    Rollback.objects.update(
        status=RollbackStatus.DONE, outcome=Outcome.NOT_RESTORED, serving=Serving.MIXED, detail="web-2 is old."
    )
    answer = pipeline.get(f"rollbacks/{rollback.pk}").json()
    assert (answer["outcome"], answer["serving"], answer["detail"]) == ("not restored", "mixed", "web-2 is old.")


def test_one_that_is_not_there_is_not_found(pipeline: Pipeline) -> None:
    response = pipeline.get("rollbacks/999")
    assert response.status_code == 404
    assert response.json()["got"] == "RB-999"

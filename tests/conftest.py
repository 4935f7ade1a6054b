"""What all tests share: the rig, and the order in which files are handed out."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.rig.fixtures", "tests.emptying"]

# A busy machine is no failure.
settings.register_profile("rollbook", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rollbook")

LONGEST_FIRST = (
    "tests/test_compose.py",
    "tests/browser/test_story.py",
    "tests/test_embedded.py",
    "tests/browser/test_every_page.py",
    "tests/integration/test_lost_workers.py",
)
"""Files of few, long tests. One that came last would keep one process busy while the other has nothing to do."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}

    def place(item: pytest.Item) -> int:
        return places.get(item.path.relative_to(config.rootpath).as_posix(), len(places))

    items.sort(key=place)

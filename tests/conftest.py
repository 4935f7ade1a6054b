"""What all tests share: the rig."""

pytest_plugins = ["tests.rig.fixtures", "tests.book_triggers"]

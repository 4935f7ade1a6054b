"""The settings of the measurements: the program's own, and one page more."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.bare_page"

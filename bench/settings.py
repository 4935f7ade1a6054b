"""The settings of the measurements: the program's own, and one page more."""

from config.settings import *  # noqa: F403
from config.settings import STATIC_ROOT

ROOT_URLCONF = "bench.bare_page"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise says so where it is missing

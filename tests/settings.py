"""The settings of the tests: the program's own, with a throw-away home, a fast password hasher and no broker.

DATABASE_URL is taken from the environment: the same tests run on SQLite and on PostgreSQL. A test that needs a broker
asks the rig for one; the knocks of all others go to a port where nobody answers.
"""

import atexit
import os
import shutil
import tempfile

_made = "ROLLBOOK_HOME" not in os.environ
if _made:
    os.environ["ROLLBOOK_HOME"] = tempfile.mkdtemp(prefix="rollbook-tests-")
    atexit.register(shutil.rmtree, os.environ["ROLLBOOK_HOME"], ignore_errors=True)
os.environ.setdefault("ROLLBOOK_SECRET_KEY", "a key for tests only, never used where anybody can reach it")
os.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"

from config.settings import *  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, as in real life: in memory there would be no WAL, no second process, and locking of another kind.
    DATABASES["default"]["TEST"] = {"NAME": str(ROLLBOOK_HOME / "tests.sqlite3")}
SHARED_SECONDS = 0.0  # each test sees what it has just written
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns when it is missing, and warnings are errors here

"""Settings of Rollbook. Everything that differs between places comes from the environment and fails loudly.

A variable NAME may also be given as NAME_FILE, the path of a file that holds the value, where it is a secret.
"""

from pathlib import Path
from urllib.parse import quote

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent


def secret(name: str, default: str = "") -> str:
    """Return the value of NAME, or the content of the file that NAME_FILE names."""
    path = env.str(f"{name}_FILE", "")
    if path:
        return Path(path).read_text().strip()
    return env.str(name, default)


# --- What differs between places ------------------------------------------------------------------------------------

ROLLBOOK_HOME = Path(env.str("ROLLBOOK_HOME", "var")).absolute()
"""Directory that holds everything the embedded default writes, and the locks of commands."""

env.read_env(ROLLBOOK_HOME / "environment", recurse=False)
"""What `make run` started Rollbook with, so that `manage.py` in another terminal speaks to the same one."""

ROLLBOOK_CATALOGUE = env.str("ROLLBOOK_CATALOGUE", "")
"""Path of the catalogue file. Only the workers and `sync_catalogue` read it, never the web process."""

ROLLBOOK_ANCHOR_FILE = env.str("ROLLBOOK_ANCHOR_FILE", "")
"""Path of the file that the sweep appends the head of the book to, outside the database; none: it does not."""
ROLLBOOK_ANCHOR_SECONDS = env.int("ROLLBOOK_ANCHOR_SECONDS", 3600, validate=validate.Range(min=60))
"""Pause between two anchors."""

DEBUG = env.bool("ROLLBOOK_DEBUG", False)
ALLOWED_HOSTS = env.list("ROLLBOOK_ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
SECRET_KEY = secret("ROLLBOOK_SECRET_KEY")
if not SECRET_KEY:
    raise ImproperlyConfigured("ROLLBOOK_SECRET_KEY is not set. Set it, or ROLLBOOK_SECRET_KEY_FILE, to a random text.")

DATABASE_URL = secret("DATABASE_URL", f"sqlite:///{quote(str(ROLLBOOK_HOME))}/rollbook.sqlite3")
DATABASE_POOL = env.int("ROLLBOOK_DATABASE_POOL", 0)
"""Connections of psycopg's pool; for web processes only, since it is slow inside Celery's (celery#10554)."""

REDIS_URL = secret("REDIS_URL", "redis://127.0.0.1:8009/0")

# --- Security, in one look ------------------------------------------------------------------------------------------

HTTPS = env.bool("ROLLBOOK_HTTPS", False)
"""Whether readers reach Rollbook over HTTPS; a proxy in front then sets X-Forwarded-Proto."""

SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 30 * 24 * 3600
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS: list[str] = env.list("ROLLBOOK_TRUSTED_ORIGINS", [])
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
TRUSTED_PROXIES = env.int("ROLLBOOK_TRUSTED_PROXIES", 0)
"""How many proxies in front of us add to X-Forwarded-For; 0 means the header is ignored."""
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PRESS_PASSWORD_MINUTES = env.int("ROLLBOOK_PRESS_PASSWORD_MINUTES", 0, validate=validate.Range(min=0))
"""Minutes after which a press that changes production, or what lets somebody press (a token, a group), asks for the
password again, in place; 0: it never does."""
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600
"""Seconds for which a link to choose a password works."""
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
SHARED_SECONDS = 1.0
"""For how long all who ask share one look: at whether a board changed, at which environments a history offers."""
PUBLIC_URL = env.str("ROLLBOOK_URL", "").rstrip("/")
"""Where people reach Rollbook, such as https://rollbook.example.org: messages lead there."""
API_BODY_LIMIT = 1024 * 1024
"""Largest body of an API request, in bytes."""
IDEMPOTENCY_KEY_LIMIT = 200
"""Longest Idempotency-Key, in characters."""

# --- Django ---------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "releases",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "dashboard.middleware.request_id",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "dashboard.last_seen.last_seen",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.time_zone",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "dashboard.jinja.environment",
            "context_processors": ["django.contrib.auth.context_processors.auth"],
        },
    }
]
AUTH_USER_MODEL = "releases.User"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "board"
LOGOUT_REDIRECT_URL = "login"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_health_checks=True)}
ATOMIC_REQUESTS = False
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured: with these, four concurrent writers never saw "database is locked"; with the defaults constantly.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Measured at a million releases: compiling a page's statements took seconds, and running them milliseconds.
    # What the address itself asks for, such as `?sslmode=verify-full`, goes before.
    DATABASES["default"]["OPTIONS"] = {"connect_timeout": 5, "options": "-c jit=off"} | DATABASES["default"].get(
        "OPTIONS", {}
    )
    if DATABASE_POOL:
        DATABASES["default"]["OPTIONS"]["pool"] = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 5}
    else:
        DATABASES["default"]["CONN_MAX_AGE"] = 600
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = Path(env.str("ROLLBOOK_STATIC_ROOT", str(ROLLBOOK_HOME / "static")))
WHITENOISE_USE_FINDERS = env.bool("ROLLBOOK_STATIC_FROM_SOURCE", True)
"""Serve static files from the source tree, so that no collect step is needed; off where they are collected."""
WHITENOISE_AUTOREFRESH = False

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("ROLLBOOK_LOG_LEVEL", "INFO")},
}

# --- Commands and probes: deadlines in seconds, each smaller than the next (checked by releases.E002) ---------------

ACT_SOFT_LIMIT = 3900
ACT_HARD_LIMIT = 4200
PROBE_SOFT_LIMIT = 150
PROBE_HARD_LIMIT = 180
VISIBILITY_TIMEOUT = 5400
SWEEP_SECONDS = 5
"""Pause between two sweeps; a lease is lost after four sweeps without a heartbeat."""

# --- Celery: the row is the truth, the message is a knock on the door ------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_DB_REUSE_MAX = 1000
"""Tasks of one process on one connection: Celery's own default, a new one for each, takes 10 ms of every click. That a
connection is too old or dead is seen before each task, as it is before each request (`config.celery`)."""
CELERY_TASK_DEFAULT_QUEUE = "unrouted"
# A click must answer within two seconds even when the broker accepts and never answers.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": VISIBILITY_TIMEOUT,
    "socket_connect_timeout": 1,
    "socket_timeout": 2,
    "max_retries": 0,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_BROKER_CONNECTION_TIMEOUT = 1
WORKER_BROKER_TRANSPORT_OPTIONS = CELERY_BROKER_TRANSPORT_OPTIONS | {"socket_timeout": 30, "socket_connect_timeout": 5}
"""Workers wait longer than a click may."""

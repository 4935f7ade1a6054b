"""Settings of the members' site. MEMBERS_HOME is its directory, MEMBERS_SETTINGS is JSON that has the last word."""

import json
import os
from pathlib import Path

HOME = Path(os.environ["MEMBERS_HOME"])
SECRET_KEY = "a key for tests only, never used where anybody can reach it"
ALLOWED_HOSTS = ["127.0.0.1", "members.example"]
ROOT_URLCONF = "tests.rig.members_site.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HOME / "members.sqlite3"}}
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LOGIN_URL, LOGIN_REDIRECT_URL = "/login/", "/me/"
DATA_UPLOAD_MAX_MEMORY_SIZE = 200_000
USE_TZ = True
RENEWS_SESSION = True
"""Whether a login gives out a new session, as Django's does; one written by hand may not."""

globals().update(json.loads(os.environ.get("MEMBERS_SETTINGS", "{}")))

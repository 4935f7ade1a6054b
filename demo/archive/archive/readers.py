"""Readers' accounts, and what a signed cookie says about who is reading."""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

SIGNED_IN_FOR = 8 * 3600
"""Seconds after which a session ends."""
SCRYPT = {"n": 2**13, "r": 8, "p": 1, "dklen": 32}


@dataclass(frozen=True, slots=True)
class Reader:
    username: str
    name: str


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    reader: Reader


class Accounts:
    """The accounts of `readers.json`, read once."""

    def __init__(self, file: Path) -> None:
        self._known = {entry["username"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))}
        self._nobody = {"salt": "00" * 16, "hash": "00" * 32}

    def get(self, username: str) -> Reader | None:
        entry = self._known.get(username)
        return Reader(entry["username"], entry["name"]) if entry else None

    def check(self, username: str, password: str) -> Reader | None:
        """Return the reader if the password is right. An unknown name takes as long as a wrong password."""
        entry = self._known.get(username, self._nobody)
        found = hashlib.scrypt(password.encode(), salt=bytes.fromhex(entry["salt"]), **SCRYPT)
        right = hmac.compare_digest(found, bytes.fromhex(entry["hash"]))
        return self.get(username) if right else None


class Sessions:
    """Cookies that any instance can read, since all of them share the key."""

    def __init__(self, key: str, accounts: Accounts) -> None:
        self._key = key.encode()
        self._serializer = URLSafeTimedSerializer(key, salt="archive.session")
        self._accounts = accounts

    def begin(self, reader: Reader) -> str:
        """Return the cookie of a new session."""
        return self._serializer.dumps([secrets.token_urlsafe(16), reader.username])

    def read(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie; None when it is missing, forged, too old or of a removed account."""
        try:
            id, username = self._serializer.loads(cookie or "", max_age=SIGNED_IN_FOR)
        except (BadSignature, ValueError):
            return None
        reader = self._accounts.get(username)
        return Session(id, reader) if reader else None

    def form_token(self, subject: str) -> str:
        """Return the token that a form of this session (or of this anonymous visit) carries against forgery."""
        return hmac.new(self._key, b"form " + subject.encode(), hashlib.sha256).hexdigest()

    def form_token_matches(self, subject: str, token: str) -> bool:
        return hmac.compare_digest(self.form_token(subject).encode(), token.encode())

"""The kinds of fields that untrusted input has: each checked, as far as that is said without the database."""

import re
import unicodedata
from collections.abc import Collection
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from releases.display import hidden_character
from releases.groups import GROUPS
from releases.probes.routes import check_exact_route
from releases.zones import is_zone

USERNAME_LIMIT = 80


def _plain_text(value: str) -> str:
    value = value.replace("\r\n", "\n").strip()
    name = hidden_character(value)
    if name:
        raise PydanticCustomError("hidden_character", "contains {name}", {"name": name})
    return value


def one_line(value: str) -> str:
    """Refuse a text that is more than one line, or that holds what cannot be seen."""
    value = _plain_text(value)
    if "\n" in value or "\t" in value:
        raise PydanticCustomError("hidden_character", "contains {name}", {"name": "a line break or tab"})
    return value


def _not_empty(value: str) -> str:
    if not value:
        raise PydanticCustomError("empty", "is empty")
    return value


def _as_signed_in(value: str) -> str:
    """Return a user name in the form in which Django's sign-in looks for it; one character may become eighteen."""
    value = unicodedata.normalize("NFKC", value)
    if len(value) > USERNAME_LIMIT:
        raise PydanticCustomError("too_long_as_kept", "has {number} characters as it is kept", {"number": len(value)})
    return one_line(value)


def _route(value: str) -> str:
    value = one_line(value)
    try:
        return check_exact_route(value)
    except ValueError as error:
        raise PydanticCustomError("not_a_route", "cannot be purged: {why}", {"why": str(error)}) from None


def _web_address(value: str) -> str:
    value = one_line(value)
    if not value:
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise PydanticCustomError("not_an_address", "is not a web address") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\\]", value) or port == 0:
        raise PydanticCustomError("not_an_address", "is not a web address")
    if parts.username is not None or parts.password is not None:
        raise PydanticCustomError("credentials_in_address", "holds credentials")
    return value


def _zone(value: str) -> str:
    if value and not is_zone(value):
        raise PydanticCustomError("not_a_zone", "is not the name of a time zone that is known here")
    return value


def one_of(words: Collection[str]) -> AfterValidator:
    """Accept these words and no other."""

    def check(value: str) -> str:
        if value not in words:
            raise PydanticCustomError("not_one_of", "is none of the words that it can be")
        return value

    return AfterValidator(check)


Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
ProbeKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$")]
Group = Annotated[str, one_of(GROUPS)]
GivenName = Annotated[str, Field(max_length=40), AfterValidator(one_line)]
Name = Annotated[str, Field(max_length=80), AfterValidator(one_line), AfterValidator(_not_empty)]
UserName = Annotated[Name, AfterValidator(_as_signed_in)]
Note = Annotated[str, Field(max_length=4000), AfterValidator(_plain_text), AfterValidator(_not_empty)]
OptionalNote = Annotated[str, Field(max_length=4000), AfterValidator(_plain_text)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Route = Annotated[str, AfterValidator(_route)]
WebAddress = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]
Zone = Annotated[str, Field(max_length=64), AfterValidator(_zone)]

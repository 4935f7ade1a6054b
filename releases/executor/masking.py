"""Secrets are masked in bytes, before anything is stored or shown.

A masker sees a whole piece of output with context on both sides of what is shown, so a secret is found however its
bytes arrived. It looks for each secret as it is and as it is usually written in URLs, JSON and base64, and for what
is a secret by its place: the value of an Authorization header, the password of a URL.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, urlsplit

MASK = b"[masked]"
SHORTEST = 4
"""Characters of a secret that can be masked; a shorter one would mutilate everything and is not looked for."""
CONTEXT = 4096
"""Bytes around what is shown that are looked at for secrets that are known by their place."""

_SHORTEST_CORE = 6
_SHORTEST_LINE = 8
_SECRET_NAME = re.compile(
    r"secret|token|passw(or)?d|passphrase|credential|(api|private|access|signing|encryption)_?key", re.IGNORECASE
)
_SECRET_VALUE_MINIMUM = 8
"""Characters below which the value of a variable with a secret name is taken for a switch such as `true`."""
_HEADER = re.compile(
    rb"(?:authorization|set-cookie|\bcookie|x-api-key|x-auth-token)[\"']?[ \t]*[:=][ \t]*[\"']?([^\r\n\"']+)",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(rb"://[^/\s:@]*:([^/\s@]+)@")
_URL_PASSWORD_SO_FAR = re.compile(rb"://[^/\s:@]*:([^/\s@]+)(?:@|\Z)")


class Masker:
    """Finds secrets in output and writes `[masked]` instead."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self.context = max([CONTEXT, *(len(form) for form in self._forms)])
        """Bytes on each side of what is shown that have to be given along."""

    def mask(self, data: bytes, start: int = 0, stop: int | None = None, *, final: bool = True) -> bytes:
        """Return data[start:stop] with every secret masked, also those that reach over either end.

        With `final=False` more bytes will follow: a secret that may just be arriving is held back.
        """
        stop = len(data) if stop is None else stop
        shown, position = [], start
        for begin, end in self._spans(data, final):
            if end <= position or begin >= stop:
                continue
            shown += [data[position : max(begin, position)], MASK]
            position = end
        if position < stop:
            shown.append(data[position:stop])
        return b"".join(shown)

    def text(self, text: str) -> str:
        """Return a text with every secret masked."""
        return self.mask(text.encode(errors="surrogateescape")).decode(errors="backslashreplace")

    def _spans(self, data: bytes, final: bool) -> list[tuple[int, int]]:
        """Return where secrets are, as ordered pairs that do not overlap."""
        found = [span for form in self._forms for span in _occurrences(data, form)]
        found += [match.span(1) for match in _HEADER.finditer(data)]
        passwords = _URL_PASSWORD if final else _URL_PASSWORD_SO_FAR
        found += [match.span(1) for match in passwords.finditer(data)]
        arriving = self._arriving(data, shortest=SHORTEST if final else 1)
        if arriving < len(data):
            found.append((arriving, len(data)))
        return _merged(found)

    def _arriving(self, data: bytes, shortest: int) -> int:
        """Return where the first form begins of which the data ends in the middle; the end of the data if none does."""
        first = len(data)
        for form in self._forms:
            window = max(0, len(data) - len(form) + 1)
            begin = data.find(form[:shortest], window)
            while begin != -1 and begin < first:
                if form.startswith(data[begin:]):
                    first = begin
                begin = data.find(form[:shortest], begin + 1)
        return first


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """Return what has to be kept secret of variables that are passed on: by their name, and passwords of URLs."""
    found = []
    for name, value in environment.items():
        if _SECRET_NAME.search(name) and len(value) >= _SECRET_VALUE_MINIMUM:
            found.append(value)
        if "://" in value and (password := _password_of(value)):
            found.append(password)
    return found


def _password_of(url: str) -> str | None:
    try:
        return urlsplit(url).password
    except ValueError:
        return None


def _forms(secret: str) -> set[bytes]:
    """Return the ways in which a secret may be written."""
    if len(secret) < SHORTEST:
        return set()
    raw = secret.encode(errors="surrogateescape")
    forms = {raw} | {line for line in raw.splitlines() if len(line) >= _SHORTEST_LINE}
    for written in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        forms.add(written.encode())
        forms.add(re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), written).encode())
    for ascii_only in (True, False):
        forms.add(json.dumps(secret, ensure_ascii=ascii_only)[1:-1].encode(errors="surrogateescape"))
    return forms | _base64_forms(raw)


def _base64_forms(raw: bytes) -> set[bytes]:
    """Return a secret's base64, also as the part of a longer text that depends on the secret alone."""
    forms = set()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(raw)
        forms |= {whole, whole.rstrip(b"=")}
        for before, skipped in ((0, 0), (1, 2), (2, 3)):
            core = encode(bytes(before) + raw).rstrip(b"=")[skipped:]
            if (before + len(raw)) % 3:
                core = core[:-1]
            if len(core) >= _SHORTEST_CORE:
                forms.add(core)
    return forms


def _occurrences(data: bytes, form: bytes) -> list[tuple[int, int]]:
    found = []
    begin = data.find(form)
    while begin != -1:
        found.append((begin, begin + len(form)))
        begin = data.find(form, begin + len(form))
    return found


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(spans):
        if merged and begin < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged

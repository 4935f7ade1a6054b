"""A reader with a browser's habits: keeps cookies, follows redirects, fills in forms. One reader stays at one place."""

import contextlib
import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

from releases.http import MOST_REDIRECTS, REDIRECTS, Door, Response, TooManyRedirects, Upload
from releases.probes.base import Account
from releases.probes.cookies import SetCookie, path_matches, read_cookie
from releases.probes.login import Login
from releases.probes.places import Place
from releases.probes.routes import check_route, url_of

LONGEST_PAGE = 500_000
"""Characters of a page that are searched for forms."""
MOST_COOKIES = 50
MOST_FORMS = 50
MOST_INPUTS = 200


class LoginFailed(Exception):
    """The form did not let the reader in. `str()` says why, without credentials."""


class NoForm(LoginFailed):
    """The page has no form with the named inputs."""


@dataclass(slots=True)
class Form:
    """A form of a page, with the values that a browser would send back untouched."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """Every named input, also those without a value."""


class Reader:
    """Asks one place (the edge or one instance) as one person would, each time with what the answers before set."""

    def __init__(self, door: Door, place: Place, alias: str = "") -> None:
        """Make a reader without cookies.

        Args:
            place: What is asked, and the fields that it wants with every request.
            alias: Base URL by which the service may call itself in redirects (the edge, when an instance is asked).
        """
        self._door = door
        self.place = place
        self._base_path = urlsplit(place.url).path.rstrip("/")
        scheme = place.fields.get("X-Forwarded-Proto", urlsplit(place.url).scheme)
        self._shown_at = f"{scheme}://{place.fields.get('Host', urlsplit(place.url).netloc)}{self._base_path}"
        """Base URL at which the place takes itself to be asked."""
        named = {urlsplit(place.url).netloc.lower(), urlsplit(alias or place.url).netloc.lower()}
        self._hosts = named | {value.lower() for name, value in place.fields.items() if name == "Host"}
        self._cookies: dict[str, SetCookie] = {}
        self.at_login: frozenset[str] = frozenset()
        """Names of the cookies that logging in set, or gave another value."""

    def cookies_for(self, route: str) -> Mapping[str, SetCookie]:
        """Return the cookies that it sends with a route, by name, each as it was set last."""
        path = self._path_of(route)
        return {name: cookie for name, cookie in self._cookies.items() if path_matches(path, cookie.sent_to)}

    @contextlib.contextmanager
    def leaving_out(self, names: Iterable[str]) -> Iterator[None]:
        """Ask as if these cookies were not there, and have them back afterwards.

        All else that the answers set is kept: a service may renew a session with every request.
        """
        kept = {name: self._cookies.pop(name) for name in names if name in self._cookies}
        try:
            yield
        finally:
            self._cookies |= kept

    def get(self, route: str, timeout: float | None = None) -> Response:
        """Ask for a route; a redirect is returned as it is."""
        return self._send("GET", route, None, "", timeout)

    def follow(self, route: str, timeout: float | None = None) -> tuple[str, Response]:
        """Ask for a route, follow redirects within the service, and return the final route and answer."""
        return self._followed(route, self.get(route, timeout), timeout)

    def submit(
        self, page: str, form: Form, values: dict[str, str], path: str | None = None, timeout: float | None = None
    ) -> tuple[str, Response]:
        """Send a form of a page with values filled in, follow redirects, and return the final route and answer."""
        target = path or self._within(page, form.action)
        if target is None:
            raise NoForm(f"the form of {page} is sent to another host")
        body = urlencode({**form.values, **values}).encode("ascii")
        return self._followed(target, self._send("POST", target, body, url_of(self._shown_at, page), timeout), timeout)

    def upload(self, route: str, body: Upload, content_type: str, timeout: float | None = None) -> Response:
        """Send a body on a connection of its own, and return the answer; a redirect is returned as it is."""
        fields = self._fields(route) | {"Content-Type": content_type, "Referer": url_of(self._shown_at, route)}
        response = self._door.request(
            "POST", url_of(self.place.url, route), headers=fields, body=body, timeout=timeout, truncate=True
        )
        self._take_cookies(route, response)
        return response

    def log_in(self, account: Account, login: Login, timeout: float | None = None) -> None:
        """Log in through the service's form. Raises LoginFailed, or a DoorError when there was no answer.

        Whether a session came of it only a personal page can tell: a service may go on with the cookie that it had set.
        """
        inputs = {login.username_field, login.password_field}
        page, shown = self.follow(login.path, timeout)
        form = form_with(inputs, shown.text)
        if form is None:
            raise NoForm(
                f"{login.path} answered {shown.status} without a form that has the inputs "
                f"{login.username_field} and {login.password_field}"
            )
        before = {name: cookie.value for name, cookie in self._cookies.items()}
        values = {login.username_field: account.username, login.password_field: account.password}
        # The final route comes from the service and could repeat what was sent: only the status is told.
        _, answer = self.submit(page, form, values, timeout=timeout)
        if answer.status >= 400:
            raise LoginFailed(f"the form of {login.path} was answered with {answer.status}")
        if form_with(inputs, answer.text) is not None:
            raise LoginFailed(f"the form of {login.path} was shown again instead of letting the account in")
        if not self._cookies:
            raise LoginFailed(f"the form of {login.path} was accepted, but no cookie was set")
        self.at_login = frozenset(name for name, cookie in self._cookies.items() if before.get(name) != cookie.value)

    def _followed(self, route: str, response: Response, timeout: float | None) -> tuple[str, Response]:
        for _ in range(MOST_REDIRECTS):
            target = self.leads_to(route, response)
            if target is None:
                return route, response
            route, response = target, self.get(target, timeout)
        if response.status in REDIRECTS:
            raise TooManyRedirects(f"{route[:200]} still redirects after {MOST_REDIRECTS} redirects")
        return route, response

    def leads_to(self, route: str, response: Response) -> str | None:
        """Return the route that a redirect leads to; None where an answer is none, or leads away from the service."""
        location = response.get("location")
        return self._within(route, location) if response.status in REDIRECTS and location else None

    def _within(self, route: str, reference: str) -> str | None:
        """Return the route that a link of a page leads to, or None when it leads away from the service."""
        try:
            parts = urlsplit(urljoin(url_of(self.place.url, route), reference.strip()))
        except ValueError:
            return None
        if parts.scheme not in ("http", "https") or parts.netloc.lower() not in self._hosts:
            return None
        if not parts.path.startswith(self._base_path):
            return None
        path = parts.path.removeprefix(self._base_path) or "/"
        try:
            return check_route(path + (f"?{parts.query}" if parts.query else ""))
        except ValueError:
            return None

    def _send(self, method: str, route: str, body: bytes | None, referer: str, timeout: float | None) -> Response:
        fields = self._fields(route)
        if body is not None:
            fields["Content-Type"] = "application/x-www-form-urlencoded"
            fields["Referer"] = referer  # Django checks it beside its token
        url = url_of(self.place.url, route)
        response = self._door.request(method, url, headers=fields, body=body, timeout=timeout, keep=True)
        self._take_cookies(route, response)
        return response

    def _fields(self, route: str) -> dict[str, str]:
        cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies_for(route).items())
        return {**self.place.fields, **({"Cookie": cookies} if cookies else {})}

    def _path_of(self, route: str) -> str:
        return self._base_path + route.partition("?")[0]

    def _take_cookies(self, route: str, response: Response) -> None:
        """Keep what was set. `Secure` is not looked at: an instance is asked as the edge that ends TLS asks it."""
        default = self._path_of(route).rpartition("/")[0] or "/"
        for line in response.get_all("set-cookie"):
            cookie = read_cookie(line, default)
            if cookie is None or any(ord(char) < 0x21 or ord(char) > 0x7E for char in cookie.name + cookie.value):
                continue
            self._cookies.pop(cookie.name, None)
            if not cookie.over and len(self._cookies) < MOST_COOKIES:
                self._cookies[cookie.name] = cookie


def form_with(inputs: set[str], page: str) -> Form | None:
    """Return the first form of a page that has all these inputs, or None."""
    parser = _FormParser()
    # Python's parser raises AssertionError at a marked section that it does not know; what came before it counts.
    with contextlib.suppress(AssertionError):
        parser.feed(page[:LONGEST_PAGE])
    return next((form for form in parser.forms if inputs <= form.names), None)


def is_login(route: str, response: Response, login: Login) -> bool:
    """Return whether an answer is the login form, at its own route or in the place of the page."""
    inputs = {login.username_field, login.password_field}
    return route.partition("?")[0] == login.path.partition("?")[0] or form_with(inputs, response.text) is not None


def shows(marker: str, response: Response) -> bool:
    """Return whether a text appears in an answer: in its body, written plainly or escaped for HTML, or in a field."""
    text = response.text
    return (
        marker in text
        or ("&" in text and marker in html.unescape(text))
        or any(marker in value for _, value in response.headers)
    )


class _FormParser(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: str = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form" and len(self.forms) < MOST_FORMS:
            self._open = Form(attributes.get("action", ""))
            self.forms.append(self._open)
        elif tag in ("input", "textarea", "select", "button") and self._open is not None:
            self._add_input(self._open, tag, attributes)
        elif tag == "option" and self._open is not None and self._select:
            # A browser sends the selected option, or the first one.
            chosen = attributes.get("value", "")
            known = self._open.values.get(self._select, chosen)
            self._open.values[self._select] = chosen if "selected" in attributes else known

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""

    def _add_input(self, form: Form, tag: str, attributes: dict[str, str]) -> None:
        name = attributes.get("name", "")
        kind = attributes.get("type", "text").lower()
        if not name or "disabled" in attributes or len(form.names) >= MOST_INPUTS:
            return
        form.names.add(name)
        if tag == "select":
            self._select = name
        elif kind in ("checkbox", "radio"):
            if "checked" in attributes:
                form.values[name] = attributes.get("value", "on")
        elif tag == "input" and kind not in ("submit", "image", "button", "reset", "file"):
            form.values[name] = attributes.get("value", "")

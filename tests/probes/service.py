"""A FastAPI service that looks different in every test: its routes, inputs, markers and cookie are drawn by lot.

It behaves until a test tells it not to: each attribute of `Service` that a test changes is one defect.
"""

import asyncio
import random
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse

WORDS = [
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heath", "inlet", "jetty", "knoll", "larch",
    "mossy", "north", "ocean", "pearl", "quarry", "river", "slate", "thorn", "upland", "vista", "willow", "xenon",
    "yield", "zephyr",
]  # fmt: skip


class Lot:
    """Draws names that differ from each other and from those of other tests."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)
        self._words = self._random.sample(WORDS, len(WORDS))
        self._mark = f"{self._random.randrange(16**6):06x}"

    def name(self) -> str:
        return self._words.pop()

    def route(self) -> str:
        depth = self._random.randint(1, 2)
        return "/" + "/".join([self.name() for _ in range(depth)] + [self._mark])

    def marker(self) -> str:
        # An apostrophe, as in many names, is written differently once it is escaped for HTML.
        return f"{self.name().title()} O'{self.name().title()} {self._mark}"


@dataclass
class Person:
    """A reader with an account."""

    name: str
    username: str
    password: str
    marker: str


@dataclass
class Service:
    """What the service is like. Both instances serve the same one."""

    lot: Lot
    version: str = "1.4.2"
    versions: dict[int, str] = field(default_factory=dict)
    """Versions that single instances serve instead."""
    personal_cache: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "private, no-store"})
    """Caching fields of the personal page."""
    public_cache: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "public, max-age=300"})
    """Caching fields of the public pages, where `cache` has none of their own."""
    cache: dict[str, dict[str, str]] = field(default_factory=dict)
    """Fields of single public pages."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Status of single public pages instead of 200."""
    delays: dict[str, float] = field(default_factory=dict)
    """Seconds that single public pages and the personal one take."""
    greets: bool = False
    """Public pages show the marker of whoever is logged in."""
    tracks: bool = False
    """Public pages set a cookie."""
    mixes_up: bool = False
    """The personal page shows everybody what its first reader got, as a careless cache inside the service does."""
    forgets_sessions: bool = False
    """Nobody is logged in beyond the login itself."""
    hides_marker: bool = False
    """The personal page shows nothing personal."""
    hides_marker_at: frozenset[int] = frozenset()
    """Instances at which alone it is so."""
    mixes_up_at: frozenset[int] = frozenset()
    """Instances that alone mix up their readers."""
    shares_sessions: bool = True
    """An instance knows the sessions of the others."""
    clutter: int = 0
    """Cookies without meaning that a login sets before the session's."""
    fails_anonymously: bool = False
    """The personal page breaks for whoever is not logged in."""
    session_flags: dict[str, Any] = field(default_factory=lambda: {"httponly": True, "secure": True, "samesite": "lax"})
    """How the session cookie is set."""
    seal: str = ""
    """A second cookie of the login: `needed` beside the first, `enough` without it, or `watched`: the session ends when
    a request comes without it."""
    seal_flags: dict[str, Any] = field(default_factory=lambda: {"httponly": True, "secure": True, "samesite": "lax"})
    """How that one is set."""
    guards: bool = True
    """The guarded page lets in only the first account, and leads nobody to the login form."""
    guarded_status: int = 0
    """Status of the guarded page for everybody, instead of what it would be."""
    without_form: bool = False
    """The login page has no form."""
    wants_other_token: bool = False
    """The action refuses every CSRF token."""

    def __post_init__(self) -> None:
        lot = self.lot
        self.version_route, self.version_field, self.version_header = lot.route(), lot.name(), f"X-{lot.name().title()}"
        self.login_route, self.personal_route, self.action_route = lot.route(), lot.route(), lot.route()
        self.guarded_route = lot.route()
        self.public_routes = [lot.route() for _ in range(3)]
        self.username_input, self.password_input, self.token_input = lot.name(), lot.name(), lot.name()
        self.note_input, self.cookie = lot.name(), lot.name()
        self.people = [
            Person(f"reader-{letter}", secrets.token_hex(4), secrets.token_urlsafe(12) + "&=+ é", lot.marker())
            for letter in "ab"
        ]
        self.fetched: dict[str, int] = {}
        """How often each route was asked for at an instance."""
        self._sessions: dict[str, Person] = {}
        self._begun_at: dict[str, int] = {}
        self._seals: dict[str, Person] = {}
        self._tokens: set[str] = set()
        self._first_personal: str = ""

    def login_settings(self) -> dict[str, str]:
        return {
            "path": self.login_route,
            "username_field": self.username_input,
            "password_field": self.password_input,
        }

    def apps(self, count: int) -> list[FastAPI]:
        """Return one application per instance, all with the same sessions, as behind one database."""
        return [self._app(number) for number in range(count)]

    def _app(self, number: int) -> FastAPI:
        app = FastAPI(openapi_url=None)

        @app.middleware("http")
        async def count(request: Request, call_next):  # type: ignore[no-untyped-def]
            self.fetched[request.url.path] = self.fetched.get(request.url.path, 0) + 1
            return await call_next(request)

        @app.get(self.version_route)
        async def version() -> Response:
            serves = self.versions.get(number, self.version)
            headers = {"Cache-Control": "no-store", self.version_header: serves}
            return JSONResponse({"build": {self.version_field: serves}, self.version_field: serves}, headers=headers)

        @app.get(self.login_route)
        async def show_login() -> Response:
            form = self._form(self.login_route, (self.username_input, self.password_input))
            return self._page("<p>closed</p>" if self.without_form else form, {"Cache-Control": "no-store"})

        @app.post(self.login_route)
        async def log_in(request: Request) -> Response:
            sent = await request.form()
            person = next((one for one in self.people if one.username == sent.get(self.username_input)), None)
            known = sent.get(self.token_input) in self._tokens
            if not known or person is None or sent.get(self.password_input) != person.password:
                return self._page(self._form(self.login_route, (self.username_input, self.password_input)), {})
            session = secrets.token_hex(8)
            if not self.forgets_sessions:
                self._sessions[session] = person
                self._begun_at[session] = number
            answer = RedirectResponse(self.personal_route, status_code=303)
            for piece in range(self.clutter):
                answer.set_cookie(f"{self.cookie}_{piece}", "1")
            answer.set_cookie(self.cookie, session, **self.session_flags)
            if self.seal:
                seal = secrets.token_hex(8)
                self._seals[seal] = person
                answer.set_cookie(f"{self.cookie}_seal", seal, **self.seal_flags)
            return answer

        @app.get(self.personal_route)
        async def personal(request: Request) -> Response:
            await asyncio.sleep(self.delays.get(self.personal_route, 0))
            person = self._who(request, number)
            if person is None and self.fails_anonymously:
                return self._page("<p>broken</p>", {"Cache-Control": "no-store"}, 500)
            if person is None:
                return RedirectResponse(self.login_route, status_code=303)
            hides = self.hides_marker or number in self.hides_marker_at
            shown = "<p>Welcome</p>" if hides else f"<p>Signed in as {escape(person.marker)}</p>"
            self._first_personal = self._first_personal or shown
            mixes_up = self.mixes_up or number in self.mixes_up_at
            return self._page(self._first_personal if mixes_up else shown, self.personal_cache)

        @app.get(self.guarded_route)
        async def guarded(request: Request) -> Response:
            person = self._who(request)
            if self.guarded_status:
                return self._page("<p>guarded</p>", {"Cache-Control": "no-store"}, self.guarded_status)
            if self.guards and person is None:
                return RedirectResponse(f"{self.login_route}?next={self.guarded_route}", status_code=302)
            status = 403 if self.guards and person != self.people[0] else 200
            return self._page("<p>guarded</p>", {"Cache-Control": "private, no-store"}, status)

        @app.get(self.action_route)
        async def show_action(request: Request) -> Response:
            return self._page(self._form(self.action_route, (self.note_input,)), {"Cache-Control": "no-store"})

        @app.post(self.action_route)
        async def act(request: Request) -> Response:
            sent = await request.form()
            token = sent.get(self.token_input)
            if self._who(request) is None or token not in self._tokens or self.wants_other_token:
                return self._page("<p>refused</p>", {}, 403)
            return self._page(f"<p>Kept: {escape(str(sent.get(self.note_input)))}</p>", {"Cache-Control": "no-store"})

        for route in self.public_routes:
            app.get(route)(self._public(route))
        return app

    def _public(self, route: str):  # type: ignore[no-untyped-def]
        async def public(request: Request) -> Response:
            await asyncio.sleep(self.delays.get(route, 0))
            person = self._who(request)
            greeting = escape(person.marker) if self.greets and person else "reader"
            answer = self._page(
                f"<h1>{route}</h1><p>Hello {greeting}</p>",
                self.cache.get(route, self.public_cache),
                self.statuses.get(route, 200),
            )
            if self.tracks:
                answer.set_cookie("visitor", secrets.token_hex(8))
            return answer

        return public

    def _who(self, request: Request, number: int = 0) -> Person | None:
        session = request.cookies.get(self.cookie, "")
        sealed = self._seals.get(request.cookies.get(f"{self.cookie}_seal", ""))
        if self.seal == "watched" and sealed is None:
            self._sessions.pop(session, None)
        person = self._sessions.get(session)
        if not self.shares_sessions and self._begun_at.get(session) != number:
            person = None
        if self.seal == "needed":
            return person if sealed is person else None
        return person or (sealed if self.seal == "enough" else None)

    def _page(self, text: str, headers: dict[str, str], status: int = 200) -> Response:
        generation = {"X-Generation": secrets.token_hex(8)}
        return HTMLResponse(f"<!doctype html><title>t</title>{text}", status, {**generation, **headers})

    def _form(self, action: str, inputs: tuple[str, ...]) -> str:
        token = secrets.token_hex(8)
        self._tokens.add(token)
        fields = "".join(f'<input name="{name}">' for name in inputs)
        other = '<form action="/search"><input name="q"></form>'
        hidden = f"<input type=hidden name={self.token_input} value={token}>"
        return f'{other}<form method="post" action="{action}">{hidden}{fields}</form>'

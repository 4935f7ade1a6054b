"""The archive itself, by its own words over HTTP."""

import json
import re
import socket

import httpx
import pytest

from demo.accounts import ACCOUNTS
from tests.demo.running import Production, Reader, sign_in, token_in, until

pytestmark = pytest.mark.once
LARGEST = 1024 * 1024


@pytest.fixture
def url(production: Production) -> str:
    """The first instance of a good version, past the cache."""
    production.serve("2026.11.2")
    return production.environment.instances[0].url


@pytest.fixture
def ada(url: str, production: Production, reader: Reader) -> httpx.Client:
    client = reader(url)
    assert sign_in(client, "ada", production.password(0)).status_code == 303
    return client


def test_there_are_at_least_200_articles_and_each_one_answers(url: str, reader: Reader) -> None:
    client = reader(url)
    last = int(re.search(r"Page 1 of (\d+)", client.get("/articles").text)[1])  # type: ignore[index]
    slugs = {
        slug
        for page in range(1, last + 1)
        for slug in re.findall(r'href="/articles/([^"?]+)"', client.get(f"/articles?page={page}").text)
    }
    assert len(slugs) >= 200
    for slug in slugs:
        page = client.get(f"/articles/{slug}")
        assert page.status_code == 200
        assert "<article>" in page.text


@pytest.mark.parametrize(
    ("path", "status", "cache_control"),
    [
        ("/", 200, "public, max-age=60"),
        ("/articles", 200, "public, max-age=60"),
        ("/articles/library-json", 200, "public, max-age=300"),
        ("/articles?page=999", 404, "no-store"),
        ("/articles?page=no", 422, "no-store"),
        ("/articles/no-such-article", 404, "no-store"),
        ("/login", 200, "private, no-store"),
        ("/account", 303, "no-store"),
        ("/version", 200, "no-store"),
        ("/healthz", 200, "no-store"),
    ],
)
def test_every_answer_says_whether_it_may_be_kept(
    url: str, reader: Reader, path: str, status: int, cache_control: str
) -> None:
    response = reader(url).get(path)
    assert (response.status_code, response.headers["cache-control"]) == (status, cache_control)
    assert ("etag" in response.headers) == cache_control.startswith("public")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert response.headers["x-served-by"] == "web-1"


def test_the_page_and_its_style_come_from_this_site_alone(url: str, reader: Reader) -> None:
    client = reader(url)
    page = client.get("/").text
    style = client.get(re.search(r'href="(/static/[^"]+)"', page)[1])  # type: ignore[index]
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert style.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert not re.search(r'(?:src|href)="(?!/)', page)


def test_the_version_names_the_instance(url: str, reader: Reader) -> None:
    said = {"version": "2026.11.2", "instance": "web-1", "environment": "production"}
    assert reader(url).get("/version").json() == said


def test_a_reader_signs_in_and_sees_the_own_page(ada: httpx.Client) -> None:
    page = ada.get("/account")
    assert page.headers["cache-control"] == "private, no-store"
    assert ACCOUNTS[0].shown in page.text
    assert ACCOUNTS[1].shown not in page.text


def test_the_session_cookie_is_kept_from_scripts_and_other_sites(
    url: str, production: Production, reader: Reader
) -> None:
    answer = sign_in(reader(url), "ada", production.password(0))
    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith("archive_session="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


def test_a_session_made_by_one_instance_is_good_at_the_other(ada: httpx.Client, production: Production) -> None:
    other = production.environment.instances[1].url
    assert ACCOUNTS[0].shown in ada.get(f"{other}/account").text


@pytest.mark.parametrize("username", ["ada", "nobody"])
def test_a_wrong_password_is_refused_without_saying_which_part_was_wrong(
    url: str, reader: Reader, username: str
) -> None:
    answer = sign_in(reader(url), username, "wrong")
    assert answer.status_code == 401
    assert "Name and password do not belong together." in answer.text


def test_a_form_without_its_token_is_refused(
    ada: httpx.Client, url: str, production: Production, reader: Reader
) -> None:
    """C22"""
    stranger = reader(url)
    given = {"username": "ada", "password": production.password(0), "token": "guessed"}
    assert stranger.post("/login", data=given).status_code == 403
    for path in ("/bookmarks", "/logout"):
        assert ada.post(path, data={"slug": "library-json", "token": "guessed"}).status_code == 403
    assert ada.get("/account").status_code == 200


@pytest.mark.parametrize("target", ["https://example.org/", "//example.org", "/\\example.org", "/a\nb", "account"])
def test_signing_in_never_leads_to_another_site(url: str, production: Production, reader: Reader, target: str) -> None:
    answer = sign_in(reader(url), "ada", production.password(0), next=target)
    assert answer.headers["location"] == "/account"


def test_a_kept_article_shows_on_the_own_page_until_it_is_removed(ada: httpx.Client) -> None:
    token = token_in(ada.get("/account").text)
    article = '<a href="/articles/library-json">'
    assert ada.post("/bookmarks", data={"slug": "library-json", "token": token}).headers["location"] == "/account"
    assert article in ada.get("/account").text
    ada.post("/bookmarks", data={"slug": "library-json", "token": token, "remove": "true"})
    assert article not in ada.get("/account").text


def test_signing_out_ends_the_session(ada: httpx.Client) -> None:
    ada.post("/logout", data={"token": token_in(ada.get("/account").text)})
    assert ada.get("/account").headers["location"] == "/login?next=/account"


@pytest.mark.parametrize(("size", "status"), [(LARGEST, 201), (LARGEST + 1, 413), (2 * LARGEST, 413)])
def test_a_note_may_be_as_large_as_the_limit_and_no_larger(
    ada: httpx.Client, production: Production, size: int, status: int
) -> None:
    token = token_in(ada.get("/upload").text)
    for base in (production.environment.instances[0].url, production.environment.url):
        answer = ada.post(f"{base}/upload", data={"token": token}, files={"note": ("../n.txt", b"a" * size)})
        assert answer.status_code == status


@pytest.mark.parametrize("through_the_cache", [False, True])
@pytest.mark.parametrize("path", ["/upload", "/login"])
def test_a_body_that_is_too_large_is_refused_before_it_is_sent(
    url: str, production: Production, through_the_cache: bool, path: str
) -> None:
    port = production.environment.edge if through_the_cache else production.environment.instances[0].port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: archive\r\nContent-Type: text/plain\r\n"
            f"Content-Length: {4 * LARGEST}\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 413"


def test_an_endless_body_is_cut_off_at_the_limit(url: str, reader: Reader) -> None:
    """B48"""
    sent = 0

    def endless() -> object:
        nonlocal sent
        while sent < 8 * LARGEST:
            sent += 65536
            yield b"a" * 65536

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = reader(url).post("/login", content=endless(), headers=form)  # type: ignore[arg-type]
    assert answer.status_code == 413


def test_the_log_holds_the_request_without_its_credentials(ada: httpx.Client, production: Production) -> None:
    secrets = (ada.cookies["archive_session"], "s3cret-in-query", "s3cret-in-header")
    headers = {"Authorization": "Bearer s3cret-in-header", "X-Request-ID": "marked-request-7"}
    ada.get("/account?marker=m4rked&token=s3cret-in-query", headers=headers)
    file = production.environment.shared / "log/requests.log"
    until(lambda: "marked-request-7" in file.read_text(), "the line, which is written after the answer")
    log = file.read_text()
    line = next(json.loads(line) for line in log.splitlines() if "marked-request-7" in line)
    assert (line["method"], line["target"], line["status"]) == ("GET", "/account?marker=m4rked&token=***", 200)
    assert line["instance"] == "web-1"
    assert not any(secret in log for secret in secrets)
    assert production.password(0) not in log

"""Security headers in the result names of the Mozilla HTTP Observatory."""

import pytest
from hypothesis import given, settings, strategies as st

from releases.probes.observatory import FOREIGN_ORIGIN, RANKED, cookie_flags, is_weaker, judge

CSP, HSTS, XFO = "content-security-policy", "strict-transport-security", "x-frame-options"
CORS, COOKIES, REFERRER = "cross-origin-resource-sharing", "cookies", "referrer-policy"

TABLE = [
    (CSP, [], "csp-not-implemented"),
    (CSP, [(CSP, "")], "csp-header-invalid"),
    (CSP, [(CSP, "default-src 'none'")], "csp-implemented-with-no-unsafe-default-src-none"),
    (CSP, [(CSP, "DEFAULT-SRC 'NONE'; script-src 'self'")], "csp-implemented-with-no-unsafe-default-src-none"),
    (CSP, [(CSP, "default-src 'self'")], "csp-implemented-with-no-unsafe"),
    (CSP, [(CSP, "default-src 'self' 'unsafe-inline'")], "csp-implemented-with-unsafe-inline"),
    (CSP, [(CSP, "default-src 'self'; style-src 'unsafe-inline'")],
     "csp-implemented-with-unsafe-inline-in-style-src-only"),
    (CSP, [(CSP, "default-src 'self'; script-src 'unsafe-eval'")], "csp-implemented-with-unsafe-eval"),
    (CSP, [(CSP, "default-src 'self'; script-src https:")], "csp-implemented-with-insecure-scheme"),
    (CSP, [(CSP, "default-src *")], "csp-implemented-with-insecure-scheme"),
    (CSP, [(CSP, "default-src 'self'; script-src data:")], "csp-implemented-with-unsafe-inline"),
    (CSP, [(CSP, "img-src 'self'")], "csp-implemented-with-unsafe-inline"),
    (CSP, [(CSP, "script-src 'self'; style-src 'self'")], "csp-implemented-with-unsafe-inline"),
    (CSP, [(CSP, "default-src 'self'; script-src 'nonce-abc' 'unsafe-inline'")], "csp-implemented-with-no-unsafe"),
    (CSP, [(CSP, "object-src 'none'; script-src 'nonce-a' 'strict-dynamic' https:; style-src 'self'")],
     "csp-implemented-with-no-unsafe"),
    (CSP, [(CSP, "script-src 'unsafe-inline'; object-src 'none'"), (CSP, "script-src 'self'; style-src 'self'")],
     "csp-implemented-with-no-unsafe"),
    (CSP, [(CSP, "default-src 'self'; default-src 'unsafe-inline'")], "csp-implemented-with-no-unsafe"),
    (CSP, [("content-security-policy-report-only", "default-src 'none'")], "csp-not-implemented"),
    (HSTS, [], "hsts-not-implemented"),
    (HSTS, [(HSTS, "max-age=15552000")], "hsts-implemented-max-age-at-least-six-months"),
    (HSTS, [(HSTS, 'includeSubDomains; Max-Age="63072000"; preload')], "hsts-implemented-max-age-at-least-six-months"),
    (HSTS, [(HSTS, "max-age=15551999")], "hsts-implemented-max-age-less-than-six-months"),
    (HSTS, [(HSTS, "max-age=0")], "hsts-implemented-max-age-less-than-six-months"),
    (HSTS, [(HSTS, "includeSubDomains")], "hsts-header-invalid"),
    (HSTS, [(HSTS, "max-age=1; max-age=2")], "hsts-header-invalid"),
    (HSTS, [(HSTS, "max-age=99999999"), (HSTS, "max-age=0")], "hsts-implemented-max-age-at-least-six-months"),
    ("x-content-type-options", [], "x-content-type-options-not-implemented"),
    ("x-content-type-options", [("X-Content-Type-Options", "NoSniff")], "x-content-type-options-nosniff"),
    ("x-content-type-options", [("x-content-type-options", "sniff")], "x-content-type-options-header-invalid"),
    (XFO, [], "x-frame-options-not-implemented"),
    (XFO, [(XFO, "DENY")], "x-frame-options-sameorigin-or-deny"),
    (XFO, [(XFO, "deny"), (XFO, "DENY")], "x-frame-options-sameorigin-or-deny"),
    (XFO, [(XFO, "DENY, SAMEORIGIN")], "x-frame-options-header-invalid"),
    (XFO, [(XFO, "ALLOW-FROM https://a.example")], "x-frame-options-header-invalid"),
    (XFO, [(CSP, "frame-ancestors 'none'"), (XFO, "nonsense")], "x-frame-options-implemented-via-csp"),
    (XFO, [(CSP, "frame-ancestors *")], "x-frame-options-not-implemented"),
    (REFERRER, [], "referrer-policy-not-implemented"),
    (REFERRER, [(REFERRER, "strict-origin-when-cross-origin")], "referrer-policy-private"),
    (REFERRER, [(REFERRER, "unsafe-url, no-referrer")], "referrer-policy-private"),
    (REFERRER, [(REFERRER, "no-referrer, unsafe-url")], "referrer-policy-unsafe"),
    (REFERRER, [(REFERRER, "never")], "referrer-policy-header-invalid"),
    (CORS, [], f"{CORS}-not-implemented"),
    (CORS, [("access-control-allow-origin", "*")], f"{CORS}-implemented-with-public-access"),
    (CORS, [("access-control-allow-origin", "https://a.example")], f"{CORS}-implemented-with-restricted-access"),
    (CORS, [("access-control-allow-origin", FOREIGN_ORIGIN)], f"{CORS}-implemented-with-public-access"),
    (CORS, [("access-control-allow-origin", FOREIGN_ORIGIN), ("access-control-allow-credentials", "true")],
     f"{CORS}-implemented-with-universal-access"),
    (COOKIES, [], "cookies-not-found"),
    (COOKIES, [("set-cookie", "theme=dark; Secure; SameSite=Lax")],
     "cookies-secure-with-httponly-sessions-and-samesite"),
    (COOKIES, [("set-cookie", "theme=dark; secure")], "cookies-secure-with-httponly-sessions"),
    (COOKIES, [("set-cookie", "__Host-theme=dark; Path=/")], "cookies-secure-with-httponly-sessions"),
    (COOKIES, [("set-cookie", "theme=dark")], "cookies-without-secure-flag"),
    (COOKIES, [("set-cookie", "sessionid=1; HttpOnly")], "cookies-session-without-secure-flag"),
    (COOKIES, [("set-cookie", "sessionid=1; Secure")], "cookies-session-without-httponly-flag"),
    (COOKIES, [("set-cookie", "csrftoken=1; Secure")], "cookies-anticsrf-without-samesite-flag"),
    (COOKIES, [("set-cookie", "csrftoken=1; SameSite=Lax")], "cookies-without-secure-flag"),
    (COOKIES, [("set-cookie", "theme=1; Secure; SameSite=Sometimes")], "cookies-samesite-flag-invalid"),
    (COOKIES, [("set-cookie", "a=1; Secure; SameSite=Lax"), ("set-cookie", "b=1")], "cookies-without-secure-flag"),
    (COOKIES, [("set-cookie", "sessionid=; Max-Age=0")], "cookies-not-found"),
    ("cross-origin-resource-policy", [("cross-origin-resource-policy", "same-site")],
     "cross-origin-resource-policy-implemented-with-same-site"),
    ("cross-origin-resource-policy", [("cross-origin-resource-policy", "Same-Site")],
     "cross-origin-resource-policy-header-invalid"),
    ("cross-origin-opener-policy", [("cross-origin-opener-policy", 'same-origin; report-to="x"')],
     "cross-origin-opener-policy-implemented"),
    ("cross-origin-embedder-policy", [("cross-origin-embedder-policy", "unsafe-none")],
     "cross-origin-embedder-policy-unsafe-none"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "fields", "result"), TABLE)
def test_the_headers_of_an_answer_amount_to_the_observatorys_result(
    test: str, fields: list[tuple[str, str]], result: str
) -> None:
    assert judge(fields, https=True)[test] == result


def test_over_plain_http_neither_hsts_nor_secure_can_be_asked_for() -> None:
    told = judge([(HSTS, "max-age=99999999"), ("set-cookie", "theme=dark; SameSite=Lax")], https=False)
    assert told[HSTS] == "hsts-not-implemented-no-https"
    assert told[COOKIES] == "cookies-secure-with-httponly-sessions-and-samesite"


def test_results_are_ranked_best_first() -> None:
    assert is_weaker(XFO, "x-frame-options-not-implemented", "x-frame-options-sameorigin-or-deny")
    assert not is_weaker(XFO, "x-frame-options-implemented-via-csp", "x-frame-options-sameorigin-or-deny")


def test_a_cookies_value_is_never_kept() -> None:
    assert "secret" not in repr(cookie_flags("sid=secret; HttpOnly"))


NAMES = st.sampled_from(
    [CSP, HSTS, XFO, REFERRER, "set-cookie", "access-control-allow-origin", "x-content-type-options"]
)


@settings(max_examples=150)
@given(st.lists(st.tuples(NAMES, st.text(max_size=200)), max_size=8), st.booleans())
def test_no_header_bytes_make_the_judgement_raise(fields: list[tuple[str, str]], https: bool) -> None:
    """B52"""
    for test, result in judge(fields, https=https).items():
        assert result in RANKED[test]

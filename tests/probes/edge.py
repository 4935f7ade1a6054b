"""The configuration of the tests' Varnish: one cache that behaves, and under path prefixes others that do not.

An edge is a base URL, so `http://127.0.0.1:PORT/bans-all` is a cache of its own in all that a probe can see of it.
"""

from collections.abc import Sequence

PREFIXES = (
    "refuses",  # answers PURGE with 405
    "ignores",  # answers PURGE with 200 and does nothing
    "fails",  # answers PURGE with 500
    "bans-all",  # PURGE of one route forgets everything of this prefix
    "bans-first",  # PURGE of one route forgets everything that begins with the same first letter of its path
    "aged",  # only Age tells that something came from the cache
    "worded",  # only X-Cache tells
    "mute",  # nothing tells
    "forgets",  # keeps everything for two seconds, whatever the service says
)


def configuration(backend_ports: Sequence[int], older: bool = False) -> str:
    """Return VCL that takes turns between the backends and caches by Cache-Control, whatever the cookies.

    `older` lets a node count its objects as if it had run for long: two that start together count in step, and may call
    two objects by the same number, which nodes of a site do once in a billion.
    """
    backends = "".join(
        f'backend b{number} {{ .host = "127.0.0.1"; .port = "{port}"; }}\n' for number, port in enumerate(backend_ports)
    )
    added = "".join(f"    origin.add_backend(b{number});\n" for number in range(len(backend_ports)))
    init = f"sub vcl_init {{\n    new origin = directors.round_robin();\n{added}}}\n"
    return f"vcl 4.1;\nimport directors;\n{backends}\n{init}{_OLDER if older else ''}{_RULES}"


_OLDER = r"""
sub vcl_deliver {
    set resp.http.X-Varnish = regsuball(resp.http.X-Varnish, "([0-9]+)", "7\1");
}
"""

_RULES = r"""
sub vcl_recv {
    set req.backend_hint = origin.backend();
    unset req.http.X-Edge;
    if (req.url ~ "^/(%s)/") {
        set req.http.X-Edge = regsub(req.url, "^/([a-z-]+)/.*", "\1");
        set req.url = regsub(req.url, "^/[a-z-]+", "");
    }
    if (req.method == "PURGE") {
        if (req.http.X-Edge == "refuses") { return (synth(405)); }
        if (req.http.X-Edge == "ignores") { return (synth(200)); }
        if (req.http.X-Edge == "fails") { return (synth(500)); }
        if (req.http.X-Edge == "bans-all") {
            ban("obj.http.X-Edge == bans-all");
            return (synth(200));
        }
        if (req.http.X-Edge == "bans-first") {
            ban("obj.http.X-Edge == bans-first && obj.http.X-Path ~ ^" + regsub(req.url, "^(/.).*", "\1"));
            return (synth(200));
        }
        return (purge);
    }
    if (req.method == "BAN") {
        if (!req.http.X-Ban-Path) { return (synth(400)); }
        ban("obj.http.X-Path ~ " + req.http.X-Ban-Path);
        return (synth(200));
    }
    if (req.method != "GET" && req.method != "HEAD") { return (pass); }
    # As sites do that trust Cache-Control: a cookie alone keeps nothing out of the cache.
    return (hash);
}

sub vcl_hash {
    hash_data(req.http.X-Edge);
}

sub vcl_backend_response {
    set beresp.http.X-Edge = bereq.http.X-Edge;
    set beresp.http.X-Path = bereq.url;
    if (bereq.http.X-Edge == "forgets") {
        set beresp.ttl = 2s;
        set beresp.grace = 0s;
        set beresp.http.Cache-Control = "public, max-age=2";
        return (deliver);
    }
    set beresp.grace = 0s;
    # Of the built-in rules all but one: that an answer with Set-Cookie is never kept. RFC 9111 knows no such rule.
    if (beresp.ttl <= 0s || beresp.http.Cache-Control ~ "(?i)no-cache|no-store|private" || beresp.http.Vary == "*") {
        set beresp.ttl = 120s;
        set beresp.uncacheable = true;
    }
    return (deliver);
}

sub vcl_deliver {
    unset resp.http.X-Edge;
    unset resp.http.X-Path;
    if (req.http.X-Edge == "aged" || req.http.X-Edge == "worded" || req.http.X-Edge == "mute") {
        unset resp.http.X-Varnish;
        unset resp.http.Via;
        if (req.http.X-Edge != "aged") { unset resp.http.Age; }
        if (req.http.X-Edge == "worded") { set resp.http.X-Cache = "MISS"; }
        if (req.http.X-Edge == "worded" && obj.hits > 0) { set resp.http.X-Cache = "HIT"; }
    }
    return (deliver);
}
""" % "|".join(PREFIXES)  # noqa: UP031 -- VCL is full of braces

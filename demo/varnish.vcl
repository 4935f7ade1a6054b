# The demo's shared cache by Varnish 7, in place of `python -m demo.cache`: the same PURGE, the same turns between the two
# instances. Made ready by demo.launch.varnish_config(), which fills in @the ports@.
vcl 4.1;

import directors;

probe alive {
    .url = "/healthz";
    .interval = 1s;
    .timeout = 1s;
    .window = 2;
    .threshold = 1;
    .initial = 1;
}

backend web_1 {
    .host = "127.0.0.1";
    .port = "@web-1@";
    .connect_timeout = 1s;
    .first_byte_timeout = 15s;
    .between_bytes_timeout = 5s;
    .probe = alive;
}

backend web_2 {
    .host = "127.0.0.1";
    .port = "@web-2@";
    .connect_timeout = 1s;
    .first_byte_timeout = 15s;
    .between_bytes_timeout = 5s;
    .probe = alive;
}

acl this_machine {
    "127.0.0.0"/8;
    "::1";
}

sub vcl_init {
    new archive = directors.round_robin();
    archive.add_backend(web_1);
    archive.add_backend(web_2);
}

sub vcl_recv {
    # One site behind this cache: the name it was asked by does not matter.
    set req.http.Host = "archive";

    if (req.method == "PURGE") {
        if (client.ip !~ this_machine) {
            return (synth(405, "PURGE is not allowed from here."));
        }
        if (req.http.X-Purge-Everything) {
            ban("obj.status != 0");
            return (synth(200, "Purged."));
        }
        return (purge);
    }

    set req.backend_hint = archive.backend();
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.http.Authorization) {
        return (pass);
    }
    # Varnish of its own would pass every request with a Cookie. As a shared cache by RFC 9111 this one looks at what the
    # answer allows; a Cookie does not prevent storing (section 7.3).
    return (hash);
}

sub vcl_purge {
    return (synth(200, "Purged."));
}

sub vcl_backend_fetch {
    # The next instance in turn, also when this fetch is a second try.
    set bereq.backend = archive.backend();
}

sub vcl_backend_response {
    set beresp.grace = 0s;
    if (bereq.uncacheable) {
        return (deliver);
    }
    if (beresp.ttl <= 0s
        || beresp.http.Cache-Control ~ "(?i)(^|[, ])(private|no-store|no-cache)"
        || beresp.http.Vary == "*") {
        # Not to be kept; for two minutes, readers need not wait for one another to find that out again.
        set beresp.ttl = 120s;
        set beresp.uncacheable = true;
    }
    return (deliver);
}

sub vcl_backend_error {
    # An instance that is being restarted answers nothing; the other one does.
    if (bereq.retries < 2 && (bereq.method == "GET" || bereq.method == "HEAD")) {
        return (retry);
    }
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
    unset resp.http.X-Varnish;
    unset resp.http.Via;
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    set resp.body = resp.reason + {"
"};
    return (deliver);
}

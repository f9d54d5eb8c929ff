"""http probes of nginx, of Python's http.server, and of servers whose answer has no end."""

import os
import re

import harness
import pytest
from harness import DRIP, ENDLESS, EVENTS, exec_probe, healthy, serving, silent, unhealthy, wait_until

LABEL = "http GET http://localhost:{main}"
AT_MAIN = "redirected to http://localhost:{main}"
SENT = "(sent Host: localhost:{main})"


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/ok", healthy("status 200")),
        ("/empty", healthy("status 204")),
        ("/missing", unhealthy(f"status 404, wanted 200-399 {SENT}")),
        ("/broken", unhealthy("status 500, wanted 200-399")),
        ("/full", unhealthy("status 503, wanted 200-399")),
        ("/30k", healthy("status 200")),
        ("/100k", unhealthy("response headers of more than 64 KiB")),
        ("/128-lines", healthy("status 200")),
        ("/129-lines", unhealthy("more than 128 response header lines")),
    ],
)
def test_an_answer_of_nginx_is_judged_by_its_status_and_size(web, path, wanted):
    assert exec_probe("http", f":{web.main}{path}") == wanted.about(f"{LABEL}{path}", **vars(web))


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("/moved", healthy("status 200")),
        ("/moved-to-missing", unhealthy(f"{AT_MAIN}: status 404, wanted 200-399 {SENT}")),
        ("/deep/relative", healthy("status 200")),
        ("/hops/9", healthy("status 200")),
        ("/hops/10", unhealthy(f"{AT_MAIN}: the tenth redirect, wanted nine at most")),
        ("/loop", unhealthy(f"{AT_MAIN}: the tenth redirect, wanted nine at most")),
        ("/other-port", healthy("status 204")),
        (
            "/nowhere",
            unhealthy("redirected to http://localhost:{closed}: connection refused (127.0.0.1, [::1])"),
        ),
        (
            "/elsewhere",
            healthy("status 302", ", not followed to http://elsewhere.example, which is another host name"),
        ),
        ("/mail", unhealthy('status 302 to scheme "mailto", wanted http or https')),
    ],
)
def test_a_redirect_of_nginx_is_followed_as_the_kubelet_does(web, path, wanted):
    assert exec_probe("http", f":{web.main}{path}") == wanted.about(f"{LABEL}{path}", **vars(web))


@pytest.mark.parametrize(
    ("options", "path", "wanted"),
    [
        (["-H", "Host: shop.example"], "/only-shop", healthy("status 200")),
        ([], "/only-shop", unhealthy(f"status 404, wanted 200-399 {SENT}")),
        # A Host that was set goes along where Location names none, and only there.
        (["-H", "Host: shop.example"], "/shop-moved-relative", healthy("status 200")),
        (
            ["-H", "Host: shop.example"],
            "/shop-moved",
            healthy("status 302", ", not followed to http://shop.example:{main}, which is another host name"),
        ),
        (["--redirects=none"], "/moved-to-missing", healthy("status 301")),
        (["--expect-status=301"], "/moved-to-missing", healthy("status 301")),
        (["--expect-status=404"], "/missing", healthy("status 404")),
        (["--expect-status=200,204"], "/full", unhealthy("status 503, wanted 200,204")),
        (["--expect-body=ok"], "/ok", healthy("status 200")),
        (["--expect-body=ready"], "/ok", unhealthy('no "ready" in the body')),
        (["--user=probe:s3cret"], "/private", healthy("status 200")),
        (["--user=probe:wrong"], "/private", unhealthy("status 401, wanted 200-399")),
        (["--show-body"], "/missing", unhealthy(f"status 404, wanted 200-399 {SENT}\nbody: missing")),
    ],
)
def test_an_option_reaches_nginx(web, options, path, wanted):
    assert exec_probe("http", *options, f":{web.main}{path}") == wanted.about(f"{LABEL}{path}", **vars(web))


OUT = '/components/mail~1out/status is "OUT_OF_SERVICE", wanted "UP"'


@pytest.mark.parametrize(
    ("options", "path", "wanted"),
    [
        (["--expect-json=/status=UP", "--expect-json=/components/db/status=UP|DOWN"], "/health", healthy("status 200")),
        (["--expect-json=/components/diskSpace/details/free=5e10"], "/health", healthy("status 200")),
        (["--expect-json=/components/mail~1out/details/error=null"], "/health", healthy("status 200")),
        (["--expect-json=/groups/1=readiness", "--expect-body=PostgreSQL"], "/health", healthy("status 200")),
        (["--expect-json=/status=UP", "--expect-json=/components/mail~1out/status=UP"], "/health", unhealthy(OUT)),
        (["--expect-json=/redis=UP"], "/health", unhealthy('no /redis in the body, wanted "UP"')),
        (["--expect-json=/status=UP"], "/health-64k", healthy("status 200")),
        (
            ["--expect-json=/status=UP"],
            "/health-over",
            unhealthy("a body of more than 64 KiB, wanted JSON of 64 KiB at most"),
        ),
        (["--expect-json=/status=UP"], "/ok", unhealthy("the body is not JSON")),
        (["--expect-json=/status=UP"], "/empty", unhealthy("the body is empty, wanted JSON")),
        (["--expect-body=UP", "--expect-body=PostgreSQL"], "/health", healthy("status 200")),
        (["--expect-body=UP", "--expect-body=MySQL"], "/health", unhealthy('no "MySQL" in the body')),
        (["--expect-status=any"], "/private", healthy("status 401")),
        (["--expect-status=any"], "/moved-to-missing", healthy("status 301")),
        (["--expect-status=any"], "/broken", healthy("status 500")),
    ],
)
def test_what_is_wanted_of_an_answer_of_nginx_is_found_in_it(web, options, path, wanted):
    assert exec_probe("http", *options, f":{web.main}{path}") == wanted.about(f"{LABEL}{path}", **vars(web))


def test_nginx_reads_the_request_that_the_contract_promises(web):
    version = exec_probe("--version").stdout.split()[1]
    said = f"body: GET /echo?deep=1 HTTP/1.1, localhost:{web.main}, exec-probe/{version}, */*, close"
    wanted = unhealthy(f"http GET http://localhost:{web.main}/echo?deep=1: status 500, wanted 200-399\n{said}")
    assert exec_probe("http", "--show-body", f":{web.main}/echo?deep=1") == wanted


@pytest.mark.parametrize(
    ("target", "path", "wanted"),
    [
        ("/ok", "/ok", healthy("status 200")),
        ("http://localhost/missing", "/missing", unhealthy("status 404, wanted 200-399 (sent Host: localhost)")),
        ("/moved", "/moved", healthy("status 200")),
    ],
)
def test_nginx_is_asked_on_a_unix_socket(web, target, path, wanted):
    ran = exec_probe("http", f"--unix-socket={web.unix}", target)
    assert ran == wanted.about(f"http GET http://localhost{path} on unix:{web.unix}")


def test_a_server_of_http2_alone_is_told_as_such(web):
    told = "the server speaks HTTP/2 only, wanted HTTP/1.1; --http2 asks it, `grpc` if it is a gRPC server"
    at = f"(connected to 127.0.0.1:{web.http2})"
    assert exec_probe("http", f":{web.http2}/") == unhealthy(f"http GET http://localhost:{web.http2}/: {told} {at}")


@pytest.mark.parametrize(
    ("handler", "path", "exit"),
    [("http", "/page", 0), ("http", "/", 0), ("http", "/folder", 0), ("http", "/missing", 1), ("tcp", "", 0)],
)
def test_pythons_http_server_logs_no_traceback(tmp_path, handler, path, exit):
    folder, log = tmp_path / "pages", tmp_path / "log"
    (folder / "folder").mkdir(parents=True)
    (folder / "page").write_text("well\n" * 1000)
    with harness.python_http_server(folder, log) as (server, port):
        for _ in range(20):
            assert exec_probe(handler, f":{port}{path}").exit == exit
        # It answers each in a thread: what a thread has to complain about is there once it is gone.
        wait_until(lambda: len(os.listdir(f"/proc/{server.pid}/task")) == 1, "all threads are done")
    # One line per request; two where a redirect or an error has one of its own.
    lines = log.read_text().splitlines()
    assert len(lines) == (0 if handler == "tcp" else 40 if path in ("/missing", "/folder") else 20)
    assert [line for line in lines if not re.search(r'"GET |File not found', line)] == []


@pytest.mark.parametrize("answer", [EVENTS, ENDLESS], ids=["events", "plain"])
def test_a_body_without_end_is_healthy_at_once(answer):
    with serving(answer) as port:
        ran = exec_probe("http", f":{port}/")
    assert ran == healthy(f"http GET http://localhost:{port}/: status 200")
    assert ran.seconds < 0.25


@pytest.mark.parametrize(
    ("answer", "what"),
    [(DRIP, "response headers not complete"), (silent, "no response headers")],
    ids=["drip", "silence"],
)
def test_headers_that_do_not_end_fail_at_the_deadline(answer, what):
    with serving(answer) as port:
        ran = exec_probe("http", "--timeout=1s", f":{port}/")
    assert ran == unhealthy(f"http GET http://localhost:{port}/: {what} in 1s (connected to 127.0.0.1:{port})")
    assert 1 <= ran.seconds < 1.3

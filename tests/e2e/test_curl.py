"""The verdicts of exec-probe and of `curl -f`, which it replaces, side by side; each difference has its reason."""

import subprocess

import pytest
from harness import ENDLESS, EVENTS, OK, REPORTS, exec_probe, says, serving, silent, tool

FOLLOWED = "curl takes a redirect for success; exec-probe follows it, as the kubelet does"
AT_HEADERS = "curl reads the body to its end; exec-probe has its verdict with the headers"
TORN = "curl takes headers that break off for a whole answer; exec-probe does not"
LARGE = "curl has other limits for headers (100 KiB a line); exec-probe takes 64 KiB and 128 lines"

HEAD = b"HTTP/1.1 200 OK\r\n"
SERVERS = {
    "well": OK,
    "silent": silent,
    "event stream": EVENTS,
    "endless body": ENDLESS,
    "closes at once": says(),
    "closes in the headers": says(HEAD + b"Server: x"),
    "closes in the body": says(HEAD + b"Content-Length: 100\r\n\r\nabc"),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "bare line feeds": says(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    "folded header": says(HEAD + b"X-Long: one\r\n two\r\n\tthree\r\nContent-Length: 2\r\n\r\nok"),
    "folded header, 503": says(b"HTTP/1.1 503 No\r\nX-Long: one\r\n two\r\nContent-Length: 0\r\n\r\n"),
    "blank before a colon": says(HEAD + b"X-Odd : one\r\nContent-Length: 2\r\n\r\nok"),
    "two blanks before the status": says(b"HTTP/1.1  200 OK\r\nContent-Length: 2\r\n\r\nok"),
    "no reason phrase": says(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok"),
    "HTTP/1.0": says(b"HTTP/1.0 200 OK\r\n\r\nok"),
    "early hints": says(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n"),
    "status 999": says(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n"),
    "bad chunk": says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"),
}


# Each row: what is asked, options that both have, whether curl and exec-probe call it well, why they differ.
ROWS = [
    ("nginx /ok", [], True, True, ""),
    ("nginx /empty", [], True, True, ""),
    ("nginx /missing", [], False, False, ""),
    ("nginx /broken", [], False, False, ""),
    ("nginx /full", [], False, False, ""),
    ("nginx /ok", ["-X", "POST"], True, True, ""),
    ("nginx /private", [], False, False, ""),
    ("nginx /private", ["-u", "probe:s3cret"], True, True, ""),
    ("nginx /private", ["-u", "probe:wrong"], False, False, ""),
    ("nginx /only-shop", [], False, False, ""),
    ("nginx /only-shop", ["-H", "Host: shop.example"], True, True, ""),
    ("nginx /ok", ["--unix-socket", "{unix}"], True, True, ""),
    ("nginx /missing", ["--unix-socket", "{unix}"], False, False, ""),
    ("nginx /ok", ["--unix-socket", "/nowhere.sock"], False, False, ""),
    ("nginx /moved", [], True, True, ""),
    ("nginx /deep/relative", [], True, True, ""),
    ("nginx /other-port", [], True, True, ""),
    ("nginx /elsewhere", [], True, True, ""),
    ("nginx /moved-to-missing", [], True, False, FOLLOWED),
    ("nginx /loop", [], True, False, FOLLOWED),
    ("nginx /nowhere", [], True, False, FOLLOWED),
    ("nginx /mail", [], True, False, FOLLOWED),
    ("nginx /30k", [], True, True, ""),
    ("nginx /100k", [], True, False, LARGE),
    ("nginx /128-lines", [], True, True, ""),
    ("nginx /129-lines", [], True, False, LARGE),
    ("nobody", [], False, False, ""),
    ("well", [], True, True, ""),
    ("silent", [], False, False, ""),
    ("event stream", [], False, True, AT_HEADERS),
    ("endless body", [], False, True, AT_HEADERS),
    ("closes at once", [], False, False, ""),
    ("closes in the headers", [], True, False, TORN),
    ("closes in the body", [], False, True, AT_HEADERS),
    ("bad chunk", [], False, True, AT_HEADERS),
    ("no HTTP", [], False, False, ""),
    ("bare line feeds", [], True, True, ""),
    ("folded header", [], True, True, ""),
    ("folded header, 503", [], False, False, ""),
    ("blank before a colon", [], True, True, ""),
    ("two blanks before the status", [], True, True, ""),
    ("no reason phrase", [], True, True, ""),
    ("HTTP/1.0", [], True, True, ""),
    ("early hints", [], True, True, ""),
    ("status 999", [], False, False, ""),
]


@pytest.mark.parametrize(("asked", "options", "curls", "ours", "why"), ROWS)
def test_the_verdict_is_curls_or_differs_for_a_reason(web, asked, options, curls, ours, why):
    assert (curls != ours) == bool(why)
    options = [option.format(unix=web.unix) for option in options]
    if asked in SERVERS:
        with serving(SERVERS[asked]) as port:
            verdicts = both(f"http://localhost:{port}/", options)
    else:
        port = web.closed if asked == "nobody" else web.main
        verdicts = both(f"http://localhost:{port}{asked.partition(' ')[2]}", options)
    shown = " ".join([asked, *options]).replace(str(web.unix), "SOCKET")
    rows = REPORTS.setdefault("exec-probe and curl -f", [("asked", "curl", "exec-probe", "why they differ")])
    rows.append((shown, *verdicts, why))
    assert [verdict == 0 for verdict in verdicts] == [curls, ours]


def both(url, options) -> tuple[int, int]:
    """The exit codes of curl and of exec-probe for the same question under the same limit."""
    command = [tool("curl"), "-f", "-sS", "-o", "/dev/null", "-m", "0.5", *options, url]
    curl = subprocess.run(command, env={}, capture_output=True)
    return curl.returncode, exec_probe("http", "--timeout=500ms", *options, url).exit

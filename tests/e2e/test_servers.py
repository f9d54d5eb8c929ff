"""Probes that do not speak as a real server does: the line says how it speaks, and never what is not so."""

import re
import socket
import threading

import pytest
import real_servers
from harness import REPORTS, exec_probe, healthy, says, serving, unhealthy
from real_servers import PORT, REDIS_PASSWORD

# HTTP/1.1 with TLS, and the status by which each answers when it is asked by https.
WEB = {
    "nginx": 200,
    "haproxy": 200,
    "apache": 204,
    "lighttpd": 200,
    "caddy": 200,
    "stunnel": 200,
    "s_server": 200,
    "node": 200,
    "node-http2-tls": 200,
    "go": 200,
    "jdk": 204,
    "tomcat": 200,
    "uvicorn": 200,
    "gunicorn": 200,
    "hypercorn": 200,
}
# gRPC with TLS.
GRPC = ["grpcio", "grpclib", "etcd"]
# HTTP/2 with TLS, so that somebody may take them for gRPC servers.
HTTP2 = ["haproxy", "caddy", "nghttpd", "node-http2-tls", "go", "hypercorn"]
# Who speaks first, and how it begins.
BANNERS = {"sshd": "SSH-2.0-OpenSSH_", "vsftpd": "220 (vsFTPd "}
# HTTP/2 in plain, and nothing else.
HTTP2_ALONE = ["nginx", "haproxy", "nghttpd", "node", "go"]

# HTTP/1.1 in plain, and nothing else. Python's answers what it does not know without a status line.
HTTP1_ALONE = ["nginx-plain", "python", "django"]


@pytest.fixture(scope="module")
def within(tmp_path_factory):
    """The command into the namespace of all servers."""
    with real_servers.running(tmp_path_factory.mktemp("servers")) as command:
        # Java reads its classes at the first handshake, which takes longer than anybody waits for a hint.
        for server in WEB:
            exec_probe("http", "--timeout=10s", f"https://localhost:{PORT[server]}/", within=command)
        yield command


def line(within, handler, port):
    """What a probe that has to fail says; it is shown at the end of the run, too."""
    ran = exec_probe(handler, f":{PORT[port]}", within=within)
    rows = REPORTS.setdefault("real servers, and a probe that does not speak as they do", [("server", "exec-probe")])
    rows.append((port, ran.stderr.rstrip("\n")))
    assert (ran.exit, ran.stdout, ran.stderr.count("\n")) == (1, "", 1), ran
    return ran.stderr.rstrip("\n")


def ends_with(hint, port):
    """The hint at a line's end, or before the address that was connected to."""
    return re.compile(rf"{re.escape(hint)}(?: \(connected to 127\.0\.0\.1:{PORT[port]}\))?$")


@pytest.mark.parametrize("server", [*WEB, "nghttpd", *GRPC])
def test_http_in_plain_names_a_tls_server_as_such(within, server):
    said = line(within, "http", server)
    assert ends_with("the server speaks TLS; https:// asks it", server).search(said), said


@pytest.mark.parametrize("server", [*GRPC, *HTTP2])
def test_grpc_in_plain_names_a_tls_server_as_such(within, server):
    said = line(within, "grpc", server)
    assert ends_with("the server speaks TLS; --tls asks it", server).search(said), said


@pytest.mark.parametrize(("server", "status"), WEB.items())
def test_https_is_what_it_takes(within, server, status):
    target = f"https://localhost:{PORT[server]}/"
    assert exec_probe("http", target, within=within) == healthy(f"http GET {target}: status {status}")


@pytest.mark.parametrize("server", GRPC)
def test_tls_is_what_it_takes(within, server):
    ran = exec_probe("grpc", "--tls", f":{PORT[server]}", within=within)
    assert ran == healthy(f"grpc localhost:{PORT[server]}: SERVING")


@pytest.mark.parametrize("server", HTTP2_ALONE)
def test_http2_is_what_it_takes(within, server):
    target = f"http://localhost:{PORT[f'{server}-http2']}/"
    ran = exec_probe("http", "--http2", target, within=within)
    assert ran == healthy(f"http GET {target}: status 200")
    assert exec_probe("curl", "-sf", "--http2-prior-knowledge", target, within=within).exit == 0


@pytest.mark.parametrize("server", HTTP2)
def test_http2_over_tls_is_what_it_takes(within, server):
    target = f"https://localhost:{PORT[server]}/"
    ran = exec_probe("http", "--http2", target, within=within)
    assert ran == healthy(f"http GET {target}: status 200")


def test_a_tls_server_of_http2_alone_needs_no_option(within):
    target = f"https://localhost:{PORT['nghttpd']}/"
    assert exec_probe("http", target, within=within) == healthy(f"http GET {target}: status 200")


@pytest.mark.parametrize("server", [*(f"{name}-http2" for name in HTTP2_ALONE), "grpcio-gzip", "grpclib-plain"])
def test_http_names_a_server_of_http2_alone_as_such(within, server):
    assert "the server speaks HTTP/2 only" in line(within, "http", server)


@pytest.mark.parametrize("server", HTTP1_ALONE)
def test_a_server_of_http1_alone_is_named_as_such(within, server):
    target = f"http://localhost:{PORT[server]}/"
    told = f"http GET {target}: the server speaks HTTP/1.1, not HTTP/2; leave --http2 out to ask it"
    connected = f" (connected to 127.0.0.1:{PORT[server]})"
    assert exec_probe("http", "--http2", target, within=within) == unhealthy(f"{told}{connected}")
    assert "the server speaks HTTP/1.1, not HTTP/2, so no gRPC" in line(within, "grpc", server)


def test_a_server_that_names_a_compressor_and_does_not_use_it_is_serving(within):
    at = f":{PORT['grpcio-gzip']}"
    assert exec_probe("grpc", at, within=within) == healthy(f"grpc localhost{at}: SERVING")


@pytest.mark.parametrize("server", ["nginx-proxy", "haproxy-proxy"])
def test_a_server_that_wants_the_proxy_protocol_is_named_as_such_and_not_taken_for_tls(within, server):
    assert "PROXY protocol's header before HTTP; --proxy-protocol=v1 sends it" in line(within, "http", server)
    assert "TLS" not in line(within, "grpc", server)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("server", ["nginx-proxy", "haproxy-proxy"])
def test_with_its_header_a_server_that_wants_the_proxy_protocol_answers(within, server, version):
    header = f"--proxy-protocol={version}"
    plain, tls = f"http://localhost:{PORT[server]}/", f"https://localhost:{PORT[f'{server}-tls']}/"
    for target in (plain, tls):
        assert exec_probe("http", header, target, within=within) == healthy(f"http GET {target}: status 200")
    assert exec_probe("http", tls, within=within).exit == 1
    # Behind the header, each refuses by HTTP what is none: so it has read the header.
    refuses = [header, r"--send=?\r\n\r\n", "--expect=400 Bad"]
    ran = exec_probe("tcp", *refuses, f":{PORT[server]}", within=within)
    assert ran == healthy(f"tcp localhost:{PORT[server]}: answer as wanted")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_grpc_behind_a_proxy_that_wants_the_proxy_protocol_is_serving(within, version):
    at = f":{PORT['haproxy-proxy-grpc']}"
    ran = exec_probe("grpc", f"--proxy-protocol={version}", at, within=within)
    assert ran == healthy(f"grpc localhost{at}: SERVING")
    assert exec_probe("grpc", at, within=within).exit == 1


@pytest.mark.parametrize(("server", "banner"), BANNERS.items())
def test_a_server_that_speaks_first_is_known_by_its_banner(within, server, banner):
    at = f":{PORT[server]}"
    ran = exec_probe("tcp", f"--expect-banner={banner}", at, within=within)
    assert ran == healthy(f"tcp localhost{at}: banner as wanted")
    ran = exec_probe("tcp", "--timeout=500ms", "--expect-banner=* OK IMAP", at, within=within)
    assert ran.stderr.startswith(f'tcp localhost{at}: the banner is "{banner}'), ran
    assert ran.stderr.endswith('", wanted "* OK IMAP"\n'), ran


def test_a_server_that_speaks_first_answers_then(within):
    at = f":{PORT['vsftpd']}"
    words = ["--expect-banner=220 ", r"--send=NOOP\r\n", "--expect=530 Please login"]
    assert exec_probe("tcp", *words, at, within=within) == healthy(f"tcp localhost{at}: answer as wanted")


def test_redis_answers_a_ping(within):
    at, ping = f":{PORT['redis']}", [r"--send=PING\r\n", r"--expect=+PONG\r\n"]
    assert exec_probe("tcp", *ping, at, within=within) == healthy(f"tcp localhost{at}: answer as wanted")
    ran = exec_probe("tcp", "--timeout=500ms", "--expect-banner=x", at, within=within)
    assert ran == unhealthy(f"tcp localhost{at}: no banner in 500ms (connected to 127.0.0.1{at})")


def test_redis_gets_a_password_and_no_line_shows_it(within):
    at, ask = f":{PORT['redis-password']}", ["tcp", "--timeout=500ms", "--expect=+PONG"]
    ran = exec_probe(*ask, r"--send=PING\r\n", at, within=within)
    asks = 'the answer is "-NOAUTH Authentication required.", wanted "+PONG"'
    assert ran == unhealthy(f"tcp localhost{at}: {asks}")
    knows = [*ask, r"--send=AUTH {env.PASSWORD}\r\nPING\r\n", at]
    ran = exec_probe(*knows, within=within, env={"PASSWORD": REDIS_PASSWORD})
    assert ran == healthy(f"tcp localhost{at}: answer as wanted")
    # Redis repeats the words of a command that it does not know.
    ran = exec_probe(*ask, f"--send=FLY {REDIS_PASSWORD}\\r\\n", f":{PORT['redis']}", within=within)
    told = "the answer is \"-ERR unknown command '…', with args beginning with: '…' \", wanted \"+PONG\""
    assert ran == unhealthy(f"tcp localhost:{PORT['redis']}: {told}")


def test_djangos_refusal_of_a_host_names_the_host_and_no_tls(within):
    target = f"http://localhost:{PORT['django']}/healthz"
    refused = unhealthy(f"http GET {target}: status 400, wanted 200-399 (sent Host: localhost:{PORT['django']})")
    assert exec_probe("http", target, within=within) == refused
    known = ["-H", "Host: shop.example"]
    assert exec_probe("http", *known, target, within=within) == healthy(f"http GET {target}: status 200")


def test_a_400_that_talks_of_tls_is_not_taken_for_tls(within):
    said = line(within, "http", "nginx-400")
    assert "status 400, wanted 200-399" in said
    assert "speaks" not in said


@pytest.mark.parametrize("handler", ["http", "grpc"])
def test_a_server_that_closes_every_connection_is_not_taken_for_tls(handler):
    with serving(says()) as port:
        ran = exec_probe(handler, f":{port}")
    assert (ran.exit, ran.stdout) == (1, "")
    assert "closed or reset" in ran.stderr
    assert "speaks" not in ran.stderr


@pytest.mark.parametrize("handler", ["http", "grpc"])
def test_a_server_that_dies_over_the_question_is_not_taken_for_tls(handler):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dying = threading.Thread(target=die_at_the_first_byte, args=[listener])
        dying.start()
        ran = exec_probe(handler, f":{listener.getsockname()[1]}")
        dying.join()
    assert (ran.exit, ran.stdout) == (1, "")
    assert "closed or reset" in ran.stderr
    assert "speaks" not in ran.stderr


def die_at_the_first_byte(listener):
    connection, _ = listener.accept()
    with connection:
        connection.recv(1)
        listener.shutdown(socket.SHUT_RDWR)

"""Probes that do not speak as a real server does: the line says how it speaks, and never what is not so."""

import re
import socket
import threading

import pytest
import real_servers
from harness import REPORTS, exec_probe, healthy, says, serving, unhealthy
from real_servers import PORT

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
# HTTP/2 in plain, and nothing else.
HTTP2_ALONE = ["nginx", "haproxy", "nghttpd", "node", "go"]


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


@pytest.mark.parametrize("server", [*(f"{name}-http2" for name in HTTP2_ALONE), "grpcio-gzip", "grpclib-plain"])
def test_http_names_a_server_of_http2_alone_as_such(within, server):
    assert "the server speaks HTTP/2 only" in line(within, "http", server)


def test_a_server_that_names_a_compressor_and_does_not_use_it_is_serving(within):
    at = f":{PORT['grpcio-gzip']}"
    assert exec_probe("grpc", at, within=within) == healthy(f"grpc localhost{at}: SERVING")


@pytest.mark.parametrize("server", ["nginx-proxy", "haproxy-proxy"])
def test_a_server_that_wants_the_proxy_protocol_is_named_as_such_and_not_taken_for_tls(within, server):
    assert "PROXY protocol" in line(within, "http", server)
    assert "TLS" not in line(within, "grpc", server)


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

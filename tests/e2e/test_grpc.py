"""grpc probes of grpcio's own server, and of servers that speak something else."""

import os
import signal

import pytest
from harness import exec_probe, grpc_servers, healthy, python_http_server, serving, silent, unhealthy

TOKEN = ["-H", "authorization: Bearer 0bserve"]


@pytest.mark.parametrize(
    ("server", "options", "wanted"),
    [
        ("health", [], healthy("SERVING")),
        ("health", ["--service=orders.v1"], unhealthy("NOT_SERVING, wanted SERVING")),
        ("health", ["--service=orders.v1", "--expect-status=SERVING,NOT_SERVING"], healthy("NOT_SERVING")),
        ("health", ["--service=orders.v1", "--expect-status=any"], healthy("NOT_SERVING")),
        ("health", ["--service=unset.v1"], unhealthy("SERVICE_UNKNOWN, wanted SERVING")),
        (
            "health",
            ["--service=nobody.v1"],
            unhealthy("the health service does not know this service (NOT_FOUND)"),
        ),
        ("health", ["--service=nobody.v1", "--expect-status=any"], healthy("NOT_FOUND")),
        ("bare", [], unhealthy("no grpc.health.v1.Health here (UNIMPLEMENTED)")),
        ("bare", ["--expect-status=any"], healthy("UNIMPLEMENTED")),
        ("guarded", TOKEN, healthy("SERVING")),
        ("guarded", [], unhealthy("the health check ended with UNAUTHENTICATED")),
        (
            "guarded",
            ["-H", "authorization: Bearer wrong"],
            unhealthy("the health check ended with UNAUTHENTICATED"),
        ),
        ("guarded", ["--expect-status=any"], healthy("UNAUTHENTICATED")),
        ("broken", [], unhealthy("the health check ended with RESOURCE_EXHAUSTED")),
        ("coded", [], healthy("SERVING")),
        ("coded", ["--service=orders.v1", "--expect-status=any"], healthy("NOT_SERVING")),
    ],
)
def test_an_answer_of_grpcio_is_told_by_the_wires_names(grpc, server, options, wanted):
    port = getattr(grpc, server)
    named = [option.removeprefix("--service=") for option in options if option.startswith("--service=")]
    label = f"grpc localhost:{port} service {named[0]}" if named else f"grpc localhost:{port}"
    assert exec_probe("grpc", *options, f":{port}") == wanted.about(label)


def test_grpcio_is_asked_on_a_unix_socket(grpc):
    assert exec_probe("grpc", f"unix://{grpc.unix}") == healthy(f"grpc unix:{grpc.unix}: SERVING")


@pytest.mark.parametrize("options", [[], ["--expect-status=any"]])
def test_a_check_that_hangs_ends_at_the_deadline(grpc, options):
    ran = exec_probe("grpc", "--timeout=500ms", *options, f":{grpc.hung}")
    told = f"no answer in 500ms (connected to 127.0.0.1:{grpc.hung})"
    assert ran == unhealthy(f"grpc localhost:{grpc.hung}: {told}")
    assert 0.5 <= ran.seconds < 0.8


@pytest.mark.parametrize("handler", ["http", "grpc"])
def test_a_process_that_was_stopped_ends_at_the_deadline(tmp_path, handler):
    with grpc_servers(tmp_path / "grpc.sock") as (server, ports):
        os.kill(server.pid, signal.SIGSTOP)
        ran = exec_probe(handler, "--timeout=500ms", f":{ports['health']}")
        what = {
            "http": f"http GET http://localhost:{ports['health']}/: no response headers",
            "grpc": f"grpc localhost:{ports['health']}: no answer",
        }[handler]
        assert ran == unhealthy(f"{what} in 500ms (connected to 127.0.0.1:{ports['health']})")
        assert 0.5 <= ran.seconds < 0.8


def test_a_refused_port_is_told_at_once(closed_port):
    ran = exec_probe("grpc", f":{closed_port}")
    assert ran == unhealthy(f"grpc localhost:{closed_port}: connection refused (127.0.0.1, [::1])")
    assert ran.seconds < 0.1


@pytest.mark.parametrize("options", [[], ["--expect-status=any"]])
def test_nginx_with_http1_alone_is_told_as_such(web, options):
    told = "the server speaks HTTP/1.1, not HTTP/2, so no gRPC"
    wanted = unhealthy(f"grpc localhost:{web.main}: {told} (connected to 127.0.0.1:{web.main})")
    assert exec_probe("grpc", *options, f":{web.main}") == wanted


@pytest.mark.parametrize("options", [[], ["--expect-status=any"]])
def test_nginx_with_http2_but_no_grpc_is_told_as_such(web, options):
    told = "an HTTP/2 server, but not a gRPC one (HTTP status 404)"
    assert exec_probe("grpc", *options, f":{web.http2}") == unhealthy(f"grpc localhost:{web.http2}: {told}")


def test_pythons_http_server_is_named_as_one_of_http1(tmp_path):
    with python_http_server(tmp_path, tmp_path / "log") as (_, port):
        ran = exec_probe("grpc", f":{port}")
    # It takes the preface for HTTP/0.9 and sends a page without a status line; a second look finds what it speaks.
    told = "the server speaks HTTP/1.1, not HTTP/2, so no gRPC"
    assert ran == unhealthy(f"grpc localhost:{port}: {told} (connected to 127.0.0.1:{port})")


def test_a_server_that_is_silent_ends_at_the_deadline():
    with serving(silent) as port:
        ran = exec_probe("grpc", "--timeout=500ms", f":{port}")
    assert ran == unhealthy(f"grpc localhost:{port}: no answer in 500ms (connected to 127.0.0.1:{port})")
    assert 0.5 <= ran.seconds < 0.8

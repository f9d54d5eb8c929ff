"""The files themselves: static, small, and fit to run where there is nothing else."""

import os
import subprocess
from pathlib import Path

import pytest
from harness import MUSL, REPORTS, exec_probe, healthy, misused, tool, unhealthy

HOST = Path(os.environ["E2E_HOST"])
MOST_BYTES = 2_300_000


@pytest.mark.parametrize("binary", [MUSL, HOST], ids=["musl", "host"])
def test_the_binary_needs_no_interpreter_and_no_library(binary):
    command = [tool("readelf"), "--wide", "--program-headers", "--dynamic", binary]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "LOAD" in told
    assert [line for line in told.splitlines() if "INTERP" in line or "NEEDED" in line] == []


def test_the_released_binary_is_small():
    sizes = [(name, f"{binary.stat().st_size:,} bytes") for name, binary in (("musl", MUSL), ("host", HOST))]
    REPORTS["size of the binary"] = [*sizes, ("allowed for musl", f"{MOST_BYTES:,} bytes")]
    assert MUSL.stat().st_size <= MOST_BYTES


def test_no_path_of_the_builder_is_in_it():
    content = MUSL.read_bytes()
    assert b"/crates/" in content, "crates are named in panics"
    for path in (b"registry/src", b"/home/", os.fsencode(Path.home()) + b"/", os.fsencode(Path.cwd()) + b"/"):
        assert path not in content, path


@pytest.mark.parametrize(
    ("args", "label", "wanted"),
    [
        (["http", ":{web}/ok"], "http GET http://localhost:{web}/ok", healthy("status 200")),
        (["tcp", ":{closed}"], "tcp localhost:{closed}", unhealthy("connection refused (127.0.0.1, [::1])")),
        (["grpc", ":{grpc}"], "grpc localhost:{grpc}", healthy("SERVING")),
        (["file", "/tmp/healthy"], "file /tmp/healthy", unhealthy("no such file")),
        (["file", "/exec-probe"], "file /exec-probe", healthy("as wanted")),
        (
            ["http", "--timeout=5x", ":{web}/ok"],
            'exec-probe http: --timeout "5x"',
            misused("wanted a number and ms, s, m or h, such as 500ms"),
        ),
        (["http"], "exec-probe http", misused("no TARGET: wanted one, such as :8080/healthz")),
    ],
)
def test_it_runs_as_the_only_file_of_a_root_for_a_user_without_a_name(web, grpc, root, args, label, wanted):
    places = {"web": web.main, "closed": web.closed, "grpc": grpc.health}
    args = [arg.format(**places) for arg in args]
    assert exec_probe(*args, within=root, binary="/exec-probe") == wanted.about(label, **places)


def test_a_root_with_the_binary_alone_holds_nothing_else(root):
    assert [path.name for path in root[-1].iterdir()] == ["exec-probe"]

"""The servers that many tests share, and the tables at the end of the run."""

from pathlib import Path
from types import SimpleNamespace

import harness
import pytest

# Lines of 1 KiB each.
KIB = [f'add_header X-Filler-{number} "{"x" * 1008}";' for number in range(100, 200)]

# With these, nginx sends its own five lines (Server, Date, Content-Type, Content-Length, Connection).
LINES = [f"add_header X-{number} x;" for number in range(124)]

# One location for each number of further redirects.
HOPS = "".join(f"location = /hops/{number} {{ return 302 /hops/{number - 1}; }}" for number in range(1, 11))

NGINX = f"""
daemon off;
user root;
worker_processes 1;
error_log error.log crit;
pid nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    uwsgi_temp_path temp; scgi_temp_path temp;
    default_type text/plain;

    server {{
        listen 127.0.0.1:{{main}} default_server;
        listen unix:{{unix}};
        location = /ok {{ return 200 ok; }}
        location = /empty {{ return 204; }}
        location = /missing {{ return 404 missing; }}
        location = /broken {{ return 500; }}
        location = /full {{ return 503; }}
        location = /echo {{ return 500 "$request, $http_host, $http_user_agent, $http_accept, $http_connection"; }}
        # A file, because nginx answers `return` before it asks who is there.
        location = /private {{ auth_basic probes; auth_basic_user_file users; }}

        location = /moved {{ return 301 /ok; }}
        location = /moved-to-missing {{ return 301 /missing; }}
        location = /deep/relative {{ absolute_redirect off; return 302 ../ok; }}
        location = /elsewhere {{ return 302 http://elsewhere.example/private?token=1; }}
        location = /other-port {{ return 307 http://localhost:{{other}}/; }}
        location = /nowhere {{ return 302 http://localhost:{{closed}}/; }}
        location = /mail {{ return 302 mailto:root@localhost; }}
        location = /loop {{ return 302 /loop; }}
        location = /hops/0 {{ return 200; }}
        {HOPS}

        location = /30k {{ {"".join(KIB[:30])} return 200; }}
        location = /100k {{ {"".join(KIB)} return 200; }}
        location = /128-lines {{ {"".join(LINES[:123])} return 200; }}
        location = /129-lines {{ {"".join(LINES)} return 200; }}
    }}
    server {{
        listen 127.0.0.1:{{main}};
        server_name shop.example;
        location = /only-shop {{ return 200; }}
        location = /shop-moved {{ return 302 /only-shop; }}
        location = /shop-moved-relative {{ absolute_redirect off; return 302 /only-shop; }}
    }}
    server {{
        listen 127.0.0.1:{{other}};
        return 204;
    }}
    server {{
        listen 127.0.0.1:{{http2}} http2;
        return 404;
    }}
}}
"""


@pytest.fixture(scope="session")
def web(tmp_path_factory, closed_port):
    """nginx: its ports by name, and `unix`, the path of its socket."""
    folder = tmp_path_factory.mktemp("nginx")
    (folder / "users").write_text("probe:{PLAIN}s3cret\n")
    (folder / "html").mkdir()
    (folder / "html" / "private").write_text("private")
    unix = folder / "nginx.sock"
    config = NGINX.replace("{unix}", str(unix)).replace("{closed}", str(closed_port))
    with harness.nginx(folder, config, ["main", "other", "http2"], [unix]) as ports:
        yield SimpleNamespace(**ports, unix=unix, closed=closed_port)


@pytest.fixture(scope="session")
def grpc(tmp_path_factory):
    """grpcio: the ports of grpc_server.py's servers by name, and `unix`, the path of the first one's socket."""
    unix = tmp_path_factory.mktemp("grpc") / "grpc.sock"
    with harness.grpc_servers(unix) as (_, ports):
        yield SimpleNamespace(**ports, unix=unix)


@pytest.fixture(scope="session")
def closed_port():
    """A port that nobody listens on, and nobody else can take: bound, never listening."""
    with harness.socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def root(tmp_path):
    """The command into a root directory with the binary in it and nothing else."""
    return harness.empty_root(Path(tmp_path) / "root")


def pytest_make_parametrize_id(val):
    """Names rows by what is asked and by the exit code that is wanted."""
    if isinstance(val, list):
        return " ".join(val) or "plain"
    return f"exit {val.exit}" if isinstance(val, harness.Ran) else None


def pytest_terminal_summary(terminalreporter):
    for title, rows in harness.REPORTS.items():
        terminalreporter.section(title)
        widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
        for row in rows:
            line = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))
            terminalreporter.write_line(line.rstrip())

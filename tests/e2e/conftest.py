"""The servers that many tests share, and the tables at the end of the run."""

import json
from pathlib import Path
from types import SimpleNamespace

import certificates as workshop
import harness
import pytest

# As Spring Boot's /actuator/health shows it, a component in doubt and the server up.
HEALTH = {
    "status": "UP",
    "components": {
        "db": {"status": "UP", "details": {"database": "PostgreSQL", "validationQuery": "isValid()"}},
        "diskSpace": {"status": "UP", "details": {"total": 10**11, "free": 5 * 10**10, "exists": True}},
        "mail/out": {"status": "OUT_OF_SERVICE", "details": {"error": None}},
    },
    "groups": ["liveness", "readiness"],
}

# Lines of 1 KiB each.
KIB = [f'add_header X-Filler-{number} "{"x" * 1008}";' for number in range(100, 200)]

# With these, nginx sends its own five lines (Server, Date, Content-Type, Content-Length, Connection).
LINES = [f"add_header X-{number} x;" for number in range(124)]

# One location for each number of further redirects.
HOPS = "".join(f"location = /hops/{number} {{ return 302 /hops/{number - 1}; }}" for number in range(1, 11))

NGINX = f"""
{harness.NGINX_MAIN}
http {{
    {harness.NGINX_HTTP}
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

SECURE_NGINX = f"""
{harness.NGINX_MAIN}
http {{
    {harness.NGINX_HTTP}
    ssl_certificate {{certificates}}/p256.pem;
    ssl_certificate_key {{certificates}}/p256.key;
    ssl_client_certificate {{certificates}}/authority.pem;
    ssl_protocols TLSv1.2 TLSv1.3;

    server {{
        listen 127.0.0.1:{{main}} ssl;
        listen [::1]:{{ipv6}} ssl;
        listen unix:{{unix}} ssl;
        location = /ok {{ return 200 ok; }}
        location = /missing {{ return 404 missing; }}
        location = /echo {{ return 500 "$ssl_protocol, name: $ssl_server_name, host: $http_host"; }}
        location = /moved {{ return 301 /ok; }}
        location = /to-plain {{ return 302 http://$host:{{plain}}/ok; }}
        location = /to-elsewhere {{ return 307 https://$host:{{elsewhere}}/; }}
        location = /to-nowhere {{ return 302 https://elsewhere.example/private?token=1; }}
    }}
    server {{
        listen 127.0.0.1:{{plain}};
        location = /ok {{ return 200 ok; }}
        location / {{ return 301 https://$host:{{main}}$request_uri; }}
        location = /to-mutual {{ return 301 https://$host:{{mutual13}}/; }}
    }}
    server {{
        listen 127.0.0.1:{{tls12}} ssl;
        ssl_protocols TLSv1.2;
        return 500 "$ssl_protocol";
    }}
    server {{
        listen 127.0.0.1:{{tls13}} ssl;
        ssl_protocols TLSv1.3;
        return 500 "$ssl_protocol";
    }}
    server {{
        listen 127.0.0.1:{{mutual12}} ssl;
        ssl_protocols TLSv1.2;
        ssl_verify_client on;
        location / {{ return 204; }}
    }}
    server {{
        listen 127.0.0.1:{{mutual13}} ssl;
        ssl_protocols TLSv1.3;
        ssl_verify_client on;
        location / {{ return 204; }}
    }}
    server {{
        listen 127.0.0.1:{{elsewhere}} ssl;
        ssl_certificate {{certificates}}/elsewhere.pem;
        ssl_certificate_key {{certificates}}/elsewhere.key;
        return 204;
    }}
    server {{
        listen 127.0.0.1:{{http2}} ssl http2;
        location = /ok {{ return 200 ok; }}
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
    for name, length in [("health", 0), ("health-64k", 2**16), ("health-over", 2**16 + 1)]:
        (folder / "html" / name).write_text(json.dumps(HEALTH, indent=2).ljust(length))
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
def certificates(tmp_path_factory):
    """The folder of all certificates and keys."""
    folder = tmp_path_factory.mktemp("pem")
    workshop.make(folder)
    return folder


@pytest.fixture(scope="session")
def secure_web(tmp_path_factory, certificates):
    """nginx with TLS: its ports by name, and `unix`, the path of its socket."""
    folder = tmp_path_factory.mktemp("nginx")
    unix = folder / "nginx.sock"
    config = SECURE_NGINX.replace("{unix}", str(unix)).replace("{certificates}", str(certificates))
    names = ["main", "plain", "tls12", "tls13", "mutual12", "mutual13", "elsewhere", "http2"]
    with harness.nginx(folder, config, names, [unix], ["ipv6"]) as ports:
        yield SimpleNamespace(**ports, unix=unix)


@pytest.fixture(scope="session")
def secure_grpc(tmp_path_factory, certificates):
    """grpcio with TLS: the ports of its servers by name, and `unix`, the path of the first one's socket."""
    unix = tmp_path_factory.mktemp("grpc") / "grpc.sock"
    with harness.grpc_servers(unix, certificates) as (_, ports):
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

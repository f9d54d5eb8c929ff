"""docs/replace.md as data, and the servers that its rows speak of: each on the port that a row names, in a namespace of
their own, and telling only who asks as the row's block says that all is well.
"""

import contextlib
import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import harness
import yaml
from harness import process, tool, wait_until

PAGE = Path(__file__).parents[2] / "docs/replace.md"
NAMED_PORTS = {"http": 8080}
ENVIRONMENT = {"PORT": "8080"}
STATES = ("well", "sick", "dead")

NGINX = """
daemon off;
# One process: it can be killed as one.
master_process off;
user root;
error_log {folder}/error.log crit;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/temp; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp; scgi_temp_path {folder}/temp;
    ssl_certificate {folder}/server.pem;
    ssl_certificate_key {folder}/server.key;
    server {{
        listen 8080 default_server;
        if (-f {folder}/sick) {{ return 503; }}
        location = / {{ return 200; }}
        location = /healthz {{ return 200; }}
        location = /search {{ if ($arg_q = a) {{ return 200; }} return 404; }}
        location = /private {{ if ($http_x_probe = yes) {{ return 200; }} return 403; }}
        location = /both {{
            set $both "$http_x_probe/$http_x_from";
            if ($both = "yes/a b") {{ return 200; }}
            return 403;
        }}
        location / {{ return 404; }}
    }}
    server {{
        listen 8080;
        server_name shop.example;
        if (-f {folder}/sick) {{ return 503; }}
        location = /shop {{ return 200; }}
        location / {{ return 404; }}
    }}
    server {{
        listen 8443 ssl;
        if (-f {folder}/sick) {{ return 503; }}
        location = /healthz {{ return 200; }}
        location / {{ return 404; }}
    }}
    server {{
        listen 5432;
        return 204;
    }}
}}
"""


@dataclass(frozen=True)
class Row:
    """A probe's block, and the arguments of its exec form."""

    block: dict
    arguments: list

    @property
    def handler(self) -> str:
        return next(iter(self.block))

    @property
    def fields(self) -> dict:
        return self.block[self.handler]

    def wanted(self, state) -> bool:
        """Whether it finds the servers healthy. An accepted connection is all that a tcp probe can know."""
        return state == "well" or (state == "sick" and self.handler == "tcpSocket")

    def __str__(self):
        return " ".join(self.arguments)


def cells(first) -> list[list[str]]:
    """The rows of the table whose head begins so, as the code in their first two columns."""
    _, table = PAGE.read_text().split(f"| {first} |", 1)
    lines = table.split("\n\n", 1)[0].splitlines()[2:]
    found = [re.match(r"\| `(.+?)` \| `(.+?)` \|$", line) for line in lines]
    assert found and all(found), lines
    return [list(match.groups()) for match in found]


def rows() -> list[Row]:
    found = []
    for block, command in cells("block"):
        program, *arguments = json.loads(command)
        assert program == "/probe/exec-probe", command
        found.append(Row(yaml.safe_load(block), arguments))
    return found


def timeouts() -> dict[int, str]:
    return {int(seconds): ours for seconds, ours in cells("`timeoutSeconds`")}


@dataclass
class Servers:
    place: harness.Namespace
    folder: Path
    processes: list = field(default_factory=list)

    def turn(self, state):
        if state == "sick":
            (self.folder / "sick").touch()
            for running in self.processes[1:]:
                running.send_signal(signal.SIGUSR1)
                assert running.stdout.readline() == "sick\n"
        elif state == "dead":
            for running in self.processes:
                running.kill()
                running.wait()


@contextlib.contextmanager
def servers(folder):
    """All of them, well. They listen on every address, but nobody else is in their network."""
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", folder / "server.key", "-out", folder / "server.pem"]
    subprocess.run([tool("openssl"), "req", *new, *files], check=True, capture_output=True)
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder))
    with harness.namespace("ip link set lo up") as place, contextlib.ExitStack() as stack:
        here = Servers(place, folder)
        web = [*place.within, tool("nginx"), "-c", config, "-e", folder / "error.log"]
        here.processes.append(stack.enter_context(process(web)))
        application = Path(__file__).with_name("mesh") / "application.py"
        for arguments in (["127.0.0.1:9090", "0"], ["127.0.0.1:9091", "0", "orders.v1"]):
            command = [*place.within, sys.executable, application, *arguments]
            running = stack.enter_context(process(command, stdout=subprocess.PIPE, text=True))
            assert running.stdout.readline() == "listening\n"
            here.processes.append(running)

        def listening():
            tables = (Path(place.path).parents[1] / "net/tcp").read_text()
            return all(f":{port:04X} 00000000:0000 0A" in tables for port in (8080, 8443, 5432))

        wait_until(listening, "nginx listens")
        yield here

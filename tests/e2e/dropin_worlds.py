"""Where the lines of real health checks run as they stand: a network of its own for each state that a server can be in,
with that server on every port that a line names, and a root for each set of tools: Debian's, or exec-probe's links.
"""

import asyncio
import contextlib
import csv
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import MUSL, process, tool

HERE = Path(__file__).with_name("dropin")
# What the lines' variables are in their containers.
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PORT": "8080",
    "APP_PORT": "8000",
    "TOKEN": "t0ken",
    "COUCHDB_USER": "probe",
    "COUCHDB_PASSWORD": "s3cret",
    "SONAR_WEB_SYSTEMPASSCODE": "s3cret",
    "host": "localhost",
}
# Ours wait no longer than this, where the line says nothing. Real tools are failing if they are still there after the second;
# ours have to end by themselves.
OURS_WAIT = "3s"
PATIENCE = 3.0
OURS_PATIENCE = 40.0
LINKS = ["curl", "wget", "nc", "netcat", "sh", "bash", "grpc_health_probe", "grpc-health-probe"]


@dataclass(frozen=True)
class Line:
    """A health check of somebody's."""

    id: str
    form: str
    tool: str
    command: str | list
    count: int
    shape: str

    @property
    def words(self) -> list[str]:
        """What a runtime executes."""
        return self.command if isinstance(self.command, list) else ["/bin/sh", "-c", self.command]

    @property
    def text(self) -> str:
        return " ".join(self.words) if isinstance(self.command, list) else self.command

    @property
    def kind(self) -> str:
        """Which servers it asks."""
        if self.tool == "grpc_health_probe":
            return "grpc-tls" if "-tls" in self.text.split() else "grpc"
        return "https" if "https://" in self.text else "http"


def lines() -> list[Line]:
    with (HERE / "lines.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Line(**row | {"command": json.loads(row["command"]), "count": int(row["count"])}) for row in rows]


def ports(kind) -> list[int]:
    """Every port that a line of this kind asks, also where a variable or the scheme says it."""
    text = "\n".join(line.text for line in lines() if line.kind == kind)
    named = {int(port) for port in re.findall(r"(?:[a-z0-9]:|=:|:)([0-9]{2,5})\b", text)}
    # nc's stand after a blank.
    named |= {int(port) for port in re.findall(r"nc\b[^|&\n]* ([0-9]{2,5})\b", text)}
    return sorted(named | {80, 443, 8000, 8080})


# What servers say


def response(status, body=b"", *headers) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


UP = b'{"status":"UP"}'
CUT = b"HTTP/1.1 200 OK\r\nContent-Type: te"


def moved(head) -> bytes:
    host = re.search(rb"\r\nHost: ([^\r]*)", head, re.IGNORECASE)[1].decode()
    return response(301, b"", f"Location: http://{host}/landed")


# The states of a server, and what it says to a request's head: bytes, or nothing for as long as it is asked.
STATES = {
    "healthy": lambda _: response(200, UP),
    "301": lambda head: response(200, UP) if b" /landed " in head else moved(head),
    "401": lambda _: response(401, b"no", 'WWW-Authenticate: Basic realm="x"'),
    "404": lambda _: response(404, b"no"),
    "500": lambda _: response(500, b"no"),
    "refused": None,
    "silent": lambda _: None,
    "cut": lambda _: CUT,
    "self-signed": lambda _: response(200, UP),
}
GRPC_STATES = [
    "SERVING",
    "NOT_SERVING",
    "unknown service",
    "no health service",
    "hung",
    "refused",
    "silent",
    "HTTP/1.1",
    "self-signed",
]


class Web:
    """Servers in one thread of this process, on listeners that may be in any network."""

    def __init__(self):
        self.listeners = []
        self.secure = contextlib.ExitStack()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def serve(self, listener, say, certificate=None) -> None:
        """`say`: what a request's head is answered with; None for silence, b"reset" for a reset, an iterator for more."""
        if certificate:
            # In threads: asyncio ends a TLS connection whose client ends its half after the request, as BusyBox does.
            self.secure.enter_context(harness.serving(over_tls(say, certificate), listener))
            return

        async def answer(reader, writer):
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                said = say(await reader.readuntil(b"\r\n\r\n"))
                if said is None:
                    await reader.read()
                elif said == b"reset":
                    abrupt(writer)
                elif isinstance(said, bytes):
                    writer.write(said)
                    await writer.drain()
                else:
                    for part in said:
                        writer.write(part)
                        await writer.drain()
                        await asyncio.sleep(0.02)
            writer.close()

        self.listeners.append(listener)
        start = asyncio.start_server(answer, sock=listener)
        asyncio.run_coroutine_threadsafe(start, self.loop).result(10)

    def stop(self) -> None:
        self.secure.close()
        async def end():
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()
        for listener in self.listeners:
            listener.close()


def over_tls(say, certificate):
    """An answer for harness.serving: by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # BusyBox has old ciphers and hashes alone.
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(certificate.with_suffix(".pem"), certificate.with_suffix(".key"))

    def answer(connection, stopping):
        connection.settimeout(10)
        with context.wrap_socket(connection, server_side=True) as session:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := session.recv(4096)):
                    return
                head += more
            session.sendall(say(head))
            # What is unread when a connection is closed resets it.
            session.shutdown(socket.SHUT_WR)
            while session.recv(4096):
                pass

    return answer


def abrupt(writer) -> None:
    """So that closing resets the connection."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@contextlib.contextmanager
def web_servers():
    web = Web()
    try:
        yield web
    finally:
        web.stop()


def listeners(place, numbers) -> list[socket.socket]:
    """Listeners on every address of a namespace, made by a thread that goes there."""
    made = []

    def make():
        with open(place.path) as namespace:
            harness.enter(namespace)
        made.extend(socket.create_server(("0.0.0.0", port), backlog=128) for port in numbers)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    assert len(made) == len(numbers)
    return made


@contextlib.contextmanager
def worlds(folder, certificates):
    """A namespace for each (kind, state), with its server. `folder`: where the gRPC servers keep their unix sockets, one
    below the state's name."""
    with contextlib.ExitStack() as stack:
        web = stack.enter_context(web_servers())
        found = {}
        for kind in ("http", "https"):
            for state, say in STATES.items():
                place = found[kind, state] = stack.enter_context(harness.namespace("ip link set lo up"))
                secure = (kind == "https" and state != "silent") or state == "self-signed"
                for listener in listeners(place, ports(kind)) if say else []:
                    web.serve(listener, say, certificates / "own" if secure else None)
        for kind in ("grpc", "grpc-tls"):
            for state in GRPC_STATES:
                place = found[kind, state] = stack.enter_context(harness.namespace("ip link set lo up"))
                if state in ("silent", "HTTP/1.1"):
                    say = STATES["silent" if state == "silent" else "healthy"]
                    unix = socket.socket(socket.AF_UNIX)
                    unix.bind(str(socket_of(folder, kind, state)))
                    for listener in [*listeners(place, ports(kind)), unix]:
                        web.serve(listener, say)
                elif state != "refused":
                    stack.enter_context(grpc_server(place, kind, state, folder, certificates))
        yield found


def socket_of(folder, kind, state) -> Path:
    """The unix socket of a gRPC server; nobody made one where it refuses."""
    return folder / f"{kind} {state}".replace(" ", "-").replace("/", "-")


@contextlib.contextmanager
def grpc_server(place, kind, state, folder, certificates):
    own = "own" if state == "self-signed" else "p256"
    secure = [certificates / f"{own}.pem", certificates / f"{own}.key", certificates / "authority.pem"]
    told = "SERVING" if state == "self-signed" else state
    path = socket_of(folder, kind, state)
    command = [sys.executable, HERE / "grpc_server.py", told, ",".join(map(str, ports(kind))), path]
    if kind == "grpc-tls" or state == "self-signed":
        command += secure
    with process([*place.within, *command], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "listening\n"
        yield


# Roots


def libraries(program) -> list[str]:
    """The shared libraries of a program, under the paths it looks for them."""
    done = subprocess.run([tool("ldd"), program], capture_output=True, text=True)
    return re.findall(r"(/\S+) \(", done.stdout)


@dataclass(frozen=True)
class Root:
    """A root folder, and whose tools are in it."""

    folder: Path
    name: str

    def run(self, place, words, env=None, stdout=subprocess.PIPE) -> subprocess.CompletedProcess:
        """Runs words there; the exit code is None if it had to be ended."""
        command = [*place.within, tool("chroot"), self.folder, *words]
        env = {"EXEC_PROBE_TIMEOUT": OURS_WAIT, **ENVIRONMENT, **(env or {})}
        running = subprocess.Popen(
            command,
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            out, err = running.communicate(timeout=OURS_PATIENCE if self.name == "exec-probe" else PATIENCE)
            code = running.returncode
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            out, err = running.communicate()
            code = None
        return subprocess.CompletedProcess(words, code, out or b"", err)


def furnish(folder, certificates) -> None:
    """What the containers of the lines have besides tools: names, and certificates."""
    for name in ("etc", "tmp", "certs"):
        (folder / name).mkdir(parents=True)
    (folder / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    for names, source in (
        (["ca.pem", "ca.crt"], "authority.pem"),
        (["own.pem"], "own.pem"),
        (["server.pem", "tls.crt"], "client.pem"),
        (["server.key", "tls.key"], "client.key"),
    ):
        for name in names:
            shutil.copy(certificates / source, folder / "certs" / name)


def real_root(folder, certificates, name) -> Root:
    """Debian's tools, each with its libraries, and the shells and programs that scripts use. `name`: whose wget it has,
    `GNU` or `BusyBox`."""
    furnish(folder, certificates)
    programs = {word: tool(word) for word in ("bash", "base64", "cat", "curl", "grep", "head", "hostname", "timeout")}
    programs |= {"sh": tool("dash"), "wget": tool("wget" if name == "GNU" else "busybox"), "nc": tool("nc.openbsd")}
    programs["grpc_health_probe"] = programs["grpc-health-probe"] = tool("grpc-health-probe")
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/local").mkdir()
    (folder / "bin").symlink_to("usr/bin")
    (folder / "usr/local/bin").symlink_to("../bin")
    for word, source in programs.items():
        shutil.copy(source, folder / "usr/bin" / word)
        for library in libraries(source):
            target = folder / library.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                shutil.copy(library, target)
    # The system's authorities, who vouch for nobody here: without any, curl does not ask.
    (folder / "etc/ssl/certs").mkdir(parents=True)
    shutil.copy(certificates / "stranger.pem", folder / "etc/ssl/certs/ca-certificates.crt")
    (folder / "dev").mkdir()
    # BusyBox takes its random numbers from there, and says nothing if it can't.
    for name, minor in (("null", 3), ("urandom", 9)):
        os.mknod(folder / "dev" / name, stat.S_IFCHR, os.makedev(1, minor))
        (folder / "dev" / name).chmod(0o666)
    return Root(folder, name)


def our_root(folder, certificates) -> Root:
    """exec-probe, installed with its links, and no other program, device or library."""
    furnish(folder, certificates)
    (folder / "usr/bin").mkdir(parents=True)
    (folder / "usr/local").mkdir()
    (folder / "bin").symlink_to("usr/bin")
    (folder / "usr/local/bin").symlink_to("../bin")
    links = [word for name in LINKS for word in ("--link", name)]
    done = subprocess.run([MUSL, "install", *links, folder / "usr/bin"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done
    return Root(folder, "exec-probe")

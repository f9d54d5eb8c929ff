"""Runs the built binary in a clean environment, and what it is pointed at: servers, empty roots, network namespaces.

Everything here ends with the block that made it. Servers listen before they are named: nobody sleeps to be ready.
"""

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

MUSL = Path(os.environ["E2E_MUSL"])
TIME = re.compile(r"\(\d+\.\dms\)")

# Tables for the end of the run: title, then rows.
REPORTS: dict[str, list[tuple]] = {}


@dataclass(frozen=True)
class Ran:
    """An exit code and both streams, whole. How long it took is looked at, never compared."""

    exit: int
    stdout: str = ""
    stderr: str = ""
    seconds: float = field(default=0.0, compare=False)

    def about(self, label, **places) -> "Ran":
        """The same with `label: ` in front of the line, and the names of `places` in braces filled in."""
        stdout, stderr = (f"{label}: {text}".format(**places) if text else "" for text in (self.stdout, self.stderr))
        return Ran(self.exit, stdout, stderr)


def exec_probe(*args, within=(), binary=MUSL, env=None) -> Ran:
    """Runs the binary with nothing in its environment. `within`: the command that leads into a namespace or root."""
    began = time.monotonic()
    done = subprocess.run(
        [*within, binary, *args], env=env or {}, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=30
    )
    seconds = time.monotonic() - began
    # Measured times belong in healthy lines only: one in a failure's line is left to be found.
    return Ran(done.returncode, TIME.sub("(TIME)", done.stdout.decode()), done.stderr.decode(), seconds)


def trace(log, *args, only="all", within=()):
    """Runs the binary under strace: what came out, and each system call's name with its arguments."""
    ran = exec_probe(*args, within=[*within, tool("strace"), "-f", "-qq", "-e", f"trace={only}", "-o", log])
    return ran, re.findall(r"^\d+ +(\w+)\((.*)", log.read_text(), re.MULTILINE)


def healthy(line, note="") -> Ran:
    return Ran(0, stdout=f"{line} (TIME){note}\n")


def unhealthy(line) -> Ran:
    return Ran(1, stderr=f"{line}\n")


def misused(line) -> Ran:
    return Ran(64, stderr=f"{line}; nothing was asked\n")


def tool(name) -> str:
    """The full path of a program that must be there: a clean environment has no PATH."""
    path = shutil.which(name)
    assert path, f"{name} is not installed"
    return path


def wait_until(condition, what, within=10) -> None:
    """Asks until it holds, for what can only be seen from outside."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.002)


# The numbers of nanosleep and clock_nanosleep.
SLEEPS = {"x86_64": ("35", "230"), "aarch64": ("101", "115")}[os.uname().machine]


def is_waiting(pid) -> bool:
    """True if this is an exec-probe between two tries of its `--wait`: all that comes before the first one is done."""
    place = Path(f"/proc/{pid}")
    # One that has ended since it was found is not.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (place / "comm").read_text() == "exec-probe\n" and (place / "syscall").read_text().split()[0] in SLEEPS
    return False


@contextlib.contextmanager
def process(command, **options):
    """A process that lives as long as the block. Commands that lead somewhere become the server: its id is theirs."""
    running = subprocess.Popen(command, **options)
    try:
        yield running
    finally:
        running.terminate()
        # For one that was stopped: it can't end before it goes on.
        running.send_signal(signal.SIGCONT)
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        for stream in (running.stdin, running.stdout):
            if stream:
                stream.close()


# Servers

# What every nginx of ours is told, outside of its http block and in it.
NGINX_MAIN = """
daemon off;
user root;
worker_processes 1;
error_log error.log crit;
pid nginx.pid;
events {}
"""
NGINX_HTTP = """
    access_log off;
    client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp;
    uwsgi_temp_path temp; scgi_temp_path temp;
    default_type text/plain;
"""


@contextlib.contextmanager
def serving(answer, listener=None):
    """Calls `answer(connection, stopping)` for each connection, each in a thread. Gives the port."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    stopping = threading.Event()
    threads = []

    def handle(connection):
        # Who leaves early is no concern of these servers.
        with connection, contextlib.suppress(OSError):
            answer(connection, stopping)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threads.append(threading.Thread(target=handle, args=[listener.accept()[0]]))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        for thread in [accepting, *threads]:
            thread.join(10)
            assert not thread.is_alive()
        listener.close()


def says(*parts, every=0.0, for_ever=False):
    """An answer for `serving`: reads the request, sends the parts, then closes, or goes on with the last one."""

    def answer(connection, stopping):
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)
            stopping.wait(every)
        while for_ever and not stopping.wait(every):
            connection.sendall(parts[-1])

    return answer


def silent(connection, stopping):
    """An answer for `serving`: none."""
    stopping.wait()


OK = says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
EVENTS = says(
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b"data: tick\n\n", every=0.02, for_ever=True
)
ENDLESS = says(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", b"more ", every=0.02, for_ever=True)
DRIP = says(*(bytes([byte]) for byte in b"HTTP/1.1 200 OK\r\nX-Filler: "), b"x", every=0.2, for_ever=True)


@contextlib.contextmanager
def full_backlog():
    """A server that listens on both families and accepts nobody any more, as one does that hangs. Gives the port."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
        listener.listen(0)
        port = listener.getsockname()[1]
        # A backlog of zero holds one connection; the kernel does not answer whoever comes after it.
        held.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield port


@contextlib.contextmanager
def nginx(folder, config, ports, unix=(), ipv6=(), port=0):
    """Debian's nginx with a config of ours. `{NAME}` in it becomes the port that each name of `ports` gets on
    127.0.0.1, each of `ipv6` on ::1: any that is free, or `port`.

    It can't choose a port itself, but takes sockets over that are already bound, as at an upgrade: no race, and
    whoever connects from now on is answered as soon as it is up.
    """
    listeners = {name: socket.create_server(("127.0.0.1", port)) for name in ports}
    listeners |= {name: socket.create_server(("::1", port), family=socket.AF_INET6) for name in ipv6}
    places = {name: listener.getsockname()[1] for name, listener in listeners.items()}
    for path in unix:
        listeners[path] = socket.socket(socket.AF_UNIX)
        listeners[path].bind(str(path))
        listeners[path].listen()
    numbers = [listener.fileno() for listener in listeners.values()]
    for name, port in places.items():
        config = config.replace(f"{{{name}}}", str(port))
    (folder / "nginx.conf").write_text(config)
    command = [tool("nginx"), "-p", folder, "-c", "nginx.conf", "-e", "error.log"]
    handed = "".join(f"{number};" for number in numbers)
    with process(command, env={"NGINX": handed}, pass_fds=numbers):
        for listener in listeners.values():
            listener.close()
        yield places
    log = (folder / "error.log").read_text()
    # All but its greeting for inherited sockets.
    unusual = [line for line in log.splitlines() if "using inherited sockets from" not in line]
    assert unusual == []


@contextlib.contextmanager
def python_http_server(folder, log):
    """`python3 -m http.server` on a port of its own choice: the process and the port."""
    command = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, "0"]
    with log.open("w") as stderr, process(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as server:
        yield server, int(re.search(r" port (\d+) ", server.stdout.readline())[1])


@contextlib.contextmanager
def s_server(*options, host="127.0.0.1"):
    """OpenSSL's test server, which answers each request with a page about the session. Gives the port."""
    command = [tool("openssl"), "s_server", "-accept", f"{host}:0", "-www", *options]
    with process(command, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as server:
        ports = (re.match(r"ACCEPT .*:(\d+)$", line) for line in server.stdout)
        port = next((found[1] for found in ports if found), None)
        assert port, "it did not start, and says on standard error why"
        yield int(port)


@contextlib.contextmanager
def grpc_servers(unix_socket, certificates=None):
    """grpc_server.py: the process, and a port for each of its servers; with TLS if there is a folder for it."""
    command = [sys.executable, Path(__file__).with_name("grpc_server.py"), unix_socket]
    command += [certificates] if certificates else []
    with process(command, stdout=subprocess.PIPE, text=True) as server:
        yield server, json.loads(server.stdout.readline())


# Places to run in


def empty_root(folder) -> list:
    """The command into a root directory with the binary in it and nothing else, as a user that no file names."""
    folder.mkdir()
    folder.chmod(0o755)
    shutil.copy(MUSL, folder / "exec-probe")
    (folder / "exec-probe").chmod(0o555)
    return [tool("chroot"), "--userspec=65534:65534", "--groups=", folder]


def enter(namespace) -> None:
    """Takes this thread into an open namespace."""
    assert ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) == 0, ctypes.get_errno()


@dataclass(frozen=True)
class Namespace:
    """A network namespace, and the command into it."""

    path: str

    @property
    def within(self) -> list:
        return [tool("nsenter"), f"--net={self.path}", "--"]

    @contextlib.contextmanager
    def entered(self):
        """What this thread makes in the block, sockets and processes, is in the namespace."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as there:
            enter(there)
            try:
                yield
            finally:
                enter(home)

    def listen(self, host, port=0) -> socket.socket:
        """A listener in the namespace. Sockets stay where they were made: its thread alone goes there."""
        made = []

        def make():
            with open(self.path) as namespace:
                enter(namespace)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            made.append(socket.create_server((host, port), family=family))

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def run(self, *command) -> str:
        return subprocess.run([*self.within, *command], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def namespace(setup):
    """A network namespace without a name, set up by shell lines; it is gone with the process that holds it."""
    command = [tool("unshare"), "--net", "sh", "-ec", f"{setup}\necho ready\nexec cat"]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n", setup
        yield Namespace(f"/proc/{holder.pid}/ns/net")

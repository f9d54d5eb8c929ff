"""serve under a real load generator, and under every limit that its container may have."""

import contextlib
import json
import os
import re
import resource
import select
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from harness import (
    MUSL,
    REPORTS,
    empty_root,
    process,
    serving,
    tool,
    wait_until,
)
from test_limits import MIB, alone, confined, in_group, memory_group, prlimit  # noqa: F401

ROOT = Path(__file__).parents[2]
PROFILE = json.loads((ROOT / "examples" / "seccomp" / "serve.json").read_text())

# How long the load generator goes on in each state, in seconds, and how many connections come at once.
SECONDS = int(os.environ.get("SERVE_SECONDS", "2"))
CONNECTIONS = int(os.environ.get("SERVE_CONNECTIONS", "2000"))

# The limit of a question, and how much later an answer may come, in seconds.
TIMEOUT = 0.9
LATER = 0.1
# What a machine with other things to do adds to that.
BUSY = 0.4

MOST_KILOBYTES = 4096

GET = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


class Application:
    """An HTTP server that answers, hangs, or is dead, and counts how many questions of a path it has at a time."""

    def __init__(self):
        self.state = "healthy"
        self.lock = threading.Lock()
        self.now = Counter()
        self.most = Counter()
        self.asked = Counter()
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = chosen.getsockname()[1]

    def answer(self, connection, stopping):
        connection.settimeout(20)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = connection.recv(4096)
            if not part:
                return
            head += part
        path = head.split(b" ")[1].decode()
        with self.lock:
            self.asked[path] += 1
        if self.state == "hung" or path == "/hung":
            # Until the other side leaves. It may ask again before that is seen here, so these are not counted together.
            connection.recv(1)
            return
        with self.lock:
            self.now[path] += 1
            self.most[path] = max(self.most[path], self.now[path])
        # Long enough for a second question to be seen, if there were one.
        time.sleep(0.002)
        with self.lock:
            self.now[path] -= 1
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    @contextlib.contextmanager
    def running(self, state):
        self.state = state
        if state == "dead":
            yield
            return
        listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        with serving(self.answer, listener):
            yield


@contextlib.contextmanager
def served(*words, within=(), binary=MUSL, **options):
    """A serve of these paths on a free port: its process and its port."""
    command = [*within, binary, "serve", "--listen=127.0.0.1:0", *map(str, words)]
    with process(command, env={}, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **options) as running:
        yield running, port_of(running.stdout.readline())


def port_of(line) -> int:
    return int(re.search(rb" listening on \S+:(\d+) for ", line)[1])


def get(port, path="/a") -> tuple[int, str]:
    """The status and the body of an answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(GET % path.encode())
        answer = b""
        while part := connection.recv(4096):
            answer += part
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


def descriptors(pid) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def kilobytes(pid, name="VmRSS") -> int:
    return int(re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def threads(pid) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def is_at_rest(pid, before) -> bool:
    return descriptors(pid) == before and threads(pid) == 1


# What wrk tells at its end: how many answers, how many that are no 2xx, errors of sockets, and the longest wait in us.
WRK = """
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("counted %d %d %d %d\\n", summary.requests, e.status, e.connect + e.read + e.write + e.timeout,
        latency.max))
end
"""


def load(folder, port, path):
    """A load generator on a path."""
    # One for each: another one may be reading its own.
    script = folder / f"count-{path.strip('/')}.lua"
    script.write_text(WRK)
    options = ["-t1", "-c24", f"-d{SECONDS}s", "--timeout=10s", "-s", script]
    return subprocess.Popen([tool("wrk"), *options, f"http://127.0.0.1:{port}{path}"], stdout=subprocess.PIPE, text=True)


def counted(text) -> list[int]:
    """What the load generator's script has told."""
    found = re.search(r"counted (\d+) (\d+) (\d+) (\d+)", text)
    assert found, text
    return [int(number) for number in found.groups()]


def test_a_load_on_two_paths_is_answered_in_time_whatever_the_application_does(tmp_path):
    application = Application()
    title = "serve under load: two paths, 24 connections each"
    rows = REPORTS.setdefault(title, [("application", "path", "answers", "asked", "longest wait", "resident")])
    words = [f"/{name} http :{application.port}/{name}".split() for name in ("a", "b")]
    with served(*words[0], *words[1]) as (running, port):
        pid = running.pid
        before = descriptors(pid)
        for state in ("healthy", "hung", "dead", "healthy"):
            asked = application.asked.copy()
            with application.running(state):
                generators = {path: load(tmp_path, port, path) for path in ("/a", "/b")}
                told = {path: generator.communicate(timeout=SECONDS + 60)[0] for path, generator in generators.items()}
            for path, text in told.items():
                answers, bad, errors, longest = counted(text)
                count = application.asked[path] - asked[path]
                wait = f"{longest / 1000:.1f} ms"
                rows.append((state, path, answers, count, wait, f"{kilobytes(pid)} KiB"))
                assert answers > 0 and errors == 0, (state, text)
                assert bad == (0 if state == "healthy" else answers), (state, text)
                assert longest / 1e6 < TIMEOUT + LATER + BUSY, (state, text)
                assert count <= answers
            wait_until(lambda: is_at_rest(pid, before), "all connections closed")
            assert kilobytes(pid, "VmHWM") <= MOST_KILOBYTES
        assert application.most == {"/a": 1, "/b": 1}


def test_a_healthy_path_does_not_wait_for_one_that_hangs():
    application = Application()
    words = f"/a http :{application.port}/a /hung http :{application.port}/hung".split()
    with application.running("healthy"), served(*words) as (_, port):
        stopping = threading.Event()

        def ask_in_vain():
            while not stopping.is_set():
                assert get(port, "/hung")[0] == 504

        asking = [threading.Thread(target=ask_in_vain) for _ in range(8)]
        for thread in asking:
            thread.start()
        took = []
        for _ in range(400):
            began = time.perf_counter()
            assert get(port, "/a")[0] == 200
            took.append((time.perf_counter() - began) * 1000)
        stopping.set()
        for thread in asking:
            thread.join()
        centiles = statistics.quantiles(took, n=100)
        title = "a healthy path beside one that hangs and that 8 wait for"
        REPORTS[title] = [("median", "p99"), (f"{centiles[49]:.2f} ms", f"{centiles[98]:.2f} ms")]
        # On a machine with nothing else to do, 99 of 100 come within 5 ms.
        assert centiles[49] < 10 and centiles[98] < 100


def test_so_many_connections_at_once_are_all_answered():
    application = Application()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(CONNECTIONS + 1000, limits[0]), max(CONNECTIONS + 1000, limits[1])))
    try:
        with application.running("healthy"), served("/a", "http", f":{application.port}/a") as (running, port):
            before = descriptors(running.pid)
            began = time.monotonic()
            answers = all_at_once(port, CONNECTIONS)
            took = time.monotonic() - began
            assert Counter(answer[:15] for answer in answers) == {b"HTTP/1.1 200 OK": CONNECTIONS}
            held = kilobytes(running.pid, "VmHWM")
            REPORTS["connections at once"] = [
                ("connections", "answered in", "asked", "most resident"),
                (CONNECTIONS, f"{took:.1f} s", application.asked["/a"], f"{held} KiB"),
            ]
            assert held <= MOST_KILOBYTES
            wait_until(lambda: is_at_rest(running.pid, before), "all connections closed")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def all_at_once(port, count) -> list[bytes]:
    """Opens so many connections, and only then reads what each is answered."""
    waiting, answers = {}, []
    poll = select.epoll()
    for _ in range(count):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        waiting[connection.fileno()] = (connection, bytearray())
        poll.register(connection, select.EPOLLOUT)
    deadline = time.monotonic() + 60
    while waiting:
        assert time.monotonic() < deadline, f"{len(waiting)} still wait"
        for number, event in poll.poll(1):
            connection, answer = waiting[number]
            if event & select.EPOLLOUT:
                connection.sendall(GET % b"/a")
                poll.modify(connection, select.EPOLLIN)
                continue
            part = connection.recv(4096)
            answer += part
            if not part:
                answers.append(bytes(answer))
                connection.close()
                del waiting[number]
    poll.close()
    return answers


def test_silent_connections_keep_nobody_out_with_32_descriptors():
    application = Application()
    words = f"/a http :{application.port}/a /b http :{application.port}/b".split()
    with application.running("healthy"), served(*words, within=prlimit("nofile", 32)) as (running, port):
        before = descriptors(running.pid)
        with contextlib.ExitStack() as open_ones:
            for _ in range(100):
                connection = open_ones.enter_context(socket.create_connection(("127.0.0.1", port)))
                connection.sendall(b"GET /a HT")
            for _ in range(20):
                assert [get(port, path)[0] for path in ("/a", "/b")] == [200, 200]
                assert descriptors(running.pid) < 32
        wait_until(lambda: is_at_rest(running.pid, before), "all connections closed")


def test_where_no_thread_more_is_allowed_it_says_so(alone):  # noqa: F811
    within, copy = alone
    # Every other user may pass.
    for parent in copy.parents[1:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    with served("/a", "tcp", ":1", within=within, binary=copy) as (running, port):
        assert get(port) == (503, "tcp localhost:1: could not ask: clone gave EAGAIN\n")
        assert get(port, "/") == (200, "/a\n")
        running.terminate()
        assert running.wait(5) == 0
        assert running.stdout.read() == b"/a: tcp localhost:1: could not ask: clone gave EAGAIN\n"


def test_8_mib_of_a_control_groups_memory_are_enough(tmp_path):
    application = Application()
    with memory_group(8 * MIB) as folder, contextlib.ExitStack() as stack:
        if folder is None:
            rows = REPORTS.setdefault("serve in a control group of 8 MiB", [])
            rows.append(("NOT TESTED: this machine lets nobody make a control group of memory",))
            return
        stack.enter_context(application.running("healthy"))
        words = f"/a http :{application.port}/a".split()
        running, port = stack.enter_context(served(*words, within=in_group(folder)))
        told = load(tmp_path, port, "/a").communicate(timeout=SECONDS + 60)[0]
        answers, bad, errors, _ = counted(told)
        assert answers > 0 and (bad, errors) == (0, 0), told
        assert running.poll() is None


def test_a_signal_in_the_middle_of_a_request_ends_it_at_once_with_0():
    application = Application()
    with application.running("hung"), served("/a", "http", f":{application.port}/a") as (running, port):
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            waiting.sendall(GET % b"/a")
            wait_until(lambda: application.asked["/a"] == 1, "the question")
            began = time.monotonic()
            running.send_signal(signal.SIGTERM)
            assert running.wait(5) == 0
            assert time.monotonic() - began < 0.5


def test_runc_runs_it_under_its_profile_in_a_restricted_container_and_its_first_process_ends_at_once(tmp_path):
    application = Application()
    root = tmp_path / "root"
    empty_root(root)
    words = f"/a http :{application.port}/a /b file /exec-probe".split()
    settings = {
        "ociVersion": "1.0.2",
        "root": {"path": str(root), "readonly": True},
        "process": {
            "cwd": "/",
            "args": ["/exec-probe", "serve", "--listen=127.0.0.1:0", *words],
            "user": {"uid": 65534, "gid": 65534},
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 32, "hard": 32}],
        },
        "linux": {
            "namespaces": [{"type": "mount"}, {"type": "pid"}],
            "seccomp": PROFILE,
            # serve takes 3: a thread for each path, and the one that listens. runc has more before it becomes serve.
            "resources": {"pids": {"limit": 20}},
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    name = f"exec-probe-serve-{os.getpid()}"
    command = [tool("runc"), "--root", tmp_path / "state", "run", "--bundle", tmp_path, name]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with application.running("healthy"), process(command, env={}, cwd="/", **streams) as running:
        line = running.stdout.readline()
        assert b"listening" in line, line
        port = port_of(line)
        assert [get(port, path)[0] for path in ("/a", "/b", "/none")] == [200, 200, 404]
        # runc passes it on to the first process of the container.
        began = time.monotonic()
        running.terminate()
        assert running.wait(10) == 0
        assert time.monotonic() - began < 3


# System calls

# Whose calls no run here makes: the words that the comments begin with.
NOT_TRACED = ("aarch64", "a machine whose clock", "runc")


def profiled(*, without=()) -> set[str]:
    rules = (rule for rule in PROFILE["syscalls"] if not rule["comment"].startswith(tuple(without)))
    return {name for rule in rules for name in rule["names"]}


def ask_all(application, words, within) -> list[int]:
    """Asks for each path in each state, with silent, gone and hostile peers beside."""
    statuses = []
    with served(*words, within=within) as (running, port):
        for state in ("healthy", "hung", "dead"):
            with application.running(state):
                statuses += [get(port, path)[0] for path in ("/a", "/secure", "/grpc", "/f", "/", "/none")]
                # Eight at once, and 80 that are silent, as many as there may be and more.
                asking = [threading.Thread(target=get, args=(port, "/a")) for _ in range(8)]
                for thread in asking:
                    thread.start()
                for thread in asking:
                    thread.join()
        with contextlib.ExitStack() as open_ones:
            for _ in range(80):
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"\x16\x03\x01")
            silent_ones = [
                open_ones.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(80)
            ]
            statuses.append(get(port, "/f")[0])
            silent_ones[0].close()
        pid = running.pid if not within or "strace" not in str(within[0]) else child_of(running.pid)
        os.kill(pid, signal.SIGTERM)
        assert running.wait(20) == 0
    return statuses


def child_of(pid) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def test_it_makes_the_calls_of_its_profile_and_no_others(tmp_path, secure_web, grpc):
    application = Application()
    alive = tmp_path / "alive"
    alive.write_text("well")
    words = [
        *f"/a http :{application.port}/a /f file --contains=well {alive}".split(),
        *f"/secure http https://localhost:{secure_web.main}/ok /grpc grpc localhost:{grpc.health}".split(),
    ]
    log = tmp_path / "trace"
    statuses = ask_all(application, words, [tool("strace"), "-f", "-qq", "-o", log])
    state = [200, 200, 200, 200, 404]
    assert statuses == [200, *state, 504, *state, 502, *state, 200]
    seen = set(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    needed = profiled(without=NOT_TRACED)
    assert seen == needed, f"only seen: {sorted(seen - needed)}, only in the profile: {sorted(needed - seen)}"
    # The filter's word, not strace's.
    assert ask_all(application, words, confined(profiled(without=["runc"]))) == statuses

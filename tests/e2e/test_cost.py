"""What a plain probe of the musl binary costs: which system calls it makes, how many, how many page faults."""

import os
import re
import subprocess

import pytest
from harness import MUSL, REPORTS, exec_probe, healthy, tool

# At start: the program's own memory and signal stack, its descriptors looked at. At the end: output, exit.
EVERY = {
    *("execve", "arch_prctl", "set_tid_address", "poll", "rt_sigaction", "rt_sigprocmask", "sigaltstack"),
    *("brk", "mmap", "mremap", "munmap", "mprotect", "write", "exit_group"),
}
# One socket, bound to loopback and limited, and the check that it is not connected to itself.
ASKING = {"socket", "bind", "setsockopt", "connect", "getsockname", "sendmsg", "recvfrom", "shutdown", "close"}
# Readiness for HTTP/2, which reads and writes as it pleases; tokio's waker, random numbers for its scheduler.
WAITING = {"fcntl", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "getrandom"}

# Handler, the calls it may make, and how many page faults and system calls at most.
BUDGETS = [
    ("http", EVERY | ASKING, 40, 40),
    ("tcp", EVERY | ASKING - {"sendmsg", "recvfrom"}, 30, 30),
    ("grpc", EVERY | ASKING | WAITING, 75, 75),
]


@pytest.mark.parametrize(("handler", "allowed", "most_faults", "most_calls"), BUDGETS)
def test_a_plain_probe_stays_within_its_budget(web, grpc, tmp_path, handler, allowed, most_faults, most_calls):
    target, evidence = {
        "http": (f"http://localhost:{web.main}/ok", f"GET http://localhost:{web.main}/ok: status 200"),
        "tcp": (f"localhost:{web.main}", f"localhost:{web.main}: connected"),
        "grpc": (f"localhost:{grpc.health}", f"localhost:{grpc.health}: SERVING"),
    }[handler]
    trace = tmp_path / "trace"
    ran = exec_probe(handler, target, within=[tool("strace"), "-f", "-qq", "-o", trace])
    assert ran == healthy(f"{handler} {evidence}")
    calls = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
    # The lowest of several: what is counted besides is the kernel's doing, not the program's.
    faults = min(minor_faults(handler, target) for _ in range(10))

    title = "cost of a plain probe (minor faults and system calls; most allowed in brackets)"
    rows = REPORTS.setdefault(title, [("handler", "faults", "calls", "which")])
    which = " ".join(sorted(set(calls)))
    rows.append((handler, f"{faults} ({most_faults})", f"{len(calls)} ({most_calls})", which))

    # No file, no thread, no process is among the allowed; the one execve is our own start.
    assert set(calls) <= allowed
    assert calls.count("execve") == 1
    assert len(calls) <= most_calls
    assert faults <= most_faults


def minor_faults(*args) -> int:
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    pid = os.posix_spawn(MUSL, [MUSL, *args], {}, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_minflt


def test_the_calls_that_are_forbidden_would_be_seen(tmp_path):
    # strace's words for them, from a program that opens files and starts a process.
    trace = tmp_path / "trace"
    subprocess.run([tool("strace"), "-f", "-qq", "-o", trace, "/bin/sh", "-c", "/bin/true; :"], check=True)
    calls = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE))
    assert {"openat"} <= calls and calls & {"clone", "clone3", "fork", "vfork"}

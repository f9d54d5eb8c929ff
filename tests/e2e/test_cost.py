"""What a probe of the musl binary costs: which system calls it makes, how many, how many page faults, which files, and how
many instructions."""

import os
import re
import subprocess

import pytest
from harness import MUSL, REPORTS, exec_probe, healthy, tool, trace

# At start: the program's own memory and signal stack, its descriptors looked at. At the end: output, exit.
EVERY = {
    *("execve", "arch_prctl", "set_tid_address", "poll", "rt_sigaction", "rt_sigprocmask", "sigaltstack"),
    *("brk", "mmap", "mremap", "munmap", "mprotect", "write", "exit_group"),
}
# One socket, bound to loopback and limited, and the check that it is not connected to itself.
ASKING = {"socket", "bind", "setsockopt", "connect", "getsockname", "sendmsg", "recvfrom", "shutdown", "close"}
# HTTP/2 reads and writes as it pleases, and waits for both; the scheduler's memory of its thread, its end, random numbers.
WAITING = {"brk", "fcntl", "futex", "getrandom", "ppoll"}

# The hello and its key.
TLS = {"getrandom"}
READING = {"stat", "open", "fcntl", "fstat", "read"}

# What is asked, the calls it may make, and how many page faults and system calls at most.
BUDGETS = [
    ("http", EVERY | ASKING, 32, 32),
    ("tcp", EVERY | ASKING - {"sendmsg", "recvfrom"}, 23, 28),
    ("grpc", EVERY | ASKING | WAITING, 48, 54),
    ("https", EVERY | ASKING | TLS, 48, 52),
    ("https --cacert", EVERY | ASKING | TLS | READING, 48, 62),
    ("grpc --tls", EVERY | ASKING | WAITING | TLS, 60, 70),
]

# In user space. Every option costs some to look for, and so does HTTP/2 to be able to; a page fault costs as much as tens of
# thousands. What HTTP/2 and TLS do varies with how pieces arrive and with random numbers.
MOST_INSTRUCTIONS = {
    "http": 91_000,
    "tcp": 29_000,
    "grpc": 190_000,
    "https": 2_200_000,
    "https --cacert": 3_050_000,
    "grpc --tls": 2_300_000,
}

# For tokio's scheduler; without TLS, nothing else takes any.
RANDOM_NUMBERS = {"http": 0, "tcp": 0, "grpc": 1}


@pytest.fixture
def question(web, grpc, secure_web, secure_grpc, certificates):
    """The command line of what is asked, and the healthy line that it gives."""
    https = f"https://localhost:{secure_web.main}/ok"
    cacert = f"--cacert={certificates}/authority.pem"
    targets = {
        "http": (["http", f"http://localhost:{web.main}/ok"], f"http GET http://localhost:{web.main}/ok: status 200"),
        "tcp": (["tcp", f"localhost:{web.main}"], f"tcp localhost:{web.main}: connected"),
        "grpc": (["grpc", f"localhost:{grpc.health}"], f"grpc localhost:{grpc.health}: SERVING"),
        "https": (["http", https], f"http GET {https}: status 200"),
        "https --cacert": (["http", cacert, https], f"http GET {https}: status 200"),
        "grpc --tls": (
            ["grpc", "--tls", f"localhost:{secure_grpc.health}"],
            f"grpc localhost:{secure_grpc.health}: SERVING",
        ),
    }
    return targets.__getitem__


@pytest.mark.parametrize(("asked", "allowed", "most_faults", "most_calls"), BUDGETS)
def test_a_probe_stays_within_its_budget(question, tmp_path, asked, allowed, most_faults, most_calls):
    args, line = question(asked)
    ran, traced = trace(tmp_path / "trace", *args)
    assert ran == healthy(line)
    calls = [call for call, _ in traced]
    # The lowest of several: what is counted besides is the kernel's doing, not the program's.
    faults = min(minor_faults(*args) for _ in range(10))

    title = "cost of a probe (minor faults and system calls; most allowed in brackets)"
    rows = REPORTS.setdefault(title, [("asked", "faults", "calls", "which")])
    which = " ".join(sorted(set(calls)))
    rows.append((asked, f"{faults} ({most_faults})", f"{len(calls)} ({most_calls})", which))

    # No thread, no process is among the allowed, no file but of --cacert; the one execve is our own start.
    assert set(calls) <= allowed
    assert calls.count("execve") == 1
    assert calls.count("getrandom") <= RANDOM_NUMBERS.get(asked, 8)
    assert len(calls) <= most_calls
    assert faults <= most_faults


@pytest.mark.parametrize(("asked", "most"), MOST_INSTRUCTIONS.items())
def test_a_probe_stays_within_its_instructions(question, tmp_path, asked, most):
    args, line = question(asked)
    # valgrind's own words go to the log, its graph of calls to nobody.
    log = tmp_path / "valgrind"
    options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"]
    assert exec_probe(*args, within=[tool("valgrind"), *options]) == healthy(line)
    count = int(re.search(r"Collected : (\d+)", log.read_text())[1])
    rows = REPORTS.setdefault("instructions of a probe", [("asked", "counted", "allowed")])
    rows.append((asked, f"{count:,}", f"{most:,}"))
    assert count <= most


@pytest.mark.parametrize("options", [["--cacert"], ["--cert", "--key"], ["--cacert", "--cert", "--key"]])
@pytest.mark.parametrize("asked", ["https", "grpc --tls"])
def test_of_all_files_only_the_named_ones_are_touched(question, certificates, tmp_path, asked, options):
    names = {"--cacert": "authority.pem", "--cert": "client.pem", "--key": "client.key"}
    args, line = question(asked)
    files = [f"{certificates}/{names[option]}" for option in options]
    args += [f"{option}={file}" for option, file in zip(options, files, strict=True)]
    ran, traced = trace(tmp_path / "trace", *args, only="%file")
    assert ran == healthy(line)
    start, *touched = traced
    assert start[0] == "execve"
    paths = [(call, re.match('(?:AT_FDCWD, )?"(.*?)"', given)[1]) for call, given in touched]
    assert {path for _, path in paths} == set(files)
    assert [path for call, path in paths if call in ("open", "openat")] == files


def minor_faults(*args) -> int:
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    pid = os.posix_spawn(MUSL, [MUSL, *args], {}, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_minflt


def test_the_calls_that_are_forbidden_would_be_seen(tmp_path):
    # strace's words for them, from a program that opens files and starts a process.
    log = tmp_path / "trace"
    subprocess.run([tool("strace"), "-f", "-qq", "-o", log, "/bin/sh", "-c", "/bin/true; :"], check=True)
    calls = set(re.findall(r"^\d+ +(\w+)\(", log.read_text(), re.MULTILINE))
    assert {"openat"} <= calls and calls & {"clone", "clone3", "fork", "vfork"}

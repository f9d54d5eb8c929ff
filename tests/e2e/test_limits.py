"""Under every limit that a container may set, each handler answers as ever; and below the least it needs, it says so."""

import contextlib
import errno
import json
import os
import platform
import re
import shutil
import signal
import sys
import textwrap
from pathlib import Path

import pytest
from handlers import HANDLERS, answering
from harness import (
    DRIP,
    EVENTS,
    MUSL,
    OK,
    REPORTS,
    TIME,
    Ran,
    empty_root,
    exec_probe,
    full_backlog,
    misused,
    namespace,
    serving,
    silent,
    tool,
    trace,
    unhealthy,
    wait_until,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "security.md"
MIB = 1024 * 1024

each_handler = pytest.mark.parametrize("handler", HANDLERS)


@pytest.fixture(scope="module")
def question(tmp_path_factory, certificates):
    """The command line of each handler, and what comes out."""
    folder = tmp_path_factory.mktemp("answering")
    # For the user without any other process: every other user may pass.
    for parent in folder.parents[:2]:
        parent.chmod(parent.stat().st_mode | 0o055)
    with answering(folder, certificates) as found:
        yield found


# Limits of a process


def prlimit(name, limit) -> list:
    """The command into a limit of the kernel's for this process."""
    return [tool("prlimit"), f"--{name}={limit}:{limit}", "--"]


@each_handler
def test_16_mib_of_address_space_are_enough(question, handler):
    args, wanted = question(handler)
    assert exec_probe(*args, within=prlimit("as", 16 * MIB)) == wanted


def test_16_mib_more_than_that_are_refused():
    hold = ["-c", f"bytearray({16 * MIB})"]
    assert exec_probe(*hold, binary=sys.executable) == Ran(0)
    assert exec_probe(*hold, within=prlimit("as", 16 * MIB), binary=sys.executable).exit == 1


@pytest.fixture
def alone(tmp_path):
    """The command that makes what follows the only process of its user, who may have no other; and a copy of the binary
    in that user's reach."""
    tmp_path.chmod(0o755)
    copy = Path(shutil.copy(MUSL, tmp_path))
    copy.chmod(0o755)
    # Nobody else's: above what Linux gives to users, one for each run of the tests.
    user = 1_000_000_000 + os.getpid()
    become = [f"--reuid={user}", f"--regid={user}", "--clear-groups", "--bounding-set=-all", "--no-new-privs", "--"]
    return [tool("setpriv"), *become, *prlimit("nproc", 1)], copy


@each_handler
def test_no_process_and_no_thread_more_are_needed(question, alone, handler):
    args, wanted = question(handler)
    within, copy = alone
    assert exec_probe(*args, within=within, binary=copy) == wanted


def test_where_no_process_more_is_allowed_a_shell_can_not_start_one(alone):
    within, _ = alone
    assert exec_probe("-c", "true", within=within, binary="/bin/sh") == Ran(0)
    refused = Ran(2, stderr="/bin/sh: 1: Cannot fork\n")
    assert exec_probe("-c", "/bin/true; :", within=within, binary="/bin/sh") == refused


# How many descriptors each handler needs, the three standard ones included.
DESCRIPTORS = 4


@each_handler
def test_8_descriptors_are_enough(question, handler):
    args, wanted = question(handler)
    assert exec_probe(*args, within=prlimit("nofile", 8)) == wanted


@each_handler
def test_too_few_descriptors_are_told_as_such(question, handler):
    args, wanted = question(handler)
    assert exec_probe(*args, within=prlimit("nofile", DESCRIPTORS)) == wanted
    label = wanted.stdout.rpartition(": ")[0]
    for few in range(DESCRIPTORS):
        within = prlimit("nofile", few)
        if handler == "https --cacert":
            # A file that an option names comes before any target, and what can't be read there is a matter of the command.
            told = misused(f'exec-probe http: --cacert "{args[1].removeprefix("--cacert=")}": open gave EMFILE')
            cause = "usage"
        else:
            told = unhealthy(f"{label}: could not ask: {'open' if handler == 'file' else 'socket'} gave EMFILE")
            cause = "system"
        assert exec_probe(*args, within=within) == told, few
        ran = exec_probe(*args, "--output=json", within=within)
        assert (ran.exit, ran.stdout) == (told.exit, ""), (few, ran)
        assert json.loads(ran.stderr)["cause"] == cause, (few, ran)


# A limit of memory for a control group


@contextlib.contextmanager
def memory_group(most):
    """A control group whose processes may hold so many bytes together, whichever version there is; none where this
    machine lets nobody make one."""
    for parent, limit, without_swap in memory_parents(most):
        folder = parent / f"exec-probe-e2e-{os.getpid()}"
        with contextlib.suppress(OSError):
            folder.mkdir()
            try:
                (folder / limit).write_text(str(most))
            except OSError:
                folder.rmdir()
                continue
            for name, value in without_swap:
                with contextlib.suppress(OSError):
                    (folder / name).write_text(str(value))
            break
    else:
        yield None
        return
    try:
        yield folder
    finally:
        # Busy until the kernel is done with the last process.
        wait_until(lambda: removed(folder), f"{folder} removed")


def memory_parents(most):
    """Where a group may be made, the name of the limit's file, and the files that keep swap out of it: in version 1 below
    our own group, in version 2 below one that hands the controller on."""
    own = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path.lstrip("/"))
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup" and "memory" in options.split(","):
            for parent in (Path(place, own.get("memory", "")), Path(place)):
                yield parent, "memory.limit_in_bytes", [("memory.memsw.limit_in_bytes", most)]
        if kind == "cgroup2":
            for parent in (Path(place, own.get("", "")), Path(place)):
                yield parent, "memory.max", [("memory.swap.max", 0)]


def removed(folder) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def in_group(folder) -> list:
    """The command into a control group."""
    return ["/bin/sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder]


@each_handler
def test_4_mib_of_a_control_groups_memory_are_enough(question, handler):
    args, wanted = question(handler)
    rows = REPORTS.setdefault("memory of a control group, 4 MiB allowed: most held", [])
    with memory_group(4 * MIB) as folder:
        if folder is None:
            rows.append((handler, "NOT TESTED: this machine lets nobody make a control group of memory"))
            return
        assert exec_probe(*args, within=in_group(folder)) == wanted
        peaks = [folder / name for name in ("memory.max_usage_in_bytes", "memory.peak") if (folder / name).exists()]
        held = f"{int(peaks[0].read_text()) // 1024} KiB" if peaks else "not told by this kernel"
        rows.append((handler, held))


def test_in_4_mib_of_a_control_groups_memory_others_are_killed():
    with memory_group(4 * MIB) as folder:
        if folder is not None:
            ran = exec_probe("-c", "bytearray(b'x') * (16 << 20)", within=in_group(folder), binary=sys.executable)
            assert ran.exit == -signal.SIGKILL


# A network without any network


def test_no_interface_but_loopback_is_needed(tmp_path, certificates):
    with namespace("ip link set lo up") as place, place.entered(), answering(tmp_path, certificates) as question:
        up = [line.split()[0] for line in place.run(tool("ip"), "-brief", "link", "show", "up").splitlines()]
        assert up == ["lo"]
        for handler in HANDLERS:
            args, wanted = question(handler)
            assert exec_probe(*args) == wanted, handler


# System calls


PROFILE = json.loads((ROOT / "examples" / "seccomp" / "exec-probe.json").read_text())

# Whose calls no run here makes: the words that the comments begin with.
NOT_TRACED = ("aarch64", "a machine whose clock", "runc")

# The command line, its exit code, and what its line tells: each way to an answer, and each that there is none.
RUNS = [
    ("http :{web}/ok", 0, "status 200"),
    ("http -v :{web}/ok", 0, "status 200"),
    ("http --output=json :{web}/ok", 0, '"status":200'),
    ("http [::1]:{web}/ok", 1, "connection refused"),
    ("http {own}:{there}/", 0, "status 200"),
    ("http 8.8.8.8:80/", 64, "not an address of this host"),
    ("http -X POST -u probe:s3cret :{web}/private", 1, "status 405"),
    ("http --unix-socket={web_socket} /ok", 0, "status 200"),
    ("http --unix-socket={folder}/none /ok", 1, "no such socket"),
    ("http -H x:{{file.{folder}/alive}} :{web}/ok", 0, "status 200"),
    ("http -H x:{{file.{folder}/none}} :{web}/ok", 64, "no such file"),
    ("http :{web}/missing", 1, "status 404"),
    ("http --show-body :{web}/missing", 1, "body: missing"),
    ("http --expect-body=ok :{web}/ok", 0, "status 200"),
    ("http --expect-body=well :{web}/ok", 1, "in the body"),
    ("http :{web}/moved", 0, "status 200"),
    ("http :{web}/loop", 1, "tenth redirect"),
    ("http :{web}/30k", 0, "status 200"),
    ("http :{web}/100k", 1, "64 KiB"),
    ("http :{http2}/", 1, "HTTP/2"),
    ("http :{events}/", 0, "status 200"),
    ("http --timeout=200ms :{silent}/", 1, "no response headers"),
    ("http --timeout=200ms :{drip}/", 1, "not complete"),
    ("http --timeout=600ms :{full}/", 1, "no connection"),
    ("http :{closed}/", 1, "connection refused"),
    ("http https://localhost:{secure}/ok", 0, "status 200"),
    ("http https://localhost:{tls12}/", 1, "status 500"),
    ("http --cacert={pem}/authority.pem https://localhost:{secure}/ok", 0, "status 200"),
    ("http --cacert={pem}/stranger.pem https://localhost:{secure}/ok", 1, "certificate"),
    ("http --cacert={pem}/none https://localhost:{secure}/ok", 64, "no such file"),
    ("http --cert={pem}/client.pem --key={pem}/client.key https://localhost:{mutual}/", 0, "status 204"),
    ("http https://localhost:{mutual}/", 1, "certificate"),
    ("http https://localhost:{web}/", 1, "does not speak TLS"),
    ("http --timeout=200ms https://localhost:{silent}/", 1, "no TLS handshake"),
    ("tcp :{web}", 0, "connected"),
    ("tcp unix:{web_socket}", 0, "connected"),
    ("tcp unix:{folder}/alive", 1, "connection refused"),
    ("tcp :{closed}", 1, "connection refused"),
    ("tcp --timeout=600ms :{full}", 1, "no connection"),
    ("grpc :{grpc}", 0, "SERVING"),
    ("grpc unix:{grpc_socket}", 0, "SERVING"),
    ("grpc --service=orders.v1 :{grpc}", 1, "NOT_SERVING"),
    ("grpc :{bare}", 1, "UNIMPLEMENTED"),
    ("grpc --timeout=200ms :{hung}", 1, "no answer"),
    ("grpc --timeout=200ms :{silent}", 1, "no answer"),
    ("grpc :{web}", 1, "HTTP/1.1"),
    ("grpc :{closed}", 1, "connection refused"),
    ("grpc --tls :{secure_grpc}", 0, "SERVING"),
    ("grpc --tls --cacert={pem}/authority.pem :{secure_grpc}", 0, "SERVING"),
    ("grpc --tls --cacert={pem}/stranger.pem :{secure_grpc}", 1, "certificate"),
    ("grpc --tls --timeout=200ms :{silent}", 1, "no TLS handshake"),
    ("grpc :{secure_grpc}", 1, "connected to"),
    ("file {folder}/alive", 0, "as wanted"),
    ("file --max-age=1h --contains=well {folder}/alive", 0, "as wanted"),
    ("file --contains=sick {folder}/large", 1, "in the file"),
    ("file {folder}", 1, "a folder"),
    ("file {folder}/none", 1, "no such file"),
    ("--version", 0, "exec-probe"),
    ("help http", 0, "TARGET"),
    ("http", 64, "no TARGET"),
]

# Which calls each run made, filled by `test_each_run_needs_only_the_profile`.
TRACED: dict[str, set[str]] = {}


@pytest.fixture(scope="module")
def places(web, grpc, secure_web, secure_grpc, certificates, closed_port, tmp_path_factory):
    """Whom to ask, by name, and the command into the network that they are all in."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "alive").write_text("all is well\n")
    (folder / "large").write_text("well\n" * 100_000)
    # An address of this host's own besides loopback's.
    own = "ip link set lo up; ip link add left type veth peer name right; ip address add 192.0.2.1/24 dev left"
    with contextlib.ExitStack() as held:
        there = held.enter_context(namespace(f"{own}; ip link set left up"))
        answers = {"silent": silent, "events": EVENTS, "drip": DRIP}
        ports = {name: held.enter_context(serving(answer)) for name, answer in answers.items()}
        ports["there"] = held.enter_context(serving(OK, there.listen("192.0.2.1")))
        ports["full"] = held.enter_context(full_backlog())
        ports |= {"web": web.main, "http2": web.http2, "closed": closed_port}
        ports |= {"secure": secure_web.main, "tls12": secure_web.tls12, "mutual": secure_web.mutual13}
        ports |= {"grpc": grpc.health, "bare": grpc.bare, "hung": grpc.hung, "secure_grpc": secure_grpc.health}
        paths = {"web_socket": web.unix, "grpc_socket": grpc.unix, "pem": certificates, "folder": folder}
        yield {**ports, **paths, "own": "192.0.2.1"}, there.within


def profiled(*, without=()) -> set[str]:
    """The names in the profile, but for those whose comment begins with one of these words."""
    rules = (rule for rule in PROFILE["syscalls"] if not rule["comment"].startswith(tuple(without)))
    return {name for rule in rules for name in rule["names"]}


def confined(calls, answer="kill") -> list:
    """The command into a seccomp filter that allows these calls; any other is answered by a number of an error, or ends
    the process."""
    return [sys.executable, Path(__file__).with_name("confined.py"), str(answer), ",".join(sorted(calls))]


def whatever_the_clock_says(ran) -> Ran:
    """Without times where healthy lines have none, -v and JSON, and without the hint of a machine that is busy."""
    stdout, stderr = (TIME.sub("(TIME)", text) for text in (ran.stdout, ran.stderr))
    stdout = re.sub(r'"elapsed_ms":[0-9.]+', '"elapsed_ms":TIME', stdout)
    return Ran(ran.exit, stdout, stderr.replace(" (this process was not scheduled in time: CPU limit?)", ""))


@pytest.mark.parametrize(("run", "exit", "tells"), RUNS, ids=[run for run, _, _ in RUNS])
def test_each_run_needs_only_the_profile(places, tmp_path, run, exit, tells):
    names, into_their_network = places
    args = run.format(**names).split()
    within = into_their_network if "{own}" in run else []
    ran, traced = trace(tmp_path / "trace", *args, within=within)
    assert ran.exit == exit and tells in ran.stdout + ran.stderr, ran
    TRACED[run] = {call for call, _ in traced}
    # In the calls of a runtime nothing is hidden that a run needs.
    needed = profiled(without=["runc"])
    # The filter's word, not strace's: any other call ends the process, or is answered as the profile says.
    for answer in ("kill", PROFILE["defaultErrnoRet"]):
        again = exec_probe(*args, within=[*within, *confined(needed, answer)])
        assert whatever_the_clock_says(again) == whatever_the_clock_says(ran)


def test_the_profile_has_no_call_that_no_run_makes():
    # Of all runs: alone, this test knows of none.
    assert set(TRACED) == {run for run, _, _ in RUNS}
    made = set.union(*TRACED.values())
    if platform.machine() == "x86_64":
        assert made == profiled(without=NOT_TRACED)
    else:
        assert made <= profiled()


def test_the_profile_allows_by_name_alone_and_says_why():
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO" and PROFILE["defaultErrnoRet"] == errno.EPERM
    # The machine's own architecture alone, whichever it is.
    assert PROFILE.keys().isdisjoint({"architectures", "archMap"})
    names = [name for rule in PROFILE["syscalls"] for name in rule["names"]]
    assert len(names) == len(set(names))
    for rule in PROFILE["syscalls"]:
        assert set(rule) == {"comment", "action", "names"} and rule["comment"], rule
        assert rule["action"] == "SCMP_ACT_ALLOW" and rule["names"] == sorted(rule["names"]), rule
    # Neither a thread nor a process, nor a file that is written, removed or given another name.
    assert set(names).isdisjoint({"clone", "clone3", "fork", "vfork", "mkdir", "rename", "unlink", "ftruncate"})


def test_the_page_lists_the_calls_of_the_profile():
    text = PAGE.read_text()
    listed = re.search(r"^<!-- system calls -->\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    assert listed == system_calls()


def system_calls() -> str:
    """What stands in docs/security.md: a comment of the profile, and its calls."""
    parts = []
    for rule in PROFILE["syscalls"]:
        names = textwrap.fill(" ".join(rule["names"]), 110, initial_indent="    ", subsequent_indent="    ")
        parts.append(f"{rule['comment']}\n{names}\n")
    return "\n".join(parts)


@each_handler
def test_runc_runs_it_under_the_profile_in_a_restricted_container(question, tmp_path, handler):
    args, wanted = question(handler)
    root = tmp_path / "root"
    empty_root(root)
    files = Path(question("file")[0][-1]).parent
    settings = {
        "ociVersion": "1.0.2",
        "root": {"path": str(root), "readonly": True},
        "process": {
            "cwd": "/",
            "args": ["/exec-probe", *map(str, args)],
            "user": {"uid": 65534, "gid": 65534},
            "capabilities": {},
            "noNewPrivileges": True,
        },
        # The servers are in this network.
        "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}], "seccomp": PROFILE},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": str(files), "type": "bind", "source": str(files), "options": ["bind", "ro"]},
        ],
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    name = f"exec-probe-e2e-{os.getpid()}"
    command = ["--root", tmp_path / "state", "run", "--bundle", tmp_path, name]
    assert exec_probe(*command, binary=tool("runc")) == wanted


# One call refused, as by a profile that was made for something else

# libc's and std's, before the program's first statement: without one of them it ends by a signal.
START = ["arch_prctl", "mmap", "mprotect", "poll", "rt_sigaction"]
# What they are for can be left undone.
SPARE = ["brk", "close", "futex", "getrandom", "munmap", "rt_sigprocmask", "set_tid_address", "shutdown", "sigaltstack"]
# By the handlers that ask a server: the call, and what the line calls it.
OF_SOCKETS = [
    ("socket", "socket"),
    ("setsockopt", "setsockopt"),
    ("connect", "connect"),
    ("getsockname", "getsockname"),
    ("sendmsg", "send"),
    ("recvfrom", "recv"),
]
# By grpc alone.
OF_GRPC = [("ppoll", "poll"), ("fcntl", "fcntl")]
OF_FILES = [("stat", "stat"), ("open", "open"), ("fstat", "stat"), ("read", "read")]
# execve is what starts it. Without exit_group libc calls it for ever. write: another test.
OTHERS = ["execve", "exit_group", "write"]

ASKS = {
    **{call: [handler for handler in HANDLERS if handler != "file"] for call, _ in OF_SOCKETS},
    **dict.fromkeys(["sendmsg", "recvfrom"], ["http", "grpc", "https --cacert", "grpc --tls"]),
    **{call: ["grpc", "grpc --tls"] for call, _ in OF_GRPC},
}
REFUSED = [(handler, call, told) for call, told in OF_SOCKETS + OF_GRPC for handler in ASKS[call]]

each_errno = pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOSYS], ids=errno.errorcode.get)


def refusing(call, refusal) -> list:
    """The command into the profile without this call, which is answered by this error."""
    # aarch64 has others in their place, and needs none for the first.
    others = {"arch_prctl": "mmap", "open": "openat", "poll": "ppoll", "stat": "newfstatat"}
    refused = others.get(call, call) if platform.machine() == "aarch64" else call
    return confined(profiled() - {refused}, refusal)


def test_of_each_call_that_the_handlers_make_it_is_known_what_its_refusal_does(question, tmp_path):
    made = set()
    for handler in HANDLERS:
        args, wanted = question(handler)
        ran, traced = trace(tmp_path / "trace", *args)
        assert ran == wanted
        made |= {call for call, _ in traced}
    if platform.machine() == "x86_64":
        assert made == {*START, *SPARE, *OTHERS, *(call for call, _ in OF_SOCKETS + OF_GRPC + OF_FILES)}


@each_errno
@pytest.mark.parametrize(("handler", "call", "told"), REFUSED)
def test_a_refused_call_is_told_by_its_name_and_error(question, handler, call, told, refusal):
    args, wanted = question(handler)
    label = wanted.stdout.rpartition(": ")[0]
    ran = exec_probe(*args, within=refusing(call, refusal))
    assert ran == unhealthy(f"{label}: could not ask: {told} gave {errno.errorcode[refusal]}")


@each_errno
@pytest.mark.parametrize(("call", "told"), OF_FILES)
def test_a_refused_call_of_a_file_is_told_by_its_name_and_error(question, call, told, refusal):
    what = f"{told} gave {errno.errorcode[refusal]}"
    args, _ = question("file")
    assert exec_probe(*args, within=refusing(call, refusal)) == unhealthy(f"file {args[-1]}: {what}")
    args, _ = question("https --cacert")
    path = args[1].removeprefix("--cacert=")
    assert exec_probe(*args, within=refusing(call, refusal)) == misused(f'exec-probe http: --cacert "{path}": {what}')


@each_errno
@pytest.mark.parametrize("call", SPARE)
def test_a_call_that_can_be_spared_changes_nothing(question, call, refusal):
    for handler in HANDLERS:
        args, wanted = question(handler)
        assert exec_probe(*args, within=refusing(call, refusal)) == wanted, handler


@each_errno
@pytest.mark.parametrize("call", START)
def test_without_a_call_of_its_start_it_does_not_start(question, call, refusal):
    for handler in HANDLERS:
        args, _ = question(handler)
        ran = exec_probe(*args, within=refusing(call, refusal))
        assert ran.exit in (-signal.SIGABRT, -signal.SIGSEGV) and ran.stdout == "", handler


# grpc needs `write` for more than its line: tokio wakes itself by it.
@pytest.mark.parametrize("handler", [handler for handler in HANDLERS if "grpc" not in handler])
def test_without_write_the_verdict_is_the_exit_code_alone(question, closed_port, handler):
    within = refusing("write", errno.EPERM)
    assert exec_probe(*question(handler)[0], within=within) == Ran(0)
    assert exec_probe("tcp", f":{closed_port}", within=within) == Ran(1)

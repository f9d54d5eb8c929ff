"""examples/docker/then: a container that waits for a server and then becomes its application, as process 1."""

import contextlib
import os
import select
import shutil
import signal
import time
from pathlib import Path

import pytest
from engine import REPOSITORY, ask_podman, container, inspect, podman
from harness import REPORTS, TIME, is_waiting, wait_until

SCRATCH = Path(os.environ["E2E_SCRATCH"])
# When an engine stops a container that does not end by itself: podman's and Docker's default, in seconds.
KILL = 10


@pytest.fixture(scope="module")
def image(tmp_path_factory, exec_probe_image):
    """The example's, with an application, and with the name of an image that is here."""
    folder = tmp_path_factory.mktemp("then")
    shutil.copy(SCRATCH / "shop", folder / "shop")
    text = (REPOSITORY / "examples/docker/then/Dockerfile").read_text()
    [reference] = [word for word in text.split() if word.startswith("--from=registry.example/exec-probe@sha256:")]
    (folder / "Dockerfile").write_text(text.replace(reference, f"--from={exec_probe_image}"))
    podman("build", "--pull=never", "--tag=localhost/then", folder)
    return "localhost/then"


@pytest.fixture(scope="module")
def control(tmp_path_factory):
    """By which the applications are told what to answer: nothing but that they are well."""
    folder = tmp_path_factory.mktemp("control")
    folder.chmod(0o755)
    return f"--volume={folder}:/control:ro"


@contextlib.contextmanager
def shop(image, control, *options, program=("/control", "8080")):
    """The example's container. Gives its name and the id of its process 1."""
    with container(*options, control, image, *program) as name:
        yield name, inspect(name)["State"]["Pid"]


def command(pid) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_it_becomes_the_application_as_the_same_process_with_no_descriptor_of_its_own(image, control):
    with shop(image, control, program=["/control"]) as (name, pid):
        wait_until(lambda: is_waiting(pid), "it waits")
        # The sidecar, in the same network as in a pod.
        sidecar = [f"--network=container:{name}", "--entrypoint=/shop", control, image, "/control", "15021"]
        with container(*sidecar):
            wait_until(lambda: command(pid) == "shop", "it is the application")
            status = Path(f"/proc/{pid}/status").read_text()
            [numbers] = [line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")]
            assert numbers[-1] == "1"
            assert inspect(name)["State"]["Pid"] == pid
            # Without a port this application opens nothing.
            assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
            assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1] == [b"/shop", b"/control"]
            told = TIME.sub("(TIME)", ask_podman("logs", name).stderr)
            assert told == "http GET http://localhost:15021/healthz/ready: status 200 (TIME)\n"
            # And has no handler of ours: its own ends it.
            podman("stop", f"--time={KILL}", name)
            assert inspect(name)["State"]["ExitCode"] == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_ends_process_1_while_it_waits(image, control, number, code):
    """Without a handler the kernel drops it, and the engine kills the container ten seconds later. Each of five must
    end long before; that it takes no time is asserted of the fastest, since other processes may have the processors."""
    lengths = []
    for _ in range(5):
        with shop(image, control) as (name, pid):
            wait_until(lambda pid=pid: is_waiting(pid), "it waits")
            descriptor = os.pidfd_open(pid)
            began = time.monotonic()
            os.kill(pid, number)
            ended, _, _ = select.select([descriptor], [], [], KILL / 2)
            lengths.append(1000 * (time.monotonic() - began))
            os.close(descriptor)
            assert ended, f"it ignores {number.name}"
            assert podman("wait", name).strip() == str(code)
    REPORTS[f"from {number.name} to the end of process 1 while it waits"] = [
        ("fastest of five", f"{min(lengths):.1f} ms"),
        ("slowest", f"{max(lengths):.1f} ms"),
    ]
    assert min(lengths) < 200


def test_the_engine_need_not_kill_it(image, control):
    with shop(image, control) as (name, pid):
        wait_until(lambda: is_waiting(pid), "it waits")
        podman("stop", f"--time={KILL}", name)
        # 137 is the kill's.
        assert inspect(name)["State"]["ExitCode"] == 143


def test_a_wait_in_vain_ends_with_the_reason(image):
    ran = ask_podman("run", "--rm", "--pull=never", "--entrypoint=/exec-probe", image, "http", "--wait=300ms", ":1")
    line = "http GET http://localhost:1/: connection refused (127.0.0.1, [::1]) (waited 300ms)\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", line)


ROWS = {
    "/none": (127, 'exec-probe: --then "/none": no such program, or no such interpreter\n'),
    "none": (127, 'exec-probe: --then "none": no such program in PATH\n'),
    # No file to be executed.
    "/LICENSES": (126, 'exec-probe: --then "/LICENSES": permission denied\n'),
}


@pytest.mark.parametrize("program", ROWS)
def test_a_program_that_can_not_be_started_ends_process_1_with_the_shells_code(exec_probe_image, program):
    """The engine has the same codes for an entry point that can't be started: the line tells whose it is."""
    code, line = ROWS[program]
    words = ["file", "--quiet", "/LICENSES", "--then", program]
    ran = ask_podman("run", "--rm", "--pull=never", exec_probe_image, *words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "", line)

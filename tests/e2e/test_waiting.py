"""Examples that wait, and the one that asks three things: what they say is what happens, on servers that come later.

The ones for a mesh are in tests/e2e/mesh and tests/e2e/kubelet, the image that waits is in tests/e2e/podman.
"""

import configparser
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from harness import MUSL, TIME, exec_probe, is_waiting, namespace, process, tool, wait_until

EXAMPLES = Path(__file__).parents[2] / "examples"
UNIT = EXAMPLES / "systemd/shop.service"
APPLICATION = [sys.executable, Path(__file__).with_name("application.py")]


# The systemd unit


def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(delimiters=["="], interpolation=None)
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    return parser["Service"]


def words(key) -> list[str]:
    """As systemd splits a line that has no quote, backslash, dollar or per cent sign."""
    line = service()[key]
    assert not set(line) & set("'\"\\$%"), line
    program, *rest = line.split()
    assert program == "/usr/local/bin/exec-probe"
    return rest


def verify(unit, programs=("exec-probe", "shop")) -> subprocess.CompletedProcess:
    """What systemd says of a unit, on a machine that has these programs where the example wants them."""
    put = "".join(f"cp '{MUSL}' /usr/local/bin/{name}\nchmod 755 /usr/local/bin/{name}\n" for name in programs)
    script = f"mount -t tmpfs tmpfs /usr/local/bin\n{put}exec '{tool('systemd-analyze')}' verify --man=no '{unit}'"
    command = [tool("unshare"), "--mount", tool("sh"), "-ec", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_systemd_takes_the_unit():
    ran = verify(UNIT)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_systemd_would_say_what_is_wrong(tmp_path):
    wrong = tmp_path / UNIT.name
    wrong.write_text(UNIT.read_text().replace("ExecStartPost=", "ExecStartPots="))
    assert "Unknown key 'ExecStartPots'" in verify(wrong).stderr
    ran = verify(UNIT, ["shop"])
    assert ran.returncode != 0
    assert "/usr/local/bin/exec-probe is not executable" in ran.stderr


def test_the_unit_has_time_for_both_waits():
    waits = [int(re.search(r"--wait=(\d+)s", " ".join(words(key)))[1]) for key in ("ExecStartPre", "ExecStartPost")]
    assert int(service()["TimeoutStartSec"].removesuffix("s")) > sum(waits)


@pytest.fixture
def root(tmp_path):
    """A folder that holds exec-probe, for `chroot`."""
    folder = tmp_path / "root"
    folder.mkdir()
    shutil.copy(MUSL, folder / "exec-probe")
    return folder


def test_the_unit_waits_for_its_database(root):
    place = root / "run/postgresql"
    place.mkdir(parents=True)
    command = [tool("chroot"), root, "/exec-probe", *words("ExecStartPre")]
    with process(command, env={}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        wait_until(lambda: is_waiting(waiting.pid), "it has tried once")
        with socket.socket(socket.AF_UNIX) as database:
            # Under a shorter name: paths of sockets end at 108 bytes.
            os.symlink(place, link := f"/tmp/.exec-probe-{os.getpid()}")
            try:
                database.bind(f"{link}/.s.PGSQL.5432")
            finally:
                os.unlink(link)
            database.listen()
            stdout, stderr = waiting.communicate(timeout=20)
    line = "tcp unix:/run/postgresql/.s.PGSQL.5432: connected (TIME)\n"
    assert (waiting.returncode, TIME.sub("(TIME)", stdout), stderr) == (0, line, "")


def test_the_unit_counts_as_started_once_it_is_well(root):
    env = dict([service()["Environment"].split("=")])
    with namespace("ip link set lo up") as place:
        command = [*place.within, tool("chroot"), root, "/exec-probe", *words("ExecStartPost")]
        with process(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
            wait_until(lambda: is_waiting(waiting.pid), "it has tried once")
            shop = [*place.within, *APPLICATION, "http", env["PORT"], "200"]
            with process(shop, stdout=subprocess.PIPE, text=True) as server:
                assert server.stdout.readline() == "listening\n"
                stdout, stderr = waiting.communicate(timeout=20)
    line = "http GET http://localhost:8080/healthz: status 200 (TIME)\n"
    assert (waiting.returncode, TIME.sub("(TIME)", stdout), stderr) == (0, line, "")


# Three things in one exec


def test_one_exec_asks_three_things_and_names_the_first_that_is_unwell(root):
    [deployment] = yaml.safe_load_all((EXAMPLES / "kubernetes/three-probes.yaml").read_text())
    [shop] = deployment["spec"]["template"]["spec"]["containers"]
    probe = shop["livenessProbe"]
    env = {variable["name"]: variable["value"] for variable in shop["env"]}
    web, metrics = (port["containerPort"] for port in shop["ports"])
    program, *args = probe["exec"]["command"]
    assert program == "/probe/exec-probe"
    assert f"--timeout={900 * probe['timeoutSeconds']}ms" in args
    mounts = {mount["mountPath"] for mount in shop["volumeMounts"]}
    assert mounts == {"/probe", "/beat"}
    beat = root / "beat/worker"
    beat.parent.mkdir()
    with namespace("ip link set lo up") as place:

        def ask():
            within = [*place.within, tool("chroot"), root]
            return exec_probe(*args, within=within, binary="/exec-probe", env=env)

        def unwell(line):
            ran = ask()
            assert (ran.exit, ran.stdout, ran.stderr) == (1, "", f"{line}\n")

        unwell(f"http GET http://localhost:{web}/livez: connection refused (127.0.0.1, [::1])")
        application = [*place.within, *APPLICATION, "http", str(web), "200"]
        with process(application, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "listening\n"
            unwell(f"tcp localhost:{metrics}: connection refused (127.0.0.1, [::1])")
            with place.listen("127.0.0.1", metrics):
                unwell("file /beat/worker: no such file")
                beat.touch()
                ran = ask()
                assert (ran.exit, ran.stderr) == (0, "")
                assert TIME.sub("(TIME)", ran.stdout) == (
                    f"3 probes: http GET http://localhost:{web}/livez: status 200; tcp localhost:{metrics}: connected; "
                    "file /beat/worker: as wanted (TIME)\n"
                )
                long_ago = time.time() - 3600
                os.utime(beat, (long_ago, long_ago))
                unwell("file /beat/worker: not modified in the last 60s")

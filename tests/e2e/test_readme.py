"""README, word for word: what it shows is what is printed, its commands do what it says, its manifest is an example's."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from harness import MUSL, exec_probe, namespace, process, tool
from pages import REPOSITORY, blocks, commands, words

README = "README.md"
APP = '#include <stdio.h>\nint main(int count, char **words) { return count == 2 ? puts(words[1]) < 0 : 1; }\n'
# Run by .ci/run.
ELSEWHERE = ["cargo run --example demo", "cargo build --release", "cargo test"]
# Run by tests/e2e/podman.
BY_PODMAN = ("docker ",)


@pytest.fixture(scope="module")
def application(tmp_path_factory):
    """A network with README's servers in it, and the file that says how they answer."""
    status = tmp_path_factory.mktemp("application") / "status"
    status.write_text("200")
    with namespace("ip link set lo up") as place:
        command = [*place.within, sys.executable, Path(__file__).with_name("page_servers.py"), status]
        with process(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "ready\n"
            yield place, status


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The command into a root with exec-probe, an application and its file."""
    folder = tmp_path_factory.mktemp("root")
    folder.chmod(0o755)
    shutil.copy(MUSL, folder / "exec-probe")
    subprocess.run([tool("gcc"), "-static", "-o", folder / "app", "-xc", "-"], input=APP, text=True, check=True)
    (folder / "tmp").mkdir()
    (folder / "tmp/beat").touch()
    return [tool("chroot"), folder]


def test_no_command_is_left_out():
    known = [line for line in commands(README) if line in ELSEWHERE or line.startswith(BY_PODMAN)]
    ours = [line for line in commands(README) if re.match(r"\S*exec-probe ", line)]
    assert sorted(known + ours) == sorted(commands(README))
    assert len(ours) >= 3 and set(ELSEWHERE) <= set(known)


@pytest.mark.parametrize("line", [line for line in commands(README) if line.startswith("exec-probe ")])
def test_a_command_runs_as_it_stands(application, root, line):
    place, _ = application
    ran = exec_probe(*words(line)[1:], within=[*place.within, *root], binary="/exec-probe")
    assert ran.exit == 0, ran
    if "--then" in line:
        assert (ran.stdout, ran.stderr.count("\n")) == ("--port=8080\n", 1), ran
    else:
        assert (ran.stdout.count("\n"), ran.stderr) == (1, ""), ran
        assert ran.stdout.startswith(f"{line.count('--and') + 1} probes: "), ran


def test_the_first_probe_is_where_cargo_puts_it(application, tmp_path):
    place, _ = application
    [line] = [line for line in commands(README) if line.startswith("target/")]
    folder = tmp_path / "target/host-triple/release"
    folder.mkdir(parents=True)
    shutil.copy(MUSL, folder / "exec-probe")
    ran = subprocess.run([*place.within, tool("bash"), "-c", line], cwd=tmp_path, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("http GET http://localhost:8080/healthz: status 200 (")


def test_a_failure_reads_as_it_is_shown(application):
    """As the kubelet puts it: its words, then all that the command wrote."""
    place, status = application
    status.write_text("503")
    url = "http://localhost:8080/healthz"
    try:
        curl = subprocess.run([*place.within, tool("curl"), "-f", url], env={}, capture_output=True, text=True)
        ours = exec_probe("http", ":8080/healthz", within=place.within)
    finally:
        status.write_text("200")
    [by_curl, by_ours] = [text for text in blocks(README, "text") if text.startswith("Liveness probe failed: ")]
    assert by_ours == f"Liveness probe failed: {ours.stderr}"
    # What a terminal shows of the progress that curl writes over itself.
    written = {line for line in re.split("[\r\n]", f"Liveness probe failed: {curl.stderr}") if line.strip()}
    assert set(by_curl.splitlines()) <= written, (by_curl, written)
    assert by_curl.splitlines()[-1].startswith("curl: (22) ")


def is_part(part, whole) -> bool:
    """True if everything in `part` is in `whole`; of lists, by name where their elements have one."""
    if isinstance(part, dict):
        return all(key in whole and is_part(value, whole[key]) for key, value in part.items())
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return all(any(is_part(one, other) for other in whole) for one in part)
    if isinstance(part, str) and part.endswith("@sha256:…"):
        return whole.startswith(part.removesuffix("…"))
    return part == whole


def test_the_manifest_is_a_part_of_the_example():
    [block] = blocks(README, "yaml")
    [deployment] = [
        one
        for one in yaml.safe_load_all((REPOSITORY / "examples/kubernetes/image-volume.yaml").read_text())
        if one["kind"] == "Deployment"
    ]
    # The example takes the port from its environment, which is not in README.
    spec = json.dumps(deployment["spec"]["template"]["spec"]).replace("{env.PORT}", "8080")
    shown, whole = yaml.safe_load(block), json.loads(spec)
    assert {*shown} == {"containers", "volumes"}
    assert is_part(shown, whole), (shown, whole)


def test_what_is_no_part_is_seen():
    assert not is_part({"a": [{"name": "x", "b": 1}]}, {"a": [{"name": "x", "b": 2}]})
    assert not is_part({"a": 1}, {"b": 1})

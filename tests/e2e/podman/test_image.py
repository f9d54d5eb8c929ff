"""The image of Dockerfile.static: what is in it, and what a user does with it."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from engine import REPOSITORY, TARGET, ask_podman, container, inspect, podman
from harness import MUSL, TIME, tool

# What tools/licenses prints outside of an image; tests/e2e/supply compares it with the crates.
LICENCES = (Path(os.environ["E2E_SCRATCH"]) / "LICENSES").read_bytes()
HOLDS = {"exec-probe": 0o755, "LICENSES": 0o644}
# cargo-auditable's section.
LIST = ".dep-v0"
# As a restricted pod's.
RESTRICTED = ["--read-only", "--cap-drop=all", "--security-opt=no-new-privileges"]


@pytest.fixture(scope="module")
def content(exec_probe_image, tmp_path_factory):
    """The image's file system: an archive, and its members by name."""
    with tarfile.open(export(exec_probe_image, tmp_path_factory.mktemp("content"))) as opened:
        yield opened, {member.name.rstrip("/"): member for member in opened.getmembers()}


def export(image, folder) -> Path:
    """The archive of an image's file system."""
    archive = folder / "image.tar"
    name = podman("create", "--pull=never", image).strip()
    podman("export", "--output", archive, name)
    podman("rm", name)
    return archive


def test_it_holds_the_binary_and_licences_and_nothing_else(content):
    archive, members = content
    assert {path: member.mode & 0o7777 for path, member in members.items()} == HOLDS
    assert all(member.isfile() for member in members.values())
    assert all((member.uid, member.gid) == (0, 0) for member in members.values())
    assert archive.extractfile(members["LICENSES"]).read() == LICENCES


def test_its_binary_is_static(content, tmp_path):
    archive, members = content
    binary = tmp_path / "exec-probe"
    binary.write_bytes(archive.extractfile(members["exec-probe"]).read())
    command = [tool("readelf"), "--wide", "--program-headers", "--dynamic", binary]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "LOAD" in told
    assert [line for line in told.splitlines() if "INTERP" in line or "NEEDED" in line] == []


def test_the_argument_that_a_release_sets_puts_the_list_of_crates_into_the_binary(content, tmp_path):
    build = ["build", "--layers=false", "--pull=never", "--file", "Dockerfile.static", "--build-arg=AUDITABLE=1"]
    podman(*build, TARGET, "--tag=localhost/audited", ".", cwd=REPOSITORY)
    with tarfile.open(export("localhost/audited", tmp_path)) as audited:
        assert {member.name for member in audited.getmembers()} == HOLDS.keys()
        assert LIST in sections(audited.extractfile("exec-probe").read(), tmp_path)
    archive, members = content
    plain = sections(archive.extractfile(members["exec-probe"]).read(), tmp_path)
    assert ".text" in plain and LIST not in plain


def test_a_binary_that_was_built_elsewhere_takes_the_place_of_the_first_stage(exec_probe_image, tmp_path):
    # As tools/image-files lays them out.
    (tmp_path / "out/bin").mkdir(parents=True)
    (tmp_path / "out/LICENSES").write_bytes(LICENCES)
    shutil.copy(MUSL, tmp_path / "out/bin/exec-probe")
    # BuildKit leaves that stage out; Debian's podman does not.
    _, begin, last = (REPOSITORY / "Dockerfile.static").read_text().rpartition("\nFROM scratch\n")
    (tmp_path / "Dockerfile").write_text(begin.lstrip() + last)
    podman("build", "--pull=never", f"--build-context=build={tmp_path}", "--tag=localhost/elsewhere", tmp_path)
    with tarfile.open(export("localhost/elsewhere", tmp_path)) as built:
        assert {member.name: member.mode & 0o7777 for member in built.getmembers()} == HOLDS
        assert built.extractfile("exec-probe").read() == MUSL.read_bytes()
    assert inspect("localhost/elsewhere", "image")["Config"] == inspect(exec_probe_image, "image")["Config"]


def sections(binary, folder) -> list[str]:
    """The names of a binary's sections."""
    (folder / "binary").write_bytes(binary)
    command = [tool("readelf"), "--wide", "--section-headers", folder / "binary"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_it_runs_the_binary_as_nobody_and_says_what_it_is(exec_probe_image):
    config = inspect(exec_probe_image, "image")["Config"]
    assert config["Entrypoint"] == ["/exec-probe"]
    assert config["User"] == "65534:65534"
    assert "Cmd" not in config
    labels = {name.removeprefix("org.opencontainers.image.") for name in config["Labels"]}
    assert {"title", "description", "licenses"} <= labels


def test_without_an_argument_it_prints_the_help_and_exits_64(exec_probe_image):
    ran = ask_podman("run", "--rm", "--pull=never", exec_probe_image)
    helped = ask_podman("run", "--rm", "--pull=never", exec_probe_image, "help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("exec-probe asks a container")
    assert (ran.returncode, ran.stdout, ran.stderr) == (64, "", helped.stdout)


def test_install_brings_it_into_other_containers_by_a_volume(exec_probe_image, shop_image, tmp_path):
    volume = podman("volume", "create").strip()
    install = ["run", "--rm", "--pull=never", *RESTRICTED, f"--volume={volume}:/out", exec_probe_image, "install", "/out"]
    size = binary_size(exec_probe_image)
    assert TIME.sub("(TIME)", podman(*install)) == f"install /out/exec-probe: copied, {size} bytes (TIME)\n"
    assert TIME.sub("(TIME)", podman(*install)) == "install /out/exec-probe: there already, the same bytes (TIME)\n"

    control = f"--volume={tmp_path}:/control:ro"
    with container(*RESTRICTED, f"--volume={volume}:/probe:ro", control, shop_image, "/control", "8080") as shop:
        probe = podman("exec", shop, "/probe/exec-probe", "http", "--timeout=1800ms", ":8080/healthz")
        assert TIME.sub("(TIME)", probe) == "http GET http://localhost:8080/healthz: status 200 (TIME)\n"
    podman("volume", "rm", volume)


def test_install_into_a_volume_that_can_not_be_written_fails_and_says_so(exec_probe_image, tmp_path):
    volume = f"--volume={tmp_path}:/out:ro"
    ran = ask_podman("run", "--rm", "--pull=never", volume, exec_probe_image, "install", "/out")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("install /out/exec-probe: ")


def binary_size(image) -> int:
    """The size of the image's binary, as it is asked from outside."""
    name = podman("create", "--pull=never", image).strip()
    mounted = Path(podman("mount", name).strip())
    size = (mounted / "exec-probe").stat().st_size
    podman("umount", name)
    podman("rm", name)
    return size

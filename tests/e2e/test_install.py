"""The install command where it takes a mount, another user or a kill: old or new, never torn, nothing beside it."""

import contextlib
import functools
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from harness import MUSL, Ran, exec_probe, tool

SIZE = MUSL.stat().st_size
COPIED = f"copied, {SIZE} bytes (TIME)"
UNCHANGED = "there already, the same bytes (TIME)"


def installed(path, line) -> Ran:
    return Ran(0, stdout=f"install {path}: {line}\n")


def failed(path, line) -> Ran:
    return Ran(1, stderr=f"install {path}: {line}\n")


def cause(folder, within) -> str:
    """The word for programs."""
    return json.loads(exec_probe("install", "--output=json", folder, within=within).stderr)["cause"]


def mounted(folder, options, *last):
    """The command into a mount namespace of its own, with a tmpfs on the folder. `last`: shell lines before it."""
    lines = [f"mount -t tmpfs -o {options} tmpfs '{folder}'", *last, 'exec "$0" "$@"']
    return [tool("unshare"), "--mount", "sh", "-ec", "\n".join(lines)]


@pytest.fixture
def folder(tmp_path):
    """A folder that every user can reach."""
    for parent in [tmp_path, *tmp_path.parents[:2]]:
        parent.chmod(0o755)
    volume = tmp_path / "volume"
    volume.mkdir()
    return volume


@pytest.fixture
def as_nobody(folder):
    """The command that makes what follows another user's, for whom a copy of the binary lies in reach."""
    copy = folder.parent / "exec-probe"
    shutil.copy(MUSL, copy)
    copy.chmod(0o755)
    return [tool("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--", copy]


def ask(command, *args) -> Ran:
    """As `exec_probe`, for a command that ends in a binary of its own."""
    return exec_probe(*args, within=command[:-1], binary=command[-1])


def test_any_user_who_may_write_there_installs(folder, as_nobody):
    folder.chmod(0o777)
    assert ask(as_nobody, "install", folder) == installed(folder / "exec-probe", COPIED)
    copy = folder / "exec-probe"
    assert (copy.stat().st_uid, copy.stat().st_mode & 0o7777) == (65534, 0o755)
    assert copy.read_bytes() == MUSL.read_bytes()
    assert os.listdir(folder) == ["exec-probe"]


def test_a_slash_at_the_end_makes_the_folder_for_others_to_run_from(folder, as_nobody):
    """As in an init container: the volume is anybody's, the application has another user than the copy."""
    folder.chmod(0o777)
    made = folder / "bin"
    assert ask(as_nobody, "install", f"{made}/") == installed(made / "exec-probe", COPIED)
    assert (made.stat().st_uid, made.stat().st_mode & 0o7777) == (65534, 0o755)
    other = [tool("setpriv"), "--reuid=33", "--regid=33", "--clear-groups", "--bounding-set=-all", "--"]
    assert exec_probe("--version", within=other, binary=made / "exec-probe").exit == 0


def test_a_folder_that_can_not_be_made_is_told(folder, as_nobody):
    folder.chmod(0o755)
    copy = folder / "bin/exec-probe"
    assert ask(as_nobody, "install", f"{folder}/bin/") == failed(copy, "permission denied (mkdir)")
    assert os.listdir(folder) == []
    ran = exec_probe("install", f"{folder}/bin/", within=mounted(folder, "ro"))
    assert ran == failed(copy, "the file system is read-only (mkdir)")


def test_a_folder_that_was_made_for_nothing_is_removed(folder):
    """Whether anything can be executed from there is known once it is there."""
    look = f"ls -A '{folder}' > '{folder.parent}/names'"
    script = f"mount -t tmpfs -o noexec tmpfs '{folder}'\n\"$0\" \"$@\" || code=$?\n{look}\nexit ${{code:-0}}"
    within = [tool("unshare"), "--mount", "sh", "-ec", script]
    wanted = f"nothing can be executed from {folder}, which is mounted noexec; wanted another volume"
    assert exec_probe("install", f"{folder}/bin/", within=within) == failed(folder / "bin/exec-probe", wanted)
    assert (folder.parent / "names").read_text() == ""


def test_a_folder_of_another_user_is_told_and_left_alone(folder, as_nobody):
    folder.chmod(0o755)
    assert ask(as_nobody, "install", folder) == failed(folder / "exec-probe", "permission denied (open)")
    assert os.listdir(folder) == []


def test_the_same_bytes_of_another_user_are_no_copy(folder, as_nobody):
    """Whoever owns them can change them later."""
    folder.chmod(0o777)
    copy = folder / "exec-probe"
    assert ask(as_nobody, "install", folder) == installed(copy, COPIED)
    assert exec_probe("install", folder) == installed(copy, COPIED)
    assert copy.stat().st_uid == 0
    assert exec_probe("install", folder) == installed(copy, UNCHANGED)


def test_a_copy_in_a_volume_that_can_not_be_written_is_enough(folder):
    within = mounted(folder, "mode=755", f"'{MUSL}' install '{folder}' >&2", f"mount -o remount,ro '{folder}'")
    ran = exec_probe("install", folder, within=within)
    assert (ran.exit, ran.stdout) == (0, f"install {folder}/exec-probe: {UNCHANGED}\n")


@pytest.mark.parametrize("link", [[], ["--link=curl"]], ids=["a copy", "a copy and a link"])
def test_what_another_user_left_is_removed(folder, as_nobody, link):
    """Neither does it stay where it could be removed, nor does anything of it get into the copy."""
    folder.chmod(0o777)
    for installs, user, other in ((exec_probe, 0, 65534), (functools.partial(ask, as_nobody), 65534, 0)):
        for number in ("", ".1"):
            left = folder / f".exec-probe{number}.installing"
            left.touch()
            os.chown(left, other, other)
            left.chmod(0o600)
        assert installs("install", *link, folder) == installed(folder / "exec-probe", COPIED)
        assert sorted(os.listdir(folder)) == sorted(["curl"] * len(link) + ["exec-probe"])
        assert (folder / "exec-probe").stat().st_uid == user
        for path in folder.iterdir():
            path.unlink()


def test_what_another_user_left_is_told_where_it_can_not_be_removed(folder, as_nobody):
    folder.chmod(0o1777)
    left = folder / ".exec-probe.installing"
    left.touch()
    wanted = ".exec-probe.installing of an earlier install can't be removed: EPERM"
    assert ask(as_nobody, "install", folder) == failed(folder / "exec-probe", wanted)
    assert os.listdir(folder) == [left.name]


@pytest.mark.parametrize("old", [None, b"old"], ids=["nothing there", "an older file there"])
def test_a_link_that_can_not_be_replaced_takes_everything_back(folder, as_nobody, old):
    """Copy and first link have their names by then: in a sticky folder a stranger's link fails at its own rename."""
    folder.chmod(0o1777)
    copy = folder / "exec-probe"
    if old is not None:
        copy.write_bytes(old)
        os.chown(copy, 65534, 65534)
    (folder / "wget").symlink_to("/elsewhere")
    before = sorted(os.listdir(folder))
    ran = ask(as_nobody, "install", "--link=curl", "--link=wget", folder)
    assert ran == failed(copy, "permission denied (rename)")
    assert sorted(os.listdir(folder)) == before
    assert (folder / "wget").readlink() == Path("/elsewhere")
    assert old is None or copy.read_bytes() == old


def test_a_mount_that_nothing_can_be_executed_from_is_refused_by_name(folder):
    within = mounted(folder, "noexec", f"mkdir '{folder}/deep'")
    wanted = f"nothing can be executed from {folder}, which is mounted noexec; wanted another volume"
    for place in (folder, folder / "deep", folder / "deep" / ".." / "deep"):
        assert exec_probe("install", place, within=within) == failed(place / "exec-probe", wanted)
    assert cause(folder, within) == "noexec"
    hidden = exec_probe("install", "{env.S}/deep", within=within, env={"S": str(folder)})
    assert hidden == failed("{env.S}/deep/exec-probe", wanted.replace(str(folder), "{env.S}/deep"))


def test_a_full_volume_is_told_and_left_as_it_was(folder):
    # Room for the old file and half of the new one.
    size = (SIZE // 2 + 20_000) // 1024
    look = f"ls -A '{folder}' > '{folder.parent}/names'; cat '{folder}/exec-probe' > '{folder.parent}/content'"
    lines = [f"mount -t tmpfs -o size={size}k tmpfs '{folder}'", f"echo old > '{folder}/exec-probe'"]
    script = "\n".join([*lines, '"$0" "$@" || code=$?', look, "exit ${code:-0}"])
    within = [tool("unshare"), "--mount", "sh", "-ec", script]
    assert exec_probe("install", folder, within=within) == failed(folder / "exec-probe", "no space left (write)")
    assert cause(folder, within) == "full"
    assert (folder.parent / "names").read_text() == "exec-probe\n"
    assert (folder.parent / "content").read_text() == "old\n"


def test_a_read_only_volume_is_told(folder):
    within = mounted(folder, "ro")
    assert exec_probe("install", folder, within=within) == failed(
        folder / "exec-probe", "the file system is read-only (open)"
    )


def test_a_read_only_root_with_a_volume_is_enough(folder):
    """As in the init container of the examples: nothing can be written but the volume."""
    root = folder.parent / "root"
    lines = [
        f"mkdir '{root}'",
        f"mount -t tmpfs -o mode=755 tmpfs '{root}'",
        f"mkdir '{root}/probe' '{root}/proc'",
        f"cp '{MUSL}' '{root}/exec-probe'",
        f"chmod 755 '{root}/exec-probe'",
        f"mount -t proc proc '{root}/proc'",
        f"mount -o bind '{folder}' '{root}/probe'",
        f"mount -o remount,ro '{root}'",
        f"exec chroot --userspec=65534:65534 '{root}' \"$0\" \"$@\"",
    ]
    folder.chmod(0o777)
    within = [tool("unshare"), "--mount", "--pid", "--fork", "sh", "-ec", "\n".join(lines)]
    ran = exec_probe("install", "/probe", within=within, binary="/exec-probe")
    assert ran == installed("/probe/exec-probe", COPIED)
    assert (folder / "exec-probe").read_bytes() == MUSL.read_bytes()


def test_without_proc_there_is_nothing_to_copy(folder, tmp_path):
    root = tmp_path / "bare"
    root.mkdir()
    shutil.copy(MUSL, root / "exec-probe")
    ran = exec_probe("install", "/", within=[tool("chroot"), root], binary="/exec-probe")
    assert ran == failed("/exec-probe", "no /proc/self/exe to copy: is /proc mounted?")


@pytest.mark.parametrize("old", [None, b"old"], ids=["nothing there", "an older file there"])
def test_a_kill_at_any_moment_leaves_old_or_new_and_one_temporary_file(folder, old):
    whole = MUSL.read_bytes()
    copy = folder / "exec-probe"
    # How long an undisturbed one takes: the kills are spread over it.
    began = time.monotonic()
    assert exec_probe("install", folder).exit == 0
    length = (time.monotonic() - began) * 1.2
    counts = {"old": 0, "new": 0, "left over": 0}
    for _ in range(100):
        for path in folder.iterdir():
            path.unlink()
        if old is not None:
            copy.write_bytes(old)
        running = subprocess.Popen([MUSL, "install", folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0, length))
        with contextlib.suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGKILL)
        running.wait()
        content = copy.read_bytes() if copy.exists() else None
        assert content in (old, whole), "torn"
        counts["new" if content == whole else "old"] += 1
        others = set(os.listdir(folder)) - {"exec-probe"}
        assert others <= {".exec-probe.installing"}
        counts["left over"] += len(others)
    # Whatever the last one left, the next install ends well and alone.
    (folder / ".exec-probe.installing").write_bytes(b"left over")
    assert exec_probe("install", folder).exit == 0
    assert copy.read_bytes() == whole
    assert os.listdir(folder) == ["exec-probe"]
    # A run in which no kill ever met an unfinished install would show nothing.
    assert counts["old"] > 0 and counts["new"] > 0, counts

"""The install command where it takes a mount, another user or a kill: old or new, never torn, nothing beside it."""

import contextlib
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


def test_a_folder_of_another_user_is_told_and_left_alone(folder, as_nobody):
    folder.chmod(0o755)
    assert ask(as_nobody, "install", folder) == failed(folder / "exec-probe", "permission denied (open)")
    assert os.listdir(folder) == []


def test_a_copy_of_another_user_is_enough_where_it_is_the_same(folder, as_nobody):
    assert exec_probe("install", folder) == installed(folder / "exec-probe", COPIED)
    folder.chmod(0o755)
    assert ask(as_nobody, "install", folder) == installed(folder / "exec-probe", UNCHANGED)


def test_a_mount_that_nothing_can_be_executed_from_is_refused_by_name(folder):
    within = mounted(folder, "noexec", f"mkdir '{folder}/deep'")
    wanted = f"nothing can be executed from {folder}, which is mounted noexec; wanted another volume"
    for place in (folder, folder / "deep", folder / "deep" / ".." / "deep"):
        assert exec_probe("install", place, within=within) == failed(place / "exec-probe", wanted)


def test_a_full_volume_is_told_and_left_as_it_was(folder):
    # Room for the old file and half of the new one.
    size = (SIZE // 2 + 20_000) // 1024
    look = f"ls -A '{folder}' > '{folder.parent}/names'; cat '{folder}/exec-probe' > '{folder.parent}/content'"
    lines = [f"mount -t tmpfs -o size={size}k tmpfs '{folder}'", f"echo old > '{folder}/exec-probe'"]
    script = "\n".join([*lines, '"$0" "$@" || code=$?', look, "exit ${code:-0}"])
    within = [tool("unshare"), "--mount", "sh", "-ec", script]
    assert exec_probe("install", folder, within=within) == failed(folder / "exec-probe", "no space left (write)")
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

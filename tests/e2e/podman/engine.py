"""Podman, and what is asked of it."""

import contextlib
import json
import os
import subprocess
from pathlib import Path

from harness import tool

REPOSITORY = Path(__file__).parents[3]
# The official image's full name: what podman and Docker make of the short one in Dockerfile.static.
RUST = f"docker.io/library/{os.environ['E2E_RUST']}"


def ask_podman(*args, **options) -> subprocess.CompletedProcess:
    """Runs it, however it ends."""
    return subprocess.run([tool("podman"), *args], capture_output=True, text=True, timeout=600, **options)


def podman(*args, **options) -> str:
    """Runs it, and gives what it printed."""
    done = ask_podman(*args, **options)
    assert done.returncode == 0, f"{' '.join(map(str, args))}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def inspect(name, kind="container") -> dict:
    [found] = json.loads(podman("inspect", "--type", kind, name))
    return found


@contextlib.contextmanager
def container(*args):
    """One that runs as long as the block. Gives its name."""
    name = podman("run", "--detach", "--pull=never", *args).strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time=0", name)

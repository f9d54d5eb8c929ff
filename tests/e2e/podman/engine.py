"""Podman, and what is asked of it."""

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import yaml
from harness import tool

# What cargo has compiled: for the next build of the same crates.
TARGET = f"--volume={os.environ['E2E_SCRATCH']}/target:/target"
REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "examples/docker"
SERVICES = yaml.safe_load((EXAMPLE / "compose.yaml").read_text())["services"]
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


def image_of(service) -> str:
    """As Compose calls it: after the folder and the service."""
    return f"localhost/docker-{service}"


def build(service, *options, tag=None) -> str:
    """Builds a service's image of examples/docker/compose.yaml by its own section `build`. Gives the image's name."""
    section = dict(SERVICES[service]["build"])
    folder = (EXAMPLE / section.pop("context")).resolve()
    file = folder / section.pop("dockerfile", "Dockerfile")
    contexts = []
    for name, source in section.pop("additional_contexts", {}).items():
        kind, _, other = source.partition(":")
        assert kind == "service"
        contexts.append(f"--build-context={name}=container-image://{image_of(other)}")
    assert section == {}
    tag = tag or image_of(service)
    podman("build", "--pull=never", *options, *contexts, "--file", file, "--tag", tag, folder)
    return tag


def put_nginx(root) -> None:
    """Debian's nginx and its libraries into a folder, for images that stand in for the official one."""
    listed = subprocess.run(["ldd", tool("nginx")], check=True, capture_output=True, text=True).stdout
    for path in [tool("nginx"), *(word for word in listed.split() if word.startswith("/"))]:
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    html = root / "usr/share/nginx/html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("well\n")


@contextlib.contextmanager
def container(*args):
    """One that runs as long as the block. Gives its name."""
    name = podman("run", "--detach", "--pull=never", *args).strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time=0", name)

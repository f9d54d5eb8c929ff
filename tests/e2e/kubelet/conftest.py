"""The node that all tests share, its images, and what the pods of the examples find on it."""

import datetime
import os
import re
import subprocess
from pathlib import Path

import harness
import pytest
from examples import IMAGES, add_images, entry_point, make_secrets
from node import Node

PROGRAMS = Path(os.environ["E2E_PROGRAMS"])


@pytest.fixture(scope="session")
def node():
    """Up to the first answer of the kubelet; what it runs ends with the namespaces."""
    node = Node(Path(os.environ["E2E_SCRATCH"]))
    node.start_containerd()
    application = add_images(node, PROGRAMS)
    curl = {"/usr/bin/curl": harness.tool("curl"), "/nothing": PROGRAMS / "nothing", **libraries(harness.tool("curl"))}
    node.add_image(IMAGES["curl"], {"Env": ["PATH=/usr/bin"]}, application | curl)
    # The application, exec-probe, and the link that `install --link curl /bin` makes; no Env, as FROM scratch has none.
    files = {"/application": PROGRAMS / "application", "/bin/exec-probe": harness.MUSL}
    node.add_image(IMAGES["dropin"], {}, files, {"/bin/curl": "exec-probe"})
    # examples/docker/then.
    files = {"/shop": PROGRAMS / "application", "/exec-probe": harness.MUSL}
    node.add_image(IMAGES["then"], {"Entrypoint": entry_point(), "User": "65534:65534"}, files)
    make_secrets(node.folder / "secrets")
    node.start_kubelet()
    return node


def libraries(program):
    """The shared libraries of a program, under the paths it looks for them."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"(/\S+) \(", listed)
    assert found, listed
    return {path: path for path in found}


@pytest.fixture(scope="session")
def versions():
    """One line for the title of a table: today, and what was measured."""
    runc = subprocess.run(["runc", "--version"], check=True, capture_output=True, text=True).stdout.split()[2]
    today = datetime.datetime.now(datetime.UTC).date()
    # Their folders are named so.
    kubelet, containerd = (Path(os.environ[name]).name.replace("-", " ") for name in ("E2E_KUBELET", "E2E_CONTAINERD"))
    names = f"{kubelet}, {containerd}, runc {runc}"
    return f"{today}, {names}, Linux {os.uname().release}, {os.cpu_count()} CPUs"

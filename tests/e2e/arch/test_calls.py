"""The system calls of a probe on another architecture, by qemu's trace: the seccomp profile allows all of them, but where
docs/architectures.md says what it lacks. What qemu makes of them for this machine's kernel is another matter."""

import json
import os
import re
from pathlib import Path

import pytest
from handlers import HANDLERS, answering
from harness import REPORTS, exec_probe

REPOSITORY = Path(__file__).parents[3]
FOREIGN = Path(os.environ["E2E_FOREIGN"])
QEMU = os.environ["E2E_QEMU"]
TARGET = os.environ["E2E_TARGET"]
PROFILE = json.loads((REPOSITORY / "examples/seccomp/exec-probe.json").read_text())
# runc's calls are not the probe's.
ALLOWED = {name for rule in PROFILE["syscalls"] if not rule["comment"].startswith("runc") for name in rule["names"]}
# What 32 bits have in the place of others.
BITS_32 = {"clock_gettime64", "fcntl64", "mmap2", "statx"}
LACKING = {"armv7": BITS_32, "i686": BITS_32 | {"prctl", "set_thread_area"}}.get(TARGET.split("-")[0], set())


@pytest.fixture(scope="module")
def question(tmp_path_factory, certificates):
    with answering(tmp_path_factory.mktemp("answering"), certificates) as found:
        yield found


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_probe_makes_no_call_that_the_profile_lacks(question, tmp_path, handler):
    args, wanted = question(handler)
    log = tmp_path / "trace"
    assert exec_probe(*args, within=[QEMU, "-strace", "-D", log], binary=FOREIGN) == wanted
    calls = set(re.findall(r"^\d+ (\w+)\(", log.read_text(), re.MULTILINE))
    assert {"exit_group", "write"} <= calls, log.read_text()
    rows = REPORTS.setdefault(f"system calls on {TARGET}, by qemu's trace", [])
    rows.append((handler, " ".join(sorted(calls))))
    assert calls <= ALLOWED | LACKING

"""The man page that a release has: valid to mandoc, and with every option that the program knows."""

import re
import subprocess
from pathlib import Path

import pytest
from harness import MUSL, exec_probe, tool

MAKE = Path(__file__).parents[2] / "tools/man-page"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    made = subprocess.run([MAKE, MUSL], check=True, capture_output=True, text=True).stdout
    path = tmp_path_factory.mktemp("man") / "exec-probe.1"
    path.write_text(made)
    return path


def test_mandoc_has_nothing_to_say(page):
    # -Wstyle would want a date, which would make each build's page another one.
    done = subprocess.run([tool("mandoc"), "-Tlint", "-Wwarning", page], capture_output=True, text=True)
    told = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert (told, done.stderr) == ([], "")


def test_a_fault_would_be_seen(page, tmp_path):
    broken = tmp_path / "exec-probe.1"
    broken.write_text(page.read_text().replace(".SH NAME", ".SS\n.SH NAME"))
    done = subprocess.run([tool("mandoc"), "-Tlint", "-Wwarning", broken], capture_output=True, text=True)
    assert "WARNING" in done.stdout


def test_it_has_every_option_and_every_cause(page):
    shown = subprocess.run([tool("mandoc"), "-Tutf8", page], check=True, capture_output=True, text=True).stdout
    shown = re.sub(".\b", "", shown)
    for command in ("http", "tcp", "grpc", "file", "serve", "install"):
        told = exec_probe(command, "--help").stdout
        options = re.findall(r"^ {2,6}(?:-\w, )?(--[a-z0-9-]+)", told, re.MULTILINE)
        assert len(options) > 2, told
        for option in options:
            assert re.search(rf"^ {{7}}(-\w, )?{option}\b", shown, re.MULTILINE), (command, option)
    for word in ("refused", "not-serving", "elapsed_ms", "EXEC_PROBE_TIMEOUT"):
        assert word in shown

"""Writes the linker script that puts side by side what healthy probes run.

    layout.py FOLDER SCRIPT     a folder for what servers write, and the script to write

The binary in E2E_MUSL has its symbols. Each kind of probe asks a real server under callgrind, which tells the addresses of
what was run.
"""

import bisect
import contextlib
import http.server
import re
import subprocess
import sys
import threading
from pathlib import Path

import certificates
import handlers
from harness import MUSL, tool

# From the one that runs the least to the one that runs the most: what several of them run stands with the first.
KINDS = ["tcp", "http", "grpc", "https --cacert", "grpc --tls"]
# What a manifest says besides, and what its variables are.
USUAL = {
    "tcp": ["--timeout=1800ms"],
    "http": ["--timeout=1800ms", "-H", "X-Probe: {env.PROBE}"],
    "grpc": ["--timeout=1800ms", "-H", "x-probe: {env.PROBE}"],
}
ENVIRONMENT = {"PROBE": "liveness"}
# What the C library runs at start, but not under valgrind, which hides the kernel's clock.
HIDDEN = ["strcmp"]

HEAD = """\
/* By tools/layout, which says when and how to renew this. The functions that a healthy probe runs, by kind of probe, and
   between them the constants: the kernel maps 64 KiB around each first touch, and touches are what a probe costs. A name
   stands without what changes with the compiler. One that fits nothing any more costs page faults and breaks nothing;
   tools/e2e cost counts them. */
"""


def functions():
    """The names of the functions, by address; several may have one."""
    told = subprocess.run([tool("nm"), "--defined-only", MUSL], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in told.splitlines():
        address, kind, name = line.split()
        if kind in "tTwW":
            found.setdefault(int(address, 16), []).append(name)
    return found


def executed(folder, args):
    """The addresses of all that a probe has run."""
    out = folder / "callgrind"
    options = ["--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", f"--callgrind-out-file={out}", "-q"]
    subprocess.run([tool("valgrind"), *options, MUSL, *args], check=True, capture_output=True, env=ENVIRONMENT)
    return {int(address, 16) for address in re.findall(r"^0x([0-9a-f]+) ", out.read_text(), re.MULTILINE)}


def pattern(name):
    """What fits a function's name, and the section called after it, whatever compiler made it: without the crates' hashes,
    and without references, which count on the hashes' length."""
    if not name.startswith("_R"):
        return name
    fits, rest = "", name
    while rest:
        if changing := re.match(r"Cs\w*?_|B\w*?_", rest):
            fits += f"{rest[0]}*_"
            rest = rest[changing.end() :]
            continue
        # Numbers of implementations, constants and lengths of arrays; identifiers, by their length, whose letters mean nothing.
        whole = re.match(r"s[0-9A-Za-z]{0,3}_|K[a-z]n?[0-9a-f]*_|j[0-9a-f]+_|.", rest).end()
        if length := re.match(r"([1-9]\d*)_?", rest):
            whole = length.end() + int(length[1])
        fits += rest[:whole]
        rest = rest[whole:]
    return fits


class InPieces(http.server.BaseHTTPRequestHandler):
    """Answers with the head first and the body after it, unlike nginx."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def in_pieces():
    """Gives the port of a server that answers so."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), InPieces) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def main(folder, script):
    folder, keys = Path(folder) / "servers", Path(folder) / "certificates"
    for made in (folder, keys):
        made.mkdir()
    certificates.make(keys)
    names = functions()
    starts = sorted(names)
    groups, known = {}, set()
    with handlers.answering(folder, keys) as question, in_pieces() as port:
        for kind in KINDS:
            args, _ = question(kind)
            calls = [args, [args[0], *USUAL.get(kind, []), *args[1:]]]
            if kind == "http":
                calls.append(["http", f":{port}/"])
            run = set().union(*(executed(folder, call) for call in calls))
            begun = {starts[bisect.bisect_right(starts, address) - 1] for address in run if address >= starts[0]}
            patterns = {pattern(name) for start in begun for name in names[start]} - known
            known |= patterns
            groups[kind] = sorted(patterns)
    groups["tcp"] += HIDDEN
    Path(script).write_text(HEAD + sections(groups))


def sections(groups):
    def listed(section, patterns):
        # Those that the compiler calls unlikely have that between; both are spelled out, since a star this early would have
        # the linker look through each name to its end, which takes minutes.
        kinds = [section, f"{section}.unlikely"] if section == ".text" else [section]
        lines = [f"            {kind}.{one}" for one in patterns for kind in kinds]
        return "\n".join(["        *(", *lines, "        )"])

    plain = [*groups.pop("tcp"), *groups.pop("http")]
    rest = [
        line
        for kind, patterns in groups.items()
        for line in (f"    .text.{re.sub(r'[^a-z]+', '_', kind)} : {{", listed(".text", patterns), "    }")
    ]
    return "\n".join(
        [
            "SECTIONS {",
            "    .text.plain : {",
            "        *crt*.o(.text) *libc.a:*(.text)",
            listed(".text", plain),
            "    }",
            "    .rodata.plain : {",
            "        *(.rodata.cst* .rodata.str*) *libc.a:*(.rodata .rodata.*)",
            listed(".rodata", [one for one in plain if one.startswith("_R")]),
            # Constants have no names, or those of functions that became parts of others.
            "        *(.rodata*._R*10exec_probe* .rodata._R*5itoa* .rodata..Lswitch.table.* .rodata..Lanon.*)",
            "    }",
            *rest,
            "} INSERT BEFORE .text;",
            "",
        ]
    )


main(*sys.argv[1:])

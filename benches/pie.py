"""What an http probe costs by each of several binaries: bytes, page faults, system calls, microseconds.

    pie.py ROUNDS BINARY...     run by tools/pie
"""

import http.server
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path


class Well(http.server.BaseHTTPRequestHandler):
    """Answers 200 and says nothing."""

    def do_GET(self):  # noqa: N802, the name that http.server wants
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def spawn(binary, args) -> tuple[float, int]:
    """Microseconds from spawn to exit, and minor page faults."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(binary, [binary, *args], {}, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    took = (time.perf_counter() - began) * 1e6
    assert status == 0, (binary, status)
    return took, usage.ru_minflt


def calls(binary, args) -> int:
    """How many system calls it makes."""
    with tempfile.NamedTemporaryFile("r") as log:
        command = ["strace", "-f", "-qq", "-e", "signal=none", "-o", log.name, binary, *args]
        subprocess.run(command, check=True, env={"PATH": os.environ["PATH"]}, stdout=subprocess.DEVNULL)
        return sum("(" in line for line in log)


def segments(binary) -> str:
    """The flags of what is loaded, in order."""
    told = subprocess.run(["readelf", "-lW", binary], check=True, capture_output=True, text=True).stdout
    kind = re.search(r"Elf file type is (\w+)", told)[1]
    flags = [line[line.index("0x") :].split()[5:-1] for line in told.splitlines() if line.strip().startswith("LOAD")]
    return f"{kind}: " + ", ".join("".join(flag) for flag in flags)


def main():
    rounds, binaries = int(sys.argv[1]), sys.argv[2:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    args = ["http", f":{server.server_port}/healthz"]
    spawns = {binary: [] for binary in binaries}
    for _ in range(rounds):
        for binary in binaries:
            time.sleep(0.002)
            spawns[binary].append(spawn(binary, args))
    print(f"{'binary':10} {'bytes':>10} {'faults':>7} {'calls':>6} {'us, 10 %':>9} {'us, 50 %':>9}  segments")
    for binary, measured in spawns.items():
        # A tenth is below the first, a half below the second: what else the machine does is in the second above all.
        deciles = statistics.quantiles((took for took, _ in measured), n=10)
        faults = min(faults for _, faults in measured)
        size = Path(binary).stat().st_size
        times = f"{deciles[0]:9.0f} {deciles[4]:9.0f}"
        print(f"{Path(binary).name:10} {size:10,} {faults:7} {calls(binary, args):6} {times}  {segments(binary)}")
    server.shutdown()


main()

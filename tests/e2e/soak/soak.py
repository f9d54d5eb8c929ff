"""Many probes of real servers, eight at a time, with a restart of one server in the middle: no verdict is wrong, and
nothing grows or stays.

    python3 soak.py PROBES SPAWN FOLDER    in network and process namespaces of its own; SPAWN is spawn.c, built

What is open, and who runs, is counted in these namespaces, so that what else the machine does is not.
"""

import contextlib
import itertools
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness import MUSL, NGINX_HTTP, NGINX_MAIN, TIME, exec_probe, grpc_servers, nginx, wait_until

WORKERS = 8
# How many probes are looked at for growth, at the start and at the end.
SAMPLE = 1000
# How many times the stopped server is to be missed by each handler.
MISSED = 20
# Below the ports that connections take: none of them can be in the way of its second start.
PORT = 80

NGINX = f"""
{NGINX_MAIN}
http {{
    {NGINX_HTTP}
    server {{
        listen 127.0.0.1:{{main}};
        location / {{ return 200 ok; }}
    }}
}}
"""


@dataclass(frozen=True)
class Handler:
    """A command line, what it says while its server is well, and what it may say while that is being restarted."""

    args: list
    healthy: str
    restarting: tuple = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of one, and when it ran."""

    handler: int
    exit: int
    stdout: str
    stderr: str
    kilobytes: int
    faults: int
    began: float
    ended: float


class Soak:
    """The workers, and what they have seen so far."""

    def __init__(self, handlers, count, spawn):
        self.handlers = handlers
        self.count = count
        self.probes = [None] * count
        self.done = 0
        self.missed = Counter()
        self.numbers = iter(range(count))
        self.lock = threading.Lock()
        separated = itertools.chain(*(["--", MUSL, *handler.args] for handler in handlers))
        command = [spawn, *itertools.islice(separated, 1, None)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.spawners = [subprocess.Popen(command, **pipes) for _ in range(WORKERS)]
        self.threads = [threading.Thread(target=self.work, args=[spawner]) for spawner in self.spawners]

    def work(self, spawner):
        while True:
            with self.lock:
                number = next(self.numbers, None)
            if number is None:
                return
            probe = self.probe(spawner, number % len(self.handlers))
            with self.lock:
                self.probes[number] = probe
                self.done += 1
                self.missed[probe.handler] += probe.exit != 0

    def probe(self, spawner, handler) -> Probe:
        began = time.monotonic()
        os.write(spawner.stdin.fileno(), bytes([handler]))
        exit, kilobytes, faults, *lengths = map(int, spawner.stdout.readline().split())
        stdout, stderr = (spawner.stdout.read(length).decode() for length in lengths)
        stdout = sys.intern(TIME.sub("(TIME)", stdout))
        return Probe(handler, exit, stdout, sys.intern(stderr), kilobytes, faults, began, time.monotonic())

    def run(self, restart) -> float:
        """Asks all, with a restart when half of them are done; how long it took."""
        began = time.monotonic()
        for thread in self.threads:
            thread.start()
        while self.done < self.count // 2:
            assert any(thread.is_alive() for thread in self.threads), "the workers stopped early"
            time.sleep(0.01)
        restart(self)
        for thread in self.threads:
            thread.join()
        return time.monotonic() - began

    def end(self):
        for spawner in self.spawners:
            spawner.stdin.close()
            assert spawner.wait(10) == 0
            spawner.stdout.close()


class Web:
    """nginx, which can be stopped and started again on the same port."""

    def __init__(self, folder):
        self.folder = folder
        self.stopped = self.started = None
        self.start()

    def start(self):
        self.running = nginx(self.folder, NGINX, ["main"], port=PORT)
        self.running.__enter__()

    def stop(self):
        self.running.__exit__(None, None, None)

    def restart(self, soak):
        """Away until it was missed by those handlers that ask it."""
        self.stopped = time.monotonic()
        self.stop()
        asking = [number for number, handler in enumerate(soak.handlers) if handler.restarting]
        wait_until(lambda: all(soak.missed[number] >= MISSED for number in asking), "nginx missed")
        self.start()
        assert exec_probe("http", f":{PORT}").exit == 0
        self.started = time.monotonic()


def processes() -> Counter:
    """The names and states of all processes but this one's threads: Z is one that nobody collected."""
    found = Counter()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, state = re.match(r"\d+ \((.*)\) (.)", stat.read_text(), re.DOTALL).groups()
        except FileNotFoundError:
            continue
        found[f"{name} {'zombie' if state == 'Z' else 'alive'}"] += 1
    return found


def sockets() -> dict:
    """How many there are in this namespace, without those that only wait for a minute after their end."""
    text = Path("/proc/net/sockstat").read_text() + Path("/proc/net/sockstat6").read_text()
    counted = re.findall(r"^(sockets|TCP6?): (?:used|inuse) (\d+)", text, re.MULTILINE)
    unix = len(Path("/proc/net/unix").read_text().splitlines()) - 1
    return {**{name: int(count) for name, count in counted}, "unix": unix}


def descriptors() -> Counter:
    """How many each process has open, summed up by name."""
    found = Counter()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            found[(folder / "comm").read_text().strip()] += len(list((folder / "fd").iterdir()))
        except FileNotFoundError:
            continue
    return found


def at_rest(look):
    """What it sees once that stays the same for half a second: the last connections have their end behind them."""
    while True:
        seen = [look()]
        while len(seen) < 6 and seen[-1] == seen[0]:
            time.sleep(0.1)
            seen.append(look())
        if seen[-1] == seen[0]:
            return seen[0]


def settled(look, before):
    """What it sees now, or soon: servers take their time to close what was left."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: look() == before, "as before")
    return look()


def wrong_verdicts(soak, web) -> list[str]:
    """Each that is not what it must be: healthy, or while nginx was away what may be said of that."""
    wrong = []
    for probe in soak.probes:
        handler = soak.handlers[probe.handler]
        if (probe.exit, probe.stdout, probe.stderr) == (0, handler.healthy, ""):
            continue
        overlaps = probe.began < web.started and probe.ended > web.stopped
        if not (overlaps and probe.exit == 1 and probe.stdout == "" and probe.stderr in handler.restarting):
            wrong.append(f"{probe} while nginx was {'away' if overlaps else 'up'}")
    return wrong


def growth(soak) -> tuple[list[tuple], list[str]]:
    """Peak memory and page faults of healthy probes at the start and at the end: rows, and where they grew."""
    rows, grown = [], []
    for number, handler in enumerate(soak.handlers):
        for what, unit, allowed in (("kilobytes", " KiB", 64), ("faults", "", 2)):
            first, last = (
                [getattr(probe, what) for probe in part if probe.handler == number and probe.exit == 0]
                for part in (soak.probes[:SAMPLE], soak.probes[-SAMPLE:])
            )
            title = {"kilobytes": "peak memory", "faults": "page faults"}[what]
            middle = [statistics.median(part) for part in (first, last)]
            rows.append((handler.args[0], title, *(f"{value:g}{unit}" for value in (*middle, max(first), max(last)))))
            if middle[1] > middle[0] + allowed:
                grown.append(f"{handler.args[0]}: {title} from {middle[0]:g} to {middle[1]:g}")
    return rows, grown


def listed(counts) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def show(*rows):
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(flush=True)


def main(count, spawn, folder):
    folder = Path(folder)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    web = Web(folder)
    with grpc_servers(folder / "grpc.sock") as (_, ports):
        refused = "connection refused (127.0.0.1, [::1])\n"
        cut = f"connection closed or reset by the peer, no response headers (connected to 127.0.0.1:{PORT})\n"
        http, tcp = f"http GET http://localhost:{PORT}/", f"tcp localhost:{PORT}"
        grpc = f"localhost:{ports['health']}"
        handlers = [
            Handler(["http", f":{PORT}"], f"{http}: status 200 (TIME)\n", (f"{http}: {refused}", f"{http}: {cut}")),
            Handler(["tcp", f":{PORT}"], f"{tcp}: connected (TIME)\n", (f"{tcp}: {refused}",)),
            Handler(["grpc", grpc], f"grpc {grpc}: SERVING (TIME)\n"),
        ]
        soak = Soak(handlers, count, spawn)
        # The servers open what they keep open.
        for handler, _ in itertools.product(handlers, range(50)):
            assert exec_probe(*handler.args).exit == 0
        looks = {"processes": processes, "sockets": sockets, "descriptors": descriptors}
        before = {name: at_rest(look) for name, look in looks.items()}
        seconds = soak.run(web.restart)
        after = {name: settled(look, before[name]) for name, look in looks.items()}
        soak.end()
    web.stop()

    assert None not in soak.probes
    outcomes = Counter((probe.handler, probe.exit, probe.stdout or probe.stderr) for probe in soak.probes)
    lines = [(times, exit, line.rstrip()) for (_, exit, line), times in sorted(outcomes.items())]
    show(("probes", "exit", "line"), *lines)
    away = web.started - web.stopped
    took = [probe.ended - probe.began for probe in soak.probes]
    show(
        ("probes", "at a time", "seconds", "per second", "median", "longest", "nginx away"),
        (
            count,
            WORKERS,
            f"{seconds:.0f}",
            f"{count / seconds:.0f}",
            f"{statistics.median(took) * 1000:.1f} ms",
            f"{max(took) * 1000:.0f} ms",
            f"{away * 1000:.0f} ms",
        ),
    )
    rows, grown = growth(soak)
    show(("handler", f"of {SAMPLE} probes", "first, median", "last, median", "first, most", "last, most"), *rows)
    show(("there", "before", "after"), *((name, listed(before[name]), listed(after[name])) for name in looks))
    wrong = wrong_verdicts(soak, web)
    left = [f"{name} left" for name in looks if before[name] != after[name]]
    for line in [*wrong[:20], *grown, *left]:
        print(line, file=sys.stderr)
    found = f"{len(wrong)} wrong verdicts, {len(grown)} values that grew, {len(left)} kinds of things left"
    print(f"soak: {count} probes, {found}")
    sys.exit(1 if wrong or grown or left else 0)


main(int(sys.argv[1]), *sys.argv[2:])

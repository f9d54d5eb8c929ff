"""curl, GNU's and BusyBox's wget, OpenBSD's nc, grpc_health_probe and sh beside exec-probe under their names: on lines of
real health checks as they stand, and on each situation that a server can be in. Who differs, differs for a reason, which
stands in docs/dropin.md as well.
"""

import collections
import contextlib
import os
import re
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import dropin_worlds
import harness
import pytest
from dropin_worlds import CUT, ENVIRONMENT, GRPC_STATES, STATES, UP, moved, response
from harness import MUSL, REPORTS

PAGE = Path(__file__).parents[2] / "docs/dropin.md"
LINES = dropin_worlds.lines()
# Of all occurrences, how many have to run unchanged.
ENOUGH = 0.92


# Differences


@dataclass(frozen=True)
class Difference:
    title: str
    why: str


ACCEPTED: list[Difference] = []
SHOWN: set[Difference] = set()


def accept(title, why) -> Difference:
    ACCEPTED.append(Difference(title, why))
    return ACCEPTED[-1]


CUT_OFF = accept(
    "Headers that are cut off fail",
    "curl (0) and GNU wget (0) take an answer that ends within its headers for one. Here it is a server that died: curl "
    "52, wget 4, as BusyBox sees it.",
)
NOT_HTTP = accept(
    "What is not HTTP fails",
    "GNU wget (0) takes any bytes for a page, those of a TLS server that is asked in plain included. Here it is 4.",
)
SPIDER = accept(
    "`wget --spider` sends GET",
    "GNU's sends HEAD, and fails (8, 4) where a server knows GET alone. One GET, whose verdict is made at the headers, is "
    "what BusyBox's sends.",
)
ONE_TRY = accept(
    "One try",
    "GNU wget asks again a second after a 500 or 501, and exits with 4 where `--tries=1` forbids it, with 8 where the "
    "second answer is no better. Here the first answer counts, and is 8.",
)
PARTIAL = accept("206 is well", "BusyBox's wget (1) does not expect it.")
AT_HEADERS = accept(
    "A body that nobody prints is not read",
    "with `-o /dev/null`, `-O /dev/null`, `-I` or `--spider` the verdict is made at the headers; curl reads to the end, and "
    "fails (18) where the body is shorter than was said.",
)
NO_FILE = accept(
    "No file is written",
    "`-o FILE` and `-O FILE` are refused (2) before anything is asked, /dev/null and - aside.",
)
THIS_HOST = accept(
    "This host alone",
    "a name that is not this host's is refused (2) before anything is asked, known or not; curl says 6 and wget 4 for "
    "an unknown one.",
)
BUSYBOX_OPTIONS = accept(
    "`wget` takes GNU's and BusyBox's options",
    "BusyBox's own (1) knows neither `--timeout` nor `--proxy=off`. No check needs to know which of the two it has.",
)
BUSYBOX_T = accept("`wget -T` works", "Debian's BusyBox 1.35.0 crashes on it, whatever the server says.")
VERIFIES = accept(
    "`wget` verifies",
    "BusyBox's (0) accepts any certificate, with a note. Here it is as GNU's: 5, unless `--no-check-certificate` is given.",
)
UDP = accept(
    "`nc -u` is refused",
    "nc (0) calls a udp port open where nobody listens: it can't be seen from outside. Here it is 1, and says so.",
)
SPIFFE = accept("No SPIFFE agent", "`-spiffe` is refused (1); without an agent, grpc_health_probe says 20.")
RESET = accept(
    "A reset is an empty reply",
    "before the headers, curl tells a reset (56) from an end (52). Here both are a connection without an answer, 52.",
)
SILENT_GRPC = accept(
    "Silence is a time-out of the call",
    "grpc_health_probe takes a server that accepts and says nothing for one that it can't connect to (2). Here the connection "
    "is there, and the call has no answer (3).",
)


def page_list() -> str:
    """The differences as the page has them."""
    text = ""
    for one in ACCEPTED:
        line = "-"
        for word in f"**{one.title}**: {one.why}".split():
            if len(line) + 1 + len(word) > 125:
                text += f"{line}\n"
                line = " "
            line += f" {word}"
        text += f"{line}\n"
    return text


# Places


@pytest.fixture(scope="module")
def roots(tmp_path_factory, certificates):
    folder = tmp_path_factory.mktemp("roots")
    folder.parent.chmod(0o755)
    return {
        "real": dropin_worlds.real_root(folder / "gnu", certificates, "GNU"),
        "BusyBox": dropin_worlds.real_root(folder / "busybox", certificates, "BusyBox"),
        "ours": dropin_worlds.our_root(folder / "ours", certificates),
    }


@pytest.fixture(scope="module")
def sockets(roots):
    """In the folder of the roots, so that a socket can be linked into each of them."""
    folder = roots["ours"].folder.parent / "sockets"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def worlds(sockets, certificates):
    with dropin_worlds.worlds(sockets, certificates) as found:
        yield found


# Lines of real health checks


# What is refused before anything is asked: the exit code, and what the line names.
REFUSED = {
    "w0051": (127, '"|"'),
    "w0052": (127, '"|"'),
    "w0164": (127, '"|"'),
    "w0199": (127, '"export"'),
    "w0200": (127, "set"),
    "w0474": (127, '"|"'),
    "w0476": (127, '"|"'),
    "w0481": (127, '"|"'),
    "w0492": (127, "`"),
    "w0493": (127, "("),
    "w0523": (127, '"|"'),
    "w0524": (127, '"|"'),
    "w0549": (1, "-d: exec-probe sends no body"),
    "w0627": (127, '"if"'),
    "w0630": (127, "INFLUXDB_ADMIN_TOKEN="),
    "w0633": (127, "`"),
    "w0338": (1, "-u: a udp port cannot be seen to be open"),
    "w0617": (1, "-u: a udp port cannot be seen to be open"),
    "w0636": (1, "-spiffe: exec-probe knows no SPIFFE agent"),
}


def states(line) -> list[str]:
    return GRPC_STATES if line.kind.startswith("grpc") else list(STATES)


def flavours(line) -> list[str]:
    """Whose tools a line is asked of besides ours."""
    return ["real", "BusyBox"] if "wget" in line.text else ["real"]


@pytest.fixture(scope="module")
def ran(roots, worlds, sockets):
    """What each line gives in each state, by whose tools."""
    # A line names one socket, and each root has one place for it.
    linked = {whose: threading.Lock() for whose in roots}

    def run(line, state, whose):
        place, root = worlds[line.kind, state], roots[whose]
        if "unix:" not in line.text:
            return root.run(place, line.words)
        made, wanted = dropin_worlds.socket_of(sockets, line.kind, state), root.folder / "tmp/app.sock"
        with linked[whose]:
            if made.exists():
                os.link(made, wanted)
            done = root.run(place, line.words)
            wanted.unlink(missing_ok=True)
            return done

    with ThreadPoolExecutor(96) as pool:
        asked = {
            (line.id, state, whose): pool.submit(run, line, state, whose)
            for line in LINES
            for state in states(line)
            for whose in [*flavours(line), "ours"]
        }
        return {key: future.result() for key, future in asked.items()}


def reason(line, state, whose) -> Difference | None:
    """Why a verdict may be another one than ours."""
    if whose == "BusyBox":
        if re.search(r" (-T|-q?T ?[0-9])", line.text):
            return BUSYBOX_T
        return BUSYBOX_OPTIONS if re.search(r"--timeout|--proxy|--tries |-nv", line.text) else None
    if state == "cut":
        return CUT_OFF
    if state == "self-signed" and line.kind == "http" and line.tool == "wget":
        return NOT_HTTP
    return None


def is_well(done) -> bool:
    return done.returncode == 0


def wrong(ran, line) -> list[str]:
    """The states in which a line's verdict is not the tool's, for no reason that is accepted."""
    found = []
    for state in states(line):
        ours = ran[line.id, state, "ours"]
        if ours.returncode is None:
            found.append(f"{state}: ours does not end")
        for whose in flavours(line):
            theirs = ran[line.id, state, whose]
            if is_well(ours) == is_well(theirs):
                continue
            if why := reason(line, state, whose):
                SHOWN.add(why)
                continue
            told = f"{whose} {theirs.returncode} {theirs.stderr[-200:]}, ours {ours.returncode} {ours.stderr}"
            found.append(f"{state}: {told}")
    return found


def test_a_line_of_a_real_check_gives_the_tools_verdict_in_every_state(ran):
    found = {line.text: wrong(ran, line) for line in LINES if line.id not in REFUSED}
    found = {text: states for text, states in found.items() if states}
    assert not found, "\n".join(f"{text}\n  " + "\n  ".join(states) for text, states in found.items())


def test_healthy_and_refused_are_told_apart_by_all_tools(ran):
    """Or equal verdicts would prove nothing."""
    for line in LINES:
        first, refused = states(line)[0], "refused"
        if line.id in REFUSED or "8080health_path" in line.text:
            continue
        verdicts = [is_well(ran[line.id, state, "real"]) for state in (first, refused)]
        assert verdicts == [True, False], (line, ran[line.id, first, "real"])


def test_what_is_refused_is_one_line_that_names_it_and_asks_nothing(ran):
    for line in LINES:
        if line.id not in REFUSED:
            continue
        code, named = REFUSED[line.id]
        for state in states(line):
            ours = ran[line.id, state, "ours"]
            said = ours.stderr.decode()
            assert (ours.returncode, ours.stdout, said.count("\n")) == (code, b"", 1), (line.text, ours)
            assert named in said, (line.text, said)
            assert "exec-probe" in said or "write" in said or "runs only" in said or "udp" in said, said


def test_a_failure_is_one_line_on_standard_error_with_the_tools_name(ran):
    for line in LINES:
        for state in states(line):
            ours = ran[line.id, state, "ours"]
            if ours.returncode == 0 or line.id in REFUSED or re.search(r"2>|&>", line.text):
                continue
            said = ours.stderr.decode()
            assert said.count("\n") == 1 or "&&" in line.text, (line.text, state, said)
            wanted = {"curl": r"curl: \(\d+\) ", "wget": "wget: ", "nc": "nc: ", "grpc_health_probe": ""}[line.tool]
            assert re.match(wanted, said), (line.text, state, said)
            assert not re.search(r"\d+ (ms|milliseconds)|s3cret|t0ken", said), said


def test_enough_of_all_occurrences_run_unchanged_and_the_number_is_printed(ran):
    total = sum(line.count for line in LINES)
    right = sum(line.count for line in LINES if line.id not in REFUSED and not wrong(ran, line))
    refused = sum(line.count for line in LINES if line.id in REFUSED)
    share = right / total
    REPORTS["lines of real health checks under the tools' names"] = [
        ("", "occurrences", "share"),
        ("run unchanged, verdict right in nine states", right, f"{share:.1%}"),
        ("refused with a line", refused, f"{refused / total:.1%}"),
        ("wrong", total - right - refused, f"{(total - right - refused) / total:.1%}"),
    ]
    assert share >= ENOUGH, REPORTS
    said = f"Of {total} health checks in a sample from public repositories, {share * 100:.0f} % run as they stand"
    assert said in PAGE.read_text()


# Each situation


def by_method(head, other) -> bytes:
    """What a server says that knows GET alone."""
    return other if head.startswith(b"HEAD") else response(200, UP)


def endless(_):
    yield b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    while True:
        yield b"more "


SAYS = {
    "/200": lambda _: response(200, UP),
    "/204": lambda _: b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n",
    "/206": lambda _: response(206, UP),
    "/moved": moved,
    "/landed": lambda _: response(200, UP),
    "/moved-to-404": lambda _: response(302, b"", "Location: /404"),
    "/loop": lambda _: response(302, b"", "Location: /loop"),
    "/400": lambda _: response(400, b"no"),
    "/401": lambda _: response(401, b"no", 'WWW-Authenticate: Basic realm="x"'),
    "/404": lambda _: response(404, b"no"),
    "/500": lambda _: response(500, b"no"),
    "/503": lambda _: response(503, b"no"),
    "/head-404": lambda head: by_method(head, response(404)),
    "/head-405": lambda head: by_method(head, response(405)),
    "/head-500": lambda head: by_method(head, response(500)),
    "/head-501": lambda head: by_method(head, response(501)),
    "/reset": lambda _: b"reset",
    "/empty": lambda _: b"",
    "/cut": lambda _: CUT,
    "/not-http": lambda _: b"SSH-2.0-OpenSSH_9.2\r\n",
    "/short": lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort",
    "/silent": lambda _: None,
    "/endless": endless,
}


def say(head):
    return SAYS[re.match(rb"\w+ ([^ ?]*)", head)[1].decode()](head)


@pytest.fixture(scope="module")
def place(certificates):
    """A network with all situations on port 8080, and with TLS of a certificate that signed itself on 8443."""
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(harness.namespace("ip link set lo up"))
        web = stack.enter_context(dropin_worlds.web_servers())
        plain, secure = dropin_worlds.listeners(made, [8080, 8443])
        web.serve(plain, say)
        web.serve(secure, say, certificates / "own")
        yield made


# Each column of the table: whose tools, and the words before the URL.
COLUMNS = {
    "curl": ("real", ["curl", "-s"]),
    "curl -f": ("real", ["curl", "-sf"]),
    "wget --spider": ("real", ["wget", "-nv", "--spider"]),
    "wget -O-": ("real", ["wget", "-qO-"]),
    "BusyBox --spider": ("BusyBox", ["wget", "-q", "--spider"]),
    "BusyBox -O-": ("BusyBox", ["wget", "-qO-"]),
}
NO_END = None
URL = "http://127.0.0.1:8080"
TLS = "https://localhost:8443"


@dataclass(frozen=True)
class Row:
    """A situation: its words, the real tools' codes by column, and ours where they are others, each with the reason."""

    name: str
    words: list
    codes: dict
    ours: dict = field(default_factory=dict)
    # Of ours, whose codes for BusyBox's failures are GNU's.
    stdout: str = ""

    def __str__(self):
        return self.name


def row(name, words, curl=(), gnu=(), busybox=(), ours=(), **more) -> Row:
    """`curl`, `gnu` and `busybox`: two codes each, in the order of the columns; none where it can't be asked so."""
    codes = {}
    for names, given in (
        (("curl", "curl -f"), curl),
        (("wget --spider", "wget -O-"), gnu),
        (("BusyBox --spider", "BusyBox -O-"), busybox),
    ):
        codes |= dict(zip(names, given, strict=bool(given)))
    words = words if isinstance(words, list) else [words]
    return Row(name, words, codes, dict(ours), **more)


CRASH = -11
ROWS = [
    row("200", f"{URL}/200", (0, 0), (0, 0), (0, 0)),
    row("204", f"{URL}/204", (0, 0), (0, 0), (0, 0)),
    row(
        "206",
        f"{URL}/206",
        (0, 0),
        (0, 0),
        (1, 1),
        {"BusyBox --spider": (0, PARTIAL), "BusyBox -O-": (0, PARTIAL)},
    ),
    row("301 to 200", f"{URL}/moved", (0, 0), (0, 0), (0, 0)),
    row("301 to 200, -L", ["-L", f"{URL}/moved"], (0, 0)),
    row("302 to 404", f"{URL}/moved-to-404", (0, 0), (8, 8), (1, 1)),
    row("302 to 404, -L", ["-L", f"{URL}/moved-to-404"], (0, 22)),
    row("redirect loop", f"{URL}/loop", (0, 0), (8, 8), (1, 1)),
    row("redirect loop, -L", ["-L", f"{URL}/loop"], (47, 47)),
    *(row(status, f"{URL}/{status}", (0, 22), (8, 8), (1, 1)) for status in ("400", "404", "503")),
    row("401", f"{URL}/401", (0, 22), (6, 6), (1, 1)),
    row("500", f"{URL}/500", (0, 22), (8, 8), (1, 1)),
    row(
        "500, --tries=1",
        ["--tries=1", f"{URL}/500"],
        gnu=(4, 8),
        ours={"wget --spider": (8, ONE_TRY)},
    ),
    *(
        row(
            f"HEAD gets {status}, GET 200",
            f"{URL}/head-{status}",
            gnu=(8, 0),
            busybox=(0, 0),
            ours={"wget --spider": (0, SPIDER)},
        )
        for status in ("404", "405")
    ),
    *(
        row(
            f"HEAD gets {status}, GET 200, --tries=1",
            ["--tries=1", f"{URL}/head-{status}"],
            gnu=(4, 0),
            ours={"wget --spider": (0, SPIDER)},
        )
        for status in ("500", "501")
    ),
    row("refused", "http://127.0.0.1:9/", (7, 7), (4, 4), (1, 1)),
    row(
        "reset before headers",
        f"{URL}/reset",
        (56, 56),
        busybox=(1, 1),
        ours={"curl": (52, RESET), "curl -f": (52, RESET)},
    ),
    row("reset before headers, -t1", ["-t1", f"{URL}/reset"], gnu=(4, 4)),
    row("empty reply", f"{URL}/empty", (52, 52), busybox=(1, 1)),
    row("empty reply, -t1", ["-t1", f"{URL}/empty"], gnu=(4, 4)),
    row(
        "headers cut off",
        f"{URL}/cut",
        (0, 0),
        (0, 0),
        (1, 1),
        {
            "curl": (52, CUT_OFF),
            "curl -f": (52, CUT_OFF),
            "wget --spider": (4, CUT_OFF),
            "wget -O-": (4, CUT_OFF),
        },
    ),
    row(
        "not HTTP",
        f"{URL}/not-http",
        (1, 1),
        (0, 0),
        (1, 1),
        {"wget --spider": (4, NOT_HTTP), "wget -O-": (4, NOT_HTTP)},
    ),
    row("body too short, printed", f"{URL}/short", (18, 18), busybox=(0, 1)),
    row("body too short, -t1", ["-t1", f"{URL}/short"], gnu=(0, 4)),
    row(
        "body too short, -o /dev/null",
        ["-o", "/dev/null", f"{URL}/short"],
        (18, 18),
        ours={"curl": (0, AT_HEADERS), "curl -f": (0, AT_HEADERS)},
    ),
    row("no answer", f"{URL}/silent", (NO_END, NO_END), (NO_END, NO_END), (NO_END, NO_END)),
    row("no answer, -m 1", ["-m", "1", f"{URL}/silent"], (28, 28)),
    row("no answer, -T 1 -t1", ["-T", "1", "-t1", f"{URL}/silent"], gnu=(4, 4)),
    row("no answer, -T 1", ["-T", "1", f"{URL}/silent"], busybox=(CRASH, CRASH)),
    row(
        "200, -T 1",
        ["-T", "1", f"{URL}/200"],
        gnu=(0, 0),
        busybox=(CRASH, CRASH),
        ours={"BusyBox --spider": (0, BUSYBOX_T), "BusyBox -O-": (0, BUSYBOX_T)},
    ),
    row("endless body, -m 1", ["-m", "1", f"{URL}/endless"], (28, 28)),
    row("endless body", f"{URL}/endless", gnu=(0, NO_END), busybox=(0, NO_END)),
    row(
        "self-signed",
        f"{TLS}/200",
        (60, 60),
        (5, 5),
        (0, 0),
        {"BusyBox --spider": (5, VERIFIES), "BusyBox -O-": (5, VERIFIES)},
    ),
    row("self-signed, -k", ["-k", f"{TLS}/200"], (0, 0)),
    row("self-signed, --no-check-certificate", ["--no-check-certificate", f"{TLS}/200"], gnu=(0, 0), busybox=(0, 0)),
    row("self-signed, --cacert", ["--cacert", "/certs/own.pem", f"{TLS}/200"], (0, 0)),
    row("self-signed, --ca-certificate", ["--ca-certificate=/certs/own.pem", f"{TLS}/200"], gnu=(0, 0)),
    row("another authority, --cacert", ["--cacert", "/certs/ca.pem", f"{TLS}/200"], (60, 60)),
    row("--cacert missing", ["--cacert", "/nowhere", f"{TLS}/200"], (77, 77)),
    row("--cert missing", ["-k", "--cert", "/nowhere", f"{TLS}/200"], (58, 58)),
    row("unknown option", ["--nonsense", f"{URL}/200"], (2, 2), (2, 2), (1, 1)),
    row("no URL", [], (2, 2), (1, 1), (1, 1)),
    row("port 99999", "http://127.0.0.1:99999/", (3, 3), (1, 1), (1, 1)),
    row("another scheme", "foo://127.0.0.1:8080/200", (1, 1), (1, 1), (1, 1)),
    row(
        "name unknown",
        "http://nobody.invalid:8080/200",
        (6, 6),
        (4, 4),
        (1, 1),
        {column: (2, THIS_HOST) for column in ("curl", "curl -f", "wget --spider", "wget -O-")},
    ),
    row("unix socket missing", ["--unix-socket", "/nowhere.sock", "http://localhost/"], (7, 7)),
    row(
        "output not writable",
        ["-o", "/nowhere/x", f"{URL}/200"],
        (23, 23),
        ours={"curl": (2, NO_FILE), "curl -f": (2, NO_FILE)},
    ),
    row("output full", f"{URL}/200", (23, 23), stdout="/dev/full"),
    # Grammar
    row("--sil", ["--sil", f"{URL}/200"], (0, 0)),
    row("--fai is ambiguous", ["--fai", f"{URL}/404"], (2, 2)),
    row("--max-time=1", ["--max-time=1", f"{URL}/200"], (2, 2)),
    row("-fail", ["-fail", f"{URL}/404"], (22, 22)),
    row("-m1 after the URL", [f"{URL}/silent", "-m1"], (28, 28)),
    row("-skfLo /dev/null", ["-skfLo", "/dev/null", f"{URL}/moved-to-404"], (22, 22)),
    row("--no-fail", ["--no-fail", f"{URL}/404"], (0, 0)),
    row("HTTP://", "HTTP://127.0.0.1:8080/200", (0, 0), (0, 0)),
    row("no scheme", "127.0.0.1:8080/200", (0, 0), (0, 0), (0, 0)),
    row("no host", ":8080/200", (3, 3)),
    row("several URLs, the last counts", [f"{URL}/404", f"{URL}/200"], (0, 0)),
    row("several URLs, the last fails", [f"{URL}/200", "http://127.0.0.1:9/"], (7, 7)),
    row("--tri=1", ["--tri=1", f"{URL}/200"], gnu=(0, 0)),
    row("--tries 1", ["--tries", "1", f"{URL}/200"], gnu=(0, 0), busybox=(0, 0)),
    row("-q -T5 in one word", ["-qT5", f"{URL}/200"], gnu=(0, 0)),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_situation_gives_the_tools_code_or_differs_for_a_reason(roots, place, row):
    def run(whose, words):
        with contextlib.ExitStack() as stack:
            pipe = {"stdout": stack.enter_context(open(row.stdout, "wb"))} if row.stdout else {}
            return roots[whose].run(place, words, **pipe)

    # Side by side, as most of the time is spent in waiting for a limit.
    with ThreadPoolExecutor(2 * len(row.codes)) as pool:
        asked = {}
        for column in row.codes:
            whose, start = COLUMNS[column]
            words = [*start, *row.words]
            asked[column] = whose, words, pool.submit(run, whose, words), pool.submit(run, "ours", words)
    for column, code in row.codes.items():
        whose, words, *runs = asked[column]
        theirs, ours = (future.result() for future in runs)
        told = f"{column}: {' '.join(words)}\n{theirs}\n{ours}"
        assert theirs.returncode == code, told
        compare(code, ours, row.ours.get(column), whose == "BusyBox", told)


def compare(code, ours, differs, is_loose, told) -> None:
    """Whether our code is theirs, or the one that a difference says."""
    if differs:
        wanted, why = differs
        SHOWN.add(why)
        assert wanted != code, f"no difference: {told}"
        assert ours.returncode == wanted, told
    elif is_loose or code is NO_END:
        # BusyBox has one code for all failures, and who does not end has none.
        assert ours.returncode is not None, told
        assert (ours.returncode == 0) == (code == 0), told
    else:
        assert ours.returncode == code, told
    if ours.returncode not in (0, None):
        assert ours.stderr.count(b"\n") == 1, told


# nc and grpc_health_probe: words, the real code, and ours if it is another one.
NC = [
    (["-z", "127.0.0.1", "8080"], 0, None),
    (["-zv", "localhost", "8080"], 0, None),
    (["-zw1", "127.0.0.1", "8080"], 0, None),
    (["127.0.0.1", "8080", "-z"], 0, None),
    (["-z", "0", "8080"], 0, None),
    (["-z", "127.0.0.20", "8080"], 0, None),
    (["-z", "127.0.0.1", "9"], 1, None),
    (["-z", "-w", "1", "127.0.0.1", "9", "8080"], 0, None),
    (["-nz", "localhost", "8080"], 1, None),
    (["-z", "nobody.invalid", "8080"], 1, None),
    (["-z", "127.0.0.1", "99999"], 1, None),
    (["-z", "-J", "127.0.0.1", "8080"], 1, None),
    (["-zU", "/nowhere.sock"], 1, None),
    (["-z", "-u", "127.0.0.1", "9"], 0, (1, UDP)),
]


@pytest.mark.parametrize(("words", "code", "differs"), NC)
def test_nc_gives_its_code_or_differs_for_a_reason(roots, place, words, code, differs):
    for name in ("nc", "netcat"):
        theirs = roots["real"].run(place, ["nc", *words])
        ours = roots["ours"].run(place, [name, *words])
        told = f"{theirs}\n{ours}"
        assert theirs.returncode == code, told
        compare(code, ours, differs, False, told)


GRPC = [
    ("grpc", "SERVING", ["-addr=:8080"], 0, None),
    ("grpc", "SERVING", ["-addr", "localhost:8080", "-service", "svc"], 0, None),
    ("grpc", "SERVING", ["--addr=127.0.0.1:8080", "-rpc-timeout=5s", "-v"], 0, None),
    ("grpc", "SERVING", ["-addr=dns:///localhost:8080"], 0, None),
    ("grpc", "SERVING", ["-addr=:8080", "-rpc-timeout=5"], 1, None),
    ("grpc", "SERVING", ["-addr=:8080", "more", "-nonsense"], 0, None),
    ("grpc", "SERVING", ["-addr=:8080", "-service=nobody"], 3, None),
    ("grpc", "NOT_SERVING", ["-addr=:8080"], 4, None),
    ("grpc", "unknown service", ["-addr=:8080"], 3, None),
    ("grpc", "no health service", ["-addr=:8080"], 3, None),
    ("grpc", "hung", ["-addr=:8080"], 3, None),
    ("grpc", "refused", ["-addr=:8080"], 2, None),
    ("grpc", "silent", ["-addr=:8080"], 2, (3, SILENT_GRPC)),
    ("grpc", "HTTP/1.1", ["-addr=:8080"], 2, None),
    ("grpc", "self-signed", ["-addr=:8080"], 2, None),
    ("grpc", "SERVING", ["-addr=:8080", "-tls", "-tls-ca-cert=/certs/ca.pem"], 2, None),
    ("grpc", "SERVING", ["-addr=unix:///nowhere.sock"], 2, None),
    ("grpc", "SERVING", ["-addr=:8080", "-nonsense"], 1, None),
    ("grpc", "SERVING", [], 1, None),
    ("grpc", "SERVING", ["-h"], 1, None),
    ("grpc", "SERVING", ["-addr=:8080", "-spiffe"], 20, (1, SPIFFE)),
    ("grpc-tls", "SERVING", ["-addr=:8080", "-tls"], 2, None),
    ("grpc-tls", "SERVING", ["-addr=:8080", "-tls", "-tls-ca-cert=/nowhere"], 1, None),
    (
        "grpc-tls",
        "SERVING",
        [
            "-addr=localhost:8080",
            "-tls",
            "-tls-ca-cert=/certs/ca.pem",
            "-tls-client-cert=/certs/tls.crt",
            "-tls-client-key=/certs/tls.key",
        ],
        0,
        None,
    ),
]


@pytest.mark.parametrize(("kind", "state", "words", "code", "differs"), GRPC)
def test_grpc_health_probe_gives_its_code_or_differs_for_a_reason(roots, worlds, kind, state, words, code, differs):
    place = worlds[kind, state]
    theirs = roots["real"].run(place, ["grpc_health_probe", *words])
    ours = roots["ours"].run(place, ["grpc_health_probe", *words])
    told = f"{theirs}\n{ours}"
    assert theirs.returncode == code, told
    if words == ["-h"]:
        assert (ours.returncode, bool(ours.stderr or ours.stdout)) == (code, True), told
        return
    compare(code, ours, differs, False, told)


# What stands around them


def test_the_name_as_first_word_is_the_same_as_the_link(roots, place):
    ours = roots["ours"]
    for words in (["curl", "-f", f"{URL}/200"], ["curl", "-f", f"{URL}/404"], ["nc", "-z", "127.0.0.1", "9"]):
        linked, named = ours.run(place, words), ours.run(place, ["exec-probe", *words])
        assert (linked.returncode, linked.stdout, linked.stderr) == (named.returncode, named.stdout, named.stderr)


def test_a_body_is_printed_where_the_tool_prints_it_and_64_kib_at_most(roots, certificates):
    big = response(200, b"x" * 200_000)
    with harness.namespace("ip link set lo up") as made, dropin_worlds.web_servers() as web:
        [listener] = dropin_worlds.listeners(made, [8080])
        web.serve(listener, lambda head: big if b" /big " in head else response(404 if b" /404 " in head else 200, UP))
        for words, wanted in (
            (["curl", "-s", f"{URL}/"], UP),
            (["curl", "-sf", f"{URL}/404"], b""),
            (["curl", "-s", f"{URL}/404"], UP),
            (["curl", "-so", "/dev/null", f"{URL}/"], b""),
            (["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"{URL}/"], b"200"),
            (["wget", "-qO-", f"{URL}/"], UP),
            (["wget", "-qO-", "--spider", f"{URL}/"], b""),
            (["wget", "-qO", "/dev/null", f"{URL}/"], b""),
        ):
            theirs, ours = (roots[whose].run(made, words) for whose in ("real", "ours"))
            assert (theirs.stdout, ours.stdout) == (wanted, wanted), (words, theirs, ours)
        ours = roots["ours"].run(made, ["curl", "-s", f"{URL}/big"])
        assert (ours.returncode, ours.stdout) == (0, b"x" * 65536), (ours.returncode, len(ours.stdout), ours.stderr)


def test_proxies_in_the_environment_change_nothing(roots, place):
    dead = {name: "http://127.0.0.1:9" for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy")}
    for words in (["curl", "-sf", f"{URL}/200"], ["wget", "-q", "--spider", f"{URL}/200"]):
        assert not is_well(roots["real"].run(place, words, dead)), words
        assert is_well(roots["ours"].run(place, words, dead)), words


def test_another_host_is_refused_by_name_and_says_what_to_write(roots, place):
    for words, code in (
        (["curl", "-f", "http://app:8080/200"], 2),
        (["wget", "-q", "--spider", "http://app:8080/200"], 2),
        (["nc", "-z", "app", "8080"], 1),
        (["grpc_health_probe", "-addr=app:8080"], 1),
    ):
        ours = roots["ours"].run(place, words)
        assert (ours.returncode, ours.stdout) == (code, b""), ours
        assert b'"app"' in ours.stderr and b"localhost" in ours.stderr, ours


# The page's tables


# Words that a tool has to be given besides an option; the URL comes last.
BESIDES = {
    "curl": ["-sf"],
    "wget": ["-q", "--spider"],
    "nc": ["-z"],
    "grpc_health_probe": [],
}
VALUES = {"N": "1", "HOST": "localhost", "off": "off", "DATA": "a=1", "FILE": "/tmp/file", "URL": URL, "NAME": "a"}


def options(tool, column) -> list[list[str]]:
    """The options of a row of the page, each with a value in the place of its name."""
    [cell] = re.findall(rf"<!-- {tool} {column} --> (.*) \|", PAGE.read_text())
    found = [shown.split() for shown in re.findall("`([^`]+)`", cell)]
    assert found
    return [[words[0], *(VALUES[word] for word in words[1:])] for words in found]


def asked_of(tool, option) -> list[str]:
    besides = [word for word in BESIDES[tool] if not (option[0] == "-O" and word == "--spider")]
    target = {"nc": ["127.0.0.1", "8080"], "grpc_health_probe": ["-addr=127.0.0.1:8080"]}.get(tool, [f"{URL}/200"])
    return [tool, *besides, *option, *target]


TABLES = {
    column: [(tool, option) for tool in BESIDES for option in options(tool, column)] for column in ("ignored", "refused")
}


@pytest.mark.parametrize(("tool", "option"), TABLES["ignored"])
def test_an_option_that_the_page_calls_ignored_changes_nothing(roots, place, worlds, tool, option):
    there = worlds["grpc", "SERVING"] if tool == "grpc_health_probe" else place
    ours = roots["ours"].run(there, asked_of(tool, option))
    assert ours.returncode == 0, ours


@pytest.mark.parametrize(("tool", "option"), TABLES["refused"])
def test_an_option_that_the_page_calls_refused_is_refused_by_name(roots, place, tool, option):
    """Without a server where it would be asked: nothing is."""
    root = roots["ours"]
    before = sorted(root.folder.rglob("*"))
    ours = root.run(place, asked_of(tool, option))
    code = {"curl": 2, "wget": 2}.get(tool, 1)
    assert (ours.returncode, ours.stdout, ours.stderr.count(b"\n")) == (code, b"", 1), ours
    assert option[0] in ours.stderr.decode(), ours
    assert sorted(root.folder.rglob("*")) == before


# Bookkeeping


def test_the_page_has_every_difference_and_a_row_shows_each(request):
    """To renew the list: what page_list() gives, pasted between the marks."""
    between = PAGE.read_text().split("<!-- differences -->\n")[1].split("<!-- end -->")[0]
    assert between == page_list()
    if len(request.session.items) > len(ROWS):
        assert [one.title for one in ACCEPTED if one not in SHOWN] == []

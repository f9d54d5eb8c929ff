"""What each kind of probe is worth beside a sidecar with mutual TLS: a table, and the cases that users meet besides."""

import contextlib
import datetime
import os
import re
import subprocess
from pathlib import Path

import harness
import mesh
import pytest
from harness import healthy, unhealthy
from mesh import (
    APPLICATION,
    EXEC_PROBE,
    FOLDER,
    GRPC,
    HEALTH,
    HEALTH_PATH,
    HTTP,
    INCLUDED,
    NOBODY,
    OURS,
    POD_IP,
    ROOT,
    SIDECAR,
    TLS,
)

PAGE = Path(__file__).parents[3] / "docs/mesh.md"
COMMAND = "tools/e2e mesh"

# In each cell: the application up, sick (503, NOT_SERVING) and dead.
STATES = ("up", "sick", "dead")
MODES = {
    "no sidecar": None,
    "PERMISSIVE": {"policy": "PERMISSIVE"},
    "STRICT": {"policy": "STRICT"},
    "STRICT, ports excluded": {"policy": "STRICT", "excluded": (HTTP, TLS, GRPC)},
    "STRICT, Envoy dead": {"policy": "STRICT", "alive": False},
}
# Each probe is asked so often in each state: one that says now this and now that shows as `?`.
TIMES = 2


def kubelet(handler, port, path="") -> dict:
    return {"handler": handler, "host": POD_IP, "port": port, "path": path}


def command(*args) -> dict:
    return {"handler": "exec", "command": [str(arg) for arg in args]}


def ours(*args) -> dict:
    return command(EXEC_PROBE, args[0], OURS, *args[1:])


HTTP_GET = kubelet("http", HTTP, "/healthz")
HTTPS_GET = kubelet("https", TLS, "/healthz")
TCP_SOCKET = kubelet("tcp", HTTP)
GRPC_CHECK = kubelet("grpc", GRPC)

# A row: the probe, and its cells in the order of MODES.
ROWS = {
    "httpGet": (HTTP_GET, ["S F F", "S F F", "F F F", "S F F", "F F F"]),
    "httpGet, HTTPS": (HTTPS_GET, ["S F F", "S F F", "F F F", "S F F", "F F F"]),
    "tcpSocket": (TCP_SOCKET, ["S S F", "S S S", "S S S", "S S F", "F F F"]),
    "tcpSocket, a port without a listener": (
        kubelet("tcp", NOBODY),
        ["F F F", "S S S", "S S S", "S S S", "F F F"],
    ),
    "grpc": (GRPC_CHECK, ["S F F", "S F F", "F F F", "S F F", "F F F"]),
    "httpGet to serve": (kubelet("http", HEALTH, HEALTH_PATH), ["S F F"] * 5),
    "httpGet to serve, its port not excluded": (
        kubelet("http", INCLUDED, HEALTH_PATH),
        ["S F F", "S F F", "F F F", "F F F", "F F F"],
    ),
    "exec-probe http": (ours("http", f":{HTTP}/healthz"), ["S F F"] * 5),
    "exec-probe http, HTTPS": (ours("http", f"https://localhost:{TLS}/healthz"), ["S F F"] * 5),
    "exec-probe tcp": (ours("tcp", f":{HTTP}"), ["S S F"] * 5),
    "exec-probe grpc": (ours("grpc", f":{GRPC}"), ["S F F"] * 5),
    "curl -f": (command(harness.tool("curl"), "-sSf", f"http://localhost:{HTTP}/healthz"), ["S F F"] * 5),
}
OURSELVES = [row for row in ROWS if row.startswith("exec-probe")]


# The table


class Observed:
    """All answers by row, mode and state; Envoy's counters and nginx's requests by mode."""

    def __init__(self):
        self.answers, self.counters, self.requests = {}, {}, {}

    def ask_all(self, world, mode):
        world.admin("reset_counters", "--request", "POST")
        with world.application() as app:
            for state in STATES:
                {"up": lambda: None, "sick": app.fall_sick, "dead": app.die}[state]()
                questions = [dict(probe) for probe, _ in ROWS.values() for _ in range(TIMES)]
                answers = world.kubelet(*questions)
                for number, row in enumerate(ROWS):
                    self.answers[row, mode, state] = answers[number * TIMES : (number + 1) * TIMES]
            self.requests[mode] = app.requests()
        self.counters[mode] = world.counters()

    def cell(self, row, mode) -> str:
        letters = {"success": "S", "failure": "F"}
        results = ({answer.result for answer in self.answers[row, mode, state]} for state in STATES)
        return " ".join(letters.get(*found, "?") if len(found) == 1 else "?" for found in results)

    def table(self) -> list[tuple]:
        return [("", *MODES), *((row, *(self.cell(row, mode) for mode in MODES)) for row in ROWS)]

    def messages(self, mode) -> list[tuple]:
        """Row, state and what the kubelet would show, but for source ports."""
        found = [
            (row, state, re.sub(r":\d+->", ":PORT->", answer.message))
            for (row, of, state), answers in self.answers.items()
            for answer in answers
            if of == mode and answer.message
        ]
        return sorted(set(found), key=lambda line: (list(ROWS).index(line[0]), STATES.index(line[1]), line[2]))


@pytest.fixture(scope="session")
def observed(world):
    seen = Observed()
    with world.serve(*mesh.serve_words(HEALTH)), world.serve(*mesh.serve_words(INCLUDED)):
        for mode, settings in MODES.items():
            if settings:
                excluded = (*settings.get("excluded", ()), HEALTH)
                with world.sidecar(**settings | {"excluded": excluded}):
                    seen.ask_all(world, mode)
            else:
                seen.ask_all(world, mode)
    harness.REPORTS[f"S: success, F: failure; the application up, sick, dead ({versions()})"] = seen.table()
    harness.REPORTS["What is said under STRICT"] = seen.messages("STRICT")
    return seen


def versions() -> str:
    def says(pattern, *command):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return re.search(pattern, done.stdout + done.stderr)[1]

    module = (Path(__file__).parent / "prober/go.mod").read_text()
    parts = {
        "exec-probe": says(r"(\d\S+)", EXEC_PROBE, "--version"),
        "Kubernetes": re.search(r"k8s\.io/kubernetes v(\S+)", module)[1],
        "Envoy": says(r"/(\d+\.\d+\.\d+)/", mesh.ENVOY, "--version"),
        "nginx": says(r"/(\S+)", harness.tool("nginx"), "-v"),
        "curl": says(r"(\d\S+)", harness.tool("curl"), "--version"),
        "iptables": says(r"v(\d\S+)", harness.tool("iptables"), "--version"),
        "Linux": ".".join(os.uname().release.split(".")[:2]),
    }
    today = datetime.datetime.now(datetime.UTC).date()
    return ", ".join([str(today), *(f"{name} {version}" for name, version in parts.items())])


@pytest.mark.parametrize("row", ROWS)
def test_the_table_holds(observed, row):
    wanted = dict(zip(MODES, ROWS[row][1], strict=True))
    assert {mode: observed.cell(row, mode) for mode in MODES} == wanted


def test_a_dead_application_is_well_for_the_kubelets_tcp_probe_and_dead_for_every_one_of_ours(observed):
    assert {answer.result for answer in observed.answers["tcpSocket", "STRICT", "dead"]} == {"success"}
    for row in OURSELVES:
        for mode in MODES:
            assert {answer.result for answer in observed.answers[row, mode, "dead"]} == {"failure"}, (row, mode)


def test_a_sick_application_fails_http_and_grpc(observed):
    for row in ("exec-probe http", "exec-probe http, HTTPS", "exec-probe grpc"):
        for mode in MODES:
            assert {answer.result for answer in observed.answers[row, mode, "sick"]} == {"failure"}, (row, mode)


@pytest.mark.parametrize("row", OURSELVES)
def test_on_localhost_the_sidecar_changes_neither_verdict_nor_message(observed, row):
    for state in STATES:
        said = {mode: set(observed.answers[row, mode, state]) for mode in MODES}
        assert all(one == said["no sidecar"] and len(one) == 1 for one in said.values()), said


def test_it_was_envoy_who_refused(observed):
    """The kubelet's plain HTTP and gRPC find no filter chain, its HTTPS has no certificate, its TCP probes leave."""
    counters = observed.counters["STRICT"]
    asked = TIMES * len(STATES)
    # gRPC tries again until its time is up.
    assert counters["no_filter_chain_match"] >= 2 * asked
    # HTTPS alone gets as far as a chain. Some leave before Envoy has told them why.
    assert counters["downstream_cx_total"] == asked
    assert 0 < counters["ssl.fail_verify_no_cert"] <= asked
    assert counters["downstream_listener_filter_remote_close"] >= 2 * asked
    assert observed.counters["STRICT, Envoy dead"] == {}


def test_no_probe_of_the_kubelets_reaches_the_application_under_strict(observed):
    seen = {mode: {request[:2] for request in observed.requests[mode]} for mode in MODES}
    inside = {("127.0.0.1", "exec-probe"), ("127.0.0.1", "curl")}
    assert seen == {
        "no sidecar": inside | {(mesh.NODE_IP, "kube-probe")},
        # Where Envoy comes from.
        "PERMISSIVE": inside | {("127.0.0.6", "kube-probe")},
        "STRICT": inside,
        "STRICT, ports excluded": inside | {(mesh.NODE_IP, "kube-probe")},
        "STRICT, Envoy dead": inside,
    }


def test_the_table_stands_in_the_documentation():
    """With the wanted cells, which are the observed ones if the tests above pass."""
    cells = [["", *MODES], ["---"] * (len(MODES) + 1), *([row, *wanted] for row, (_, wanted) in ROWS.items())]
    text = PAGE.read_text()
    assert "\n".join(f"| {' | '.join(line)} |" for line in cells) in text
    assert f"`{COMMAND}`" in text


# Controls


SECURE = f"https://{POD_IP}:{HTTP}/healthz"
PLAIN = f"http://{POD_IP}:{HTTP}/healthz"


def with_certificate(name) -> list:
    return ["--cacert", FOLDER / "mesh.pem", "--cert", FOLDER / f"{name}.pem", "--key", FOLDER / f"{name}.key", SECURE]


def test_only_a_client_with_the_meshs_certificate_gets_through(world):
    with world.application() as app, world.sidecar("STRICT"):
        assert world.client(*with_certificate("client")) == (True, "200")
        assert world.client(*with_certificate("rogue")) == (False, "000")
        assert world.client("--cacert", FOLDER / "mesh.pem", SECURE) == (False, "000")
        assert world.client(PLAIN) == (False, "000")

        # By whom it was let in, and whom Envoy took it for.
        [(address, program, certificate)] = app.requests()
        assert (address, program) == ("127.0.0.6", "curl")
        assert certificate.endswith("URI=spiffe://cluster.local/ns/demo/sa/client")
        counters = world.counters()
        assert counters["http.http.downstream_rq_2xx"] == 1
        assert counters["downstream_cx_total"] == 3
        assert counters["no_filter_chain_match"] == 1

        app.die()
        assert world.client(*with_certificate("client")) == (True, "503")


def test_an_excluded_port_is_open_to_everybody_and_closed_to_the_mesh(world):
    with world.application(), world.sidecar("STRICT", excluded=[HTTP]):
        assert world.client(PLAIN) == (True, "200")
        assert world.client(*with_certificate("client")) == (False, "000")
        # The other port is as it was.
        [answer] = world.kubelet(GRPC_CHECK)
        assert answer.result == "failure"


# The pod's own address


def on_all(host) -> list[list]:
    """The three probes of a host."""
    return [["http", OURS, f"{host}:{HTTP}/healthz"], ["tcp", OURS, f"{host}:{HTTP}"], ["grpc", OURS, f"{host}:{GRPC}"]]


def well(host) -> list[harness.Ran]:
    shown = [f"http GET http://{host}:{HTTP}/healthz: status 200", f"tcp {host}:{HTTP}: connected"]
    return [healthy(line) for line in [*shown, f"grpc {host}:{GRPC}: SERVING"]]


def refused(host, addresses="") -> list[harness.Ran]:
    shown = [f"http GET http://{host}:{HTTP}/healthz", f"tcp {host}:{HTTP}", f"grpc {host}:{GRPC}"]
    return [unhealthy(f"{line}: connection refused{addresses}") for line in shown]


def ask(world, host, user=APPLICATION) -> list[harness.Ran]:
    return [world.exec_probe(*probe, user=user) for probe in on_all(host)]


BOTH = " (127.0.0.1, [::1])"


@pytest.mark.parametrize("user", [ROOT, APPLICATION])
def test_the_pods_own_address_is_as_good_as_localhost(world, user):
    with world.application() as app, world.sidecar("STRICT"):
        assert ask(world, POD_IP, user) == well(POD_IP)
        app.die()
        assert ask(world, POD_IP, user) == refused(POD_IP)


def test_as_the_sidecars_user_the_pods_own_address_leads_to_the_sidecar(world):
    """So Istio's rules have it. What tells of it: a reset, which is never how a port without a listener answers. A tcp
    probe is then worth as little as the kubelet's."""
    reset = "connection closed or reset by the peer"
    hint = "not by loopback: a sidecar may have answered"
    assert f"`{reset}`" in PAGE.read_text()
    assert f"`({hint})`" in PAGE.read_text()
    found = [
        unhealthy(f"http GET http://{POD_IP}:{HTTP}/healthz: {reset}, no response headers ({hint})"),
        healthy(f"tcp {POD_IP}:{HTTP}: connected"),
        unhealthy(f"grpc {POD_IP}:{GRPC}: {reset}, no answer ({hint})"),
    ]
    with world.application() as app, world.sidecar("STRICT"):
        assert ask(world, POD_IP, SIDECAR) == found
        assert ask(world, "localhost", SIDECAR) == well("localhost")
        assert {request[0] for request in app.requests()} == {"127.0.0.1"}
        app.die()
        assert ask(world, POD_IP, SIDECAR) == found
        assert ask(world, "localhost", SIDECAR) == refused("localhost", BOTH)


# Where the application listens


def test_an_application_on_the_pods_address_only_is_asked_there(world):
    with world.application(POD_IP), world.sidecar("STRICT"):
        assert ask(world, "localhost") == refused("localhost", BOTH)
        assert ask(world, POD_IP) == well(POD_IP)
        assert world.client(*with_certificate("client")) == (True, "200")


def test_an_application_on_127_0_0_1_only_is_well_for_us_though_no_client_reaches_it(world):
    with world.application("127.0.0.1"), world.sidecar("STRICT"):
        assert ask(world, "localhost") == well("localhost")
        assert ask(world, POD_IP) == refused(POD_IP)
        assert world.client(*with_certificate("client")) == (True, "503")
        [answer] = world.kubelet(TCP_SOCKET)
        assert answer.result == "success"


def test_an_application_on_the_ipv6_loopback_only_is_found(world):
    with world.application("::1"), world.sidecar("STRICT"):
        assert ask(world, "localhost") == well("localhost")
        assert ask(world, "[::1]") == well("[::1]")
        assert ask(world, "127.0.0.1") == refused("127.0.0.1")
        assert ask(world, POD_IP) == refused(POD_IP)


# Applications of their own kind


def test_an_application_that_speaks_tls_itself_is_asked_by_tls(world):
    url = f"https://localhost:{TLS}/healthz"
    verified = [f"--cacert={FOLDER}/mesh.pem", url]
    with world.application() as app, world.sidecar("STRICT"):
        assert world.exec_probe("http", OURS, url) == healthy(f"http GET {url}: status 200")
        assert world.exec_probe("http", OURS, *verified) == healthy(f"http GET {url}: status 200")
        # The certificate has no such name but this address, and is verified in full.
        place = f"https://{POD_IP}:{TLS}/healthz"
        assert world.exec_probe("http", OURS, verified[0], place) == healthy(f"http GET {place}: status 200")
        plain = f"http://localhost:{TLS}/healthz"
        assert world.exec_probe("http", OURS, plain) == unhealthy(
            f"http GET {plain}: status 400, wanted 200-399; the server speaks TLS; https:// asks it"
        )
        app.fall_sick()
        assert world.exec_probe("http", OURS, *verified) == unhealthy(f"http GET {url}: status 503, wanted 200-399")
        app.die()
        assert world.exec_probe("http", OURS, *verified) == unhealthy(f"http GET {url}: connection refused{BOTH}")


@pytest.mark.parametrize("mode", ["no sidecar", "STRICT"])
def test_a_frozen_application_fails_http_and_grpc_in_time_and_no_tcp_probe_sees_it(world, mode):
    """The kernel accepts connections for a process that is stopped."""
    with world.application() as app, contextlib.ExitStack() as stack:
        if mode == "STRICT":
            stack.enter_context(world.sidecar("STRICT"))
        app.freeze()
        http, tcp, grpc = ask(world, "localhost")
        where = f"(connected to 127.0.0.1:{HTTP})"
        # Where CPU is short, both end with a word on that.
        line = f"http GET http://localhost:{HTTP}/healthz: no response headers in 1800ms {where}"
        assert (http.exit, http.stderr[: len(line)]) == (1, line)
        assert tcp == healthy(f"tcp localhost:{HTTP}: connected")
        where = f"(connected to 127.0.0.1:{GRPC})"
        line = f"grpc localhost:{GRPC}: no answer in 1800ms {where}"
        assert (grpc.exit, grpc.stderr[: len(line)]) == (1, line)
        assert max(http.seconds, grpc.seconds) < 4
        answers = world.kubelet(HTTP_GET, TCP_SOCKET, GRPC_CHECK)
        assert [answer.result for answer in answers] == ["failure", "success", "failure"]


def test_what_is_left_of_a_world_that_ended_in_the_middle_is_nothing():
    """On every way out; `mesh.world` itself looks for what is left."""
    with pytest.raises(RuntimeError), mesh.world() as world, world.application(), world.sidecar("STRICT"):
        assert mesh.leftovers([os.readlink(world.pod.path)]) != []
        raise RuntimeError

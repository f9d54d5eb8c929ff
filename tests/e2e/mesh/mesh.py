"""A pod in a mesh and the node beside it: two network namespaces, nginx and a gRPC server, Envoy, and the rules that
lead to it. No Kubernetes and no Istio, but what both would have put there.

Everything ends with the block that made it; `leftovers` looks whether it did. No traffic leaves the two namespaces.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import harness
import yaml
from envoy import ADMIN, INBOUND, READINESS, configuration
from harness import process, tool, wait_until

# A folder that every user may read: the programs, which tools/e2e-mesh puts there, and what the tests write.
FOLDER = Path(os.environ["E2E_MESH"])
EXEC_PROBE = FOLDER / "exec-probe"
PROBER = FOLDER / "prober"
ENVOY = FOLDER / "envoy"

# What the application writes.
OWN_FOLDER = FOLDER / "application"
LOG, SICK = OWN_FOLDER / "access.log", OWN_FOLDER / "sick"

NODE_IP, POD_IP = "10.96.7.1", "10.96.7.2"
HTTP, TLS, GRPC = 8080, 8443, 9090
# The ports of two exec-probe serve: one that no sidecar gets, and one that it does.
HEALTH, INCLUDED = 8086, 8087
# Nothing ever listens there.
NOBODY = 12345

# Users, by number, because no file need name them. Istio's rules know the sidecar by its own.
ROOT, APPLICATION, SIDECAR = 0, 33, 1337

# The words of the sidecar of examples/istio/serve.yaml, and the path of them that asks the application's /healthz.
SERVE = Path(__file__).parents[3] / "examples/istio/serve.yaml"
HEALTH_PATH = "/readyz"

# timeoutSeconds, and --timeout a tenth below.
TIMEOUT, OURS = "2s", "--timeout=1800ms"

NGINX = """
daemon off;
# One process: it can be stopped and killed as one.
master_process off;
error_log {own}/error.log crit;
pid {own}/nginx.pid;
events {{}}
http {{
    log_format line '$remote_addr $server_port "$http_user_agent" "$http_x_forwarded_client_cert"';
    access_log {own}/access.log line;
    client_body_temp_path {own}/temp; proxy_temp_path {own}/temp; fastcgi_temp_path {own}/temp;
    uwsgi_temp_path {own}/temp; scgi_temp_path {own}/temp;
    ssl_certificate {folder}/app.pem;
    ssl_certificate_key {folder}/app.key;
    server {{
        {listen}
        location = /healthz {{
            if (-f {own}/sick) {{ return 503 sick; }}
            return 200 ok;
        }}
    }}
}}
"""

# The chains that istio-init makes, with the ports that its injector leaves alone. Outbound traffic goes to 15001, where
# nothing listens here: no probe leaves the pod.
RULES = """*nat
:PREROUTING ACCEPT
:INPUT ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
:ISTIO_INBOUND -
:ISTIO_IN_REDIRECT -
:ISTIO_OUTPUT -
:ISTIO_REDIRECT -
-A ISTIO_IN_REDIRECT -p tcp -j REDIRECT --to-ports {inbound}
-A ISTIO_REDIRECT -p tcp -j REDIRECT --to-ports 15001
-A PREROUTING -p tcp -j ISTIO_INBOUND
{excluded}
-A ISTIO_INBOUND -p tcp -j ISTIO_IN_REDIRECT
-A OUTPUT -j ISTIO_OUTPUT
-A ISTIO_OUTPUT -o lo -s 127.0.0.6/32 -j RETURN
{own}
-A ISTIO_OUTPUT -d 127.0.0.1/32 -j RETURN
-A ISTIO_OUTPUT -p tcp -j ISTIO_REDIRECT
COMMIT
"""
# Once for the sidecar's user, once for its group: what it sends to the pod's own address comes in again, what others
# send over loopback passes, and what it sends out passes.
OWN = """-A ISTIO_OUTPUT -o lo ! -d 127.0.0.1/32 -p tcp ! --dport 15008 -m owner --{kind} 1337 -j ISTIO_IN_REDIRECT
-A ISTIO_OUTPUT -o lo -m owner ! --{kind} 1337 -j RETURN
-A ISTIO_OUTPUT -m owner --{kind} 1337 -j RETURN"""
PROXY_PORTS = (15008, 15020, READINESS, 15090)


def serve_words(port=HEALTH) -> list[str]:
    """Those, on this port."""
    pod = yaml.safe_load(SERVE.read_text())["spec"]["template"]["spec"]
    [sidecar] = pod["initContainers"]
    return [f"--listen=:{port}" if word.startswith("--listen=") else word for word in sidecar["args"]]


@dataclass(frozen=True)
class Answer:
    """What the kubelet makes of a probe, and what it shows of it."""

    result: str
    message: str


def ask(probes, within, timeout) -> list[Answer]:
    """What the kubelet's own probers say, asked from where the command leads; measured times stand as `(TIME)`."""
    done = subprocess.run(
        [*within, PROBER, timeout],
        input=json.dumps(probes),
        env={},
        cwd="/",
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    found = json.loads(done.stdout)
    return [Answer(one["result"], harness.TIME.sub("(TIME)", one["message"]).strip()) for one in found]


@dataclass(frozen=True)
class World:
    node: harness.Namespace
    pod: harness.Namespace

    def as_user(self, user) -> list:
        """The command into the pod's network as a user without privileges or other groups."""
        return [*self.pod.within, tool("setpriv"), f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]

    def kubelet(self, *probes) -> list[Answer]:
        """What the kubelet would find: command probes run in the pod as the application, all others from the node."""
        answers = [None] * len(probes)
        for within, command in ((self.node.within, False), (self.as_user(APPLICATION), True)):
            numbers = [number for number, probe in enumerate(probes) if (probe["handler"] == "exec") == command]
            for number, answer in zip(
                numbers, ask([probes[number] for number in numbers], within, TIMEOUT), strict=True
            ):
                answers[number] = answer
        return answers

    def exec_probe(self, *args, user=APPLICATION) -> harness.Ran:
        return harness.exec_probe(*args, within=self.as_user(user), binary=EXEC_PROBE)

    def curl(self, *args, within=None) -> subprocess.CompletedProcess:
        """curl from the node, unless told otherwise: exit code, and on standard output the status it got."""
        command = [*(within or self.node.within), tool("curl"), "--silent", "--max-time", "5", *args]
        return subprocess.run(command, env={}, cwd="/", capture_output=True, text=True, timeout=30)

    def client(self, *args) -> tuple[bool, str]:
        """Whether a client on the node got through, and the status it got: 000 for none."""
        done = self.curl("--output", "/dev/null", "--write-out", "%{http_code}", *args)
        return done.returncode == 0, done.stdout

    def listens(self, port) -> bool:
        """Looks into the tables of the process that holds the namespace."""
        here = Path(self.pod.path).parents[1] / "net"
        lines = [line.split() for name in ("tcp", "tcp6") for line in (here / name).read_text().splitlines()]
        return any(words[1].endswith(f":{port:04X}") and words[3] == "0A" for words in lines)

    @contextlib.contextmanager
    def rules(self, excluded=()):
        """What istio-init does, and undoing it."""
        returns = "\n".join(f"-A ISTIO_INBOUND -p tcp --dport {port} -j RETURN" for port in (*PROXY_PORTS, *excluded))
        own = "\n".join(OWN.format(kind=kind) for kind in ("uid-owner", "gid-owner"))
        self.restore(RULES.format(inbound=INBOUND, excluded=returns, own=own))
        yield
        self.restore("*nat\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n")

    def restore(self, rules):
        # Debian's default, named in full: the other one leaves a lock in /run.
        command = [*self.pod.within, tool("iptables-nft-restore")]
        subprocess.run(command, input=rules, check=True, capture_output=True, text=True)

    @contextlib.contextmanager
    def envoy(self, policy):
        """Envoy as the sidecar's user, once it is ready to work."""
        place = FOLDER / f"{policy}.json"
        place.write_text(json.dumps(configuration(policy, FOLDER)))
        command = [ENVOY, "-c", place, "--disable-hot-restart", "--concurrency", "2", "-l", "error"]
        with process([*self.as_user(SIDECAR), *command]) as running:
            wait_until(lambda: self.admin("ready") == "LIVE\n", "Envoy is ready")
            yield running

    def admin(self, path, *options) -> str:
        return self.curl(*options, f"http://127.0.0.1:{ADMIN}/{path}", within=self.pod.within).stdout

    def counters(self) -> dict[str, int]:
        """Of the inbound listener, those that are not zero."""
        lines = self.admin(f"stats?usedonly&filter=^listener.0.0.0.0_{INBOUND}").splitlines()
        found = (re.fullmatch(r"listener\.0\.0\.0\.0_\d+\.(\S+): (\d+)", line) for line in lines)
        return {line[1]: int(line[2]) for line in found if line}

    @contextlib.contextmanager
    def sidecar(self, policy, excluded=(), alive=True):
        """The rules and Envoy, which is up, or has died since."""
        with self.rules(excluded), self.envoy(policy) as running:
            if not alive:
                running.kill()
                running.wait()
            yield

    @contextlib.contextmanager
    def serve(self, *words):
        """exec-probe serve in the pod, once it listens."""
        with process([*self.as_user(APPLICATION), EXEC_PROBE, *words], stdout=subprocess.PIPE, text=True) as running:
            assert " listening on " in running.stdout.readline()
            yield

    @contextlib.contextmanager
    def application(self, host="0.0.0.0"):
        """nginx and a gRPC server as the application's user, once both listen."""
        app = Application()
        places = {HTTP: "", TLS: " ssl"}
        shown = f"[{host}]" if ":" in host else host
        listen = " ".join(f"listen {shown}:{port}{kind};" for port, kind in places.items())
        config = FOLDER / "nginx.conf"
        config.write_text(NGINX.format(folder=FOLDER, own=OWN_FOLDER, listen=listen))
        nginx = [*self.as_user(APPLICATION), tool("nginx"), "-c", config, "-e", OWN_FOLDER / "error.log"]
        # It becomes the application's user itself.
        grpc = [*self.pod.within, sys.executable, Path(__file__).with_name("application.py")]
        grpc += [f"{shown}:{GRPC}", str(APPLICATION)]
        with process(nginx) as web, process(grpc, stdout=subprocess.PIPE, text=True) as health:
            app.processes += [web, health]
            assert health.stdout.readline() == "listening\n"
            wait_until(lambda: self.listens(HTTP) and self.listens(TLS), "nginx listens")
            yield app


@dataclass
class Application:
    processes: list = field(default_factory=list)

    def __post_init__(self):
        """As if it had never run."""
        for path in (SICK, LOG):
            path.unlink(missing_ok=True)

    def requests(self) -> list[tuple[str, str, str]]:
        """What nginx was asked: from where, by which program, with whose certificate by Envoy's word."""
        found = re.findall(r'^(\S+) \d+ "([^"]*)" "([^"]*)"$', LOG.read_text(), re.MULTILINE)
        return [(address, agent.split("/")[0], certificate) for address, agent, certificate in found]

    def fall_sick(self):
        """503 and NOT_SERVING, the processes live on."""
        SICK.touch()
        self.processes[1].send_signal(signal.SIGUSR1)
        assert self.processes[1].stdout.readline() == "sick\n"

    def freeze(self):
        for running in self.processes:
            running.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, running.pid, os.WSTOPPED | os.WNOWAIT)

    def die(self):
        for running in self.processes:
            running.kill()
            running.wait()


@contextlib.contextmanager
def world():
    """Node and pod, joined by a pair of interfaces; on leaving, looks for what is left of them."""
    made = []
    with harness.namespace("ip link set lo up") as node, harness.namespace("ip link set lo up") as pod:
        made = [os.readlink(place.path) for place in (node, pod)]
        node.run("ip", "link", "add", "veth-node", "type", "veth", "peer", "name", "eth0", "netns", pod.path)
        for place, device, address in ((node, "veth-node", NODE_IP), (pod, "eth0", POD_IP)):
            place.run("ip", "address", "add", f"{address}/30", "dev", device)
            place.run("ip", "link", "set", device, "up")
        pod.run("ip", "route", "add", "default", "via", NODE_IP)
        yield World(node, pod)
    assert leftovers(made) == []


def leftovers(namespaces) -> list[str]:
    """What is left of namespaces: processes in them, names of them, and rules or interfaces outside of them."""
    left = []
    for place in Path("/proc").glob("[0-9]*/ns/net"):
        # Processes of others come and go.
        with contextlib.suppress(OSError):
            if os.readlink(place) in namespaces:
                left.append(str(place))
    left += [
        line for line in Path("/proc/self/mountinfo").read_text().splitlines() if any(x in line for x in namespaces)
    ]
    rules = subprocess.run([tool("iptables-nft-save")], check=True, capture_output=True, text=True).stdout
    left += [line for line in rules.splitlines() if "ISTIO_" in line]
    left += [line for line in Path("/proc/net/dev").read_text().splitlines() if "veth-node" in line]
    return left


def certificates(folder):
    """The mesh's authority, the sidecar's certificate, a client's in the mesh, and one that another authority made."""

    def openssl(*args):
        subprocess.run([tool("openssl"), *args], cwd=folder, check=True, capture_output=True)

    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    for name in ("mesh", "stranger"):
        wants = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"]
        openssl("req", "-x509", *new, "-subj", f"/O={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem", *wants)
    names = {"app": f"URI:spiffe://cluster.local/ns/demo/sa/app,IP:{POD_IP},DNS:localhost"}
    names |= {name: "URI:spiffe://cluster.local/ns/demo/sa/client" for name in ("client", "rogue")}
    for name, subject in names.items():
        authority = "stranger" if name == "rogue" else "mesh"
        signed = ["-CA", f"{authority}.pem", "-CAkey", f"{authority}.key"]
        wants = ["-addext", "basicConstraints=CA:FALSE", "-addext", "extendedKeyUsage=serverAuth,clientAuth"]
        wants += ["-addext", f"subjectAltName={subject}"]
        openssl(
            "req", "-x509", *new, *signed, "-subj", "/O=mesh", "-keyout", f"{name}.key", "-out", f"{name}.pem", *wants
        )
    # For Envoy and for nginx, each of which reads it as its own user.
    (folder / "app.key").chmod(0o644)

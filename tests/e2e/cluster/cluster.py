"""A cluster's API: etcd and kube-apiserver on loopback, asked by plain HTTP and by kubectl.

Runs inside of `in-namespaces`, which would end whatever is left; here both are stopped, kube-apiserver first: it
waits for etcd as long as it lives.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

from harness import process, tool

APISERVER = Path(os.environ["E2E_APISERVER"]) / "kube-apiserver"
ETCD = Path(os.environ["E2E_ETCD"]) / "etcd"
# Tokens, with the name, the id and the groups of who has them; the second may do nothing by itself, the third is a node.
TOKENS = "admin,admin,admin,system:masters\nshop,shop,shop\nkubelet,system:node:node,kubelet,system:nodes\n"
TRIAL = {"name": "trial", "image": "registry.example/shop:1", "livenessProbe": {"tcpSocket": {"port": 1}}}
# How a PATCH says what it is.
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def free_port() -> int:
    """Nobody else is in this network."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def wait(condition, what, within=30, every=0.02):
    """Asks until the answer is true, and gives that."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(every)
    return answer


class Refused(Exception):
    """An answer of the API that is no success: its status and message."""

    def __init__(self, status, message):
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.server = f"https://127.0.0.1:{self.port}"
        # Those of the last answer.
        self.warnings = []
        self._connection = None
        self._apiserver = self._flags = self._stack = None

    @contextlib.contextmanager
    def running(self):
        key = self.folder / "service-account.key"
        subprocess.run([tool("openssl"), "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        (self.folder / "tokens").write_text(TOKENS)
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        etcd = {
            "name": "one",
            "data-dir": self.folder / "etcd",
            "log-level": "warn",
            "unsafe-no-fsync": "true",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"one={peer}",
        }
        self._flags = {
            "etcd-servers": client,
            "bind-address": "127.0.0.1",
            "advertise-address": "127.0.0.1",
            "secure-port": self.port,
            "endpoint-reconciler-type": "none",
            # For `kubectl exec`: nobody here knows the node's name.
            "kubelet-preferred-address-types": "InternalIP",
            # It makes a certificate of its own, which is its own authority.
            "cert-dir": self.folder / "certificates",
            "service-cluster-ip-range": "10.0.0.0/24",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "token-auth-file": self.folder / "tokens",
            "authorization-mode": "Node,RBAC",
            "audit-policy-file": self.folder / "audit.yaml",
            "audit-log-path": self.folder / "audit.log",
        }
        policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}
        (self.folder / "audit.yaml").write_text(json.dumps(policy))
        with self._process(ETCD, etcd), contextlib.ExitStack() as stack:
            self._start(stack)
            yield self
            self._stop()

    def _start(self, stack):
        self._stack = stack
        self._apiserver = running = stack.enter_context(self._process(APISERVER, self._flags))

        def ready():
            assert running.poll() is None, (self.folder / "kube-apiserver.log").read_text()[-2000:]
            with contextlib.suppress(OSError, Refused):
                return self.get("/readyz") == "ok"

        wait(ready, "kube-apiserver is ready", 120, 0.1)

    def _stop(self):
        if self._connection:
            self._connection.close()
            self._connection = None
        self._apiserver.send_signal(signal.SIGTERM)
        self._apiserver.wait(60)

    def restart(self):
        """Starts kube-apiserver anew."""
        self._stop()
        self._start(self._stack)

    @contextlib.contextmanager
    def _process(self, program, flags):
        with (self.folder / f"{program.name}.log").open("w") as log:
            command = [program, *(f"--{name}={value}" for name, value in flags.items())]
            with process(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={}) as running:
                yield running

    # Plain HTTP

    def call(self, method, path, body=None, kind="application/json", token="admin"):
        """The decoded answer. What is no success is raised."""
        if self._connection is None:
            trusted = ssl.create_default_context(cafile=self.folder / "certificates/apiserver.crt")
            self._connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=trusted, timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
        try:
            self._connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except OSError:
            self._connection = None
            raise
        # 299 - "…", its quotes and backslashes escaped.
        found = [re.fullmatch(r'299 - "(.*)"', line)[1] for line in answer.headers.get_all("Warning") or []]
        self.warnings = [re.sub(r"\\(.)", r"\1", line) for line in found]
        is_json = answer.headers.get_content_type() == "application/json"
        content = json.loads(text) if is_json else text
        if answer.status >= 300:
            raise Refused(answer.status, content["message"] if is_json else content)
        return content

    def get(self, path):
        return self.call("GET", path)

    def patch(self, path, change, kind=STRATEGIC, **more):
        return self.call("PATCH", path, change, kind, **more)

    def namespace(self, name, **labels):
        """Makes one, with the ServiceAccount that a controller would make: without it there are no pods."""
        labels = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
        self.call("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.call("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})

    def create(self, pod, namespace, query="", **more):
        """Creates a pod and gives it as it is kept, which is as it was answered."""
        made = self.call("POST", f"{pods(namespace)}{query}", pod, **more)
        if not query:
            warnings = self.warnings
            assert self.get(f"{pods(namespace)}/{made['metadata']['name']}")["spec"] == made["spec"]
            self.warnings = warnings
        return made

    def wait_for_pods(self, namespace, condition):
        """Waits until a pod that would be created now is as it should be: of a label the API learns by a watch."""
        trial = {"metadata": {"name": "trial"}, "spec": {"containers": [TRIAL]}}
        wait(lambda: condition(self.create(trial, namespace, "?dryRun=All")), "pods are as they should be")

    # kubectl

    def kubectl(self, *words, stdin=None, cwd=None) -> str:
        """What it prints, warnings left out; it has to end well."""
        return self.kubectl_whole(*words, stdin=stdin, cwd=cwd).stdout

    def kubectl_whole(self, *words, stdin=None, cwd=None):
        done = subprocess.run(
            [tool("kubectl"), *words],
            input=stdin,
            cwd=cwd,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done

    def environment(self):
        """What kubectl, and a shell that runs it, find the cluster by."""
        config = self.folder / "kubeconfig"
        if not config.exists():
            self.write_kubeconfig(config, "admin")
        return {"KUBECONFIG": str(config), "HOME": str(self.folder), "PATH": os.environ["PATH"]}

    def write_kubeconfig(self, file, token):
        authority = str(self.folder / "certificates/apiserver.crt")
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.server, "certificate-authority": authority}}],
            "users": [{"name": token, "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": token}}],
            "current-context": "c",
        }
        file.write_text(json.dumps(content))

    def ends_namespaces(self, command, **options) -> str:
        """Runs a command of kubectl's that deletes a namespace and waits until it is gone: the part of a controller manager,
        which there is not, is played here. Gives what the command prints."""
        with process(command, env=self.environment(), stdout=subprocess.PIPE, text=True, **options) as running:

            def ended():
                for found in self.get("/api/v1/namespaces")["items"]:
                    if found["metadata"].get("deletionTimestamp"):
                        found["spec"]["finalizers"] = []
                        self.call("PUT", f"/api/v1/namespaces/{found['metadata']['name']}/finalize", found)
                return running.poll() is not None

            wait(ended, f"{command} has ended")
            assert running.returncode == 0, command
            return running.stdout.read()


def pods(namespace, name=None) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" + (f"/{name}" if name else "")

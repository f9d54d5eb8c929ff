"""A real kubelet in the cluster: what the policies make of a Deployment's pod, runs, where the pod as it stands never gets
ready. There is no scheduler and no controller: each pod names its node, and is created as a ReplicaSet would do it."""

import os
import re
import subprocess
from pathlib import Path

import pods
import pytest
from cluster import Refused, wait
from cluster import pods as path
from examples import IMAGES, add_images, controlled, pod_spec
from harness import TIME
from node import NAME, Node
from pages import commands
from pods import container, http, pod, workload

# The application listens on localhost alone, which the kubelet itself does not reach.
APPLICATION = ["/application", "/control", "127.0.0.1:8080"]
OFTEN = {"periodSeconds": 1, "timeoutSeconds": 2}
READ_ONLY = {"readOnlyRootFilesystem": True, "runAsUser": 65534} | pods.TIGHT
PROBES = {
    "startupProbe": http(8080, "/startupz") | OFTEN | {"failureThreshold": 60},
    "readinessProbe": http("web", "/healthz") | OFTEN,
    "livenessProbe": http(8080, "/livez") | OFTEN,
}
REFUSED = "Startup probe failed: Get"
# What the event says of an application that answers 503, by who asks.
SAID = {
    "image-volume": "http GET http://localhost:8080/healthz: status 503, wanted 200-399",
    "init-container": "http GET http://localhost:8080/healthz: status 503, wanted 200-399",
    "serve": "HTTP probe failed with statuscode: 503",
}


@pytest.fixture(scope="module")
def node(cluster):
    """A node of the cluster, whose API knows it and has seen it ready."""
    folder = cluster.folder / "node"
    folder.mkdir()
    node = Node(folder)
    node.start_containerd()
    add_images(node, Path(os.environ["E2E_PROGRAMS"]))
    kubeconfig = folder / "kubeconfig"
    cluster.write_kubeconfig(kubeconfig, "kubelet")
    kubelet = node.start_kubelet(kubeconfig)

    def ready():
        try:
            conditions = cluster.get(f"/api/v1/nodes/{NAME}")["status"]["conditions"]
        except Refused:
            return False
        return ("Ready", "True") in [(one["type"], one["status"]) for one in conditions]

    wait(ready, "the node is ready", 60)
    yield node
    # Before kube-apiserver, which waits for those that watch it.
    kubelet.terminate()
    kubelet.wait(30)


def deployed(node, name):
    """The pod of a Deployment whose probes are the kubelet's own."""
    ports = [{"name": "web", "containerPort": 8080}]
    one = container(image=IMAGES["shop"], command=APPLICATION, ports=ports, securityContext=READ_ONLY, **PROBES)
    template = workload("Deployment", pod(one))["spec"]["template"]
    controlled(template["spec"], node, name)
    return template


class Running:
    """A Deployment's pod on the node."""

    def __init__(self, cluster, node, namespace, name, template):
        self.cluster, self.namespace, self.name = cluster, namespace, name
        self.control = node.folder / "control" / name
        template["metadata"] |= {"name": name}
        template["spec"]["nodeName"] = NAME
        self.made = cluster.create(template, namespace)

    def status(self):
        return self.cluster.get(path(self.namespace, self.name))["status"]

    def conditions(self):
        return {one["type"]: one["status"] for one in self.status().get("conditions", [])}

    def ready(self):
        return self.conditions().get("Ready") == "True"

    def restarts(self):
        return self.status()["containerStatuses"][0]["restartCount"]

    def events(self):
        """As `kubectl describe` shows them: the kind, the reason and the text of each."""
        shown = self.cluster.kubectl("describe", "pod", "--namespace", self.namespace, self.name)
        # Type, reason, age (in brackets, where it has come more often), who says so, and the text.
        lines = shown.partition("\nEvents:")[2].splitlines()
        return [" ".join(line.split()) for line in lines[3:]]

    def delete(self):
        self.cluster.call("DELETE", path(self.namespace, self.name), {"gracePeriodSeconds": 1})

        def gone():
            try:
                self.status()
            except Refused:
                return True

        wait(gone, f"{self.name} is gone", 60)


@pytest.fixture
def run(cluster, node):
    """Runs a pod in a namespace, until the end of the test."""
    running = []

    def start(namespace, name, template=None):
        running.append(Running(cluster, node, namespace, name, template or deployed(node, name)))
        return running[-1]

    yield start
    for one in running:
        one.delete()


@pytest.mark.parametrize("variant", SAID)
def test_a_deployments_pod_is_ready_where_it_is_rewritten_and_never_elsewhere(cluster, applied, run, variant):
    applied.apply(variant, IMAGES["exec-probe"])
    plain = run("plain", f"plain-{variant}")
    shop = run("shop", f"shop-{variant}")
    assert plain.made["spec"]["containers"][0]["startupProbe"]["httpGet"]["port"] == 8080
    assert variant == "serve" or all("exec" in shop.made["spec"]["containers"][0][name] for name in PROBES)

    wait(shop.ready, "the rewritten pod is ready", 60, 0.2)
    told = [line for line in shop.events() if "Unhealthy" in line]
    assert told == [], told

    # The line of a sick application, and not a word of the healthy probes.
    (shop.control / "healthz").write_text("503")
    wait(lambda: not shop.ready(), "the rewritten pod is unready", 30, 0.2)
    line = f"Readiness probe failed: {SAID[variant]}"
    wait(lambda: any(one.endswith(line) for one in shop.events()), "the event is there", 30, 0.2)
    (shop.control / "healthz").unlink()
    wait(shop.ready, "the rewritten pod is ready again", 30, 0.2)

    (shop.control / "livez").write_text("503")
    wait(lambda: shop.restarts() == 1, "it is restarted", 60, 0.2)
    (shop.control / "livez").unlink()
    events = [one for one in shop.events() if "Liveness" in one or "Killing" in one]
    assert len(events) == 2, shop.events()
    assert any(one.endswith("Container shop failed liveness probe, will be restarted") for one in events)
    wait(shop.ready, "it is ready after its restart", 30, 0.2)

    # Meanwhile the other one has been asked every second.
    assert not plain.ready()
    [told] = [one for one in plain.events() if "Unhealthy" in one]
    assert REFUSED in told and told.endswith("connect: connection refused"), told
    assert int(re.search(r"\(x(\d+) over ", told)[1]) >= 5, told


def test_the_pages_commands_for_kubectl_ask_in_a_pod_and_from_beside_it(cluster, node, run):
    # The part of a controller manager, which there is not.
    cluster.call("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    template = {"metadata": {}, "spec": pod_spec("kubernetes/init-container", node, "by-hand")}
    running = run("default", "by-hand", template)
    wait(running.ready, "the example is ready", 60, 0.2)
    inside, beside = (line for line in commands("docs/troubleshooting.md") if line.startswith("kubectl "))
    assert "kubectl exec POD -c shop -- " in inside and "kubectl debug POD --image=registry.example/exec-probe " in beside
    for line in inside, beside:
        line = line.replace("POD", "by-hand").replace("registry.example/exec-probe", IMAGES["exec-probe"])
        done = subprocess.run(
            ["bash", "-c", line],
            env=cluster.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (line, done)
        # Of two streams, a terminal or its log makes one.
        said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        assert any(one.startswith("headers: status 200 ") for one in said), (line, said)
        told = [TIME.sub("(TIME)", one) for one in said]
        assert "http GET http://localhost:8080/healthz: status 200 (TIME)" in told, (line, said)

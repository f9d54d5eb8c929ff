"""The processor time that a probe costs the node: kubelet, containerd, its shims, runc and the containers together."""

import contextlib
import os
import time
from pathlib import Path

import harness
from examples import IMAGES, controlled, pod_template
from node import CGROUP

# Seconds for which probes of one kind are counted, before it is the next kind's turn.
SECONDS = 8
# How often it is each kind's turn. E2E_TIMES=30 is what docs/cost.md shows.
ROUNDS = max(1, int(os.environ.get("E2E_TIMES", "5")) // 6)
# Containers that are probed in the same way, once a second; each has two probes.
ASKED = 4

IDLE = "nothing is asked"
WAYS = {
    IDLE: None,
    "httpGet": {"httpGet": {"path": "/healthz", "port": 8080}},
    # It asks for the application's /healthz.
    "httpGet to exec-probe serve": {"httpGet": {"path": "/readyz", "port": 8086}},
    "a program that does nothing": {"exec": {"command": ["/nothing"]}},
    "exec-probe http": {"exec": {"command": ["/probe/exec-probe", "http", ":8080/healthz"]}},
    "curl -f": {"exec": {"command": ["curl", "-f", "http://localhost:8080/healthz"]}},
}


def pod_spec(node, name, way):
    """The same containers for each way, so that the node has as much to do beside its probes."""
    [sidecar] = pod_template("kubernetes/serve")["initContainers"]
    containers = [
        {"name": "shop", "image": IMAGES["shop"], "command": ["/application", "/control", "8080"]},
        {"name": "serve", "image": IMAGES["exec-probe"], "args": sidecar["args"]},
    ]
    probe = way and way | {"periodSeconds": 1, "timeoutSeconds": 5}
    for number in range(ASKED):
        asked = {
            "name": f"asked-{number}",
            "image": IMAGES["curl"],
            "command": ["/application", "/control"],
            "volumeMounts": [{"name": "probe", "mountPath": "/probe"}],
        }
        containers.append(asked | ({"livenessProbe": probe, "readinessProbe": probe} if probe else {}))
    containers = [container | {"imagePullPolicy": "Never"} for container in containers]
    volume = {"name": "probe", "image": {"reference": IMAGES["exec-probe"], "pullPolicy": "Never"}}
    return controlled({"containers": containers, "volumes": [volume]}, node, name)


def outside():
    """Processes that the node's control group does not count."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if CGROUP not in (process / "cgroup").read_text():
                found.add(int(process.name))
    return found


def measure(node, name, way):
    """How often was asked in the time; the seconds of processor time that the node needed in it, and those in the pods."""

    def asked():
        counts = node.probe_metrics("prober_probe_duration_seconds_count")
        return sum(count for (pod, *_), count in counts.items() if pod == name)

    with node.pod(name, pod_spec(node, name, way)) as pod:
        pod.wait_ready()
        # The kubelet still ends the pod before this one, and starts the last of its probes. Nothing tells when that is over.
        time.sleep(3)
        already, before = asked(), node.processor_time()
        time.sleep(SECONDS)
        after, count = node.processor_time(), asked() - already
        # This process, and the one that keeps its namespaces.
        assert outside() <= {1, os.getpid()}
        assert (pod.restarts(), pod.events()) == (0, []), pod.story()
    assert bool(count) == bool(way)
    return count, *(now - then for now, then in zip(after, before, strict=True))


def test_processor_time_of_the_node(node, versions):
    # In turns, because what else the machine does makes the same work dearer.
    found = {name: [] for name in WAYS}
    for turn in range(ROUNDS):
        for number, (name, way) in enumerate(WAYS.items()):
            found[name].append(measure(node, f"cpu-{turn}-{number}", way))
    found = {name: tuple(map(sum, zip(*turns, strict=True))) for name, turns in found.items()}
    [_, *idle] = found.pop(IDLE)
    cost = {}
    rows = [("probe", "times", "whole node", "of it in the pods")]
    for name, (count, *needed) in found.items():
        cost[name] = [(with_it - without) / count for with_it, without in zip(needed, idle, strict=True)]
        rows.append((name, int(count), *(f"{1000 * each:.1f} ms" for each in cost[name])))
    rows.append((f"{IDLE}, a second", "", *(f"{1000 * each / ROUNDS / SECONDS:.1f} ms" for each in idle)))
    harness.REPORTS[f"processor time of a probe ({versions})"] = rows

    whole, inside = ({name: each[part] for name, each in cost.items()} for part in (0, 1))
    # These ratios are far from their bounds on any machine: an exec costs twenty times what serve does, and curl's work in
    # the container is three times that of exec-probe.
    assert whole["httpGet to exec-probe serve"] < whole["exec-probe http"] / 4
    assert inside["exec-probe http"] < inside["curl -f"]

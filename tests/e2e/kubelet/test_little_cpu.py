"""What a probe costs in a container that may use little of a processor: measured by the kubelet and by the control group."""

import os
import statistics
import time

import harness
import pytest
from conftest import PROGRAMS, libraries
from examples import IMAGES, TOKEN, controlled

# How often each is asked. E2E_TIMES=30 is what docs/cost.md shows.
TIMES = int(os.environ.get("E2E_TIMES", "5"))
LIMITS = ["20m", "50m"]
HTTP, GRPC = "localhost:8080", "localhost:9090"
SERVICE, HEADER = "orders.v1", f"authorization: Bearer {TOKEN}"
WAYS = {
    "exec-probe http": ["/exec-probe", "http", f"http://{HTTP}/healthz"],
    "curl -f": ["/usr/bin/curl", "-f", f"http://{HTTP}/healthz"],
    "exec-probe grpc": ["/exec-probe", "grpc", "-H", HEADER, f"--service={SERVICE}", GRPC],
    "grpc_health_probe": [
        *("/grpc_health_probe", f"-addr={GRPC}", f"-service={SERVICE}", f"-rpc-header={HEADER}"),
        *("-connect-timeout=29s", "-rpc-timeout=29s"),
    ],
}
IMAGE = "localhost/probers:1"


@pytest.fixture(scope="module")
def probers(node):
    """An image with all of them, and what keeps a container running."""
    curl = harness.tool("curl")
    own = {f"/{name}": PROGRAMS / name for name in ("application", "grpc_health_probe")}
    node.add_image(IMAGE, {}, own | {"/exec-probe": harness.MUSL, "/usr/bin/curl": curl, **libraries(curl)})


def name_of(limit, way):
    return f"{way} {limit}".replace(" -", "-").replace(" ", "-").replace("_", "-")


def test_where_processor_time_is_short(node, probers, versions):
    # The servers are containers of their own: what they need is not counted.
    server = {"image": IMAGES["shop"], "imagePullPolicy": "Never"}
    containers = [
        server | {"name": "http", "command": ["/application", "/control", "8080"]},
        server
        | {
            "name": "grpc",
            "command": ["/grpc-application", "/control", "", "9090"],
            "volumeMounts": [{"name": "control", "mountPath": "/control", "readOnly": True}],
        },
    ]
    asked = {name_of(limit, way): (limit, way) for limit in LIMITS for way in WAYS}
    for name, (limit, way) in asked.items():
        probe = {"exec": {"command": WAYS[way]}, "periodSeconds": 5, "timeoutSeconds": 30, "failureThreshold": 1}
        containers.append(
            {
                "name": name,
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": ["/application", "/control"],
                "resources": {"limits": {"cpu": limit, "memory": "64Mi"}},
                "livenessProbe": probe,
            }
        )
    spec = controlled({"containers": containers}, node, "short")
    (node.folder / "control" / "short" / "token").write_text(TOKEN)
    with node.pod("short", spec) as pod:
        pod.wait_ready(120)
        samples = measure(node, pod, asked)
        assert (pod.restarts(), pod.events()) == (0, []), pod.story()
    rows = [("CPU", "probe", "times", "median", "throttled")]
    for name, (limit, way) in asked.items():
        lasted, throttled = (statistics.median(values) for values in zip(*samples[name], strict=True))
        rows.append((limit, way, len(samples[name]), f"{1000 * lasted:.0f} ms", f"{1000 * throttled:.0f} ms"))
    harness.REPORTS[f"where processor time is short ({versions})"] = rows


def measure(node, pod, containers):
    """For each container, as often as wanted, how long one probe lasted by the kubelet's own measure, and for how much of
    it the container was throttled."""
    samples = {name: [] for name in containers}
    before = None
    deadline = time.monotonic() + 60 + 20 * TIMES
    while min(map(len, samples.values())) < TIMES:
        assert time.monotonic() < deadline, (samples, pod.story())
        counts, sums = (node.probe_metrics(f"prober_probe_duration_seconds_{part}") for part in ("count", "sum"))
        now = {}
        for name in containers:
            key = (pod.name, name, "Liveness", None)
            now[name] = (counts.get(key, 0), sums.get(key, 0), pod.throttled(name))
            if before is None or now[name][0] == before[name][0]:
                # Throttled meanwhile, by a probe that is not at its end: kept for when it is.
                now[name] = before[name] if before else now[name]
                continue
            count, lasted, throttled = (new - old for new, old in zip(now[name], before[name], strict=True))
            # Two probes between two looks can't be told apart, and the first one is not seen from its beginning.
            if count == 1 and before[name][0] > 0 and len(samples[name]) < TIMES:
                samples[name].append((lasted, throttled))
        before = now
        # Not too often: who is asked has work of its own.
        time.sleep(0.5)
    return samples

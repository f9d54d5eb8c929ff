"""exec-probe in the probes of pods, under a real kubelet: what it makes of each outcome, and what it costs."""

import copy
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import harness
import pytest
from examples import IMAGES, TOKEN, controlled, every_second, pod_spec, pod_template, stand_in, with_probes

RUNS = {}


def run(*rows):
    """Marks a run, for each row of further arguments. All go on at once: they mostly wait for the next probe."""

    def keep(function):
        for row in rows or [()]:
            name = " ".join([function.__name__, *row]).replace("_", " ")
            RUNS[name] = (function, row)
        return function

    return keep


@pytest.fixture(scope="module")
def runs(node):
    with ThreadPoolExecutor(len(RUNS)) as pool:
        yield {name: pool.submit(function, node, *row) for name, (function, row) in RUNS.items()}


@run(["init-container"], ["image-volume"])
def example(node, name):
    with node.pod(name, pod_spec(name, node, name)) as pod:
        pod.wait_ready()
        address = pod.status()["podIP"]

        pod.set("healthz", "503")
        pod.wait(lambda: not pod.ready(), "unready")
        told = f"Readiness probe failed: http GET http://{address}:8080/healthz: status 503, wanted 200-399"
        assert set(pod.events()) == {told}, pod.story()
        pod.clear("healthz")
        pod.wait_ready()
        assert pod.restarts() == 0

        pod.set("livez", "503")
        pod.wait(lambda: pod.restarts() == 1, "restarted", 60)
        told = "Liveness probe failed: http GET http://localhost:8080/livez: status 503, wanted 200-399"
        # The new container's startup probe may have been asked already.
        assert pod.events().count(told) == 3, pod.story()
        assert pod.events("Killing") == ["Container shop failed liveness probe, will be restarted"], pod.story()
        pod.clear("livez")
        pod.wait_ready()
        assert pod.restarts() == 1


@run()
def example_grpc_tls(node):
    spec = pod_spec("grpc-tls", node, "grpc-tls")
    (node.folder / "control" / "grpc-tls" / "token").write_text(TOKEN)
    with node.pod("grpc-tls", spec) as pod:
        pod.wait_ready()
        address = pod.status()["podIP"]
        line = f"Readiness probe failed: grpc {address}:8443 service orders.v1: "

        pod.set("orders.v1", "NOT_SERVING")
        pod.wait(lambda: not pod.ready(), "unready")
        assert set(pod.events()) == {f"{line}NOT_SERVING, wanted SERVING"}, pod.story()
        pod.clear("orders.v1")
        pod.wait_ready()
        # Liveness is content with the refusal it gets, as the example says.
        pod.wait(lambda: successes(node, pod)["Liveness"] >= 2, "asked twice", 60)
        assert pod.restarts() == 0


@run()
def istio_example_by_http(node):
    with node.pod("istio-http", pod_spec("liveness-http", node, "istio-http")) as pod:
        pod.wait_ready()
        pod.wait(lambda: successes(node, pod)["Liveness"] >= 1, "asked", 60)
        pod.set("foo", "503")
        pod.wait(lambda: pod.restarts() == 1, "restarted", 60)
        told = "Liveness probe failed: http GET http://localhost:8001/foo: status 503, wanted 200-399"
        assert pod.events() == [told] * 3, pod.story()


@run()
def istio_example_by_a_file(node):
    """The file is the application's to keep; here it is kept from outside, in a folder of the node."""
    spec = pod_spec("liveness-command", node, "istio-file")
    kept = node.folder / "istio-file"
    kept.mkdir()
    (kept / "healthy").touch()
    [tmp] = [volume for volume in spec["volumes"] if volume["name"] == "tmp"]
    del tmp["emptyDir"]
    tmp["hostPath"] = {"path": str(kept), "type": "Directory"}
    # Port 80 is for root only on this node.
    spec["containers"][0]["command"][-1] = "8080"
    with node.pod("istio-file", spec) as pod:
        pod.wait_ready()
        pod.wait(lambda: successes(node, pod)["Liveness"] >= 1, "asked", 60)
        (kept / "healthy").unlink()
        pod.wait(lambda: pod.restarts() == 1, "restarted", 60)
        assert pod.events() == ["Liveness probe failed: file /tmp/healthy: no such file"] * 3, pod.story()


# Where each mesh's sidecar tells its readiness, and the path. The real Envoy is asked in tests/e2e/mesh; Linkerd's proxy
# is in no registry that these tests can reach.
ISTIO, LINKERD = (15021, "healthz/ready"), (4191, "ready")


@run(
    ["istio/wait-init"],
    ["istio/wait-post-start"],
    ["istio/wait-then"],
    ["linkerd/wait-init"],
    ["linkerd/wait-post-start"],
)
def example_that_waits_for_a_sidecar(node, example):
    """Beside a stand-in for the sidecar that is there and not ready, then ready."""
    name = example.replace("/", "-")
    port, path = ISTIO if example.startswith("istio") else LINKERD
    spec = pod_spec(example, node, name)
    [shop] = spec["containers"]
    sidecar, volume = stand_in(node, name, port)
    spec["volumes"].append(volume)
    if example.endswith("init"):
        spec["initContainers"].insert(0, sidecar | {"restartPolicy": "Always"})
    else:
        # As Istio and Linkerd have it. The kubelet starts what comes after a hook once that has ended.
        spec["containers"].insert(0, sidecar)
    if example.endswith("then"):
        # Nothing but what the image's entry point has after it.
        _, *shop["args"] = shop.pop("command")
        shop["image"] = IMAGES["then"]
    told = node.folder / "control" / f"{name}-sidecar" / path
    told.parent.mkdir(exist_ok=True)
    told.write_text("503")

    def started():
        """The application, by its port: the same program is the pod's pause and the sidecar."""
        found = pod.all_processes("shop") + pod.all_processes("application")
        return [one for one in found if b"8080" in Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")]

    with node.pod(name, spec) as pod:
        [waiting] = pod.wait(lambda: list(filter(harness.is_waiting, pod.all_processes("exec-probe"))), "waits")
        assert not pod.ready()
        # A hook runs beside its application.
        assert bool(started()) == example.endswith("post-start"), pod.story()
        told.unlink()
        pod.wait_ready()
        [application] = started()
        # What waited has become the application, or is gone. A probe may just be asking.
        assert (application == waiting) == example.endswith("then")
        assert waiting not in pod.all_processes("exec-probe")
        assert all(found["restartCount"] == 0 for found in pod.status()["containerStatuses"]), pod.story()


@run()
def example_three_probes(node):
    """The file is the worker's to touch; here it is touched from outside, in a folder of the node."""
    spec = pod_spec("three-probes", node, "three")
    kept = node.folder / "three"
    kept.mkdir()
    beat = kept / "worker"
    beat.touch()
    [volume] = [volume for volume in spec["volumes"] if volume["name"] == "beat"]
    del volume["emptyDir"]
    volume["hostPath"] = {"path": str(kept), "type": "Directory"}
    [shop] = spec["containers"]
    shop["livenessProbe"] |= {"periodSeconds": 1, "failureThreshold": 100}
    with node.pod("three", spec) as pod:
        pod.wait_ready()
        pod.wait(lambda: successes(node, pod)["Liveness"] >= 2, "asked twice", 60)
        assert pod.events() == [], pod.story()
        pod.set("livez", "503")
        told = "Liveness probe failed: http GET http://localhost:8080/livez: status 503, wanted 200-399"
        pod.wait(lambda: told in pod.events(), "the first is unwell")
        long_ago = time.time() - 7200
        os.utime(beat, (long_ago, long_ago))
        pod.clear("livez")
        stale = "Liveness probe failed: file /beat/worker: not modified in the last 60s"
        pod.wait(lambda: stale in pod.events(), "the last is unwell")
        assert pod.restarts() == 0


@run()
def example_serve(node):
    """httpGet on a sidecar that asks: the kubelet tells the status, the sidecar's log the line."""
    with node.pod("serve", pod_spec("kubernetes/serve", node, "serve")) as pod:
        pod.wait_ready()

        def asked(times):
            told = successes(node, pod)
            return told["Readiness"] >= times and told["Liveness"] >= times

        pod.wait(lambda: asked(2), "asked twice", 60)
        assert (pod.ready(), pod.restarts(), pod.events()) == (True, 0, []), pod.story()

        pod.set("healthz", "503")
        pod.wait(lambda: not pod.ready(), "unready")
        assert set(pod.events()) == {"Readiness probe failed: HTTP probe failed with statuscode: 503"}, pod.story()
        pod.clear("healthz")
        pod.wait_ready()
        readyz = "/readyz: http GET http://localhost:8080/healthz: "
        told = [line.removeprefix(readyz) for line in pod.log("exec-probe") if line.startswith(readyz)]
        # While the application starts nobody may answer yet.
        assert "status 503, wanted 200-399" in told and told[-1].startswith("status 200"), told

        # A sidecar that dies is restarted, and the application is not.
        assert pod.memory_limit("exec-probe", "exec-probe") == 8 << 20
        [killed] = pod.processes("exec-probe", "exec-probe")
        os.kill(killed, signal.SIGKILL)
        pod.wait(lambda: pod.container("exec-probe")["restartCount"] == 1, "the sidecar is restarted", 60)
        before = successes(node, pod)["Liveness"]
        pod.wait(lambda: asked(before + 1), "asked again", 60)
        pod.wait_ready()
        assert pod.restarts() == 0, pod.story()

        pod.hang()
        timeout = "Readiness probe failed: HTTP probe failed with statuscode: 504"
        pod.wait(lambda: timeout in pod.events(), "hung")
        pod.go_on()
        pod.wait_ready()

        pod.set("livez", "503")
        pod.wait(lambda: pod.restarts() == 1, "restarted", 60)
        told = "Liveness probe failed: HTTP probe failed with statuscode: 503"
        assert pod.events().count(told) == 3, pod.story()
        assert pod.events("Killing") == ["Container shop failed liveness probe, will be restarted"], pod.story()
        pod.clear("livez")
        pod.wait_ready()


def successes(node, pod):
    """How many probes of each kind were healthy so far."""
    totals = node.probe_metrics("prober_probe_total")
    kinds = ("Startup", "Readiness", "Liveness")
    container = pod.container().get("name")
    return {kind: totals.get((pod.name, container, kind, "successful"), 0) for kind in kinds}


# Of a pod whose image holds curl.
SEED = {
    "exec": {"command": ["curl", "-f", "http://localhost:8080/healthz"]},
    "initialDelaySeconds": 10,
    "periodSeconds": 5,
}


@run(["image"], ["init-container"])
def curl_by_its_name_alone(node, how):
    """The probe as it stood before, where there is no curl but exec-probe by its name."""
    name = f"curl-{how}"
    shop = {"name": "shop", "imagePullPolicy": "Never", "command": ["/application", "/control", "8080"]}
    spec = {"containers": [shop | {"image": IMAGES["dropin"], "livenessProbe": SEED}]}
    if how == "init-container":
        [container] = spec["containers"]
        mount = {"name": "probe", "mountPath": "/probe"}
        install = {"name": "exec-probe", "image": IMAGES["exec-probe"], "imagePullPolicy": "Never"}
        spec["initContainers"] = [install | {"args": ["install", "--link", "curl", "/probe"], "volumeMounts": [mount]}]
        spec["volumes"] = [{"name": "probe", "emptyDir": {"sizeLimit": "8Mi"}}]
        container |= {"image": IMAGES["shop"], "env": [{"name": "PATH", "value": "/probe"}], "volumeMounts": [mount]}
    with node.pod(name, controlled(spec, node, name)) as pod:
        pod.wait_ready()
        pod.wait(lambda: successes(node, pod)["Liveness"] >= 4, "asked four times", 90)
        assert (pod.ready(), pod.restarts(), pod.events()) == (True, 0, []), pod.story()

        pod.set("healthz", "503")
        pod.wait(lambda: pod.restarts() == 1, "restarted", 90)
        told = pod.events()
        assert len(told) == 3 and len(set(told)) == 1, pod.story()
        assert told[0].startswith("Liveness probe failed: curl: (22) ") and "503" in told[0], pod.story()
        pod.clear("healthz")
        pod.wait_ready()


@run()
def hung_application_is_told_by_its_phase(node):
    with node.pod("hung", pod_spec("init-container", node, "hung")) as pod:
        pod.wait_ready()
        address = pod.status()["podIP"]
        pod.hang()
        pod.wait(lambda: len(set(pod.events())) == 2, "both probes failed")
        assert set(pod.events()) == {
            f"Readiness probe failed: http GET http://{address}:8080/healthz: no response headers in 1800ms",
            "Liveness probe failed: http GET http://localhost:8080/livez: no response headers in 1800ms "
            "(connected to 127.0.0.1:8080)",
        }
        pod.go_on()
        pod.wait_ready()
        assert pod.restarts() == 0


@run()
def hung_application_and_a_timeout_too_long(node):
    """The kubelet kills the probe, whose words are lost; nothing of it stays."""

    def longer(probe):
        command = ["--timeout=29s" if word == "--timeout=1800ms" else word for word in probe["exec"]["command"]]
        return every_second(probe) | {"exec": {"command": command}, "failureThreshold": 100}

    spec = with_probes(pod_spec("init-container", node, "killed"), longer)
    with node.pod("killed", spec) as pod:
        pod.wait_ready()
        pod.hang()
        waiting = pod.wait(lambda: pod.processes("exec-probe"), "a probe waits")
        pod.wait(lambda: len(set(pod.events())) == 2, "both probes failed")
        targets = {"Readiness": "{env.POD_IP}:8080/healthz", "Liveness": ":{env.PORT}/livez"}
        assert set(pod.events()) == {
            f"{kind} probe failed: command timed out: "
            f'"/probe/exec-probe http --timeout=29s {target}" timed out after 2s'
            for kind, target in targets.items()
        }
        # Not by their control group, where a process that nobody collects is no more.
        pod.wait(lambda: not any(Path(f"/proc/{process}").exists() for process in waiting), "the killed are gone", 5)
        pod.go_on()
        pod.wait_ready()
        pod.wait(lambda: not pod.processes("exec-probe"), "no probe is left", 5)
        assert pod.restarts() == 0


@run()
def little_cpu_and_memory(node):
    spec = with_probes(pod_spec("init-container", node, "little"), every_second)
    spec["containers"][0]["resources"] = {"limits": {"cpu": "20m", "memory": "16Mi"}}
    with node.pod("little", spec) as pod:
        pod.wait_ready(60)
        probes_succeed(node, pod, 5)
        count, seconds = durations(node, "little", "shop", "Liveness")
        title = "what it measures in a container with 20m CPU and 16Mi memory"
        harness.REPORTS[title] = [("probe", "times", "mean"), row("exec-probe http", count, seconds)]


@run()
def one_process_more_and_no_other(node):
    """runc moves its threads into the control group, which no limit forbids, and leaves one there: the probe."""
    with node.pod("narrow", with_probes(pod_spec("init-container", node, "narrow"), every_second)) as pod:
        pod.wait_ready()
        pod.limit_processes_to_one_more()
        probes_succeed(node, pod, 10)


def durations(node, pod, container, kind):
    """How many probes of this kind the kubelet has timed, and their seconds together."""
    parts = (node.probe_metrics(f"prober_probe_duration_seconds_{part}") for part in ("count", "sum"))
    return tuple(part.get((pod, container, kind, None), 0) for part in parts)


def row(name, count, seconds):
    return name, int(count), f"{1000 * seconds / count:.1f} ms"


def probes_succeed(node, pod, count):
    """Asserts that readiness and liveness are healthy this many times more, and never otherwise."""
    before = successes(node, pod)

    def more():
        now = successes(node, pod)
        return all(now[kind] >= before[kind] + count for kind in ("Readiness", "Liveness"))

    pod.wait(more, f"{count} more probes succeed", 60)
    assert (pod.restarts(), pod.events()) == (0, []), pod.story()


@run()
def missing_binary_is_ignored(node):
    """What README warns of, and its remedy: only a startup probe makes a wrong path loud."""
    command = ["/nowhere/exec-probe", "http", ":8080/livez"]
    probe = {"exec": {"command": command}, "periodSeconds": 1, "failureThreshold": 1}
    application = {"image": IMAGES["shop"], "imagePullPolicy": "Never", "command": ["/application", "/control"]}
    containers = [
        application | {"name": "liveness", "livenessProbe": probe},
        application | {"name": "startup", "startupProbe": probe},
    ]
    with node.pod("missing", controlled({"containers": containers}, node, "missing")) as pod:

        def ignored(container):
            text = "probe errored and resulted in unknown state"
            events = [event for event in node.events() if (event.pod, event.container) == ("missing", container)]
            return sum(text in event.message for event in events)

        pod.wait(lambda: ignored("liveness") >= 5 and ignored("startup") >= 5, "five probes of each are ignored", 30)
        [liveness, startup] = (pod.container(name) for name in ("liveness", "startup"))
        assert (liveness["restartCount"], liveness["ready"]) == (0, True), pod.story()
        assert (startup["restartCount"], startup["ready"], startup["started"]) == (0, False, False), pod.story()


@pytest.mark.parametrize("name", RUNS)
def test_run(runs, name):
    runs[name].result()


def command(*words):
    return {"exec": {"command": list(words)}}


def measured(node, name, ways, containers, volumes=()):
    """The kubelet's own measure of the ways to ask, by container and kind of probe, which is how it counts: how many
    probes, and their seconds together. All are asked once a second, side by side."""
    # docs/cost.md shows E2E_TIMES=30.
    times = int(os.environ.get("E2E_TIMES", "10"))
    spec = {"containers": [], "volumes": list(volumes)}
    for container in copy.deepcopy(containers):
        probes = {kind: way for (of, kind), way in ways.items() if of == container["name"]}
        times_of = {"periodSeconds": 1, "timeoutSeconds": 2}
        asked = {f"{kind.lower()}Probe": way | times_of for kind, way in probes.items()}
        spec["containers"].append(container | {"imagePullPolicy": "Never"} | asked)

    def measure():
        return {way: durations(node, name, *way) for way in ways}

    with node.pod(name, controlled(spec, node, name)) as pod:
        pod.wait_ready()
        before = measure()

        def enough():
            now = measure()
            return now if all(now[way][0] >= before[way][0] + times for way in ways) else None

        # Once a second, because these questions are work for the kubelet as well.
        after = pod.wait(enough, "enough probes", 3 * times, every=1)
        assert (pod.restarts(), pod.events()) == (0, []), pod.story()
    return {way: tuple(now - then for now, then in zip(after[way], before[way], strict=True)) for way in ways}


def application(name, *ports, **more):
    """Its first one answers on port 8080; the others only wait."""
    return {"name": name, "image": IMAGES["shop"], "command": ["/application", "/control", *ports], **more}


PROBE_VOLUME = {"name": "probe", "image": {"reference": IMAGES["exec-probe"], "pullPolicy": "Never"}}
PROBE_MOUNT = [{"name": "probe", "mountPath": "/probe"}]


def test_cost(node, versions):
    """Each way to ask the same application; printed, for README."""
    ways = {
        ("shop", "Liveness"): {"httpGet": {"path": "/healthz", "port": 8080}},
        ("shop", "Readiness"): command("/probe/exec-probe", "http", ":8080/healthz"),
        ("curl", "Liveness"): command("curl", "-f", "http://localhost:8080/healthz"),
        ("curl", "Readiness"): command("/nothing"),
    }
    names = ["httpGet", "exec-probe http", "curl -f", "a program that does nothing"]
    containers = [application("shop", "8080", volumeMounts=PROBE_MOUNT), application("curl", image=IMAGES["curl"])]
    found = measured(node, "cost", ways, containers, [PROBE_VOLUME])
    rows = [row(name, *found[way]) for name, way in zip(names, ways, strict=True)]
    harness.REPORTS[f"what the kubelet measures ({versions})"] = [("probe", "times", "mean"), *rows]


def test_cost_of_serve(node, versions):
    """The kubelet's own probe of an application, and of exec-probe serve, which asks the same; printed, for docs/cost.md."""
    [sidecar] = pod_template("kubernetes/serve")["initContainers"]
    containers = [
        application("shop", "8080"),
        {"name": "serve", "image": IMAGES["exec-probe"], "args": sidecar["args"], "resources": sidecar["resources"]},
    ]
    ways = {
        ("shop", "Liveness"): {"httpGet": {"path": "/healthz", "port": 8080}},
        # It asks for the application's /healthz.
        ("serve", "Liveness"): {"httpGet": {"path": "/readyz", "port": 8086}},
    }
    found = measured(node, "cost-serve", ways, containers)
    names = ["httpGet", "httpGet to exec-probe serve"]
    rows = [row(name, *found[way]) for name, way in zip(names, ways, strict=True)]
    harness.REPORTS[f"what serve costs ({versions})"] = [("probe", "times", "mean"), *rows]


def test_cost_of_three_questions(node, versions):
    """Three execs beside one that asks the same three; printed, for README."""
    questions = [["http", ":8080/healthz"], ["tcp", ":8080"], ["file", "/probe/exec-probe"]]
    one = [*questions[0], "--and", *questions[1], "--and", *questions[2]]
    commands = [command("/probe/exec-probe", *words) for words in (*questions, one)]
    ways = dict(zip([(of, kind) for of in ("one", "two") for kind in ("Liveness", "Readiness")], commands, strict=True))
    containers = [application("one", "8080", volumeMounts=PROBE_MOUNT), application("two", volumeMounts=PROBE_MOUNT)]
    found = list(measured(node, "three-questions", ways, containers, [PROBE_VOLUME]).values())
    rows = [row(f"exec-probe {words[0]}", *each) for words, each in zip(questions, found, strict=False)]
    apart, together = sum(seconds / count for count, seconds in found[:3]), found[3][1] / found[3][0]
    rows += [("all three execs", "", f"{1000 * apart:.1f} ms"), row("one exec that asks all three", *found[3])]
    harness.REPORTS[f"what three questions cost ({versions})"] = [("probe", "times", "mean"), *rows]
    # Two more probes in the same process are a millisecond, two more execs are two more execs.
    assert together < apart / 2

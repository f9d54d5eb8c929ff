"""examples/istio: valid to Kubernetes and to Istio, and their probes run beside a sidecar with mutual TLS. What waits
for the sidecar runs under a kubelet too, in tests/e2e/kubelet.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import harness
import jsonschema
import kubernetes_validate
import mesh
import pytest
import yaml
from harness import healthy, process, unhealthy
from mesh import APPLICATION, EXEC_PROBE, POD_IP

EXAMPLES = Path(__file__).parents[3] / "examples/istio"
DEPLOYMENTS = ["liveness-command.yaml", "liveness-http.yaml"]
WAITING = ["wait-init.yaml", "wait-post-start.yaml", "wait-then.yaml"]


def documents(name) -> list[dict]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def probe(name) -> dict:
    [container] = documents(name)[1]["spec"]["template"]["spec"]["containers"]
    return container["livenessProbe"]


def test_no_example_is_left_out():
    assert {path.name for path in EXAMPLES.iterdir()} == {*DEPLOYMENTS, *WAITING, "peer-authentication.yaml", "serve.yaml"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_kubernetes_accepts_it(name):
    service, deployment = documents(name)
    for document in (service, deployment):
        kubernetes_validate.validate(document, "1.36", strict=True)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (service["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= labels.items()
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    assert [port["port"] for port in service["spec"]["ports"]] == [port["containerPort"] for port in container["ports"]]


def test_istio_accepts_the_peer_authentication():
    [document] = documents("peer-authentication.yaml")
    definitions = yaml.safe_load_all(Path(os.environ["E2E_ISTIO_CRDS"]).read_text())
    [spec] = [one["spec"] for one in definitions if one and one["spec"]["names"]["kind"] == document["kind"]]
    group, version = document["apiVersion"].split("/")
    assert group == spec["group"]
    # The one that the API server stores, as the newest.
    [newest] = [one for one in spec["versions"] if one["name"] == version and one["served"]]
    jsonschema.validate(document, newest["schema"]["openAPIV3Schema"])
    assert document["spec"] == {"mtls": {"mode": "STRICT"}}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_the_times_are_those_of_istios_samples(name):
    asked = probe(name)
    assert (asked["initialDelaySeconds"], asked["periodSeconds"]) == (5, 5)
    assert f"--timeout={asked['timeoutSeconds'] * 900}ms" in asked["exec"]["command"]


def test_the_service_is_asked_in_the_mesh(world):
    port, path = 8001, "/foo"
    [_, *args] = probe("liveness-http.yaml")["exec"]["command"]
    folder = mesh.FOLDER / "site"
    folder.mkdir()
    (folder / "foo").touch()
    server = [*world.pod.within, sys.executable, "-m", "http.server", "--directory", folder, str(port)]
    with world.sidecar("STRICT"):
        with process(server, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            harness.wait_until(lambda: world.listens(port), "the server listens")
            line = f"http GET http://localhost:{port}{path}"
            assert world.exec_probe(*args) == healthy(f"{line}: status 200")
            # What the sample's own probe would get without rewriting.
            [answer] = world.kubelet({"handler": "http", "host": POD_IP, "port": port, "path": path})
            assert answer.result == "failure"
            (folder / "foo").unlink()
            assert world.exec_probe(*args) == unhealthy(
                f"{line}: status 404, wanted 200-399 (sent Host: localhost:{port})"
            )
        assert world.exec_probe(*args) == unhealthy(f"{line}: connection refused (127.0.0.1, [::1])")


def test_the_file_is_looked_at_without_cat(world):
    [program, *args] = probe("liveness-command.yaml")["exec"]["command"]
    root = mesh.FOLDER / "root"
    for folder in ("probe", "tmp"):
        (root / folder).mkdir(parents=True)
    shutil.copy(EXEC_PROBE, root / program[1:])
    user = f"--userspec={APPLICATION}:{APPLICATION}"
    within = [*world.pod.within, harness.tool("chroot"), user, "--groups=", root]
    # The whole file system of the container holds exec-probe and this file.
    (root / "tmp/healthy").touch()
    with world.sidecar("STRICT"):
        ran = harness.exec_probe(*args, within=within, binary=program)
        assert (ran.exit, ran.stderr) == (0, ""), ran
        (root / "tmp/healthy").unlink()
        ran = harness.exec_probe(*args, within=within, binary=program)
        assert (ran.exit, ran.stdout) == (1, ""), ran
        assert ran.stderr.startswith("file /tmp/healthy: "), ran


def test_serve_is_asked_under_strict_on_the_one_port_that_is_excluded(world):
    [deployment] = documents("serve.yaml")
    template = deployment["spec"]["template"]
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    port = mesh.HEALTH
    assert template["metadata"]["annotations"] == {"traffic.sidecar.istio.io/excludeInboundPorts": str(port)}
    [sidecar], [shop] = template["spec"]["initContainers"], template["spec"]["containers"]
    assert sidecar["args"] == mesh.serve_words(port) and sidecar["ports"][0]["containerPort"] == port
    asked = [shop[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert {probe["port"] for probe in asked} == {port}
    assert {probe["path"] for probe in asked} <= set(sidecar["args"])
    question = {"handler": "http", "host": POD_IP, "port": port, "path": asked[-1]["path"]}
    own = {"handler": "http", "host": POD_IP, "port": mesh.HTTP, "path": "/healthz"}
    with world.application() as app, world.sidecar("STRICT", excluded=[port]), world.serve(*sidecar["args"]):
        assert [answer.result for answer in world.kubelet(question, own)] == ["success", "failure"]
        for change, status in ((app.fall_sick, 503), (app.die, 502)):
            change()
            [answer] = world.kubelet(question)
            assert answer == mesh.Answer("failure", f"HTTP probe failed with statuscode: {status}")


# What waits for the sidecar


def waits(name) -> list[str]:
    """The words after exec-probe of what waits in the example, up to the program that follows."""
    [deployment] = documents(name)
    pod = deployment["spec"]["template"]["spec"]
    [shop] = pod["containers"]
    if name == "wait-init.yaml":
        [waiting] = [container for container in pod["initContainers"] if container["name"] == "wait"]
        # The image's entry point is exec-probe.
        return waiting["args"]
    if name == "wait-post-start.yaml":
        [program, *words] = shop["lifecycle"]["postStart"]["exec"]["command"]
        assert program == "/probe/exec-probe"
        return words
    # The entry point is the image's, whose Dockerfile the example names.
    assert not {"command", "args"} & shop.keys()
    text = (EXAMPLES.parent / "docker/then/Dockerfile").read_text()
    [program, *words] = json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])
    assert program == "/exec-probe" and words[-2:] == ["--then", "/shop"]
    return words[:-2]


@pytest.mark.parametrize("name", WAITING)
def test_kubernetes_accepts_what_waits(name):
    [deployment] = documents(name)
    kubernetes_validate.validate(deployment, "1.36", strict=True)
    assert deployment["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"] != mesh.SIDECAR


@pytest.mark.parametrize("name", WAITING)
def test_it_waits_until_the_sidecar_is_there_and_ready(world, name):
    """Without the sidecar, beside one that says that it is not ready, and beside one that is."""
    words = waits(name)
    follows = ["--then", harness.tool("echo"), "started"] if name == "wait-then.yaml" else []
    line = f"http GET http://localhost:{mesh.READINESS}/healthz/ready: status 200"
    command = [*world.as_user(APPLICATION), EXEC_PROBE, *words, *follows]
    with process(command, env={}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        harness.wait_until(lambda: harness.is_waiting(waiting.pid), "it has tried once")
        with world.sidecar("STRICT"):
            stdout, stderr = waiting.communicate(timeout=20)
    assert waiting.returncode == 0, stderr
    # The program's output is its own.
    healthy, other = (stderr, stdout) if follows else (stdout, stderr)
    assert harness.TIME.sub("(TIME)", healthy) == f"{line} (TIME)\n"
    assert other == ("started\n" if follows else "")


@pytest.mark.parametrize("name", WAITING)
def test_it_does_not_take_a_sidecar_for_ready_that_says_it_is_not(world, name):
    words = ["--wait=600ms" if word.startswith("--wait=") else word for word in waits(name)]
    with world.sidecar("STRICT"):
        assert world.exec_probe(*words).exit == 0
        # Envoy's own answer while it drains: 503.
        world.admin("healthcheck/fail", "--request", "POST")
        line = f"http GET http://localhost:{mesh.READINESS}/healthz/ready: status 503, wanted 200-399 (waited 600ms)"
        assert world.exec_probe(*words) == unhealthy(line)
        world.admin("healthcheck/ok", "--request", "POST")
        assert world.exec_probe(*words).exit == 0

"""examples/istio: valid to Kubernetes and to Istio, and their probes run beside a sidecar with mutual TLS."""

import os
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


def documents(name) -> list[dict]:
    return list(yaml.safe_load_all((EXAMPLES / name).read_text()))


def probe(name) -> dict:
    [container] = documents(name)[1]["spec"]["template"]["spec"]["containers"]
    return container["livenessProbe"]


def test_no_example_is_left_out():
    assert {path.name for path in EXAMPLES.iterdir()} == {*DEPLOYMENTS, "peer-authentication.yaml"}


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

"""Health checks as they stood where there was a shell and curl, in images that hold neither: exec-probe by their names."""

import os
import shutil
from pathlib import Path

import pytest
import yaml
from engine import REPOSITORY, ask_podman, container, inspect, podman
from harness import wait_until

SCRATCH = Path(os.environ["E2E_SCRATCH"])
HEALTHCHECK = "CMD curl -f http://localhost:8080/healthz || exit 1"
LINK = 'RUN ["/bin/exec-probe", "install", "--link", "curl", "--link", "sh", "/bin"]'


@pytest.fixture(scope="module")
def folder(tmp_path_factory, exec_probe_image):
    """examples/docker/dropin with an application, and with the name of an image that is here."""
    folder = tmp_path_factory.mktemp("dropin")
    shutil.copy(SCRATCH / "shop", folder / "shop")
    text = (REPOSITORY / "examples/docker/dropin/Dockerfile").read_text()
    assert HEALTHCHECK in text and LINK in text
    [reference] = [word for word in text.split() if word.startswith("--from=registry.example/exec-probe@sha256:")]
    (folder / "Dockerfile").write_text(text.replace(reference, f"--from={exec_probe_image}"))
    return folder


@pytest.fixture(scope="module")
def image(folder):
    """As the example makes it, but with failures that count from the first moment."""
    text = (folder / "Dockerfile").read_text().replace("--start-period=30s", "--start-period=1ms")
    (folder / "Dockerfile").write_text(text.replace('"--link", "sh"', '"--link", "sh", "--link", "nc"'))
    name = "localhost/dropin"
    podman("build", "--pull=never", "--format=docker", "--tag", name, folder)
    return name


@pytest.fixture
def control(tmp_path):
    """The folder by which the application is told what to answer."""
    folder = tmp_path / "control"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def check(name) -> tuple[int, str, str]:
    """Asks once: podman's exit code, and the status and the last line that it keeps."""
    code = ask_podman("healthcheck", "run", name).returncode
    health = inspect(name)["State"]["Health"]
    return code, health["Status"], health["Log"][-1]["Output"]


def wait_for(name) -> None:
    wait_until(lambda: ask_podman("healthcheck", "run", name).returncode == 0, "healthy")


def test_the_shell_form_of_healthcheck_works_where_there_is_no_shell(control, image):
    assert inspect(image, "image")["Healthcheck"]["Test"] == ["CMD-SHELL", HEALTHCHECK.removeprefix("CMD ")]
    with container(f"--volume={control}:/control:ro", image, "/control", "8080") as name:
        wait_for(name)
        # The body, as curl prints it: the application's is empty.
        assert check(name) == (0, "healthy", "")
        (control / "healthz").write_text("503")
        code, _, told = check(name)
        assert code == 1
        assert told.startswith("curl: (22) ") and "503" in told and "\n" not in told.strip(), told
        [check(name) for _ in range(2)]
        assert check(name)[1] == "unhealthy"
        (control / "healthz").unlink()
        assert check(name) == (0, "healthy", "")


PROBES = {
    "httpGet": ({"httpGet": {"path": "/healthz", "port": 8080}}, "curl -f http://localhost:8080/healthz || exit 1"),
    # Without a host, Debian 12's podman makes a line of it that no nc takes.
    "tcpSocket": ({"tcpSocket": {"host": "localhost", "port": 8080}}, "nc -z -v localhost 8080 || exit 1"),
}


@pytest.mark.parametrize("block", PROBES)
def test_kube_plays_probes_work_where_there_is_no_shell_curl_or_nc(control, image, tmp_path, block):
    """Podman makes shell lines of them; its health log says how they went."""
    probe, line = PROBES[block]
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{block.lower()}"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "shop",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": ["/shop", "/control", "8080"],
                    "livenessProbe": probe | {"periodSeconds": 10, "timeoutSeconds": 2, "failureThreshold": 3},
                    "volumeMounts": [{"name": "control", "mountPath": "/control", "readOnly": True}],
                }
            ],
            "volumes": [{"name": "control", "hostPath": {"path": str(control), "type": "Directory"}}],
        },
    }
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(manifest))
    podman("kube", "play", "--network=none", file)
    try:
        name = f"pod-{block.lower()}-shop"
        assert inspect(name)["Config"]["Healthcheck"]["Test"] == ["CMD-SHELL", *line.split()]
        wait_for(name)
        code, status, told = check(name)
        assert (code, status) == (0, "healthy"), told
        # nc -v says that all is well, curl prints the body: none.
        assert told.count("\n") <= 1 and bool(told) == (block == "tcpSocket"), told
        log = inspect(name)["State"]["Health"]["Log"]
        assert {entry["ExitCode"] for entry in log[-2:]} == {0}
        if block == "httpGet":
            (control / "healthz").write_text("503")
            code, _, told = check(name)
            assert code == 1 and told.startswith("curl: (22) ") and "503" in told, told
    finally:
        podman("kube", "down", file)

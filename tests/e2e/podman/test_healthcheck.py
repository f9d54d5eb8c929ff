"""HEALTHCHECK under podman: the Dockerfile and the quadlet of the examples, well, unwell, and hung."""

import configparser
import json
import os
import signal
import tarfile
import time

import pytest
from engine import REPOSITORY, ask_podman, container, inspect, podman
from harness import TIME, wait_until

LINE = "http GET http://localhost:8080/healthz: "
COMMAND = ["CMD", "/exec-probe", "http", "--timeout=1800ms", ":{env.PORT}/healthz"]
SECOND = 1_000_000_000


@pytest.fixture
def control(tmp_path):
    """The folder by which the application is told what to answer."""
    folder = tmp_path / "control"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def shop(control, image, *options):
    """The application on the port that its image says."""
    [port] = [word.removeprefix("PORT=") for word in inspect(image, "image")["Config"]["Env"] if word.startswith("PORT=")]
    return container(*options, f"--volume={control}:/control:ro", image, "/control", port)


def check(name) -> tuple[int, str, str]:
    """Asks once: podman's exit code, and the status and the last line that it keeps."""
    code = ask_podman("healthcheck", "run", name).returncode
    health = inspect(name)["State"]["Health"]
    return code, health["Status"], TIME.sub("(TIME)", health["Log"][-1]["Output"])


def wait_for(name) -> None:
    """Until the application listens."""
    wait_until(lambda: ask_podman("healthcheck", "run", name).returncode == 0, "healthy")


def test_podman_keeps_the_healthcheck_with_format_docker_only(shop_folder, shop_image):
    assert inspect(shop_image, "image")["Healthcheck"] == {
        "Test": COMMAND,
        "Interval": 10 * SECOND,
        "Timeout": 2 * SECOND,
        "StartPeriod": 30 * SECOND,
        "Retries": 3,
    }
    podman("build", "--pull=never", "--tag=localhost/shop-oci", shop_folder)
    assert "Healthcheck" not in inspect("localhost/shop-oci", "image")


def test_the_image_is_the_application_and_exec_probe(shop_image, tmp_path):
    name = podman("create", "--pull=never", shop_image).strip()
    archive = tmp_path / "image.tar"
    podman("export", "--output", archive, name)
    podman("rm", name)
    with tarfile.open(archive) as opened:
        assert sorted(opened.getnames()) == ["exec-probe", "shop"]


def test_healthy_then_503_then_healthy(control, shop_folder, tmp_path):
    # Failures do not count in the start period.
    text = (shop_folder / "Dockerfile").read_text()
    assert "--start-period=30s" in text
    started = tmp_path / "Dockerfile"
    started.write_text(text.replace("--start-period=30s", "--start-period=1ms"))
    image = "localhost/shop-started"
    podman("build", "--pull=never", "--format=docker", "--tag", image, "--file", started, shop_folder)
    with shop(control, image) as name:
        wait_for(name)
        assert check(name) == (0, "healthy", f"{LINE}status 200 (TIME)")
        (control / "healthz").write_text("503")
        unwell = f"{LINE}status 503, wanted 200-399"
        # As often as the Dockerfile says.
        assert [check(name) for _ in range(3)] == [
            (1, "healthy", unwell),
            (1, "healthy", unwell),
            (1, "unhealthy", unwell),
        ]
        (control / "healthz").unlink()
        assert check(name) == (0, "healthy", f"{LINE}status 200 (TIME)")


def test_a_hung_application_is_told_with_its_phase_and_leaves_no_process(control, shop_image):
    with shop(control, shop_image) as name:
        wait_for(name)
        pid = inspect(name)["State"]["Pid"]
        os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        code, _, told = check(name)
        assert time.monotonic() - began < 10
        # Podman counts the start of the command too. On a slow machine it finds its limit exceeded (125): the line is kept.
        assert code in (1, 125)
        assert told == f"{LINE}no response headers in 1800ms (connected to 127.0.0.1:8080)"
        assert podman("top", name, "comm").split() == ["COMMAND", "shop"]
        os.kill(pid, signal.SIGCONT)


# Options of the quadlet, as its generator hands them to podman.
QUADLET = {
    "Environment": "--env={}",
    "HealthCmd": "--health-cmd={}",
    "HealthInterval": "--health-interval={}",
    "HealthOnFailure": "--health-on-failure={}",
    "HealthRetries": "--health-retries={}",
    "HealthStartPeriod": "--health-start-period={}",
    "HealthTimeout": "--health-timeout={}",
    "User": "--user={}",
}
SWITCHES = {
    ("DropCapability", "all"): "--cap-drop=all",
    ("NoNewPrivileges", "true"): "--security-opt=no-new-privileges",
    ("ReadOnly", "true"): "--read-only",
}


def quadlet_options():
    """The quadlet's command line. Debian 12's podman is older than its generator: the table stands in for it."""
    parser = configparser.ConfigParser(delimiters=["="], interpolation=None)
    parser.optionxform = str
    parser.read_string((REPOSITORY / "examples/podman/exec-probe.container").read_text())
    keys = dict(parser["Container"])
    assert keys.pop("Image").startswith("registry.example/shop@sha256:")
    keys["User"] += f":{keys.pop('Group')}"
    return [SWITCHES.get(pair) or QUADLET[pair[0]].format(pair[1]) for pair in keys.items()]


def test_the_quadlets_health_command_is_split_as_it_is_meant_and_works(control, shop_folder):
    # Without HEALTHCHECK, so that what is asked is the quadlet's.
    podman("build", "--pull=never", "--tag=localhost/shop-oci", shop_folder)
    with shop(control, "localhost/shop-oci", *quadlet_options()) as name:
        kept = inspect(name)["Config"]["Healthcheck"]
        assert kept["Test"] == COMMAND
        assert (kept["Timeout"], kept["Interval"], kept["Retries"]) == (2 * SECOND, 10 * SECOND, 3)
        wait_for(name)
        assert check(name) == (0, "healthy", f"{LINE}status 200 (TIME)")
        (control / "healthz").write_text("503")
        code, _, told = check(name)
        assert (code, told) == (1, f"{LINE}status 503, wanted 200-399")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (" ".join(COMMAND), COMMAND),
        (" ".join(COMMAND[1:]), ["CMD-SHELL", " ".join(COMMAND[1:])]),
        (json.dumps(COMMAND), json.dumps(COMMAND).split()),
    ],
    ids=["CMD and words", "bare", "JSON"],
)
def test_podman_splits_health_commands_as_the_quadlet_says(shop_image, given, made):
    name = podman("create", "--pull=never", f"--health-cmd={given}", shop_image).strip()
    assert inspect(name)["Config"]["Healthcheck"]["Test"] == made
    podman("rm", name)

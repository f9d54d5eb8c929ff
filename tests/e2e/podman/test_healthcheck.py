"""Health commands of podman's own: the quadlet of the examples, and how words are split."""

import configparser
import json

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


def test_the_quadlets_health_command_is_split_as_it_is_meant_and_works(control, shop_image):
    with shop(control, shop_image, *quadlet_options()) as name:
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

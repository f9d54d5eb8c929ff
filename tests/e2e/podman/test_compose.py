"""examples/docker as it is: every image built by its section of compose.yaml, on stand-ins for the public ones; the shop well,
unwell and hung, and the worker that waits for it. Debian 12's podman has no Compose: a table stands in for it."""

import contextlib
import json
import os
import re
import signal
import time

import pytest
from engine import EXAMPLE, SERVICES, ask_podman, build, container, inspect, podman, put_nginx
from harness import TIME, wait_until

LINE = "http GET http://localhost:8080/healthz: "
COMMAND = ["CMD", "/exec-probe", "http", "--timeout=1800ms", ":{env.PORT}/healthz"]
UNWELL = "docker compose exec shop "
SECOND = 1_000_000_000
# What the official image's entry point does before it becomes nginx.
ENTRY = """\
#!/bin/sh
set -e
for template in /etc/nginx/templates/*.template; do
    name=${template##*/}
    sed "s,\\${PORT},$PORT,g" "$template" >"$NGINX_ENVSUBST_OUTPUT_DIR/${name%.template}"
done
exec "$@"
"""
BUSYBOX = 'COPY --from=localhost/toolchain /bin/busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "/bin"]\n'
# The public images: how each is made here.
BASES = {
    "docker.io/library/nginx": f"FROM scratch\n{BUSYBOX}"
    "COPY root /\nRUN mkdir -p /tmp /var/log/nginx && chmod 1777 /tmp && ln -s /dev/stderr /var/log/nginx/error.log\n"
    'ENTRYPOINT ["/docker-entrypoint.sh"]\nCMD ["nginx", "-g", "daemon off;"]\n',
    "docker.io/library/busybox": f"FROM scratch\n{BUSYBOX}"
    'RUN mkdir -p /tmp && chmod 1777 /tmp\nCMD ["sh"]\n',
}
# What Compose hands to the engine for a service's keys. start_interval is newer than Debian 12's podman.
KEYS = {
    "environment": lambda given: [f"--env={name}={value}" for name, value in given.items()],
    "read_only": lambda given: [f"--read-only={json.dumps(given)}", "--read-only-tmpfs=false"],
    "tmpfs": lambda given: [f"--tmpfs={path}" for path in given],
    "init": lambda given: [f"--init={json.dumps(given)}"],
    "cap_drop": lambda given: [f"--cap-drop={name}" for name in given],
    "security_opt": lambda given: [f"--security-opt={text.replace(':', '=')}" for text in given],
    "healthcheck": lambda given: [
        f"--health-cmd={' '.join(given['test'])}",
        f"--health-timeout={given['timeout']}",
        f"--health-interval={given['interval']}",
        f"--health-retries={given['retries']}",
        # Failures do not count in the start period.
        "--health-start-period=1ms",
    ],
    "build": lambda given: [],
    "depends_on": lambda given: [],
}


@pytest.fixture(scope="module")
def images(exec_probe_image, tmp_path_factory):
    """Those of both services, by name."""
    named = re.findall(r"^FROM (\S+)$", "".join((EXAMPLE / f"Dockerfile{end}").read_text() for end in ("", ".worker")), re.M)
    for (base, steps), short in zip(BASES.items(), named, strict=True):
        folder = tmp_path_factory.mktemp("base")
        put_nginx(folder / "root")
        (folder / "root/docker-entrypoint.sh").write_text(ENTRY)
        (folder / "root/docker-entrypoint.sh").chmod(0o755)
        (folder / "Dockerfile").write_text(steps)
        assert base.endswith("/" + short.partition(":")[0])
        tag = short.partition(":")[2] or "latest"
        podman("build", "--layers=false", "--pull=never", "--tag", f"{base}:{tag}", folder)
    return {service: build(service, "--format=docker") for service in ("shop", "worker")}


def options(service) -> list[str]:
    return [word for key, given in SERVICES[service].items() for word in KEYS[key](given)]


@pytest.fixture
def shop(images):
    with container(*options("shop"), images["shop"]) as name:
        wait_for(name)
        yield name


@pytest.fixture
def worker(images, shop, tmp_path):
    """Beside the shop, whose name it finds as Compose's network gives it."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 shop\n")
    network = [f"--network=container:{shop}", f"--volume={hosts}:/etc/hosts:ro"]
    with container(*options("worker"), *network, images["worker"]) as name:
        yield name


def check(name) -> tuple[int, str, str]:
    """Asks once: podman's exit code, and the status and the last line that it keeps."""
    code = ask_podman("healthcheck", "run", name).returncode
    health = inspect(name)["State"]["Health"]
    return code, health["Status"], TIME.sub("(TIME)", health["Log"][-1]["Output"])


def wait_for(name) -> None:
    wait_until(lambda: ask_podman("healthcheck", "run", name).returncode == 0, "healthy", within=30)


def test_every_service_is_built_and_none_needs_a_name_filled_in():
    assert all("build" in service and "image" not in service for service in SERVICES.values())
    # No container: its image is copied from.
    assert SERVICES["exec-probe"].keys() == {"build", "scale"}
    assert SERVICES["exec-probe"]["scale"] == 0


def test_podman_keeps_the_healthcheck_with_format_docker_only(images):
    times = {"Interval": 10 * SECOND, "Timeout": 2 * SECOND, "StartPeriod": 30 * SECOND, "Retries": 3}
    beat = ["CMD", "/exec-probe", "file", "--timeout=1800ms", "--max-age=15s", "/tmp/beat"]
    assert inspect(images["shop"], "image")["Healthcheck"] == {"Test": COMMAND, **times}
    assert inspect(images["worker"], "image")["Healthcheck"] == {"Test": beat, **times}
    oci = build("shop", tag="localhost/shop-oci")
    assert "Healthcheck" not in inspect(oci, "image")


def test_the_shop_is_healthy_then_503_then_healthy(shop):
    assert inspect(shop)["Config"]["Healthcheck"]["Test"] == COMMAND
    assert check(shop) == (0, "healthy", f"{LINE}status 200 (TIME)")
    # As the comment in compose.yaml says.
    [line] = [line for line in (EXAMPLE / "compose.yaml").read_text().splitlines() if UNWELL in line]
    make_unwell = line.partition(UNWELL)[2].split()
    podman("exec", shop, *make_unwell)
    unwell = f"{LINE}status 503, wanted 200-399"
    # As often as the file says.
    assert [check(shop) for _ in range(3)] == [
        (1, "healthy", unwell),
        (1, "healthy", unwell),
        (1, "unhealthy", unwell),
    ]
    podman("exec", shop, "rm", make_unwell[-1])
    assert check(shop) == (0, "healthy", f"{LINE}status 200 (TIME)")


@contextlib.contextmanager
def hung(shop):
    """All its processes are stopped, as long as the block runs."""
    processes = [int(word) for word in podman("top", shop, "hpid").split()[1:]]
    assert len(processes) == 2
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def test_a_hung_shop_is_told_with_its_phase_and_leaves_no_process(shop):
    with hung(shop):
        began = time.monotonic()
        code, _, told = check(shop)
        assert time.monotonic() - began < 10
        # Podman counts the start of the command too. On a slow machine it finds its limit exceeded (125): the line is kept.
        assert code in (1, 125)
        assert told == f"{LINE}no response headers in 1800ms (connected to 127.0.0.1:8080)"
        assert podman("top", shop, "comm").split() == ["COMMAND", "nginx", "nginx"]


def test_the_worker_works_once_the_shop_is_healthy_and_is_asked_by_its_file(shop, worker):
    assert SERVICES["worker"]["depends_on"] == {"shop": {"condition": "service_healthy"}}
    assert check(worker)[::2] == (1, "file /tmp/beat: no such file")
    wait_for(worker)
    assert podman("logs", worker).startswith("work done\n")
    with hung(shop):
        # Whatever it had begun is over, and the last piece of work was done long ago.
        time.sleep(1)
        podman("exec", worker, "touch", "-d", "2000-01-01 00:00:00", "/tmp/beat")
        assert check(worker)[::2] == (1, "file /tmp/beat: not modified in the last 15s")
    wait_for(worker)
    # At once, by the signal: 137 would be the kill's.
    podman("stop", "--time=10", worker)
    assert inspect(worker)["State"]["ExitCode"] == 143

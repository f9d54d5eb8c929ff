"""README's commands for Docker, as they stand there, by podman: its name and `--format docker` are all that is changed."""

import subprocess

import pytest
from engine import ask_podman, podman, put_nginx
from harness import TIME, wait_until
from pages import commands

BUILD = "docker build -f Dockerfile.static -t exec-probe ."
README = [line for line in commands("README.md") if line.startswith("docker ")]


def by_podman(line):
    """Runs a line with podman in Docker's place."""
    for docker, theirs in (
        ("docker build", "podman build --format=docker --pull=never"),
        ("docker run", "podman run --pull=never"),
        ("docker inspect", "podman inspect"),
        ("docker exec", "podman exec"),
    ):
        line = line.replace(docker, theirs)
    done = subprocess.run(["bash", "-ec", line], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def nginx_image(exec_probe_image, tmp_path_factory):
    """In the place of the official image, and under its name: Debian's nginx in Debian's root."""
    folder = tmp_path_factory.mktemp("nginx")
    put_nginx(folder / "root")
    (folder / "root/nginx.conf").write_text(
        "daemon off; user root; error_log /dev/stderr; pid /tmp/pid;\nevents {}\n"
        "http { access_log off; client_body_temp_path /tmp; server { listen 80; root /usr/share/nginx/html; } }\n"
    )
    (folder / "Dockerfile").write_text(
        'FROM localhost/toolchain\nCOPY root /\nRUN mkdir -p /var/log/nginx /var/lib/nginx\nCMD ["nginx", "-c", "/nginx.conf"]\n'
    )
    podman("build", "--pull=never", "--tag=docker.io/library/nginx", folder)
    podman("tag", exec_probe_image, "localhost/exec-probe")


def test_the_container_becomes_healthy_and_says_so(nginx_image):
    # That one is what the fixture does.
    build, run, look = (line for line in README if line != BUILD)
    assert BUILD in README
    by_podman(build)
    by_podman(run)
    try:
        wait_until(lambda: ask_podman("healthcheck", "run", "shop").returncode == 0, "healthy")
        told = by_podman(look)
        assert '"Status":"healthy"' in told.replace(" ", ""), told
        assert "http GET http://localhost:80/: status 200 (TIME)" in TIME.sub("(TIME)", told), told
        again = [line for line in commands("docs/troubleshooting.md") if line.startswith(("docker ", "podman "))]
        assert len(again) == 4
        for line in again:
            # nginx listens on its own port.
            told = by_podman(line.replace(":8080/healthz", ":80/"))
            assert "status 200" in told or (line, told) == ("podman healthcheck run shop", ""), (line, told)
    finally:
        podman("rm", "--force", "--time=0", "shop")

"""The images that the tests share, built one on the other as a user does."""

import os
import shutil
from pathlib import Path

import pytest
from engine import REPOSITORY, RUST, podman

SCRATCH = Path(os.environ["E2E_SCRATCH"])


@pytest.fixture(scope="session")
def exec_probe_image():
    """Dockerfile.static's, by its own steps, under the name that the examples have before the digest."""
    podman("import", os.environ["E2E_TOOLCHAIN"], "localhost/toolchain")
    podman("build", "--layers=false", "--pull=never", "--tag", RUST, SCRATCH / "stand-in")
    name = "registry.example/exec-probe"
    # Layers are for the next build, of which there is none.
    podman("build", "--layers=false", "--pull=never", "--file", "Dockerfile.static", "--tag", name, ".", cwd=REPOSITORY)
    return name


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory, exec_probe_image):
    """examples/docker with an application, and with the name of an image that is here."""
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(SCRATCH / "shop", folder / "shop")
    text = (REPOSITORY / "examples/docker/Dockerfile").read_text()
    [reference] = [word for word in text.split() if word.startswith("--from=registry.example/exec-probe@sha256:")]
    (folder / "Dockerfile").write_text(text.replace(reference, f"--from={exec_probe_image}"))
    return folder


@pytest.fixture(scope="session")
def shop_image(shop_folder):
    name = "localhost/shop"
    podman("build", "--pull=never", "--format", "docker", "--tag", name, shop_folder)
    return name

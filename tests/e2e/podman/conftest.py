"""The images that the tests share, built one on the other as a user does."""

import os
import shutil
from pathlib import Path

import pytest
from engine import RUST, TARGET, build, podman

SCRATCH = Path(os.environ["E2E_SCRATCH"])
# An application and exec-probe beside it, for tests that bring a health check of their own.
SHOP = """\
FROM scratch
COPY shop /shop
COPY --from=registry.example/exec-probe /exec-probe /exec-probe
ENV PORT="8080"
USER 65534:65534
ENTRYPOINT ["/shop"]
"""


@pytest.fixture(scope="session")
def exec_probe_image():
    """As examples/docker/compose.yaml builds it, under the name that the other examples have before the digest."""
    podman("import", os.environ["E2E_TOOLCHAIN"], "localhost/toolchain")
    podman("build", "--layers=false", "--pull=never", "--tag", RUST, SCRATCH / "stand-in")
    name = "registry.example/exec-probe"
    # Layers are for the next build, of which there is none.
    podman("tag", build("exec-probe", "--layers=false", TARGET), name)
    return name


@pytest.fixture(scope="session")
def shop_image(tmp_path_factory, exec_probe_image):
    folder = tmp_path_factory.mktemp("shop")
    shutil.copy(SCRATCH / "shop", folder / "shop")
    (folder / "Dockerfile").write_text(SHOP)
    name = "localhost/shop"
    podman("build", "--pull=never", "--tag", name, folder)
    return name

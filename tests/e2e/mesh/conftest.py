"""The pod and the node that all tests share."""

import os

import mesh
import pytest

os.umask(0o022)


@pytest.fixture(scope="session")
def world():
    mesh.certificates(mesh.FOLDER)
    mesh.OWN_FOLDER.mkdir()
    os.chown(mesh.OWN_FOLDER, mesh.APPLICATION, mesh.APPLICATION)
    with mesh.world() as world:
        yield world

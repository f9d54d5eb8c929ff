"""The cluster that all tests share, and the policies in it."""

import os
import shutil
import sys
from pathlib import Path

# The node of tests/e2e/kubelet.
sys.path.append(str(Path(__file__).parents[1] / "kubelet"))

import pods
import pytest
import yaml
from cluster import Cluster, Refused, wait

EXAMPLES = Path(__file__).parents[3] / "examples/kubernetes/admission"
REWRITE = {"exec_probe__rewrite": "enabled"}
NAMESPACES = {
    # The same pods without the policies.
    "plain": {},
    "shop": REWRITE,
    "strict": {"exec_probe__mutual_tls": "strict"},
    "shop-strict": REWRITE | {"exec_probe__mutual_tls": "strict"},
    "shop-restricted": REWRITE | {f"pod_security.kubernetes.io__{mode}": "restricted" for mode in ("enforce", "warn")},
}


@pytest.fixture(scope="session")
def cluster():
    folder = Path(os.environ["E2E_SCRATCH"]) / "cluster"
    folder.mkdir()
    with Cluster(folder).running() as cluster:
        for name, labels in NAMESPACES.items():
            cluster.namespace(name, **labels)
        yield cluster


class Admission:
    """The policies in a cluster, put there by an overlay such as a user writes."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.overlay = folder / "overlay"
        # The base that is applied; None if nothing is.
        self.variant = None
        self.reference = ""
        # What pods get, as the API keeps it.
        self.template = {}
        shutil.copytree(EXAMPLES, folder)

    def apply(self, variant, image=None):
        """Applies the example's overlay, with this base and this image, and waits until the API goes by it."""
        self.write_overlay(variant, image)
        self.cluster.kubectl("apply", "-k", self.overlay)
        self.wait_until_in_force()
        stored = self.cluster.get("/api/v1/namespaces/exec-probe/podtemplates/exec-probe")
        self.template = stored["template"]["spec"]

    def take_out(self):
        """Removes all of it, if it is there, so that it can be put there again: see test_page.py."""
        if self.variant is not None:
            self.cluster.ends_namespaces(["kubectl", "delete", "-k", self.overlay])
            self.variant = None
            self.cluster.restart()

    def write_overlay(self, variant, image=None):
        """With an image that there is nowhere else if none is named."""
        overlay = yaml.safe_load((EXAMPLES / "overlay/kustomization.yaml").read_text())
        overlay["resources"] = [f"../{variant}" if name == "../image-volume" else name for name in overlay["resources"]]
        name, _, tag = (image or "").rpartition(":")
        version = {"newTag": tag} if image else {"digest": f"sha256:{os.urandom(32).hex()}"}
        new = {"name": "registry.example/exec-probe", "newName": name or "localhost/exec-probe"} | version
        overlay["images"] = [new]
        (self.overlay / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
        self.variant = variant
        self.reference = image or f"{new['newName']}@{new['digest']}"

    def wait_until_in_force(self, within=30):
        """The API learns of policies by a watch, half a second later: a pod is rewritten, and another is warned of."""
        rewritten = pods.pod(pods.container(livenessProbe=pods.http()))
        left = pods.pod(pods.container(livenessProbe=pods.http(host="a.example")))

        def in_force():
            try:
                found = str(self.cluster.create(rewritten, "shop", "?dryRun=All"))
                self.cluster.create(left, "shop", "?dryRun=All")
            except Refused as refused:
                # Between the binding and its PodTemplate, and between this variant's of both and the last one's.
                assert "params" in refused.message or "no such key" in refused.message, refused
                return False
            return self.reference in found and self.cluster.warnings

        wait(in_force, "the policies are in force", within)

    def wanted(self, plain, case) -> dict:
        return pods.wanted_spec(plain, case, self.template)


@pytest.fixture(scope="session")
def applied(cluster):
    # As it lies in the repository, for commands that name it.
    return Admission(cluster, cluster.folder / "examples/kubernetes/admission")


@pytest.fixture(scope="module")
def admission(applied):
    """The policies with the image volume."""
    if applied.variant != "image-volume":
        applied.apply("image-volume")
    return applied


@pytest.fixture(scope="module")
def plainly(cluster):
    """Gives what the API makes of a case's pod without the policies; each is asked for once."""
    kept = {}

    def create(case):
        if case.name not in kept:
            kept[case.name] = cluster.create(case.pod, "plain")
            assert cluster.warnings == []
        return kept[case.name]

    return create

"""docs/cluster.md: its commands, word for word and in their order, from a cluster with nothing of ours in it to one with
nothing left of it."""

import subprocess
import time

import pods
import pytest
import yaml
from cluster import Refused, wait
from cluster import pods as path
from pages import blocks, commands
from pods import asked, container, http, pod, workload

PAGE = "docs/cluster.md"
# The page's namespace.
STORE = "store"
COMMAND = [pods.PROGRAM, *asked(":8080/livez")]
POD = pod(container(livenessProbe=http(8080, "/livez"), readinessProbe=http(8081, host="127.0.0.1")))
DEPLOYMENTS = f"/apis/apps/v1/namespaces/{STORE}/deployments"


class Walk:
    """Runs one command of the page after the other."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.rest = commands(PAGE)

    def next(self, beginning):
        """The line has to begin like this, and to end well."""
        line = self.rest.pop(0)
        assert line.startswith(beginning), line
        options = {"shell": True, "cwd": self.cluster.folder}
        if line.startswith("kubectl delete"):
            return self.cluster.ends_namespaces(line, **options)
        environment = self.cluster.environment()

        def run():
            done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, **options)
            # It counts in seconds, and this page is read fast.
            if "already been triggered within the past second" in done.stderr:
                return None
            assert done.returncode == 0, (line, done.stdout, done.stderr)
            return done

        return wait(run, line)

    def new_pod(self):
        """What the Deployment's ReplicaSet would create now."""
        template = self.cluster.get(f"{DEPLOYMENTS}/shop")["spec"]["template"]
        template["metadata"] = {"generateName": "shop-", "labels": template["metadata"]["labels"]}
        return self.cluster.create(template, STORE)

    def is_rewritten(self):
        return "exec" in self.new_pod()["spec"]["containers"][0]["livenessProbe"]


def test_the_page_from_its_first_command_to_its_last(cluster, applied):
    applied.take_out()
    applied.write_overlay("image-volume")
    cluster.namespace(STORE)
    cluster.call("POST", DEPLOYMENTS, workload("Deployment", POD))
    walk = Walk(cluster)
    old = walk.new_pod()

    walk.next("kubectl apply --kustomize ")
    applied.wait_until_in_force()
    assert not walk.is_rewritten()

    shown = yaml.safe_load(walk.next("kubectl apply --dry-run=server ").stdout)["spec"]
    assert shown["containers"][0]["livenessProbe"]["exec"]["command"] == COMMAND
    assert pods.MOUNT in shown["containers"][0]["volumeMounts"]
    assert [one["image"]["reference"] for one in shown["volumes"] if one["name"] == pods.VOLUME] == [applied.reference]
    with pytest.raises(Refused, match="not found"):
        cluster.get(path(STORE, "trial"))

    walk.next("kubectl label ")
    wait(walk.is_rewritten, "the label is in force")
    assert cluster.get(path(STORE, old["metadata"]["name"]))["spec"] == old["spec"]

    [warning] = blocks(PAGE, "text")
    assert walk.next("kubectl get deployments ").stderr == warning

    assert walk.next("kubectl rollout restart ").stdout == "deployment.apps/shop restarted\n"
    assert walk.new_pod()["spec"]["containers"][0]["livenessProbe"]["exec"]["command"] == COMMAND

    walk.next("kubectl label ")
    wait(lambda: not walk.is_rewritten(), "the label is gone")
    walk.next("kubectl rollout restart ")
    walk.next("kubectl delete --kustomize ")
    assert walk.rest == []
    for kind in ("mutatingadmission", "validatingadmission"):
        for collection in (f"{kind}policies", f"{kind}policybindings"):
            assert cluster.get(f"/apis/admissionregistration.k8s.io/v1/{collection}")["items"] == []
    with pytest.raises(Refused, match="not found"):
        cluster.get("/api/v1/namespaces/exec-probe")

    # What the page says of putting it there again. Once this fails, Kubernetes has been mended. The API looks every second
    # for bindings that are gone.
    time.sleep(2)
    cluster.kubectl("apply", "-k", applied.overlay)
    with pytest.raises(AssertionError, match="not within 3 s"):
        applied.wait_until_in_force(within=3)
    cluster.create(POD, STORE)
    cluster.restart()
    applied.apply("image-volume")

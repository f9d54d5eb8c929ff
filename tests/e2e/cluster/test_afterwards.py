"""What is done to a pod that is there: one that was rewritten, and one from before the policies."""

import json

import pods
import pytest
from cluster import APPLY, MERGE, Refused
from cluster import pods as path
from pods import asked, container, http, pod, tcp

COMMAND = [pods.PROGRAM, *asked(":8080")]


@pytest.fixture
def rewritten(cluster, admission):
    """A pod that was rewritten, as it is kept."""
    return cluster.create(pod(container(livenessProbe=http(), readinessProbe=http("web"))), "shop")


def at(document):
    return path(document["metadata"]["namespace"], document["metadata"]["name"])


def probes(document):
    return {name: one for name, one in document["spec"]["containers"][0].items() if name in pods.PROBES}


def test_status_labels_and_an_ephemeral_container_change_nothing_else(cluster, rewritten):
    debug = {"name": "debug", "image": "registry.example/debug:1", "targetContainerName": "shop"}
    cluster.patch(f"{at(rewritten)}/ephemeralcontainers", {"spec": {"ephemeralContainers": [debug]}})
    cluster.patch(at(rewritten), {"metadata": {"labels": {"a": "b"}, "finalizers": ["a.example/b"]}})
    cluster.patch(f"{at(rewritten)}/status", {"status": {"phase": "Running"}})
    cluster.call("DELETE", at(rewritten), {"gracePeriodSeconds": 0})
    found = cluster.patch(at(rewritten), {"metadata": {"labels": {"c": "d"}}})
    assert [one["name"] for one in found["spec"].pop("ephemeralContainers")] == ["debug"]
    assert found["spec"] == rewritten["spec"]
    cluster.patch(at(rewritten), {"metadata": {"finalizers": None}}, MERGE)
    with pytest.raises(Refused, match="not found"):
        cluster.get(at(rewritten))


@pytest.mark.parametrize("how", ["client-side", "server-side"])
def test_the_same_manifest_is_applied_again_and_with_another_image(cluster, admission, how):
    """By kubectl itself. Its patch puts the block back beside exec, which the API would refuse."""
    name = f"applied-{how}"
    container_ = container(livenessProbe=http(), readinessProbe=tcp(1, host="a.example"), startupProbe=http(path="/x"))
    words = ["apply", "--namespace=shop", "--filename=-", *(["--server-side"] if how == "server-side" else [])]
    told = []
    for image in ("registry.example/shop:1", "registry.example/shop:1", "registry.example/shop:2"):
        manifest = pod(container_ | {"image": image}, name=name)
        told.append(cluster.kubectl(*words, stdin=json.dumps(manifest)).split()[1])
        found = cluster.get(path("shop", name))["spec"]["containers"][0]
        assert found["image"] == image
        assert found["livenessProbe"]["exec"]["command"] == COMMAND
        assert found["startupProbe"]["exec"]["command"] == [pods.PROGRAM, *asked(":8080/x")]
        assert found["readinessProbe"]["tcpSocket"] == {"port": 1, "host": "a.example"}
    assert told == (["serverside-applied"] * 3 if how == "server-side" else ["created", "configured", "configured"])


def test_another_probe_in_the_manifest_is_refused_as_the_api_refuses_it(cluster, admission):
    """A pod's probes can't change."""
    for namespace in ("plain", "shop"):
        made = cluster.create(pod(container(livenessProbe=http())), namespace)
        change = {"containers": [{"name": "shop", "livenessProbe": http(8081)}]}
        with pytest.raises(Refused, match="pod updates may not change fields other than"):
            cluster.patch(at(made), {"spec": change})


def test_what_was_read_can_be_put_again(cluster, rewritten):
    rewritten["spec"]["containers"][0]["image"] = "registry.example/shop:3"
    assert cluster.call("PUT", at(rewritten), rewritten)["spec"] == rewritten["spec"]


def test_what_was_read_can_be_created_elsewhere(cluster, admission, rewritten):
    """With another image of exec-probe since: the copy keeps its own."""
    [volume] = rewritten["spec"]["volumes"]
    volume["image"]["reference"] = "registry.example/exec-probe:0"
    copy = {"metadata": {"name": "copy"}, "spec": rewritten["spec"]}
    assert cluster.create(copy, "shop")["spec"] == rewritten["spec"]


def test_a_pod_from_before_stays_as_it_is(cluster, admission):
    """Whatever is done to it, until it is made anew."""
    cluster.namespace("before")
    old = cluster.create(pod(container(livenessProbe=http())), "before")
    image = {"name": pods.VOLUME, "image": {"reference": "registry.example/mine:1"}}
    own = cluster.create(pod(container(livenessProbe=http()), volumes=[image]), "before")
    cluster.patch("/api/v1/namespaces/before", {"metadata": {"labels": {"exec-probe/rewrite": "enabled"}}})

    cluster.wait_for_pods("before", lambda found: "exec" in str(found))
    for one in (old, own):
        found = cluster.patch(at(one), {"metadata": {"labels": {"a": "b"}, "finalizers": ["a.example/b"]}})
        assert found["spec"] == one["spec"]
        again = {
            "spec": {"containers": [{"name": "shop", "image": "registry.example/shop:2", "livenessProbe": http()}]}
        }
        assert probes(cluster.patch(at(one), again)) == probes(one)
        cluster.call("DELETE", at(one), {"gracePeriodSeconds": 0})
        cluster.patch(at(one), {"metadata": {"finalizers": None}}, MERGE)


def test_a_pod_that_was_rewritten_outlives_the_label(cluster, admission):
    cluster.namespace("after", exec_probe__rewrite="enabled")
    made = cluster.create(pod(container(livenessProbe=http())), "after")
    cluster.patch("/api/v1/namespaces/after", {"metadata": {"labels": {"exec-probe/rewrite": None}}})
    cluster.wait_for_pods("after", lambda found: "exec" not in str(found))
    assert cluster.patch(at(made), {"metadata": {"labels": {"a": "b"}}})["spec"] == made["spec"]


def test_server_side_apply_of_a_single_field_leaves_the_rest(cluster, rewritten):
    labels = {"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": {"c": "d"}}}
    found = cluster.patch(f"{at(rewritten)}?fieldManager=test", labels, APPLY)
    assert found["spec"] == rewritten["spec"] and found["metadata"]["labels"] == {"c": "d"}

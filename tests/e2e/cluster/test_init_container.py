"""The variant for nodes without image volumes: the same rows, with an emptyDir in the place of the image, and an init
container that fills it."""

import pods
import pytest
from cluster import Refused
from cluster import pods as path
from pods import CASES, asked, container, http, pod, tcp


@pytest.fixture(scope="module")
def admission(applied):
    """The policies with the init container."""
    applied.apply("init-container")
    return applied


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_pod_becomes_what_its_row_says(cluster, admission, plainly, case):
    plain = plainly(case)
    found = cluster.create(case.pod, "shop")
    assert cluster.warnings == pods.wanted_warnings(case, "exec-probe-rewritten")
    assert found["spec"] == admission.wanted(plain["spec"], case)


def test_it_runs_first_and_installs_where_the_probes_look(cluster, admission):
    document = pod(container(livenessProbe=http()), initContainers=[container("migrate")])
    spec = cluster.create(document, "shop")["spec"]
    first, second = spec["initContainers"]
    assert (first["image"], first["args"]) == (admission.reference, ["install", pods.FOLDER])
    assert first["volumeMounts"] == [{"name": pods.VOLUME, "mountPath": pods.FOLDER}]
    assert second["name"] == "migrate"
    assert spec["volumes"] == [{"name": pods.VOLUME, "emptyDir": {"sizeLimit": "8Mi"}}]


def test_pod_security_restricted(cluster, admission):
    document = pod(container(livenessProbe=http(), securityContext=pods.TIGHT))
    assert len(cluster.create(document, "shop-restricted")["spec"]["initContainers"]) == 1
    assert cluster.warnings == []


@pytest.mark.parametrize(
    "more",
    [
        {"volumes": [{"name": pods.VOLUME, "image": {"reference": "registry.example/mine:1"}}]},
        # The examples' own name for it.
        {"initContainers": [container(pods.VOLUME)]},
    ],
    ids=["a volume", "an init container"],
)
def test_a_name_that_is_taken(cluster, admission, more):
    document = pod(container(livenessProbe=http()), **more)
    case = pods.Case("", document, {("shop", "livenessProbe"): pods.TAKEN})
    plain = cluster.create(document, "plain")
    assert cluster.create(document, "shop")["spec"] == plain["spec"]
    assert cluster.warnings == pods.wanted_warnings(case, "exec-probe-rewritten")


def test_the_same_manifest_is_applied_again_with_another_image(cluster, admission):
    made = cluster.create(pod(container(livenessProbe=http(), readinessProbe=tcp())), "shop")
    again = container(livenessProbe=http(), readinessProbe=tcp()) | {"image": "registry.example/shop:2"}
    found = cluster.patch(path("shop", made["metadata"]["name"]), {"spec": {"containers": [again]}})
    made["spec"]["containers"][0]["image"] = "registry.example/shop:2"
    assert found["spec"] == made["spec"]
    assert found["spec"]["containers"][0]["livenessProbe"]["exec"]["command"] == [pods.PROGRAM, *asked(":8080")]


def test_a_changed_probe_is_refused(cluster, admission):
    made = cluster.create(pod(container(livenessProbe=http())), "shop")
    with pytest.raises(Refused, match="pod updates may not change fields other than"):
        change = {"spec": {"containers": [{"name": "shop", "livenessProbe": http(8081)}]}}
        cluster.patch(path("shop", made["metadata"]["name"]), change)

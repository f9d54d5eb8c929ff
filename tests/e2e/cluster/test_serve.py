"""The variant by exec-probe serve: the same rows, each probe an httpGet on the sidecar's port, and the command among the
sidecar's arguments."""

import copy
import json

import pods
import pytest
from cluster import MERGE, Refused
from cluster import pods as path
from pods import CASES, asked, container, http, pod, tcp
from test_neighbours import API, LABEL, TRIAL, made, neighbour

PORT = 8086
ANNOTATIONS = ("traffic.sidecar.istio.io/excludeInboundPorts", "config.linkerd.io/skip-inbound-ports")


@pytest.fixture(scope="module")
def admission(applied):
    """The policies with the sidecar."""
    applied.apply("serve")
    return applied


def wanted(plain, case, template):
    """The pod without the policy, changed as the row says."""
    found = copy.deepcopy(plain)
    spec, commands = found["spec"], case.commands()
    if not commands:
        return found
    [sidecar] = copy.deepcopy(template["initContainers"])
    for one in spec["containers"] + spec.get("initContainers", []):
        for name in pods.PROBES:
            if words := commands.get((one["name"], name)):
                served = f"/{one['name']}/{name}"
                for kind in pods.KINDS:
                    one[name].pop(kind, None)
                one[name]["httpGet"] = {"path": served, "port": PORT, "scheme": "HTTP"}
                sidecar["args"] += [served, *words]
    spec["initContainers"] = [sidecar, *spec.get("initContainers", [])]
    found["metadata"].setdefault("annotations", {}).update(dict.fromkeys(ANNOTATIONS, str(PORT)))
    return found


# That the volume's name is taken is nothing to this variant.
OURS = [case for case in CASES if pods.TAKEN not in case.wanted.values()]


@pytest.mark.parametrize("case", OURS, ids=lambda case: case.name)
def test_a_pod_becomes_what_its_row_says(cluster, admission, plainly, case):
    plain = plainly(case)
    found = cluster.create(case.pod, "shop")
    assert cluster.warnings == pods.wanted_warnings(case, "exec-probe-rewritten")
    made = wanted(plain, case, admission.template)
    assert found["spec"] == made["spec"]
    for key in ("labels", "annotations"):
        assert found["metadata"].get(key) == made["metadata"].get(key)


def test_annotations_that_are_there_are_kept(cluster, admission):
    for before, after in (("9000", "9000,8086"), ("8086, 9000", "8086, 9000"), ("18086", "18086,8086")):
        document = pod(container(livenessProbe=http()), annotations=dict.fromkeys(ANNOTATIONS, before))
        found = cluster.create(document, "shop", "?dryRun=All")["metadata"]["annotations"]
        assert found == dict.fromkeys(ANNOTATIONS, after)


@pytest.mark.parametrize("group", ["containers", "initContainers"])
def test_a_name_that_is_taken(cluster, admission, group):
    document = pod(container(livenessProbe=http()))
    document["spec"].setdefault(group, []).append(container(pods.VOLUME))
    case = pods.Case("", document, {("shop", "livenessProbe"): pods.TAKEN})
    plain = cluster.create(document, "plain")
    assert cluster.create(document, "shop")["spec"] == plain["spec"]
    assert cluster.warnings == pods.wanted_warnings(case, "exec-probe-rewritten")


def test_more_probes_than_it_can_serve(cluster, admission):
    many = [container(f"c{number}", **{name: http(number + 1) for name in pods.PROBES}) for number in range(11)]
    assert len(cluster.create(pod(*many[:10]), "shop")["spec"]["initContainers"]) == 1
    assert "initContainers" not in cluster.create(pod(*many), "shop")["spec"]
    [told] = cluster.warnings
    assert told.count(pods.TAKEN) == 33


def test_pod_security_restricted(cluster, admission):
    document = pod(container(livenessProbe=http(), securityContext=pods.TIGHT))
    assert len(cluster.create(document, "shop-restricted")["spec"]["initContainers"]) == 1
    assert cluster.warnings == []


@pytest.mark.parametrize("how", ["client-side", "server-side"])
def test_the_same_manifest_is_applied_again_and_with_another_image(cluster, admission, how):
    """A block of another kind comes back beside httpGet, which the API would refuse."""
    words = ["apply", "--namespace=shop", "--filename=-", *(["--server-side"] if how == "server-side" else [])]
    name = f"served-{how}"
    found = []
    for image in ("registry.example/shop:1", "registry.example/shop:1", "registry.example/shop:2"):
        one = container(livenessProbe=http(8080, "/x"), readinessProbe=tcp()) | {"image": image}
        cluster.kubectl(*words, stdin=json.dumps(pod(one, name=name)))
        found.append(cluster.get(path("shop", name))["spec"])
        assert found[-1]["containers"][0].pop("image") == image
    assert found[0] == found[1] == found[2]
    assert found[0]["initContainers"][0]["args"][2:] == [
        "/shop/livenessProbe",
        *asked(":8080/x"),
        "/shop/readinessProbe",
        *asked(":5432", by="tcp"),
    ]


def test_a_changed_probe_is_refused(cluster, admission):
    made = cluster.create(pod(container(livenessProbe=http())), "shop")
    change = {"spec": {"containers": [{"name": "shop", "livenessProbe": {"failureThreshold": 9}}]}}
    with pytest.raises(Refused, match="pod updates may not change fields other than"):
        cluster.patch(path("shop", made["metadata"]["name"]), change)


def test_a_second_policy_that_adds_containers_in_whatever_order(cluster, admission):
    """There is one sidecar, and it asks for all of them but a mesh's own."""
    bound = {"policyName": "neighbour", "matchResources": {"namespaceSelector": {"matchLabels": LABEL}}}
    binding = ("mutatingadmissionpolicybindings", {"metadata": {"name": "neighbour"}, "spec": bound})
    cluster.namespace("serve", exec_probe__rewrite="enabled", neighbour="yes")
    with made(cluster, ("mutatingadmissionpolicies", neighbour(0)), binding):
        for turn in range(6):
            cluster.patch(f"{API}/mutatingadmissionpolicies/neighbour", neighbour(turn), MERGE)
            cluster.wait_for_pods("serve", lambda found, image=f"proxy:{turn}": image in str(found))
            found = cluster.create(TRIAL, "serve", "?dryRun=All")
            [sidecar] = found["spec"]["initContainers"]
            shop = ["/shop/livenessProbe", *asked(":8080")]
            proxy = ["/proxy/readinessProbe", *asked(":15021")]
            assert sidecar["args"][2:] in ([*shop, *proxy], [*proxy, *shop])
            ports = {one["name"]: one["readinessProbe"]["httpGet"] for one in found["spec"]["containers"][1:]}
            assert ports["proxy"]["port"] == PORT and ports["istio-proxy"]["port"] == 15021
            assert found["metadata"]["annotations"] == dict.fromkeys(ANNOTATIONS, str(PORT))

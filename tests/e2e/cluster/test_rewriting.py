"""Each pod is created with the policies and without, and read back: the two differ in what its row says, and in nothing
else. Whoever creates it is told of each probe that stays, and why."""

import contextlib
import json
import os
import subprocess

import pods
import pytest
from cluster import Refused, wait
from cluster import pods as path
from harness import MUSL
from pods import CASES, asked, container, grpc, http, pod, tcp, workload

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_case
def test_a_pod_becomes_what_its_row_says(cluster, admission, plainly, case):
    plain = plainly(case)
    found = cluster.create(case.pod, "shop")
    assert cluster.warnings == pods.wanted_warnings(case, "exec-probe-rewritten")
    assert found["spec"] == admission.wanted(plain["spec"], case)
    for key in ("labels", "annotations"):
        assert found["metadata"].get(key) == plain["metadata"].get(key)


def test_the_commands_ask_as_their_blocks_did(cluster, admission, plainly):
    """By exec-probe and by the kubelet's own probers, of servers that are well, sick and gone: tests/conformance."""
    asked_of = []
    for case in CASES:
        before, after = (
            {one["name"]: one for one in found["spec"]["containers"] + found["spec"].get("initContainers", [])}
            for found in (plainly(case), cluster.create(case.pod, "shop", "?dryRun=All"))
        )
        for name, kind in case.commands():
            command = after[name][kind]["exec"]["command"]
            row = {"Name": f"{case.name}: {name}.{kind}", "Container": before[name], "Probe": before[name][kind]}
            asked_of.append(row | {"Command": command})
    file = cluster.folder / "rewritten.json"
    file.write_text(json.dumps(asked_of))
    environment = {"EXEC_PROBE": str(MUSL)}
    command = [os.environ["E2E_CONFORMANCE"], "-rewritten", file]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{3 * len(asked_of)} passed, 0 failed"
    assert len(asked_of) >= 40


def test_there_are_enough_of_them():
    """And one for each way to stay."""
    assert len(CASES) >= 60
    reasons = {why for case in CASES for why in case.reasons().values()}
    named = {why for why in vars(pods).values() if isinstance(why, str) and " " in why and why != pods.__doc__}
    assert named <= reasons


@every_case
def test_a_deployment_stays_as_it_is_and_is_told_of_the_same_probes(cluster, admission, case):
    if case.pod["metadata"]["annotations"]:
        # A mirror pod is no template's.
        return
    deployment = workload("Deployment", case.pod)
    plain = cluster.call("POST", "/apis/apps/v1/namespaces/plain/deployments?dryRun=All", deployment)
    made = cluster.call("POST", "/apis/apps/v1/namespaces/shop/deployments?dryRun=All", deployment)
    assert made["spec"] == plain["spec"]
    # That a volume's name is taken shows in the pods alone.
    seen = {key: why for key, why in case.wanted.items() if why != pods.TAKEN}
    assert cluster.warnings == pods.wanted_warnings(pods.Case(case.name, case.pod, seen), "exec-probe-rewritten")


@pytest.mark.parametrize("where", ["the namespace", "the pod", "both"])
def test_who_asks_for_it(cluster, admission, where):
    labels = {} if where == "the namespace" else {"exec-probe/rewrite": "enabled"}
    document = pod(container(livenessProbe=http(), readinessProbe=http("web")), labels=labels)
    case = pods.Case(where, document, {("shop", "livenessProbe"): asked(":8080")})
    plain = cluster.create(document | {"metadata": {"generateName": "p-"}}, "plain")
    found = cluster.create(document, "plain" if where == "the pod" else "shop")
    assert found["spec"] == admission.wanted(plain["spec"], case)
    binding = "exec-probe-pods" if where == "the pod" else "exec-probe-rewritten"
    text = "still asked by the kubelet, not by exec-probe: shop.readinessProbe (the container has no port named web)"
    assert cluster.warnings == [pods.warning(text, binding)]


def test_nobody_asks_for_it(cluster, admission):
    document = pod(container(livenessProbe=http(), readinessProbe={"exec": {"command": ["curl", "localhost"]}}))
    found = cluster.create(document, "plain")
    assert "httpGet" in found["spec"]["containers"][0]["livenessProbe"] and "volumes" not in found["spec"]
    assert cluster.warnings == []


def test_an_image_volume_of_the_users_own_is_used(cluster, admission):
    """A single pod can have another version."""
    volume = {"name": pods.VOLUME, "image": {"reference": "registry.example/mine:1", "pullPolicy": "IfNotPresent"}}
    document = pod(container(livenessProbe=http(), volumeMounts=[pods.MOUNT]), volumes=[volume])
    case = pods.Case("", document, {("shop", "livenessProbe"): asked(":8080")})
    plain = cluster.create(document, "plain")
    assert cluster.create(document, "shop")["spec"] == admission.wanted(plain["spec"], case)
    assert cluster.warnings == []


def test_a_dry_run_shows_it_and_keeps_nothing(cluster, admission):
    document = pod(container(livenessProbe=http()), name="dry")
    found = cluster.create(document, "shop", "?dryRun=All")
    assert found["spec"]["containers"][0]["livenessProbe"]["exec"]["command"] == [pods.PROGRAM, *asked(":8080")]
    with pytest.raises(Refused, match="not found"):
        cluster.get(path("shop", "dry"))


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (http() | tcp(), "may not specify more than 1 handler type"),
        (http() | {"exec": {"command": ["a"]}}, "may not specify more than 1 handler type"),
        ({"periodSeconds": 3}, "must specify a handler type"),
    ],
)
def test_a_wrong_pod_is_refused_with_the_apis_own_error(cluster, admission, block, told):
    for namespace in ("plain", "shop"):
        with pytest.raises(Refused, match=told) as refused:
            cluster.create(pod(container(livenessProbe=block)), namespace)
        assert refused.value.status == 422


def test_the_token_of_the_pod_stays_in_its_place(cluster, admission):
    document = pod(container(livenessProbe=http()), automountServiceAccountToken=True)
    spec = cluster.create(document, "shop")["spec"]
    assert [one["name"].rsplit("-", 1)[0] for one in spec["volumes"]] == ["kube-api-access", "exec"]
    assert [one["mountPath"] for one in spec["containers"][0]["volumeMounts"]] == [
        "/var/run/secrets/kubernetes.io/serviceaccount",
        pods.FOLDER,
    ]


def test_who_may_create_pods_needs_no_other_right(cluster, admission):
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]}
    role = {"metadata": {"name": "shop"}, "rules": [rule]}
    subject = {"kind": "User", "name": "shop", "apiGroup": "rbac.authorization.k8s.io"}
    binding = {
        "metadata": {"name": "shop"},
        "roleRef": {"kind": "Role", "name": "shop", "apiGroup": "rbac.authorization.k8s.io"},
        "subjects": [subject],
    }
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/shop"
    cluster.call("POST", f"{rbac}/roles", role)
    cluster.call("POST", f"{rbac}/rolebindings", binding)
    document = pod(container(livenessProbe=http()))

    def allowed():
        with contextlib.suppress(Refused):
            return cluster.create(document, "shop", "?dryRun=All", token="shop")

    found = wait(allowed, "the role is in force")
    assert found["spec"]["volumes"][0]["image"]["reference"] == admission.reference
    with pytest.raises(Refused, match="cannot get resource"):
        cluster.call("GET", "/api/v1/namespaces/exec-probe/podtemplates/exec-probe", token="shop")


@pytest.mark.parametrize("mode", ["passes", "is refused for the pod's own sake"])
def test_pod_security_restricted(cluster, admission, mode):
    probes = {"livenessProbe": http(), "readinessProbe": tcp(), "startupProbe": grpc()}
    if mode == "passes":
        found = cluster.create(pod(container(**probes, securityContext=pods.TIGHT)), "shop-restricted")
        assert all("exec" in found["spec"]["containers"][0][name] for name in probes)
        assert cluster.warnings == []
        return
    with pytest.raises(Refused, match="violates PodSecurity"):
        cluster.create(pod(container(**probes)), "shop-restricted")


def test_a_pod_too_large_for_it_is_refused_and_none_is(cluster, admission):
    """The limit is the API's own, for each expression: no real pod comes near it."""
    probes = {name: http(path="/healthz") for name in pods.PROBES}
    many = [container(f"c{number}", **probes) for number in range(400)]
    cluster.create(pod(*many[:100]), "shop", "?dryRun=All")
    with pytest.raises(Refused, match="cost limit exceeded"):
        cluster.create(pod(*many), "shop", "?dryRun=All")

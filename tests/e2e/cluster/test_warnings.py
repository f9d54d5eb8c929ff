"""What whoever applies a pod or a workload is told. That each probe which stays is told of, with its reason, is in
test_rewriting.py."""

import json

import pods
import pytest
from pods import container, grpc, http, pod, tcp, warning, workload

LEFT = "still asked by the kubelet, not by exec-probe: "
REFUSED = "refused by strict mutual TLS, if the mesh does not rewrite the probe: "
ALWAYS = "always healthy behind a sidecar, whatever the application does: "
CURL = "curl without -f is content with any answer, also with a 500: "
COLLECTIONS = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
}


def told(cluster, document, namespace, kind="Pod"):
    """The warnings, without what they all begin with."""
    cluster.call("POST", f"{COLLECTIONS[kind].format(namespace)}?dryRun=All", workload(kind, document))
    assert all(
        line.startswith("Validation failed for ValidatingAdmissionPolicy 'exec-probe-w") for line in cluster.warnings
    )
    return [line.split("': ", 1)[1] for line in cluster.warnings]


@pytest.mark.parametrize("kind", COLLECTIONS)
def test_strict_mutual_tls(cluster, admission, kind):
    """Alone it tells of every probe of the kubelet's own; with the rewriting, of those that it leaves."""
    document = pod(
        container(livenessProbe=http(), readinessProbe=grpc(), startupProbe=tcp(host="a.example")),
        container("b", livenessProbe={"exec": {"command": ["x"]}}, readinessProbe=tcp()),
        container("istio-proxy", readinessProbe=http(15021)),
    )
    assert told(cluster, document, "strict", kind) == [
        f"{REFUSED}shop.livenessProbe (httpGet), shop.readinessProbe (grpc)",
        f"{ALWAYS}shop.startupProbe (tcpSocket), b.readinessProbe (tcpSocket)",
    ]
    assert told(cluster, document, "shop-strict", kind) == [
        f"{LEFT}shop.startupProbe ({pods.HOST})",
        f"{ALWAYS}shop.startupProbe (tcpSocket)",
    ]


def test_the_networks_that_no_mesh_is_in(cluster, admission):
    document = pod(container(livenessProbe=http(), readinessProbe=tcp()), hostNetwork=True)
    assert told(cluster, document, "strict") == []
    assert told(cluster, document, "shop-strict") == []


def test_a_pod_that_is_left_out(cluster, admission):
    document = pod(container(livenessProbe=http()), labels={"exec-probe/rewrite": "disabled"})
    assert told(cluster, document, "shop") == []
    assert told(cluster, document, "shop-strict") == [f"{REFUSED}shop.livenessProbe (httpGet)"]


def test_a_single_pod_that_asks_for_it_where_mutual_tls_is_strict(cluster, admission):
    document = pod(container(livenessProbe=http()), labels={"exec-probe/rewrite": "enabled"})
    assert told(cluster, document, "strict") == []
    assert told(cluster, document, "strict", "Deployment") == []


SHELL = ["sh", "-c"]


@pytest.mark.parametrize(
    "command",
    [
        ["curl", "http://localhost:8080"],
        ["/usr/bin/curl", "-s", "-o", "/dev/null", "localhost"],
        ["curl", "--silent", "--max-time", "2", "localhost"],
        [*SHELL, "curl http://localhost:8080/healthz"],
        ["/bin/bash", "-ec", "curl -s localhost || exit 1"],
        [*SHELL, "test -e /ready && /usr/bin/curl -so /dev/null localhost"],
    ],
    ids=" ".join,
)
def test_curl_that_is_content_with_anything(cluster, admission, command):
    document = pod(container(readinessProbe={"exec": {"command": command}}))
    for namespace in ("shop", "strict"):
        assert told(cluster, document, namespace) == [f"{CURL}shop.readinessProbe"]
    assert told(cluster, document, "plain") == []


@pytest.mark.parametrize(
    "command",
    [
        ["curl", "-f", "http://localhost:8080"],
        ["curl", "-sSf", "localhost"],
        ["curl", "-fsS", "localhost"],
        ["curl", "--fail", "localhost"],
        ["curl", "--fail-with-body", "localhost"],
        [*SHELL, "curl -sf http://localhost:8080/healthz || exit 1"],
        [*SHELL, "curl --fail localhost"],
        [*SHELL, "curl -s localhost | grep -q ok"],
        [*SHELL, "[ $(curl -so /dev/null -w '%{http_code}' localhost) = 200 ]"],
        [*SHELL, "test `curl -s localhost` = ok"],
        ["curly", "localhost"],
        ["exec-probe", "http", ":8080/curl"],
        ["cat", "/etc/curl now"],
    ],
    ids=" ".join,
)
def test_commands_that_are_well_or_that_nobody_can_judge(cluster, admission, command):
    assert told(cluster, pod(container(readinessProbe={"exec": {"command": command}})), "shop") == []


def test_kubectl_prints_it_and_the_audit_log_has_it(cluster, admission):
    deployment = workload("Deployment", pod(container(livenessProbe=http(host="127.0.0.1"))))
    deployment |= {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "warned"}}
    done = cluster.kubectl_whole("apply", "--namespace=shop", "--filename=-", stdin=json.dumps(deployment))
    text = f"{LEFT}shop.livenessProbe ({pods.HOST})"
    assert done.stderr == f"Warning: {warning(text, 'exec-probe-rewritten')}\n"

    entries = map(json.loads, (cluster.folder / "audit.log").read_text().splitlines())
    of_it = [one for one in entries if one["verb"] == "create" and one["objectRef"].get("name") == "warned"]
    [noted] = json.loads(of_it[-1]["annotations"]["validation.policy.admission.k8s.io/validation_failure"])
    assert (noted["message"], noted["validationActions"]) == (text, ["Warn", "Audit"])

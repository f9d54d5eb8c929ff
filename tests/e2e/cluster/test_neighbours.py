"""Beside what else changes pods: policies, whose order is drawn by lot, and webhooks, which come after all policies."""

import base64
import contextlib
import http.server
import json
import ssl
import subprocess
import threading

import pods
from cluster import MERGE, Refused, wait
from harness import tool
from pods import asked, container, http as http_get, pod

API = "/apis/admissionregistration.k8s.io/v1"
PODS = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
LABEL = {"neighbour": "yes"}
TRIAL = pod(container(livenessProbe=http_get()))
# What the neighbours add: a container of which they know nothing, and a mesh's proxy.
ADDED = [
    {"name": "proxy", "image": "proxy:1", "readinessProbe": {"httpGet": {"port": 15021}}},
    {"name": "istio-proxy", "image": "proxy:1", "readinessProbe": {"httpGet": {"port": 15021}}},
]


def of_added(found):
    return [one.get("readinessProbe") for one in found["spec"]["containers"] if one["name"] in ("proxy", "istio-proxy")]


def assert_rewritten(found, image):
    """Whole: what is added is rewritten as well, but for the mesh's, and there is one of everything."""
    containers = {one["name"]: one for one in found["spec"]["containers"]}
    assert containers.keys() == {"shop", "proxy", "istio-proxy"}
    assert containers["shop"]["livenessProbe"]["exec"]["command"] == [pods.PROGRAM, *asked(":8080")]
    assert containers["proxy"]["readinessProbe"]["exec"]["command"] == [pods.PROGRAM, *asked(":15021")]
    assert containers["istio-proxy"]["readinessProbe"]["httpGet"]["port"] == 15021
    for name, mounts in (("shop", [pods.MOUNT]), ("proxy", [pods.MOUNT]), ("istio-proxy", None)):
        assert containers[name].get("volumeMounts") == mounts
    assert [one["image"]["reference"] for one in found["spec"]["volumes"]] == [image]


@contextlib.contextmanager
def made(cluster, *documents):
    """Objects of the admission API that are there as long as the block."""
    with contextlib.ExitStack() as stack:
        for collection, document in documents:
            cluster.call("POST", f"{API}/{collection}", document)
            stack.callback(cluster.call, "DELETE", f"{API}/{collection}/{document['metadata']['name']}")
        yield


def neighbour(turn):
    """A policy that adds the containers, in an image that tells which version of the policy did."""
    values = ", ".join(
        f"Object.spec.containers{{name: '{one['name']}', image: 'proxy:{turn}', readinessProbe: "
        "Object.spec.containers.readinessProbe{httpGet: Object.spec.containers.readinessProbe.httpGet{port: 15021}}}"
        for one in ADDED
    )
    expression = f"Object{{spec: Object.spec{{containers: [{values}]}}}}"
    return {
        "metadata": {"name": "neighbour"},
        "spec": {
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "matchConstraints": {"resourceRules": [PODS]},
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}],
        },
    }


def test_a_second_policy_in_whatever_order(cluster, admission):
    """Each change of any policy draws their order anew. If ours were not called again, some draws would show it."""
    selector = {"namespaceSelector": {"matchLabels": LABEL}}
    binding = {"metadata": {"name": "neighbour"}, "spec": {"policyName": "neighbour", "matchResources": selector}}
    cluster.namespace("policy", exec_probe__rewrite="enabled", neighbour="yes")
    bound = ("mutatingadmissionpolicybindings", binding)
    with made(cluster, ("mutatingadmissionpolicies", neighbour(0)), bound):
        for turn in range(8):
            cluster.patch(f"{API}/mutatingadmissionpolicies/neighbour", neighbour(turn), MERGE)
            cluster.wait_for_pods("policy", lambda found, image=f"proxy:{turn}": image in str(found))
            assert_rewritten(cluster.create(TRIAL, "policy", "?dryRun=All"), admission.reference)


class Webhook(http.server.BaseHTTPRequestHandler):
    """Adds the containers, once, and remembers what it was shown."""

    shown = []

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        document = review["request"]["object"]
        Webhook.shown.append(document)
        names = [one["name"] for one in document["spec"]["containers"]]
        patch = [{"op": "add", "path": "/spec/containers/-", "value": one} for one in ADDED if one["name"] not in names]
        answer = {"uid": review["request"]["uid"], "allowed": True, "patchType": "JSONPatch"}
        answer["patch"] = base64.b64encode(json.dumps(patch).encode()).decode()
        body = json.dumps({"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def webhook(folder):
    """Serves it over TLS. Gives its configuration."""
    new = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=webhook"]
    files = ["-keyout", folder / "key", "-out", folder / "pem", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([tool("openssl"), "req", *new, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "pem", folder / "key")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        server.daemon_threads = True
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        authority = base64.b64encode((folder / "pem").read_bytes()).decode()
        url = f"https://127.0.0.1:{server.server_address[1]}/"
        one = {
            "name": "webhook.exec-probe.example",
            "clientConfig": {"url": url, "caBundle": authority},
            "rules": [PODS],
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "namespaceSelector": {"matchLabels": LABEL},
        }
        yield {"metadata": {"name": "webhook"}, "webhooks": [one]}
        server.shutdown()
        thread.join()


def test_a_webhook_that_adds_containers(cluster, admission, tmp_path):
    """Such as a mesh's injector: it is shown a pod without a block that it would rewrite itself."""
    cluster.namespace("webhook", exec_probe__rewrite="enabled", neighbour="yes")
    with webhook(tmp_path) as configuration, made(cluster, ("mutatingwebhookconfigurations", configuration)):
        cluster.wait_for_pods("webhook", of_added)
        Webhook.shown.clear()
        assert_rewritten(cluster.create(TRIAL, "webhook"), admission.reference)
        [first, *_] = Webhook.shown
        assert first["spec"]["containers"][0]["livenessProbe"]["exec"]["command"][0] == pods.PROGRAM


def test_a_missing_template_is_told_to_who_creates_a_pod(cluster, admission):
    """Better than a pod in a mesh that is never ready."""
    template = "/api/v1/namespaces/exec-probe/podtemplates"
    kept = cluster.get(f"{template}/exec-probe")
    cluster.call("DELETE", f"{template}/exec-probe")
    try:

        def refused():
            try:
                cluster.create(TRIAL, "shop", "?dryRun=All")
            except Refused as refused:
                return refused.message

        message = wait(refused, "pods are refused")
        assert "failed to configure binding: no params found for policy binding with `Deny`" in message
        # Nobody else's are.
        cluster.create(TRIAL, "plain", "?dryRun=All")
    finally:
        metadata = {"name": "exec-probe"}
        cluster.call("POST", template, {"metadata": metadata, "template": kept["template"]})
        admission.wait_until_in_force()

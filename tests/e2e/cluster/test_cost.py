"""What the policies cost the API server, by its own metrics: the table of docs/cluster.md."""

import datetime
import json
import os
import re
import time

import harness
from cluster import APISERVER, pods as path
from pods import container, http, pod, tcp

# The table is of 500.
PODS = int(os.environ.get("E2E_PODS", "50"))
PROBES = {"livenessProbe": http(8080, "/livez"), "readinessProbe": http(8080, "/readyz"), "startupProbe": tcp(8080)}
# Of the two kinds of policies, those that change and those that warn.
OURS = ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy")
# Far more than it is on a busy machine, and far less than anybody would notice who creates a pod.
MOST_MILLISECONDS = 50


class Seconds:
    """The sums of the API server's metrics, by how long the policies took for pods, and all there is to do for one."""

    def __init__(self, cluster):
        text = cluster.get("/metrics")

        def total(metric, *labels):
            lines = re.findall(rf"^{metric}{{(.*)}} (\S+)$", text, re.MULTILINE)
            return sum(float(value) for found, value in lines if all(label in found for label in labels))

        admission = "apiserver_admission_controller_admission_duration_seconds_sum"
        self.policies = [total(admission, f'name="{name}"', 'operation="CREATE"') for name in OURS]
        request = ('resource="pods"', 'verb="POST"', 'subresource=""')
        self.whole = total("apiserver_request_duration_seconds_sum", *request)
        self.count = total("apiserver_request_duration_seconds_count", *request)


def measure(cluster, namespace, name):
    """Creates the pods by kubectl. Gives a row: the means in milliseconds, and how long kubectl took."""
    items = [pod(container(**PROBES), name=f"{name}-{number}") for number in range(PODS)]
    manifest = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    before, began = Seconds(cluster), time.monotonic()
    cluster.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=manifest)
    took, after = time.monotonic() - began, Seconds(cluster)
    assert after.count - before.count == PODS
    means = [(late - early) / PODS * 1000 for early, late in zip(before.policies, after.policies, strict=True)]
    assert all(mean < MOST_MILLISECONDS for mean in means), means
    cluster.call("DELETE", f"{path(namespace)}?gracePeriodSeconds=0")
    return [*(f"{mean:.2f}" for mean in [*means, (after.whole - before.whole) / PODS * 1000]), f"{took:.1f}"]


def test_what_many_pods_cost(cluster, applied):
    applied.take_out()
    rows = [("no policy in the cluster", *measure(cluster, "plain", "none"))]
    applied.apply("image-volume")
    rows.append(("not labelled", *measure(cluster, "plain", "other")))
    rows.append(("labelled, all is rewritten", *measure(cluster, "shop", "rewritten")))
    version = APISERVER.parent.name.replace("-", " ").replace("kube apiserver", "kube-apiserver")
    today = datetime.datetime.now(datetime.UTC).date()
    title = f"{PODS} pods of three probes ({today}, {version}, {os.cpu_count()} CPUs)"
    harness.REPORTS[title] = [("namespace", "rewriting, ms", "warning, ms", "whole request, ms", "kubectl, s"), *rows]

"""The pods of examples/kubernetes and examples/istio, made fit for a node that has no cluster.

Changed is what can't be had here, and no more: the images are local ones, the application is ours and listens on the
ports that the example declares, and Secrets, which a pod without a cluster may not ask for, are folders of the node.
Probes, security contexts, environment and volumes stay as they are, so that a mistake in one of them is found.
"""

import copy
import json
import re
import subprocess
from pathlib import Path

import yaml
from harness import MUSL

FOLDER = Path(__file__).parents[3] / "examples"

# The last part of an example's image name, and what it is here.
IMAGES = {name: f"localhost/{name}:1" for name in ("exec-probe", "shop", "curl", "dropin", "then")}

TOKEN = "correct-horse"
SERVER_NAME = "shop.default.svc"


# Applications that are ours whatever the example calls them.
SHOPS = ("liveness", "liveness-http")


def find(example):
    """The example of this name, with its folder's where two have the name."""
    [file] = FOLDER.glob(f"{example}.yaml" if "/" in example else f"*/{example}.yaml")
    return file


def entry_point():
    """That of the image that waits and then becomes its application."""
    text = (FOLDER / "docker/then/Dockerfile").read_text()
    return json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])


def pod_template(example):
    """The pod of the example's Deployment, as it stands there."""
    documents = yaml.safe_load_all(find(example).read_text())
    [deployment] = [document for document in documents if document["kind"] == "Deployment"]
    return deployment["spec"]["template"]["spec"]


def local(reference):
    name = reference.split("@")[0].split("/")[-1].split(":")[0]
    return IMAGES["shop" if name in SHOPS else name]


def add_images(node, programs):
    """Adds the images that all examples have. Gives what is in the application's."""
    application = {f"/{name}": programs / name for name in ("application", "grpc-application")}
    pause = {"/application": programs / "application"}
    node.add_image("localhost/pause:1", {"Entrypoint": ["/application"]}, pause)
    node.add_image(IMAGES["shop"], {"Env": ["PATH=/"]}, application)
    # As Dockerfile.static makes it.
    config = {"Entrypoint": ["/exec-probe"], "User": "65534:65534"}
    node.add_image(IMAGES["exec-probe"], config, {"/exec-probe": MUSL})
    return application


def pod_spec(example, node, name):
    """The example's pod for this node, its application told how to answer by the folder of the pod's name."""
    spec = pod_template(example)
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        container |= {"image": local(container["image"]), "imagePullPolicy": "Never"}
    for volume in spec.get("volumes", []):
        if "image" in volume:
            volume["image"] = {"reference": local(volume["image"]["reference"]), "pullPolicy": "Never"}
        if secret := volume.pop("secret", None):
            volume["hostPath"] = {"path": str(node.folder / "secrets" / secret["secretName"]), "type": "Directory"}
    [application] = spec["containers"]
    ports = [str(port["containerPort"]) for port in application["ports"]]
    if "grpc" in (port["name"] for port in application["ports"]):
        application["command"] = ["/grpc-application", "/control", "/tls", *ports]
    else:
        application["command"] = ["/application", "/control", *ports]
    return controlled(spec, node, name)


def controlled(spec, node, name):
    """The pod with the folder that its first container is told by."""
    control = node.folder / "control" / name
    control.mkdir()
    spec.setdefault("volumes", []).append({"name": "control", "hostPath": {"path": str(control), "type": "Directory"}})
    mount = {"name": "control", "mountPath": "/control", "readOnly": True}
    spec["containers"][0].setdefault("volumeMounts", []).append(mount)
    return spec


def stand_in(node, name, port):
    """A container in the place of a mesh's sidecar: it answers on the port that the sidecar tells its readiness on, as the
    folder says that lies beside the pod's own. Gives the volume too."""
    control = node.folder / "control" / f"{name}-sidecar"
    control.mkdir()
    volume = {"name": "sidecar", "hostPath": {"path": str(control), "type": "Directory"}}
    container = {
        "name": "sidecar",
        "image": IMAGES["shop"],
        "imagePullPolicy": "Never",
        "command": ["/application", "/control", str(port)],
        "volumeMounts": [{"name": "sidecar", "mountPath": "/control", "readOnly": True}],
    }
    return container, volume


def with_probes(spec, change):
    """A copy, each probe of the application replaced by what `change` makes of it."""
    spec = copy.deepcopy(spec)
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        spec["containers"][0][kind] = change(spec["containers"][0][kind])
    return spec


def every_second(probe):
    """An example's probe, but asked as often as the kubelet can, to see more of it in the same time."""
    return probe | {"periodSeconds": 1}


def make_secrets(folder):
    """What grpc-tls.yaml says has to be made: one authority, a server's and a client's certificate, a token."""
    server, client, token = (folder / name for name in ("shop-tls", "shop-probe-tls", "shop-probe-token"))
    for place in (server, client, token):
        place.mkdir()
    (token / "token").write_text(f"{TOKEN}\n")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=folder)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=shop CA", "-days", 2)
    for place, name in (server, SERVER_NAME), (client, "exec-probe"):
        (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
        openssl("req", *key, "-keyout", place / "tls.key", "-out", "request", "-subj", f"/CN={name}")
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", 1, "-extfile", "names"]
        openssl("x509", "-req", "-in", "request", "-out", place / "tls.crt", *signed)
        (place / "ca.crt").write_bytes((folder / "ca.crt").read_bytes())
    # As a Secret's with defaultMode 0440 and the examples' fsGroup.
    for file in folder.glob("*/*"):
        file.chmod(0o440)
        subprocess.run(["chown", "root:65534", file], check=True)

"""A node without a cluster: containerd, and a kubelet that runs the pods whose manifests lie in a folder.

Runs inside of `in-namespaces`, which ends whatever is started here. Everything is waited for, nobody sleeps a while.
"""

import contextlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import tarfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

KUBELET = Path(os.environ["E2E_KUBELET"])
CONTAINERD = Path(os.environ["E2E_CONTAINERD"])
CGROUP = os.environ["E2E_CGROUP"]

# The name the kubelet adds to a static pod's.
NAME = "node"
# The port without authentication: status and metrics.
STATUS = "http://127.0.0.1:10255"

CONTAINERD_CONFIG = """
version = 4
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.differ.v1.erofs",
  "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
]
[plugins."io.containerd.server.v1.grpc"]
  address = "{socket}"
[plugins."io.containerd.server.v1.ttrpc"]
  address = "{socket}.ttrpc"
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "localhost/pause:1"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  # Machine-wide where the kernel has no such setting per network: none of the pods wants them.
  enable_unprivileged_ports = false
  enable_unprivileged_icmp = false
  [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "{folder}/cni"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
"""

NETWORK = {
    "cniVersion": "1.0.0",
    "name": "pods",
    "plugins": [
        {
            "type": "bridge",
            "bridge": "pods",
            # Without the address of a gateway the kubelet, which is on the node, can't reach a pod.
            "isGateway": True,
            "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.7.0/24"}]]},
        }
    ],
}

KUBELET_CONFIG = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    "fileCheckFrequency": "1s",
    "syncFrequency": "5s",
    # kube-apiserver reaches it by the node's address, and the tests by loopback.
    "address": "0.0.0.0",
    "readOnlyPort": 10255,
    "healthzPort": 0,
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    # Events are in the log from 3 on, and in this format one line each.
    "logging": {"format": "json", "verbosity": 3},
    "failSwapOn": False,
    # Since 1.35 the kubelet stops on version 1 if it is not told otherwise.
    "failCgroupV1": False,
    "cgroupDriver": "cgroupfs",
    "cgroupRoot": f"/{CGROUP}",
    "enforceNodeAllocatable": [],
    "makeIPTablesUtilChains": False,
    "oomScoreAdj": 0,
    "resolvConf": "",
    # However full the machine's disk is, nothing here is to be evicted.
    "evictionHard": {
        "memory.available": "10Mi",
        "nodefs.available": "1%",
        "nodefs.inodesFree": "1%",
        "imagefs.available": "1%",
        "imagefs.inodesFree": "1%",
    },
    "imageGCHighThresholdPercent": 100,
    "imageGCLowThresholdPercent": 99,
    "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"},
}


def wait(condition, what, within=30, evidence=lambda: "", every=0.2):
    """Asks until the answer is true, and gives that. Not too often: who is asked has two processors for everything."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}\n{evidence()}"
        time.sleep(every)
    return answer


def processor_time(group):
    """Seconds that a control group has used, groups in it included."""
    with contextlib.suppress(FileNotFoundError):
        return int((group / "cpuacct.usage").read_text()) / 1e9
    told = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
    return int(told["usage_usec"]) / 1e6


@dataclass(frozen=True)
class Event:
    """What `kubectl describe` would show of a pod, as the kubelet's log has it."""

    pod: str
    container: str
    reason: str
    message: str


def event(entry) -> Event:
    container = re.search(r"\{(.*)\}", entry.get("fieldPath", ""))
    name = entry["object"]["name"].removesuffix(f"-{NAME}")
    return Event(name, container[1] if container else "", entry["reason"], entry["message"].rstrip("\n"))


class Node:
    """containerd and a kubelet, with the images that are made on the spot."""

    def __init__(self, folder):
        self.folder = folder
        self.socket = "/run/containerd/containerd.sock"
        self.log = folder / "kubelet.log"
        self.manifests = folder / "manifests"
        self._read, self._events, self._reading = 0, [], threading.Lock()
        # /usr/sbin: runc.
        self.environment = {"PATH": f"{CONTAINERD}:/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(folder / "tmp")}
        for name in ("cni", "control", "manifests", "secrets", "tmp"):
            (folder / name).mkdir()
        (folder / "cni" / "pods.conflist").write_text(json.dumps(NETWORK))

    def start_containerd(self):
        config = self.folder / "containerd.toml"
        config.write_text(CONTAINERD_CONFIG.format(folder=self.folder, socket=self.socket))
        self._start([CONTAINERD / "containerd", "--config", config], self.folder / "containerd.log")

        def answers():
            with socket.socket(socket.AF_UNIX) as client:
                return client.connect_ex(self.socket) == 0

        wait(answers, "containerd listens", evidence=(self.folder / "containerd.log").read_text)

    def start_kubelet(self, kubeconfig=None):
        """Alone, or as a node of the cluster that the file leads to. Gives its process."""
        config = self.folder / "kubelet.json"
        paths = {
            "staticPodPath": str(self.manifests),
            "podLogsDir": str(self.folder / "logs"),
            "volumePluginDir": str(self.folder / "plugins"),
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "registerNode": kubeconfig is not None,
        }
        config.write_text(json.dumps(KUBELET_CONFIG | paths))
        root = self.folder / "kubelet"
        options = ["--config", config, "--root-dir", root, "--cert-dir", root / "pki", "--hostname-override", NAME]
        options += ["--kubeconfig", kubeconfig] if kubeconfig else []
        running = self._start([KUBELET / "kubelet", *options, "--node-ip", "10.99.0.1"], self.log)
        wait(self._serves, "the kubelet serves its status", 30, self._log_end)
        return running

    def _start(self, command, log):
        """In a control group beside those of the pods: version 2 wants no process in a group that has groups."""
        own = self.control_group() / "node"
        own.mkdir(exist_ok=True)
        enter = ["/bin/sh", "-c", 'echo 0 >"$0" && exec "$@"', own / "cgroup.procs", *command]
        with log.open("w") as output:
            return subprocess.Popen(enter, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def control_group(self):
        """The one that counts the processor time of all that the node runs: version 1's of that controller, or version 2's."""
        places = [Path("/sys/fs/cgroup/cpuacct", CGROUP), Path("/sys/fs/cgroup", CGROUP)]
        return next(place for place in places if place.exists())

    def processor_time(self):
        """Seconds of kubelet, containerd and its shims, of every runc, and of all containers, each counted once; and how
        many of them in the groups of the pods, where limits count them."""
        group = self.control_group()
        return processor_time(group), processor_time(group / "kubepods")

    def _serves(self):
        with contextlib.suppress(OSError):
            return self.get("/pods")

    def _log_end(self):
        return "\n".join(self.log.read_text().splitlines()[-20:])

    def add_image(self, reference, config, files, links=()):
        """Makes an image of one layer. `files`: where it is in the image, and where here. `links`: symbolic ones, and where
        they lead."""
        archive = self.folder / "image.tar"
        archive.write_bytes(image(reference, config, files, dict(links)))
        command = [CONTAINERD / "ctr", "--address", self.socket, "--namespace", "k8s.io", "images", "import", archive]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        archive.unlink()

    def get(self, path):
        with urllib.request.urlopen(STATUS + path, timeout=30) as answer:
            return answer.read().decode()

    def events(self):
        """All events so far, in their order."""
        with self._reading, self.log.open("rb") as log:
            log.seek(self._read)
            # The last line may be half written.
            for line in iter(log.readline, b""):
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                if b'"Event occurred"' in line:
                    self._events.append(event(json.loads(line)))
            return list(self._events)

    def probe_metrics(self, metric):
        """A metric of the prober: its value for (pod, container, type, result)."""
        found = {}
        for labels, value in re.findall(rf"^{metric}{{(.*)}} (\S+)", self.get("/metrics/probes"), re.MULTILINE):
            label = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            key = (label["pod"].removesuffix(f"-{NAME}"), label["container"], label["probe_type"], label.get("result"))
            found[key] = float(value)
        return found

    @contextlib.contextmanager
    def pod(self, name, spec):
        """A pod that runs as long as the block, under this name."""
        pod = Pod(self, name)
        manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
        # Renamed into place, because half a manifest would be read as well.
        unseen = self.folder / f"{name}.json"
        unseen.write_text(json.dumps(manifest))
        unseen.rename(self.manifests / unseen.name)
        try:
            yield pod
        finally:
            pod.go_on()
            (self.manifests / unseen.name).unlink()
            wait(lambda: pod.status() is None, f"pod {name} is gone", 60, pod.story)


class Pod:
    """A pod, seen through the kubelet's status and log. Its first container is the application."""

    def __init__(self, node, name):
        self.node = node
        self.name = name
        self.control = node.folder / "control" / name
        self.stopped = []
        self.seen = 0

    def known(self):
        """What the kubelet has of the pod; None if it is gone."""
        for pod in json.loads(self.node.get("/pods"))["items"] or []:
            if pod["metadata"]["name"] == f"{self.name}-{NAME}":
                return pod
        return None

    def status(self):
        known = self.known()
        return known and known["status"]

    def container(self, name=None):
        """The status of one container, a sidecar's too; of the first one without a name; empty as long as there is none."""
        status = self.status() or {}
        containers = status.get("containerStatuses", []) + (status.get("initContainerStatuses", []) if name else [])
        return next((found for found in containers if name in (None, found["name"])), {})

    def ready(self):
        conditions = (self.status() or {}).get("conditions", [])
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def restarts(self):
        return self.container().get("restartCount", 0)

    def events(self, reason="Unhealthy"):
        """The texts of this kind of event since the pod was last waited for to be ready."""
        events = self.node.events()[self.seen :]
        return [event.message for event in events if (event.pod, event.reason) == (self.name, reason)]

    def story(self):
        """For the text of an assertion: what the kubelet thinks of the pod's containers, and how it came to that."""
        status = self.status() or {}
        containers = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
        known = [f"{found['name']}: ready {found['ready']}, {found['state']}" for found in containers]
        events = [f"{event.reason}: {event.message}" for event in self.node.events() if event.pod == self.name]
        return "\n".join([*known, *events[-20:]])

    def wait(self, condition, what, within=30, **options):
        return wait(condition, f"pod {self.name}: {what}", within, self.story, **options)

    def wait_ready(self, within=30):
        self.wait(self.ready, "ready", within)
        self.seen = len(self.node.events())

    def set(self, file, content):
        """Tells the application how to answer; renamed into place, so that it never reads half of it."""
        unseen = self.control.with_name(f"{self.name}.{file}")
        unseen.write_text(content)
        unseen.rename(self.control / file)

    def clear(self, file):
        (self.control / file).unlink()

    def log(self, container):
        """What a container has printed since its last start, by line."""
        identity = f"*_{self.name}-{NAME}_*/{container}"
        [*_, newest] = sorted((self.node.folder / "logs").glob(f"{identity}/*.log"), key=lambda file: int(file.stem))
        # As the runtime writes it: time, stream, whether the line is whole, and the line.
        return [line.split(" ", 3)[3] for line in newest.read_text().splitlines()]

    def processes(self, command, container=None):
        """Ids of the processes with this name in a container, in the application's if none is named."""
        return self._processes(command, self.container(container)["containerID"].removeprefix("containerd://"))

    def all_processes(self, command):
        """Ids of the processes with this name in any container of the pod, started or about to be."""
        known = self.known()
        return self._processes(command, known["metadata"]["uid"]) if known else []

    def _processes(self, command, identity):
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (process / "comm").read_text() == f"{command}\n" and identity in (process / "cgroup").read_text():
                    found.append(int(process.name))
        return found

    def control_group(self, controller, file, container=None, command="application"):
        """A file of a controller's, for the container in which an application, or another command, runs."""
        [process] = self.processes(command, container)
        for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
            # Version 1 has hierarchies, some for several controllers; version 2 has one for all, whose list of them is empty.
            _, controllers, group = line.split(":", 2)
            place = Path("/sys/fs/cgroup") / controllers / group.lstrip("/") / file
            if (not controllers or controller in controllers.split(",")) and place.exists():
                return place
        raise FileNotFoundError(f"{file} of {self.name}")

    def throttled(self, container):
        """Seconds for which a container was held back because its share of the processors was used up."""
        told = dict(line.split() for line in self.control_group("cpu", "cpu.stat", container).read_text().splitlines())
        # Version 2 counts microseconds, version 1 nanoseconds.
        return int(told["throttled_usec"]) / 1e6 if "throttled_usec" in told else int(told["throttled_time"]) / 1e9

    def memory_limit(self, container, command):
        """Bytes, as the kernel has them, by version 2 or version 1."""
        for file in ("memory.max", "memory.limit_in_bytes"):
            with contextlib.suppress(FileNotFoundError):
                return int(self.control_group("memory", file, container, command).read_text())
        raise FileNotFoundError(f"memory limit of {self.name}")

    def limit_processes_to_one_more(self):
        """Allows as many as there are in the application's container, and one."""
        place = self.control_group("pids", "pids.max")
        place.write_text("2")
        # Whoever is that one more can't fork.
        script = f"echo $$ >{place.parent}/cgroup.procs; /bin/true; exit 0"
        refused = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=10)
        assert "fork" in refused.stderr, refused

    def hang(self):
        self.stopped = self.processes("application")
        assert self.stopped
        for process in self.stopped:
            os.kill(process, signal.SIGSTOP)

    def go_on(self):
        for process in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        self.stopped = []


def image(reference, config, files, links) -> bytes:
    """An image as `docker save` writes it. Folders are made as needed; a symbolic link is followed."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        folders = {str(parent) for name in files for parent in Path(name).relative_to("/").parents} - {"."}
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, source in files.items():
            _add(tar, name.lstrip("/"), Path(source).read_bytes(), 0o755)
        for name, target in links.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    content = layer.getvalue()
    digest = sha256(content).hexdigest()
    description = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add(tar, "config.json", json.dumps(description).encode())
        _add(tar, "layer.tar", content)
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    return archive.getvalue()


def _add(tar, name, content, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))

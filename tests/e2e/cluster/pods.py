"""Pods with every kind of probe, and what becomes of each: the words of its command, or the reason why it stays."""

import copy
from dataclasses import dataclass, field

import replacements

VOLUME, FOLDER = "exec-probe", "/.exec-probe"
PROGRAM = f"{FOLDER}/exec-probe"
MOUNT = {"name": VOLUME, "mountPath": FOLDER, "readOnly": True}
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
KINDS = ("httpGet", "tcpSocket", "grpc")

# What Pod Security calls restricted.
TIGHT = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}

# Why a probe stays.
HOST = "it names a host"
PATH = "exec-probe would send its path in another way"
PLACEHOLDER = "exec-probe would see a placeholder in it"
HEADERS = "exec-probe takes not all of its headers"
MOUNTED = "another volume is mounted at /.exec-probe"
WINDOWS = "exec-probe is for Linux"
TAKEN = "the pod has a volume or a container named exec-probe, or nothing is rewritten here"


def http(port=8080, path=None, **more):
    return {"httpGet": {"port": port} | ({"path": path} if path else {}) | more}


def headers(*pairs):
    return {"httpHeaders": [{"name": name, "value": value} for name, value in pairs]}


def tcp(port=5432, **more):
    return {"tcpSocket": {"port": port, **more}}


def grpc(port=9090, **more):
    return {"grpc": {"port": port, **more}}


def container(name="shop", **more):
    return {"name": name, "image": "registry.example/shop:1", **more}


def pod(*containers, labels=None, annotations=None, name=None, **spec):
    named = {"name": name} if name else {"generateName": "p-"}
    metadata = named | {"labels": labels or {}, "annotations": annotations or {}}
    # Without the token, whose volume has a name drawn by lot.
    shared = {"containers": list(containers), "automountServiceAccountToken": False}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": shared | spec}


def workload(kind, document):
    """What makes such pods."""
    if kind == "Pod":
        return document
    labels = {"app": "shop"}
    metadata = {"labels": document["metadata"]["labels"] | labels}
    template = {"metadata": metadata, "spec": document["spec"]}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    if kind in ("Job", "CronJob"):
        spec = {"template": {"metadata": metadata, "spec": document["spec"] | {"restartPolicy": "Never"}}}
    if kind == "CronJob":
        spec = {"schedule": "0 0 * * *", "jobTemplate": {"spec": spec}}
    return {"metadata": {"name": "shop"}, "spec": spec}


@dataclass(frozen=True)
class Case:
    """A pod, and by container and probe the words after the program's name, or the reason. Probes that are not named
    stay without a word."""

    name: str
    pod: dict
    wanted: dict = field(default_factory=dict)

    def commands(self) -> dict:
        return {key: words for key, words in self.wanted.items() if isinstance(words, list)}

    def reasons(self) -> dict:
        return {key: why for key, why in self.wanted.items() if isinstance(why, str)}


CASES = []


def case(name, document, **wanted):
    """Keys are container__probe."""
    CASES.append(Case(name, document, {tuple(key.split("__")): value for key, value in wanted.items()}))


def probe(name, block, words):
    """A pod whose only probe is this."""
    case(name, pod(container(livenessProbe=block)), shop__livenessProbe=words)


def asked(target, *options, by="http"):
    return [by, "--timeout=900ms", *options, target]


# docs/replace.md


def page_rows():
    """Each block of the page, and the arguments on its right; but a host stays, and a port's name is looked up."""
    for row in replacements.rows():
        ports = [{"name": name, "containerPort": number} for name, number in replacements.NAMED_PORTS.items()]
        words = list(row.arguments)
        for name, value in replacements.ENVIRONMENT.items():
            words[-1] = words[-1].replace(f"{{env.{name}}}", value)
        document = pod(container(ports=ports, livenessProbe=row.block))
        case(f"page: {row}", document, shop__livenessProbe=HOST if "host" in row.fields else words)
    for seconds, ours in replacements.timeouts().items():
        block = tcp() | {"timeoutSeconds": seconds}
        probe(f"page: timeoutSeconds {seconds}", block, ["tcp", f"--timeout={ours}", ":5432"])


page_rows()

# Fields

case(
    "all three probes keep their other fields",
    pod(
        container(
            livenessProbe=http(8080, "/livez")
            | {
                "timeoutSeconds": 2,
                "periodSeconds": 7,
                "failureThreshold": 4,
                "initialDelaySeconds": 3,
                "terminationGracePeriodSeconds": 9,
            },
            readinessProbe=tcp() | {"timeoutSeconds": 5, "successThreshold": 2},
            startupProbe=grpc(service="orders.v1") | {"timeoutSeconds": 10, "failureThreshold": 60},
        )
    ),
    shop__livenessProbe=["http", "--timeout=1800ms", ":8080/livez"],
    shop__readinessProbe=["tcp", "--timeout=4500ms", ":5432"],
    shop__startupProbe=["grpc", "--timeout=9000ms", "--service=orders.v1", ":9090"],
)
probe("path /", http(8080, "/"), asked(":8080"))
probe("path without a slash", http(8080, "healthz"), asked(":8080/healthz"))
probe("path that is a query", http(8080, "?a=b"), asked(":8080/?a=b"))
probe("path with a query", http(8080, "/search?q=a&b=c%20d?e"), asked(":8080/search?q=a&b=c%20d?e"))
probe("path with escapes", http(8080, "/%41%2F%c3%A4?a%20b"), asked(":8080/%41%2F%c3%A4?a%20b"))
probe("path with dollars", http(8080, "/$(HOME)/$$/$x$"), asked(":8080/$$(HOME)/$$$$/$$x$$"))
probe(
    "path with all that may stand in one",
    http(8080, "/~a-b_c.d!e&f'g(h)i*j+k,l;m=n:o@p[q]//../r?s?/:@!'()*+,;=[]"),
    asked(":8080/~a-b_c.d!e&f'g(h)i*j+k,l;m=n:o@p[q]//../r?s?/:@!'()*+,;=[]"),
)
probe("path with an @ and a colon", http(8080, "/a@b:c"), asked(":8080/a@b:c"))
probe("scheme HTTPS without a path", http(8443, scheme="HTTPS"), asked("https://localhost:8443"))
probe(
    "headers with a dollar, quotes, a colon, nothing",
    http(8080, "/x", **headers(("X-A", "$(PATH) $$"), ("x-b", "\"c\": 'd'"), ("User-Agent", ""), ("X-A", "-H"))),
    asked(":8080/x", "-H", "X-A: $$(PATH) $$$$", "-H", "x-b: \"c\": 'd'", "-H", "User-Agent: ", "-H", "X-A: -H"),
)
probe(
    "headers Host and Authorization",
    http(8080, "/x", **headers(("Host", "shop.example"), ("Authorization", "Basic cHJvYmU6czNjcmV0"))),
    asked(":8080/x", "-H", "Host: shop.example", "-H", "Authorization: Basic cHJvYmU6czNjcmV0"),
)
probe("grpc with an empty service", grpc(service=""), asked(":9090", by="grpc"))
probe("grpc with a service of dollars", grpc(service="$(A)"), asked(":9090", "--service=$$(A)", by="grpc"))

# Ports by name

PORTS = [{"containerPort": 9}, {"name": "http", "containerPort": 8080}, {"name": "db", "containerPort": 5432}]
case(
    "named ports of the container",
    pod(container(ports=PORTS, livenessProbe=http("http", "/x"), readinessProbe=tcp("db"))),
    shop__livenessProbe=asked(":8080/x"),
    shop__readinessProbe=asked(":5432", by="tcp"),
)
case(
    "a named port of another container",
    pod(container(ports=PORTS), container("other", livenessProbe=http("http"))),
    other__livenessProbe="the container has no port named http",
)
case(
    "a named port that is missing, beside one that is there",
    pod(container(ports=PORTS, livenessProbe=http("web"), readinessProbe=tcp("db"))),
    shop__livenessProbe="the container has no port named web",
    shop__readinessProbe=asked(":5432", by="tcp"),
)

# Hosts

for host in ("10.1.2.3", "db.example", "127.0.0.1", "localhost", "::1", "fd00::7"):
    case(
        f"host {host}",
        pod(container(livenessProbe=http(host=host), readinessProbe=tcp(host=host))),
        shop__livenessProbe=HOST,
        shop__readinessProbe=HOST,
    )
case(
    "the network of the node",
    pod(container(livenessProbe=http(), readinessProbe=http(host="127.0.0.1")), hostNetwork=True),
)

# What stays

case("no probes", pod(container()))
case("exec already", pod(container(livenessProbe={"exec": {"command": ["curl", "-f", "http://localhost:8080"]}})))
hooks = {"preStop": http(8080, "/stop"), "postStart": http(8080, "/start")}
case("lifecycle hooks", pod(container(lifecycle=hooks)))
for path in (
    *(
        "http://a.example/x",
        "HTTPS://a.example",
        "a:b",
        "//a.example/x",
        "/x#y",
        "/{env.HOME}",
        "/{file./token}",
        "/{id}",
    ),
    *("/a b", "/a?b c", '/"', "/<a>", "/ä", "/a?ä", "/a\\b", "/a^b|c", "/a`b", "/100%/x", "/%4", "/%zz?", "/a\tb"),
):
    probe(f"path {path}", http(8080, path), PATH)
for value in ("{Env.X", "{{ env.X }}", "${env}", "{\u00a0env.X}"):
    probe(f"header with {value}", http(8080, **headers(("X", value))), PLACEHOLDER)
probe("header with braces of its own", http(8080, **headers(("X", "{a} { b }"))), asked(":8080", "-H", "X: {a} { b }"))
probe("header with {env.", http(8080, **headers(("X", "a {env.TOKEN}"))), PLACEHOLDER)
probe("header with {file.", http(8080, **headers(("X", "y"), ("Authorization", "{file./token}"))), PLACEHOLDER)
probe("service with {env.", grpc(service="{env.HOME:-a}"), PLACEHOLDER)
for name, value in (
    ("Content-Length", "0"),
    ("transfer-encoding", "x"),
    ("Expect", "x"),
    ("UPGRADE", "h2c"),
    ("TE", "x"),
    ("Host", ""),
    ("Connection", " "),
    ("-X", "y"),
):
    probe(f"header {name}: {value}", http(8080, **headers((name, value))), HEADERS)
probe("two Hosts", http(8080, **headers(("Host", "a"), ("host", "b"))), HEADERS)
case("Windows", pod(container(livenessProbe=http()), os={"name": "windows"}), shop__livenessProbe=WINDOWS)
case(
    "Windows by its node selector",
    pod(container(livenessProbe=http()), nodeSelector={"kubernetes.io/os": "windows"}),
    shop__livenessProbe=WINDOWS,
)
case(
    "Linux, said twice",
    pod(container(livenessProbe=http()), os={"name": "linux"}, nodeSelector={"kubernetes.io/os": "linux"}),
    shop__livenessProbe=asked(":8080"),
)
case("disabled by the pod", pod(container(livenessProbe=http()), labels={"exec-probe/rewrite": "disabled"}))
# It has to name a node, and may have no ServiceAccount.
mirror = {"kubernetes.io/config.mirror": "x"}
case("a mirror pod", pod(container(livenessProbe=http()), annotations=mirror, nodeName="n"))

# Containers, volumes, mounts

DATA = {"name": "data", "emptyDir": {}}
AT_DATA = {"name": "data", "mountPath": "/data"}
case(
    "volumes and mounts are there",
    pod(container(livenessProbe=http(), volumeMounts=[AT_DATA]), volumes=[DATA]),
    shop__livenessProbe=asked(":8080"),
)
case("volumes without mounts", pod(container(livenessProbe=http()), volumes=[DATA]), shop__livenessProbe=asked(":8080"))
case(
    "empty lists",
    pod(container(livenessProbe=http(), volumeMounts=[], ports=[]), volumes=[], initContainers=[]),
    shop__livenessProbe=asked(":8080"),
)
case(
    "of many containers those with probes get the mount",
    pod(
        container("a", livenessProbe=http(1)),
        container("b"),
        container("c", readinessProbe=grpc(2)),
        container("d", startupProbe=tcp(3), volumeMounts=[AT_DATA]),
        container("e", livenessProbe={"exec": {"command": ["x"]}}, readinessProbe=tcp("none")),
        volumes=[DATA],
    ),
    a__livenessProbe=asked(":1"),
    c__readinessProbe=asked(":2", by="grpc"),
    d__startupProbe=asked(":3", by="tcp"),
    e__readinessProbe="the container has no port named none",
)
case(
    "a native sidecar behind an init container",
    pod(
        container(livenessProbe=http()),
        initContainers=[
            container("migrate"),
            container(
                "side",
                restartPolicy="Always",
                startupProbe=http(15021, "/healthz/ready"),
                readinessProbe=tcp("metrics"),
                ports=[{"name": "metrics", "containerPort": 90}],
            ),
        ],
    ),
    shop__livenessProbe=asked(":8080"),
    side__startupProbe=asked(":15021/healthz/ready"),
    side__readinessProbe=asked(":90", by="tcp"),
)
case(
    "the proxies of meshes",
    pod(
        container(livenessProbe=http()),
        container("istio-proxy", readinessProbe=http(15021, "/healthz/ready")),
        initContainers=[container("linkerd-proxy", restartPolicy="Always", livenessProbe=http(4191, "/live"))],
    ),
    shop__livenessProbe=asked(":8080"),
)
case(
    "another volume in the mount's place, and a neighbour",
    pod(
        container(livenessProbe=http(), volumeMounts=[{"name": "data", "mountPath": FOLDER}]),
        container("b", livenessProbe=http()),
        volumes=[DATA],
    ),
    shop__livenessProbe=MOUNTED,
    b__livenessProbe=asked(":8080"),
)
case(
    "another volume of the name",
    pod(container(livenessProbe=http()), volumes=[{"name": VOLUME, "configMap": {"name": "x"}}]),
    shop__livenessProbe=TAKEN,
)


# What is to come of them


def wanted_spec(plain, case, template) -> dict:
    """The pod without the policy, changed as the row says. `template` is the PodTemplate's spec as the API keeps it."""
    spec = copy.deepcopy(plain)
    commands = case.commands()
    if not commands:
        return spec
    for one in spec["containers"] + spec.get("initContainers", []):
        own = {name: words for (of, name), words in commands.items() if of == one["name"]}
        for name, words in own.items():
            for kind in KINDS:
                one[name].pop(kind, None)
            one[name]["exec"] = {"command": [PROGRAM, *words]}
        if own and MOUNT not in one.get("volumeMounts", []):
            one.setdefault("volumeMounts", []).append(MOUNT)
    [volume] = template["volumes"]
    if volume["name"] not in [one["name"] for one in spec.get("volumes", [])]:
        spec.setdefault("volumes", []).append(volume)
        if "initContainers" in template:
            spec["initContainers"] = template["initContainers"] + spec.get("initContainers", [])
    return spec


def wanted_warnings(case, binding) -> list[str]:
    """What kubectl prints of what stays: one line, in the order of containers and probes."""
    reasons = case.reasons()
    spec = case.pod["spec"]
    ordered = [(one["name"], name) for one in spec["containers"] + spec.get("initContainers", []) for name in PROBES]
    left = [f"{key[0]}.{key[1]} ({reasons[key]})" for key in ordered if key in reasons]
    text = f"still asked by the kubelet, not by exec-probe: {', '.join(left)}"
    return [warning(text, binding)] if left else []


def warning(text, binding) -> str:
    return f"Validation failed for ValidatingAdmissionPolicy 'exec-probe-warnings' with binding '{binding}': {text}"

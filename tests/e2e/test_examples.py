"""The examples: valid to those who read them, by the rules that they teach, and each command right against a server.

A command runs in a network namespace, where the port it names is free, and in a root that holds what its container's
does: exec-probe put there by the example's own means, and its Secrets.
"""

import configparser
import functools
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import botocore.loaders
import botocore.model
import botocore.validate
import kubernetes_validate
import pytest
import yaml
from harness import MUSL, Ran, exec_probe, namespace, process, tool

EXAMPLES = Path(__file__).parents[2] / "examples"
RECIPES = EXAMPLES.parent / "docs/recipes.md"
KUBERNETES = "1.36"
DEPLOYMENTS = ["kubernetes/init-container.yaml", "kubernetes/image-volume.yaml", "kubernetes/grpc-tls.yaml"]
OVERLAY = "kubernetes/kustomize/overlay"
BASE = "kubernetes/kustomize/base"
COMPONENT = "kubernetes/kustomize/component"
# Those whose commands tests/e2e/test_waiting.py, and the groups for a mesh, podman and the kubelet run.
ELSEWHERE = [
    "kubernetes/serve.yaml",
    "kubernetes/three-probes.yaml",
    "linkerd/wait-init.yaml",
    "linkerd/wait-post-start.yaml",
]
# Those that tests/e2e/cluster gives to an API server.
ADMISSION = [
    f"kubernetes/admission/{name}.yaml"
    for name in (
        "common/kustomization",
        "common/variables",
        "image-volume/images",
        "image-volume/kustomization",
        "image-volume/template",
        "init-container/kustomization",
        "init-container/template",
        "overlay/kustomization",
        "policy/bindings",
        "policy/kustomization",
        "policy/namespace",
        "policy/policy",
        "serve/kustomization",
        "serve/mutation",
        "serve/template",
        "warnings/bindings",
        "warnings/kustomization",
        "warnings/policy",
    )
]
# Every file: one that no test knows is one that no test reads.
FILES = [
    *ADMISSION,
    "seccomp/exec-probe.json",
    "seccomp/serve.json",
    *DEPLOYMENTS,
    *ELSEWHERE,
    f"{BASE}/deployment.yaml",
    f"{BASE}/kustomization.yaml",
    f"{COMPONENT}/install.yaml",
    f"{COMPONENT}/kustomization.yaml",
    f"{OVERLAY}/kustomization.yaml",
    f"{OVERLAY}/probes.yaml",
    "docker/Dockerfile",
    "docker/Dockerfile.worker",
    "docker/compose.yaml",
    "docker/nginx.conf",
    "docker/dropin/Dockerfile",
    "docker/dropin/compose.yaml",
    "docker/then/Dockerfile",
    "systemd/shop.service",
    "podman/exec-probe.container",
    "ecs/task-definition.json",
]
# The demonstration, and the index.
NO_EXAMPLES = ["demo.rs", "README.md"]
# What tests/e2e/mesh reads and runs.
MESH = "istio/"

IMAGE = re.compile(r"registry\.example/[a-z-]+@sha256:[0-9a-f]{64}")
POD_IP = "192.0.2.7"
TOKEN = "0bserve"
PROBES = ["startupProbe", "livenessProbe", "readinessProbe"]


# Reading them


def text(name) -> str:
    return (EXAMPLES / name).read_text()


@functools.cache
def render(folder) -> str:
    """What the real kustomize makes of a folder."""
    done = subprocess.run([tool("kustomize"), "build", folder], cwd=EXAMPLES, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def deployment(name) -> dict:
    [document] = yaml.safe_load_all(render(name) if name == OVERLAY else text(name))
    return document


def dockerfile(name="docker/Dockerfile") -> dict[str, str]:
    """Its instructions, one of each kind: the last."""
    lines = re.sub(r"\\\n\s*", "", text(name)).splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def quadlet() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(delimiters=["="], interpolation=None)
    parser.optionxform = str
    parser.read_string(text("podman/exec-probe.container"))
    return parser["Container"]


@functools.cache
def compose(folder="docker") -> dict:
    """What Compose's own loader makes of the file, variables replaced."""
    command = [tool("compose-go"), "-format=json", "-no-path-resolution", "-no-normalization", "compose.yaml"]
    done = subprocess.run(command, cwd=EXAMPLES / folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return json.loads(done.stdout)


# The commands in them


@dataclass(frozen=True)
class Question:
    """A command of an example, the limit of whoever runs it, and what surrounds it."""

    where: str
    command: list[str]
    limit: float
    env: dict[str, str]
    # The port that the example says its application listens on.
    port: int
    pod: dict = field(default_factory=dict)
    container: dict = field(default_factory=dict)

    @property
    def handler(self) -> str:
        return self.command[1]

    def option(self, name) -> str:
        [value] = [arg.removeprefix(f"{name}=") for arg in self.command if arg.startswith(f"{name}=")]
        return value


def kubernetes_questions(name):
    pod = deployment(name)["spec"]["template"]["spec"]
    for container, probe in itertools.product(pod["containers"], PROBES):
        env = {}
        for variable in container["env"]:
            reference = variable.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath")
            env[variable["name"]] = {"status.podIP": POD_IP}[reference] if reference else variable["value"]
        [port] = container["ports"]
        asked = container[probe]
        where = f"{name} {probe}"
        command = asked["exec"]["command"]
        yield Question(where, command, asked["timeoutSeconds"], env, port["containerPort"], pod, container)


def image_questions():
    instructions = dockerfile()
    options, command = re.fullmatch(r"(--.*?) CMD (.*)", instructions["HEALTHCHECK"]).groups()
    [value] = re.findall(r'^ENV PORT=(".*")$', text("docker/Dockerfile"), re.MULTILINE)
    env = {"PORT": json.loads(value)}
    port = int(instructions["EXPOSE"])
    yield Question("docker/Dockerfile", json.loads(command), seconds(re.search(r"--timeout=(\S+)", options)[1]), env, port)

    shop = compose()["services"]["shop"]
    # The application reads its port from there.
    assert shop["environment"] == env
    limit = seconds(shop["healthcheck"]["timeout"])
    yield Question("docker/compose.yaml", after_cmd(shop["healthcheck"]["test"]), limit, shop["environment"], port)

    container = quadlet()
    env = dict([container["Environment"].split("=")])
    # As podman does: at blanks, whatever quotes there are.
    command = after_cmd(container["HealthCmd"].split())
    yield Question("podman/exec-probe.container", command, seconds(container["HealthTimeout"]), env, port)

    [task] = json.loads(text("ecs/task-definition.json"))["containerDefinitions"]
    env = {variable["name"]: variable["value"] for variable in task["environment"]}
    [mapping] = task["portMappings"]
    command = after_cmd(task["healthCheck"]["command"])
    limit = task["healthCheck"]["timeout"]
    yield Question("ecs/task-definition.json", command, limit, env, mapping["containerPort"])


def after_cmd(words) -> list[str]:
    """Not CMD-SHELL: there is no shell in these images."""
    assert words[0] == "CMD"
    return words[1:]


def seconds(length) -> float:
    [(number, unit)] = re.findall(r"^([0-9.]+)(ms|s)$", length)
    return float(number) / {"ms": 1000, "s": 1}[unit]


QUESTIONS = [*itertools.chain(*map(kubernetes_questions, [*DEPLOYMENTS, OVERLAY])), *image_questions()]
every_question = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.where)
every_deployment = pytest.mark.parametrize("name", [*DEPLOYMENTS, OVERLAY])
WAITING_IN_ISTIO = [f"istio/wait-{way}.yaml" for way in ("init", "post-start", "then")]
every_manifest = pytest.mark.parametrize(
    "name", [*DEPLOYMENTS, OVERLAY, *ELSEWHERE, *WAITING_IN_ISTIO, "istio/serve.yaml"]
)


# Places to run them in


@pytest.fixture(scope="module")
def place():
    """A network with nothing on it but a pod's address."""
    with namespace(f"ip link set lo up; ip address add {POD_IP}/32 dev lo") as made:
        yield made


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca.crt, and certificates and keys of a server and a client, as a mesh's or cert-manager's authority makes them."""
    folder = tmp_path_factory.mktemp("certificates")
    key = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    signed = "-CA ca.crt -CAkey ca.key -addext basicConstraints=CA:FALSE"
    script = f"""
        {key} -subj /CN=authority -keyout ca.key -out ca.crt
        {key} {signed} -subj /CN=shop -keyout server.key -out server.crt -addext subjectAltName=DNS:shop.default.svc
        {key} {signed} -subj /CN=probe -keyout client.key -out client.crt -addext extendedKeyUsage=clientAuth
    """
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def secrets(tmp_path_factory, certificates):
    """A folder for each Secret of the examples, named as it is, by its keys."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "shop-probe-tls").mkdir()
    for key, file in (("ca.crt", "ca.crt"), ("tls.crt", "client.crt"), ("tls.key", "client.key")):
        shutil.copy(certificates / file, folder / "shop-probe-tls" / key)
    (folder / "shop-probe-token").mkdir()
    (folder / "shop-probe-token" / "token").write_text(f"{TOKEN}\n")
    (folder / "shop-tls").mkdir()
    for path in folder.rglob("*"):
        os.chown(path, 65534, 65534)
    return folder


def image(folder) -> Path:
    """What Dockerfile.static puts into the image, or near enough: the file, for everybody to run."""
    folder.mkdir(mode=0o755)
    shutil.copy(MUSL, folder / "exec-probe")
    (folder / "exec-probe").chmod(0o755)
    return folder


def enter(root, context) -> list:
    root.chmod(0o755)
    return [tool("chroot"), f"--userspec={context['runAsUser']}:{context['runAsGroup']}", "--groups=", root]


def furnish(question, folder, secrets) -> list:
    """The command into a root that holds what the container's does."""
    if not question.pod:
        # As COPY --from brings it, in all that build on the Dockerfile.
        copied, wanted = re.fullmatch(r"--from=\S+ (\S+) (\S+)", dockerfile()["COPY"]).groups()
        assert copied == wanted == "/exec-probe"
        user, group = map(int, dockerfile()["USER"].split(":"))
        return enter(image(folder / "root"), {"runAsUser": user, "runAsGroup": group})
    volumes = {volume["name"]: made for volume in question.pod["volumes"] if (made := fill(volume, folder, secrets))}
    for container in question.pod.get("initContainers", []):
        if container["name"] == "exec-probe":
            install(question.pod, container, volumes, folder)
    root = folder / "root"
    root.mkdir()
    for mount in question.container["volumeMounts"]:
        shutil.copytree(volumes[mount["name"]], root / mount["mountPath"].removeprefix("/"))
    for path in root.rglob("*"):
        os.chown(path, 65534, 65534)
    return enter(root, question.pod["securityContext"])


def fill(volume, folder, secrets) -> Path:
    """A volume as the pod's start finds it."""
    if "secret" in volume:
        return secrets / volume["secret"]["secretName"]
    made = folder / f"volume-{volume['name']}"
    if "image" in volume:
        return image(made)
    made.mkdir()
    # As the kubelet makes an emptyDir.
    made.chmod(0o777)
    return made


def install(pod, container, volumes, folder) -> None:
    """Runs the init container: its image's entry point with its arguments, its mount in its place."""
    [mount] = container["volumeMounts"]
    root = image(folder / "init")
    inside = root / mount["mountPath"].removeprefix("/")
    volumes[mount["name"]].rename(inside)
    (root / "proc").mkdir()
    # Every runtime mounts it; here it is gone with the command.
    with_proc = [tool("unshare"), "--mount", tool("sh"), "-ec", f"mount -t proc proc {root}/proc; exec \"$@\"", "sh"]
    context = pod["securityContext"] | container["securityContext"]
    ran = exec_probe(*container["args"], within=[*with_proc, *enter(root, context)], binary="/exec-probe")
    assert (ran.exit, ran.stderr) == (0, "")
    inside.rename(volumes[mount["name"]])


def ask(question, within) -> Ran:
    return exec_probe(*question.command[1:], within=within, binary=question.command[0], env=question.env)


# What they do


@pytest.fixture(params=QUESTIONS, ids=lambda question: question.where)
def asked(request, tmp_path, place, secrets, certificates):
    """A question, the command into its container, and what starts an application there: well or not."""
    question = request.param
    inside = [*place.within, *furnish(question, tmp_path, secrets)]

    def application(well):
        if question.handler == "http":
            rest = ["200" if well else "503"]
        else:
            rest = ["SERVING" if well else "NOT_SERVING", certificates]
        script = Path(__file__).with_name("application.py")
        command = [*place.within, sys.executable, script, question.handler, str(question.port), *rest]
        return process(command, stdout=subprocess.PIPE, text=True)

    return question, inside, application


def test_a_command_finds_its_application_well(asked):
    question, inside, application = asked
    with application(well=True) as server:
        assert server.stdout.readline() == "listening\n"
        ran = ask(question, inside)
    assert (ran.exit, ran.stderr) == (0, ""), ran
    # Any answer of a gRPC server's: the one for who has no token.
    told = "UNAUTHENTICATED" if "--expect-status=any" in question.command else "SERVING"
    assert re.search(rf": (status 200|{told})", ran.stdout), ran


def test_a_command_finds_its_application_unwell(asked):
    question, inside, application = asked
    with application(well=False) as server:
        assert server.stdout.readline() == "listening\n"
        ran = ask(question, inside)
    if "--expect-status=any" in question.command:
        assert (ran.exit, ran.stderr) == (0, "")
        return
    wanted = "status 503, wanted 200-399" if question.handler == "http" else "NOT_SERVING, wanted SERVING"
    assert (ran.exit, ran.stdout) == (1, "")
    assert ran.stderr.endswith(f": {wanted}\n"), ran


def test_compose_asks_by_curls_name_as_it_did_before(tmp_path, place):
    """tests/e2e/podman builds the Dockerfile; here its steps are done by hand."""
    shop = compose("docker/dropin")["services"]["shop"]
    assert shop["build"]["context"] == "."
    command = after_cmd(shop["healthcheck"]["test"])
    assert command[0] == "curl"
    instructions = re.sub(r"\\\n\s*", "", text("docker/dropin/Dockerfile")).splitlines()
    [run] = [line.removeprefix("RUN ") for line in instructions if line.startswith("RUN ")]
    root = tmp_path / "root"
    root.mkdir()
    image(root / "bin")
    program, *arguments = json.loads(run)
    assert arguments[-1] == "/bin"
    ran = exec_probe(*arguments[:-1], root / "bin", binary=root / program.removeprefix("/"))
    assert (ran.exit, ran.stderr) == (0, "")
    inside = [*place.within, *enter(root, {"runAsUser": 65534, "runAsGroup": 65534})]
    application = [sys.executable, Path(__file__).with_name("application.py"), "http", "8080"]
    for status, code, said in (("200", 0, ""), ("503", 22, "curl: (22) ")):
        with process([*place.within, *application, status], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout.readline() == "listening\n"
            ran = exec_probe(*command[1:], within=inside, binary=f"/bin/{command[0]}", env=shop["environment"])
            assert (ran.exit, ran.stdout) == (code, ""), ran
            assert ran.stderr.startswith(said) and ran.stderr.count("\n") == bool(said), ran
    ran = exec_probe(*command[1:], within=inside, binary=f"/bin/{command[0]}", env=shop["environment"])
    assert ran.exit == 7, ran


def test_a_command_finds_its_application_gone(asked):
    question, inside, _ = asked
    ran = ask(question, inside)
    assert (ran.exit, ran.stdout) == (1, "")
    assert ": connection refused" in ran.stderr, ran


# Whether those who read them take them


@every_manifest
def test_a_manifest_is_valid_to_the_letter(name):
    # It answers with the version whose schema it used: the newest that is not newer.
    assert kubernetes_validate.validate(deployment(name), KUBERNETES, strict=True) == KUBERNETES


def test_the_base_is_valid_to_the_letter():
    document = yaml.safe_load(text(f"{BASE}/deployment.yaml"))
    assert kubernetes_validate.validate(document, KUBERNETES, strict=True) == KUBERNETES


def test_a_misspelled_field_is_no_valid_manifest():
    document = deployment(DEPLOYMENTS[0])
    probe = document["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    probe["timeoutSecond"] = probe.pop("timeoutSeconds")
    with pytest.raises(kubernetes_validate.ValidationError, match="timeoutSecond"):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_ecs_takes_the_task_definition():
    description = botocore.loaders.Loader().load_service_model("ecs", "service-2")
    wanted = botocore.model.ServiceModel(description).operation_model("RegisterTaskDefinition").input_shape
    task = json.loads(text("ecs/task-definition.json"))
    validator = botocore.validate.ParamValidator()
    assert validator.validate(task, wanted).generate_report() == ""
    # Against a validator that overlooks what it does not know.
    report = validator.validate(task | {"containerDefinition": []}, wanted).generate_report()
    assert 'Unknown parameter in input: "containerDefinition"' in report


def test_compose_leaves_placeholders_alone_and_waits_for_health():
    services = compose()["services"]
    assert services["worker"]["depends_on"]["shop"]["condition"] == "service_healthy"
    # Built before those that copy from it, and never run.
    assert services["exec-probe"] == {"build": {"context": "../..", "dockerfile": "Dockerfile.static"}, "scale": 0}
    copies = {"context": ".", "additional_contexts": {"exec-probe": "service:exec-probe"}}
    assert services["shop"]["build"] == copies
    assert services["worker"]["build"] == copies | {"dockerfile": "Dockerfile.worker"}
    for name in ("docker/Dockerfile", "docker/Dockerfile.worker"):
        assert dockerfile(name)["COPY"] == "--from=exec-probe /exec-probe /exec-probe"
    assert services["shop"]["healthcheck"]["test"] == ["CMD", *json.loads(dockerfile()["HEALTHCHECK"].split(" CMD ")[1])]


# What kustomize makes


def test_the_overlay_is_its_base_with_an_init_container_a_volume_and_probes():
    wanted = yaml.safe_load(text(f"{BASE}/deployment.yaml"))
    component = pod_of(yaml.safe_load(text(f"{COMPONENT}/install.yaml")))
    [patch] = pod_of(yaml.safe_load(text(f"{OVERLAY}/probes.yaml")))["containers"]
    pod = pod_of(wanted)
    [container] = pod["containers"]
    # First: what follows may be asked by it, init containers that stay included.
    pod["initContainers"] = component["initContainers"] + pod["initContainers"]
    pod["volumes"] = component["volumes"] + pod["volumes"]
    container |= {probe: patch[probe] for probe in PROBES}
    container["env"] = patch["env"] + container["env"]
    container["volumeMounts"] = patch["volumeMounts"] + container["volumeMounts"]
    assert deployment(OVERLAY) == wanted


@pytest.fixture
def copied(tmp_path):
    """The kustomize examples, to be changed."""
    folder = tmp_path / "kustomize"
    shutil.copytree(EXAMPLES / "kubernetes/kustomize", folder)
    return folder


def bare(kind, name, **more) -> dict:
    """The base's application as a workload of a kind, without an init container and a volume."""
    document = yaml.safe_load(text(f"{BASE}/deployment.yaml"))
    document |= {"kind": kind, "metadata": {"name": name}}
    document["spec"] |= more
    if kind == "DaemonSet":
        del document["spec"]["replicas"]
    for key in ("initContainers", "volumes"):
        del pod_of(document)[key]
    for container in pod_of(document)["containers"]:
        del container["volumeMounts"]
    return document


def named(documents) -> dict:
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def test_the_component_reaches_every_workload_that_goes_on_and_nothing_else(copied):
    workloads = [
        bare("Deployment", "shop"),
        bare("Deployment", "another"),
        bare("StatefulSet", "shop", serviceName="shop"),
        bare("DaemonSet", "shop"),
    ]
    once = {"spec": {"containers": [{"name": "once", "image": "once"}], "restartPolicy": "Never"}}
    others = [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"}, "spec": {"ports": [{"port": 80}]}},
        {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "shop"}, "spec": {"template": once}},
    ]
    (copied / "base/deployment.yaml").write_text(yaml.safe_dump_all(workloads + others))
    settings = {"resources": ["../base"], "components": ["../component"]}
    (copied / "overlay/kustomization.yaml").write_text(yaml.safe_dump(settings))

    component = pod_of(yaml.safe_load(text(f"{COMPONENT}/install.yaml")))
    for document in workloads:
        pod_of(document).update(initContainers=component["initContainers"], volumes=component["volumes"])
    rendered = named(yaml.safe_load_all(render(copied / "overlay")))
    assert rendered == named(workloads + others)
    for document in rendered.values():
        assert kubernetes_validate.validate(document, KUBERNETES, strict=True) == KUBERNETES


def test_a_label_selector_points_the_component_at_some(copied):
    path = copied / "component/kustomization.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["patches"][0]["target"]["labelSelector"] = "app.kubernetes.io/name=another"
    path.write_text(yaml.safe_dump(settings))
    assert "install" not in render(copied / "overlay")


# What docs/recipes.md shows, whose commands tests/recipes.rs runs


def recipe(title) -> list[str]:
    """The blocks of a section that are marked yaml."""
    _, _, rest = RECIPES.read_text().partition(f"\n## {title}\n")
    return re.findall(r"\n```yaml\n(.*?\n)```\n", rest.partition("\n## ")[0], re.DOTALL)


@pytest.mark.parametrize("title", ["Argo CD", "StatefulSets and DaemonSets by kustomize"])
def test_a_patch_of_the_recipes_is_valid_with_what_the_component_brings(copied, title):
    [patch] = recipe(title)
    wanted = yaml.safe_load(patch)
    kind, name = wanted["kind"], wanted["metadata"]["name"]
    application = bare(kind, name)
    pod_of(application)["containers"][0]["name"] = name
    (copied / "base/deployment.yaml").write_text(yaml.safe_dump(application))
    (copied / "overlay/probes.yaml").write_text(patch)
    rendered = yaml.safe_load(render(copied / "overlay"))
    assert kubernetes_validate.validate(rendered, KUBERNETES, strict=True) == KUBERNETES
    assert rendered["metadata"] == wanted["metadata"]
    assert [one["name"] for one in pod_of(rendered)["initContainers"]] == ["exec-probe"]
    [container], [patched] = pod_of(rendered)["containers"], pod_of(wanted)["containers"]
    assert container == pod_of(application)["containers"][0] | patched


@pytest.fixture
def helm(tmp_path):
    """Runs Helm in a folder of its own, which it also gets for what it keeps."""
    homes = {f"HELM_{kind}_HOME": str(tmp_path) for kind in ("CACHE", "CONFIG", "DATA")}

    def run(*words) -> str:
        command = [tool("helm"), *words]
        done = subprocess.run(command, cwd=tmp_path, env=homes, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def of_a_kind(documents, kind) -> dict:
    [one] = [one for one in yaml.safe_load_all(documents) if one["kind"] == kind]
    return one


def test_helms_own_chart_takes_the_probe_of_the_recipe(helm, tmp_path):
    _, values = recipe("Helm")
    (tmp_path / "values.yaml").write_text(values)
    wanted = yaml.safe_load(values)
    assert wanted["livenessProbe"].pop("httpGet") is None
    helm("create", "shop")
    as_list = json.dumps({"httpGet": None} | wanted["livenessProbe"])
    for given in (["--values=values.yaml"], ["--set-json", f"livenessProbe={as_list}"]):
        rendered = of_a_kind(helm("template", "shop", "shop", *given), "Deployment")
        assert kubernetes_validate.validate(rendered, KUBERNETES, strict=True) == KUBERNETES
        [container] = pod_of(rendered)["containers"]
        assert container["livenessProbe"] == wanted["livenessProbe"]
    rendered = of_a_kind(helm("template", "shop", "shop", "--values=values.yaml"), "Deployment")
    assert pod_of(rendered)["volumes"] == wanted["volumes"]
    assert pod_of(rendered)["containers"][0]["volumeMounts"] == wanted["volumeMounts"]


def test_the_template_of_the_recipe_is_enough_and_without_null_both_handlers_stay(helm, tmp_path):
    template, values = recipe("Helm")
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("livenessProbe:\n  httpGet:\n    port: 8080\n")
    (chart / "templates/probe.yaml").write_text(template)
    for given in (values, values.replace("  httpGet: null\n", "")):
        (tmp_path / "values.yaml").write_text(given)
        rendered = yaml.safe_load(helm("template", "chart", "chart", "--values=values.yaml"))
        wanted = yaml.safe_load(values)["livenessProbe"]
        wanted["httpGet"] = {"port": 8080}
        if given == values:
            del wanted["httpGet"]
        assert rendered == {"livenessProbe": wanted}


def pod_of(document) -> dict:
    return document["spec"]["template"]["spec"]


# The rules that they teach


def test_every_file_is_known_here():
    found = {str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*") if path.is_file()}
    assert {name for name in found if not name.startswith(MESH)} == {*FILES, *NO_EXAMPLES}


@pytest.mark.parametrize("name", FILES)
def test_a_file_begins_with_a_comment(name):
    if name.endswith(".json"):
        # There are none in JSON.
        assert f"]({name})" in text("README.md")
        return
    assert re.match(r"# [A-Z].*\n(# .*\n){0,2}(?!#)", text(name))


@pytest.mark.parametrize("name", FILES)
def test_lines_fit_a_screen_and_images_have_digests(name):
    lines = text(name).splitlines()
    assert [line for line in lines if len(line) > 124 and "@sha256:" not in line] == []
    # Of kustomize's `images` name and digest are two lines.
    named = [line for line in lines if "registry.example" in line and not re.search(r"(name|newName): \S+$", line)]
    assert [line for line in named if not IMAGE.search(line)] == []


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".yaml")])
def test_every_argument_stands_in_double_quotes(name):
    unquoted = []
    found = 0

    def look(node, key=""):
        nonlocal found
        if isinstance(node, yaml.MappingNode):
            for inner, value in node.value:
                look(value, inner.value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                look(value, key if isinstance(value, yaml.ScalarNode) else "")
        elif key in ("command", "args", "test", "image", "reference", "drop", "PORT", "exec-probe"):
            found += 1
            if node.style != '"':
                unquoted.append(node.value)

    for document in yaml.compose_all(text(name)):
        look(document)
    assert unquoted == []
    assert found or name.endswith("kustomization.yaml") or name in ADMISSION


@every_question
def test_the_timeout_is_a_tenth_below_the_limit(question):
    own = seconds(question.option("--timeout"))
    assert own == pytest.approx(question.limit - max(question.limit / 10, 0.1))


def test_the_workers_timeout_is_a_tenth_below_the_limit():
    options, command = re.fullmatch(r"(--.*?) CMD (.*)", dockerfile("docker/Dockerfile.worker")["HEALTHCHECK"]).groups()
    limit = seconds(re.search(r"--timeout=(\S+)", options)[1])
    assert seconds(Question("worker", json.loads(command), limit, {}, 0).option("--timeout")) == pytest.approx(0.9 * limit)


@every_question
def test_the_applications_port_is_the_one_in_its_environment(question):
    assert question.env["PORT"] == str(question.port)


@every_deployment
def test_placeholders_and_times_are_shown(name):
    [container] = pod_of(deployment(name))["containers"]
    commands = json.dumps([container[probe]["exec"]["command"] for probe in PROBES])
    assert "{env.PORT}" in commands and "{env.POD_IP}" in commands
    assert {"initialDelaySeconds", "periodSeconds"} <= container["readinessProbe"].keys()
    assert all("periodSeconds" in container[probe] for probe in PROBES)


@every_deployment
def test_the_application_mounts_exec_probe_to_read_from_a_small_volume_on_disk(name):
    pod = pod_of(deployment(name))
    [volume] = [volume for volume in pod["volumes"] if volume["name"] == "probe"]
    if "image" in volume:
        assert "initContainers" not in pod
    else:
        # No medium: Memory would be the containers'.
        assert volume["emptyDir"] == {"sizeLimit": "8Mi"}
        assert MUSL.stat().st_size * 3 < 8 << 20
        [installer] = [one for one in pod["initContainers"] if one["name"] == "exec-probe"]
        assert installer["volumeMounts"] == [{"name": "probe", "mountPath": "/probe"}]
        assert installer["resources"].keys() == {"requests", "limits"}
    [container] = pod["containers"]
    assert {"name": "probe", "mountPath": "/probe", "readOnly": True} in container["volumeMounts"]
    assert [container[probe]["exec"]["command"][0] for probe in PROBES] == ["/probe/exec-probe"] * 3
    secret = [volume["name"] for volume in pod["volumes"] if "secret" in volume]
    assert all(mount.get("readOnly") for mount in container["volumeMounts"] if mount["name"] in secret)


@every_manifest
def test_pod_security_calls_it_restricted(name):
    pod = pod_of(deployment(name))
    for container in pod["containers"] + pod.get("initContainers", []):
        context = pod["securityContext"] | container["securityContext"]
        context.pop("fsGroup", None)
        assert context == {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert not any("hostPath" in volume for volume in pod.get("volumes", []))
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()

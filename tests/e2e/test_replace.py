"""docs/replace.md: each exec form runs as it stands there, finds servers healthy that are, and no others."""

import pytest
import replacements
from harness import exec_probe, serving, silent
from replacements import ENVIRONMENT, NAMED_PORTS, STATES

ROWS = replacements.rows()
HELD_BACK = " (this process was not scheduled in time: CPU limit?)"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each row's command says, by state: the servers go through them once."""
    seen = {}
    with replacements.servers(tmp_path_factory.mktemp("replace")) as servers:
        for state in STATES:
            servers.turn(state)
            for row in ROWS:
                ran = exec_probe(*row.arguments, within=servers.place.within, env=ENVIRONMENT)
                seen[str(row), state] = ran
    return seen


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_command_gives_the_blocks_verdict(found, row):
    verdicts = {state: found[str(row), state].exit for state in STATES}
    said = [found[str(row), state] for state in STATES]
    assert verdicts == {state: 0 if row.wanted(state) else 1 for state in STATES}, said


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_field_of_a_block_stands_in_its_command(row):
    handler = {"httpGet": "http", "tcpSocket": "tcp", "grpc": "grpc"}[row.handler]
    assert row.arguments[:2] == [handler, f"--timeout={replacements.timeouts()[1]}"]
    fields = dict(row.fields)
    target = row.arguments[-1]
    for name, value in ENVIRONMENT.items():
        target = target.replace(f"{{env.{name}}}", value)
    port = fields.pop("port")
    host = fields.pop("host", "")
    place = f"{host}:{NAMED_PORTS.get(port, port)}{fields.pop('path', '')}"
    if fields.pop("scheme", "HTTP") == "HTTPS":
        place = f"https://localhost{place}"
    assert target == place
    options = [word for line in fields.pop("httpHeaders", []) for word in ("-H", f"{line['name']}: {line['value']}")]
    if service := fields.pop("service", ""):
        options.append(f"--service={service}")
    assert row.arguments[2:-1] == options
    assert fields == {}


@pytest.mark.parametrize("row", [row for row in ROWS if len(row.arguments) > 3], ids=str)
def test_without_its_options_a_command_is_told_no(tmp_path, row):
    """Or a server that does not care would prove nothing."""
    with replacements.servers(tmp_path) as servers:
        ran = exec_probe(*row.arguments[:2], row.arguments[-1], within=servers.place.within, env=ENVIRONMENT)
        assert ran.exit == 1, ran


def test_the_table_has_every_field_of_the_three_blocks():
    fields = {(row.handler, name) for row in ROWS for name in row.fields}
    http = {("httpGet", name) for name in ("path", "port", "host", "scheme", "httpHeaders")}
    assert fields == http | {("tcpSocket", "port"), ("tcpSocket", "host"), ("grpc", "port"), ("grpc", "service")}
    assert {type(row.fields["port"]) for row in ROWS} == {int, str}


@pytest.mark.parametrize(("seconds", "ours"), replacements.timeouts().items())
def test_a_timeout_is_a_tenth_below_and_is_told(seconds, ours):
    milliseconds = int(ours.removesuffix("ms"))
    assert milliseconds == seconds * 900
    with serving(silent) as port:
        ran = exec_probe("http", f"--timeout={ours}", f":{port}/")
    label = f"http GET http://localhost:{port}/: no response headers in {ours} (connected to 127.0.0.1:{port})"
    # Where CPU is short, it says that as well.
    assert (ran.exit, ran.stderr.strip().removesuffix(HELD_BACK)) == (1, label)
    assert milliseconds / 1000 <= ran.seconds < seconds + 2


def test_a_named_port_and_another_host_are_refused_as_the_page_says():
    for target in (":http/healthz", "shop.example:8080/", "192.0.2.1:8080"):
        assert exec_probe("http", target).exit == 64

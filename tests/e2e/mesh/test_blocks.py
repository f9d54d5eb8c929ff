"""docs/replace.md, the left side: what Kubernetes' own probers make of each block. The right is test_replace.py's."""

import mesh
import pytest
import replacements
from replacements import NAMED_PORTS, STATES

ROWS = replacements.rows()


def question(row) -> dict:
    fields = dict(row.fields)
    port = fields.pop("port")
    asked = {"host": "127.0.0.1", "port": NAMED_PORTS.get(port, port), "headers": fields.pop("httpHeaders", [])}
    handlers = {"httpGet": fields.pop("scheme", "HTTP").lower(), "tcpSocket": "tcp", "grpc": "grpc"}
    return asked | {"handler": handlers[row.handler]} | fields


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    seen = {}
    with replacements.servers(tmp_path_factory.mktemp("blocks")) as servers:
        for state in STATES:
            servers.turn(state)
            answers = mesh.ask([question(row) for row in ROWS], servers.place.within, "1s")
            for row, answer in zip(ROWS, answers, strict=True):
                seen[str(row), state] = answer
    return seen


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_kubelet_gives_the_same_verdict(found, row):
    said = {state: found[str(row), state] for state in STATES}
    verdicts = {state: answer.result for state, answer in said.items()}
    assert verdicts == {state: "success" if row.wanted(state) else "failure" for state in STATES}, said

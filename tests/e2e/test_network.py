"""Only this host is asked, whatever a namespace's network and the environment's proxies look like."""

import json
import os
import socket
import sys

import pytest
from harness import OK, exec_probe, full_backlog, healthy, misused, namespace, serving, tool, unhealthy

# A network with a way to everywhere, in which every address can be bound, and a count of what leaves for where.
# nodad: an address is there at once, not after a second of asking whether another machine has it.
WAY_TO_EVERYWHERE = """
echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind
echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind
ip link set lo up
ip link add left type veth peer name right
ip address add 192.0.2.1/24 dev left
ip address add 2001:db8::1/64 dev left nodad
ip link set left up
ip link set right up
ip route add default via 192.0.2.2 dev left
ip -6 route add default via 2001:db8::2 dev left
nft -f - <<'END'
table inet e2e {
    chain leaving {
        type filter hook output priority 0;
        ip daddr 8.8.8.8 counter comment "8.8.8.8"
        ip daddr 169.254.169.254 counter comment "169.254.169.254"
        ip6 daddr 2001:4860:4860::8888 counter comment "2001:4860:4860::8888"
        oifname "left" meta l4proto { tcp, udp } counter comment "anything"
    }
}
END
"""

# The same network, and a loopback interface that nobody set up: what a plugin leaves that forgot it.
WAY_TO_EVERYWHERE_BUT_HOME = WAY_TO_EVERYWHERE.replace("ip link set lo up", "")

FOREIGN = ["8.8.8.8", "169.254.169.254", "2001:4860:4860::8888"]

# A variable for each way a program may be told of a proxy.
PROXY_VARIABLES = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy"]


@pytest.fixture(scope="module")
def wide():
    with namespace(WAY_TO_EVERYWHERE) as place:
        yield place


@pytest.mark.parametrize("address", FOREIGN)
@pytest.mark.parametrize("handler", ["http", "tcp", "grpc"])
def test_an_address_of_another_machine_is_refused_and_nothing_leaves(wide, handler, address):
    before = packets(wide)
    place = f"[{address}]:80" if ":" in address else f"{address}:80"
    ran = exec_probe(handler, place, within=wide.within)
    target = f"http://{place}/" if handler == "http" else place
    told = f"{address} is not an address of this host; only this host can be probed"
    assert ran == misused(f"exec-probe {handler}: TARGET {target}: {told}")
    assert packets(wide) == before == dict.fromkeys([*FOREIGN, "anything"], 0)


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_this_host_is_accepted(wide, host):
    shown = f"[{host}]" if ":" in host else host
    with serving(OK, wide.listen(host)) as port:
        ran = exec_probe("http", f"{shown}:{port}/", within=wide.within)
    assert ran == healthy(f"http GET http://{shown}:{port}/: status 200")


def test_in_that_network_all_addresses_can_be_bound_and_what_leaves_is_counted():
    with namespace(WAY_TO_EVERYWHERE) as place:
        for address in FOREIGN:
            family = "AF_INET6" if ":" in address else "AF_INET"
            bind = f"socket({family}, SOCK_STREAM).bind(({address!r}, 0))"
            send = f"socket({family}, SOCK_DGRAM).sendto(b'x', ({address!r}, 9))"
            place.run(sys.executable, "-c", f"from socket import *; {bind}; {send}")
        assert packets(place) == {**dict.fromkeys(FOREIGN, 1), "anything": 3}


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_the_containers_own_name_is_found_in_the_hosts_file(wide, tmp_path, host):
    within = [*wide.within, *hosts_file(tmp_path, "192.0.2.1 web-0.web web-0\n2001:db8::1 web-0\n")]
    env = {"HOSTNAME": "web-0"}
    with serving(OK, wide.listen(host)) as port:
        for name in ("{env.HOSTNAME}", "Web-0."):
            shown = name.replace("{env.HOSTNAME}", "web-0")
            ran = exec_probe("http", f"{name}:{port}/", within=within, env=env)
            assert ran == healthy(f"http GET http://{shown}:{port}/: status 200")


@pytest.mark.parametrize("handler", ["http", "tcp", "grpc"])
def test_a_name_in_the_hosts_file_that_leads_elsewhere_is_refused_and_nothing_leaves(wide, tmp_path, handler):
    before = packets(wide)
    within = [*wide.within, *hosts_file(tmp_path, "8.8.8.8 db\n2001:4860:4860::8888 db\n")]
    ran = exec_probe(handler, "db:80", within=within)
    only = "only this host can be probed, another container by its own health check"
    option = {"http": "; a virtual host is sent with -H 'Host: db'", "grpc": "; a virtual host is sent with --authority=db"}
    told = f"8.8.8.8 by /etc/hosts, which is not an address of this host; {only}{option.get(handler, '')}"
    assert ran == misused(f'exec-probe {handler}: TARGET "db:80": host "db": {told}')
    assert packets(wide) == before


def test_a_hosts_file_that_is_a_fifo_blocks_nobody(wide, tmp_path):
    os.mkfifo(tmp_path / "hosts")
    ran = exec_probe("tcp", "db:80", within=[*wide.within, *hosts_file(tmp_path)])
    told = "/etc/hosts can't be read (a FIFO, wanted a regular file)"
    only = "only this host can be probed, another container by its own health check"
    assert ran == misused(f'exec-probe tcp: TARGET "db:80": host "db": {told}; {only}')


@pytest.mark.parametrize("handler", ["http", "tcp"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_localhost_finds_a_server_on_either_loopback_without_any_file(root, handler, host):
    with namespace("ip link set lo up") as place, serving(OK, place.listen(host)) as port:
        ran = exec_probe(handler, f"localhost:{port}", within=[*place.within, *root], binary="/exec-probe")
    evidence = {"http": f"GET http://localhost:{port}/: status 200", "tcp": f"localhost:{port}: connected"}
    assert ran == healthy(f"{handler} {evidence[handler]}")


def test_localhost_is_127_0_0_1_alone_where_ipv6_is_disabled():
    without_ipv6 = "ip link set lo up\necho 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
    with namespace(without_ipv6) as place:
        with serving(OK, place.listen("127.0.0.1")) as port:
            ran = exec_probe("tcp", f":{port}", within=place.within)
        assert ran == healthy(f"tcp localhost:{port}: connected")
        refused = exec_probe("tcp", f":{port}", within=place.within)
        assert refused == unhealthy(f"tcp localhost:{port}: connection refused (127.0.0.1)")
        absent = exec_probe("tcp", f"[::1]:{port}", within=place.within)
        assert absent == unhealthy(f"tcp [::1]:{port}: this host has no such address")


@pytest.mark.parametrize("port", [40000, 40001])
def test_a_socket_connected_to_itself_is_nobody_listening(port):
    """The kernel picks the port of our own end: here it has two to choose from, and one of them is the target's."""
    two_ports = "ip link set lo up\necho 40000 40001 > /proc/sys/net/ipv4/ip_local_port_range"
    with namespace(two_ports) as place:
        for _ in range(10):
            ran = exec_probe("tcp", f"127.0.0.1:{port}", within=place.within)
            assert ran == unhealthy(f"tcp 127.0.0.1:{port}: connection refused")


@pytest.mark.parametrize(
    ("handler", "label"),
    [("http", "http GET http://localhost:1/"), ("tcp", "tcp localhost:1"), ("grpc", "grpc localhost:1")],
)
def test_a_loopback_interface_that_is_down_is_told_as_unreachable(handler, label):
    with namespace("true") as place:
        ran = exec_probe(handler, ":1", within=place.within)
    assert ran == unhealthy(f"{label}: network unreachable (127.0.0.1)")


@pytest.mark.parametrize("nonlocal_bind", [0, 1])
@pytest.mark.parametrize("target", [":1", "127.0.0.1:1", "[::1]:1", "0.0.0.0:1", "[::]:1"])
def test_nothing_leaves_for_a_gateway_where_the_loopback_interface_is_down(target, nonlocal_bind):
    with namespace(WAY_TO_EVERYWHERE_BUT_HOME) as place:
        for family in ("ipv4", "ipv6"):
            place.run("sh", "-c", f"echo {nonlocal_bind} > /proc/sys/net/{family}/ip_nonlocal_bind")
        ran = exec_probe("tcp", "--timeout=300ms", target, within=place.within)
        assert packets(place) == dict.fromkeys([*FOREIGN, "anything"], 0)
    # Told at once; in which words is not this test's matter.
    assert (ran.exit, ran.stdout) == (1, "") and ran.seconds < 0.25


# One slice of time is not over, two are begun, three are begun: the second address may have had its turn or not.
@pytest.mark.parametrize("timeout", ["100ms", "300ms", "600ms"])
def test_a_server_that_accepts_nobody_is_told_in_the_same_words_whatever_the_limit(timeout):
    with full_backlog() as port:
        ran = exec_probe("tcp", f"--timeout={timeout}", f":{port}")
    assert ran == unhealthy(f"tcp localhost:{port}: no connection in {timeout} (127.0.0.1)")
    assert ran.seconds < 0.9


def test_proxy_variables_change_nothing(web, grpc):
    questions = [
        ("http", f":{web.main}/ok", healthy(f"http GET http://localhost:{web.main}/ok: status 200")),
        ("tcp", f":{web.main}", healthy(f"tcp localhost:{web.main}: connected")),
        ("grpc", f":{grpc.health}", healthy(f"grpc localhost:{grpc.health}: SERVING")),
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        nowhere = dict.fromkeys(PROXY_VARIABLES, f"http://127.0.0.1:{port}") | {"NO_PROXY": "", "no_proxy": ""}
        for scheme in ("http", "socks5", "no scheme of a proxy"):
            env = {name: value.replace("http", scheme) for name, value in nowhere.items()}
            for handler, target, wanted in questions:
                assert exec_probe(handler, target, env=env) == wanted
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def hosts_file(folder, text=None) -> list:
    """The command to where /etc/hosts is the file of that name in the folder, with this text if one is given."""
    if text is not None:
        (folder / "hosts").write_text(text)
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return [tool("unshare"), "--mount", "sh", "-c", script, folder / "hosts"]


def packets(place) -> dict[str, int]:
    """How many packets left so far, by the comment of each rule."""
    listed = json.loads(place.run(tool("nft"), "-j", "list", "ruleset"))["nftables"]
    rules = [item["rule"] for item in listed if "rule" in item]
    counts = {}
    for rule in rules:
        [counts[rule["comment"]]] = [part["counter"]["packets"] for part in rule["expr"] if "counter" in part]
    return counts

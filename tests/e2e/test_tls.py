"""https and grpc --tls of nginx, grpcio and OpenSSL's s_server, with certificates that openssl makes.

Most questions are asked three times, also with -v and as JSON, and what came out is kept for the last test: no byte
of a key or certificate may be in it.
"""

import base64
import contextlib
import json
import re
import select
import socket
import ssl
import struct
import subprocess

import certificates as workshop
import pytest
from harness import (
    OK,
    REPORTS,
    TIME,
    Ran,
    exec_probe,
    healthy,
    misused,
    s_server,
    says,
    serving,
    silent,
    tool,
    unhealthy,
)

# What came out of every run of this module.
OUTPUTS = []

THE = "the server's certificate"
SUITES = "TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20"
KEYS = "a P-256, P-384, Ed25519 or RSA key of 2048 bits or more"
NOTHING_IN_COMMON = unhealthy(
    f"nothing in common with the server's TLS (handshake_failure), wanted {SUITES}, and {KEYS}"
)
SHORT = unhealthy(f"{THE} has an RSA key of 1024 bits, wanted 2048 to 8192")
BY_P521 = unhealthy(
    f"{THE} or its issuer's is signed by ECDSA with SHA-256 with a P-521 key, wanted a P-256, P-384, Ed25519 or RSA key"
)
BY_SHA512 = unhealthy(
    f"{THE} or its issuer's is signed by ECDSA with SHA-512, wanted ECDSA with SHA-256 or SHA-384, Ed25519, "
    "or RSA with SHA-256, SHA-384 or SHA-512"
)
THE_ISSUERS = "the issuer's certificate in --cacert"
NO_ISSUER = unhealthy(f"{THE_ISSUERS} can't be accepted: it is not an authority's (no CA:TRUE)")
EXPIRED_ISSUER = unhealthy(f"{THE_ISSUERS} expired on 2002-02-03 04:05 UTC")
UNKNOWN_ISSUER = unhealthy(f"{THE} has an unknown issuer, wanted one that is in --cacert")
EXPIRED = unhealthy(f"{THE} expired on 2002-02-03 04:05 UTC")
EARLY = unhealthy(f"{THE} is not valid before 2199-02-03 04:05 UTC")
ELSEWHERE = unhealthy(f"{THE} is not valid for localhost, but for shop.example, 10.0.0.7; --server-name verifies another")
NAMELESS = unhealthy(f"{THE} is not valid for localhost: it names no host (no subjectAltName)")
SELF_SIGNED = unhealthy(f"{THE} is self-signed and not in --cacert")
RENEWED = unhealthy(f"{THE} is self-signed and not the one of its name in --cacert (renewed?)")
NO_VERSION_3 = unhealthy(f"{THE} can't be accepted: it is not X.509 version 3")
FOR_CLIENTS = unhealthy(f"{THE} can't be accepted: it is not for servers (extendedKeyUsage)")
CRITICAL = unhealthy(f"{THE} can't be accepted: its critical extension 1.2.3.4 is not understood")
NO_VERSION = unhealthy("no TLS version in common, wanted 1.2 or 1.3")
PLAIN = unhealthy("status 400, wanted 200-399; the server speaks TLS; https:// asks it")
SENT = "(sent Host: localhost:{port})"
NO_HTTP2 = unhealthy("the server speaks no HTTP/2 over TLS (ALPN), so no gRPC")

NOT_CHECKED = "note: the certificate is pinned by --cacert and names no host, so the name was not checked\n"
ASKED_FOR_ONE = "(the server asked for a client certificate: --cert and --key)"
WELL = healthy("status 200")

PHASES = re.compile(r"\A((resolve|connect|tls|request|headers|body|note): .+\n)*")
SECLEVEL_0 = ["-cipher", "ALL:@SECLEVEL=0"]


def connected(line, more="") -> Ran:
    return unhealthy(f"{line} (connected to 127.0.0.1:{{port}}){more}")


def run(*args) -> Ran:
    ran = exec_probe(*args)
    OUTPUTS.extend([ran.stdout, ran.stderr])
    return ran


def over_tls(handler, port, host="localhost") -> tuple[str, list]:
    """What a line begins with, and the arguments, for asking a port with TLS."""
    if handler == "grpc":
        return f"grpc {host}:{port}", ["--tls", f"{host}:{port}"]
    return f"http GET https://{host}:{port}/", [f"https://{host}:{port}/"]


@pytest.fixture
def ask(certificates):
    """Runs the binary; `--cacert=NAME`, `--cert=NAME` and `--key=NAME` are files of the folder. Gives what came out.

    Then twice more: -v puts phases before the same line, and JSON holds that line.
    """

    def path(arg):
        option, mark, name = arg.partition("=")
        if option not in ("--cacert", "--cert", "--key"):
            return arg
        suffix = "" if "." in name else ".key" if option == "--key" else ".pem"
        return f"{option}{mark}{certificates / name}{suffix}"

    def three_times(handler, *args):
        args = [path(arg) for arg in args]
        ran = run(handler, *args)
        told = run(handler, "-v", *args)
        written = run(handler, "--output=json", *args)
        assert Ran(told.exit, told.stdout, PHASES.sub("", told.stderr, count=1)) == ran
        message = json.loads(written.stdout or written.stderr)["message"] + "\n"
        said = Ran(written.exit, *((message, "") if written.stdout else ("", message)))
        assert said == ran
        return ran

    return three_times


@pytest.fixture
def ask_s_server(certificates, ask):
    """Starts s_server with the certificate of this name, and asks it. Gives what came out, what its line begins with,
    and its port.
    """

    def start_and_ask(name, *args, server=(), handler="http", host="localhost"):
        files = ["-cert", certificates / f"{name}.pem", "-key", certificates / f"{name}.key"]
        with s_server(*files, *server, host="127.0.0.1" if host == "localhost" else host) as port:
            label, target = over_tls(handler, port, host)
            return ask(handler, *args, *target), label, port

    return start_and_ask


# Certificates


EVERY_ONE = [
    *("p256", "p384", "ed25519", "rsa2048", "rsa4096", "expired", "early", "elsewhere", "nameless", "for-clients"),
    *("critical", "by-stranger", "by-intermediate", "own", "own-nameless", "version-1"),
]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name", EVERY_ONE)
def test_without_cacert_every_certificate_is_as_good_as_another(ask_s_server, name, version):
    ran, label, _ = ask_s_server(name, server=[version])
    assert ran == WELL.about(label)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("options", [[], ["--cacert=authority"]])
@pytest.mark.parametrize(("name", "wanted"), [("p521", NOTHING_IN_COMMON), ("rsa1024", SHORT)])
def test_a_key_of_a_kind_that_is_not_spoken_is_told_as_such(ask_s_server, name, wanted, options, version):
    ran, label, _ = ask_s_server(name, *options, server=[version, *SECLEVEL_0])
    assert ran == wanted.about(label)


@pytest.mark.parametrize(
    ("name", "cacert", "wanted"),
    [
        ("p256", "authority", WELL),
        ("p384", "authority", WELL),
        ("ed25519", "authority", WELL),
        ("rsa2048", "authority", WELL),
        ("rsa4096", "authority", WELL),
        ("p256", "bundle", WELL),
        ("by-stranger", "bundle", WELL),
        ("by-version-1", "version-1-authority", WELL),
        ("expired", "authority", EXPIRED),
        ("early", "authority", EARLY),
        ("elsewhere", "authority", ELSEWHERE),
        ("nameless", "authority", NAMELESS),
        ("for-clients", "authority", FOR_CLIENTS),
        ("critical", "authority", CRITICAL),
        ("by-stranger", "authority", UNKNOWN_ISSUER),
        ("p256", "p384", UNKNOWN_ISSUER),
        ("own", "authority", SELF_SIGNED),
        ("own-nameless", "own", RENEWED),
        ("version-1", "authority", NO_VERSION_3),
        ("by-p521", "p521-authority", BY_P521),
        ("by-sha512", "authority", BY_SHA512),
        ("by-expired-authority", "expired-authority", EXPIRED_ISSUER),
        ("minted", "p256", NO_ISSUER),
    ],
)
def test_with_cacert_the_certificate_is_verified(ask_s_server, name, cacert, wanted):
    ran, label, _ = ask_s_server(name, f"--cacert={cacert}")
    assert ran == wanted.about(label)


# DESIGN, section 3: accepted if its dates hold and its name matches, whatever else it is.
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("own", WELL),
        ("own-nameless", WELL),
        ("version-1", WELL),
        ("p256", WELL),
        ("rsa2048", WELL),
        ("nameless", WELL),
        ("by-intermediate", WELL),
        ("for-clients", WELL),
        ("expired", EXPIRED),
        ("early", EARLY),
        ("elsewhere", ELSEWHERE),
    ],
)
def test_a_certificate_that_stands_in_cacert_is_accepted_by_date_and_name(ask_s_server, name, wanted):
    ran, label, _ = ask_s_server(name, f"--cacert={name}")
    assert ran == wanted.about(label)


@pytest.mark.parametrize(
    ("name", "is_told"), [("own", False), ("own-nameless", True), ("version-1", True), ("nameless", True)]
)
def test_that_a_name_was_not_checked_is_told_by_v(certificates, name, is_told):
    with s_server("-cert", certificates / f"{name}.pem", "-key", certificates / f"{name}.key") as port:
        ran = run("http", "-v", f"--cacert={certificates / name}.pem", *over_tls("http", port)[1])
    assert (ran.exit, NOT_CHECKED in ran.stderr) == (0, is_told)


@pytest.mark.parametrize(
    ("sent", "cacert", "wanted"),
    [
        (["-cert_chain", "intermediate"], "authority", WELL),
        ([], "authority", UNKNOWN_ISSUER),
        ([], "intermediate", WELL),
    ],
)
def test_an_intermediate_authority_is_sent_by_the_server_or_stands_in_cacert(
    certificates, ask_s_server, sent, cacert, wanted
):
    server = [certificates / f"{each}.pem" if each == "intermediate" else each for each in sent]
    ran, label, _ = ask_s_server("by-intermediate", f"--cacert={cacert}", server=server)
    assert ran == wanted.about(label)


def test_openssl_still_makes_certificates_of_version_1(certificates):
    for name in ("version-1", "version-1-authority", "client-version-1"):
        command = [tool("openssl"), "x509", "-noout", "-text", "-in", certificates / f"{name}.pem"]
        assert " Version: 1 " in subprocess.run(command, check=True, capture_output=True, text=True).stdout


# Names


@pytest.mark.parametrize(
    ("host", "options", "sent"),
    [
        ("localhost", [], "localhost"),
        ("", [], "localhost"),
        ("LocalHost.", [], "localhost"),
        ("127.0.0.1", [], ""),
        ("[::1]", [], ""),
        ("localhost", ["--server-name=shop.example"], "shop.example"),
        ("127.0.0.1", ["--server-name=shop.example"], "shop.example"),
        ("[::1]", ["--server-name=localhost"], "localhost"),
        ("localhost", ["--server-name=127.0.0.1"], ""),
        ("localhost", ["--server-name=::1"], ""),
        # As for the kubelet's prober, a virtual host is no name for TLS.
        ("localhost", ["-H", "Host: shop.example"], "localhost"),
    ],
)
def test_nginx_sees_the_name_that_is_verified(secure_web, ask, host, options, sent):
    port = secure_web.ipv6 if host == "[::1]" else secure_web.main
    url = f"https://{host}:{port}/echo"
    shown = url.replace("//:", "//localhost:")
    virtual = "shop.example" if "-H" in options else shown.split("/")[2]
    said = f"body: TLSv1.3, name: {sent}, host: {virtual}"
    wanted = unhealthy(f"http GET {shown}: status 500, wanted 200-399\n{said}")
    assert ask("http", "--show-body", "--cacert=authority", *options, url) == wanted


OTHERS = "but for localhost, shop.example, 127.0.0.1, ::1"


@pytest.mark.parametrize(
    ("name", "host", "options", "told"),
    [
        ("p256", "localhost", ["--server-name=other.example"], f"other.example, {OTHERS}"),
        ("p256", "127.0.0.2", [], f"127.0.0.2, {OTHERS}"),
        ("by-name", "127.0.0.1", [], "127.0.0.1, but for localhost"),
        ("by-name", "[::1]", [], "::1, but for localhost"),
        ("by-name", "localhost", ["--server-name=::1"], "::1, but for localhost"),
        ("elsewhere", "localhost", ["--server-name=10.0.0.8"], "10.0.0.8, but for shop.example, 10.0.0.7"),
    ],
)
def test_a_name_that_does_not_match_is_told_with_those_that_would(ask_s_server, name, host, options, told):
    ran, label, _ = ask_s_server(name, "--cacert=authority", *options, host=host)
    assert ran == unhealthy(f"{THE} is not valid for {told}; --server-name verifies another").about(label)


UNKNOWN_NAME = connected("the server ended the TLS handshake (unrecognized_name); --server-name sends another name")


@pytest.mark.parametrize(
    ("handler", "options", "wanted"),
    [
        ("http", [], UNKNOWN_NAME),
        ("http", ["--server-name=shop.example"], WELL),
        ("grpc", [], UNKNOWN_NAME),
        # It knows the name, and is no gRPC server.
        ("grpc", ["--server-name=shop.example", "--timeout=200ms"], connected("no answer in 200ms")),
    ],
)
def test_a_server_that_is_strict_about_names_hears_the_same_one_from_both(
    certificates, ask_s_server, handler, options, wanted
):
    second = ["-cert2", certificates / "elsewhere.pem", "-key2", certificates / "elsewhere.key"]
    strict = ["-servername", "shop.example", "-servername_fatal", *second]
    ran, label, port = ask_s_server("p256", *options, server=strict, handler=handler)
    assert ran == wanted.about(label, port=port)


# nginx


@pytest.mark.parametrize(("server", "version"), [("tls12", "TLSv1.2"), ("tls13", "TLSv1.3")])
def test_nginx_with_one_version_of_tls_is_asked_in_it(secure_web, ask, server, version):
    label, target = over_tls("http", getattr(secure_web, server))
    wanted = unhealthy(f"{label}: status 500, wanted 200-399\nbody: {version}")
    assert ask("http", "--show-body", "--cacert=authority", *target) == wanted


@pytest.mark.parametrize("server", ["mutual12", "mutual13"])
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], unhealthy(f"status 400, wanted 200-399 {ASKED_FOR_ONE}")),
        (["--cacert=authority"], unhealthy(f"status 400, wanted 200-399 {ASKED_FOR_ONE}")),
        (["--cert=client", "--key=client"], healthy("status 204")),
        (["--cert=client", "--key=client", "--cacert=authority"], healthy("status 204")),
        (["--cert=client-by-stranger", "--key=client-by-stranger"], unhealthy(f"status 400, wanted 200-399 {SENT}")),
        (["--cert=client-expired", "--key=client-expired"], unhealthy(f"status 400, wanted 200-399 {SENT}")),
    ],
)
def test_nginx_that_wants_a_certificate_answers_400_without_the_right_one(secure_web, ask, server, options, wanted):
    port = getattr(secure_web, server)
    label, target = over_tls("http", port)
    assert ask("http", *options, *target) == wanted.about(label, port=port)


@pytest.mark.parametrize(
    ("options", "target", "shown", "wanted"),
    [
        (["--cacert=authority"], "https://localhost/ok", "https://localhost/ok", WELL),
        (["--cacert=authority"], "https://127.0.0.1/ok", "https://127.0.0.1/ok", WELL),
        (
            [],
            "https://localhost/missing",
            "https://localhost/missing",
            unhealthy("status 404, wanted 200-399 (sent Host: localhost)"),
        ),
        # A path alone is no https: nginx says so itself.
        ([], "/ok", "http://localhost/ok", PLAIN),
    ],
)
def test_nginx_speaks_tls_on_a_unix_socket(secure_web, ask, options, target, shown, wanted):
    ran = ask("http", f"--unix-socket={secure_web.unix}", *options, target)
    assert ran == wanted.about(f"http GET {shown} on unix:{secure_web.unix}")


@pytest.mark.parametrize(
    ("options", "target", "wanted"),
    [
        ([], "http://localhost:{plain}/ok", WELL),
        ([], "http://localhost:{plain}/moved", WELL),
        (
            [],
            "http://localhost:{plain}/missing",
            unhealthy(
                "redirected to https://localhost:{main}: status 404, wanted 200-399 (sent Host: localhost:{main})"
            ),
        ),
        (
            [],
            "http://localhost:{plain}/to-mutual",
            unhealthy(f"redirected to https://localhost:{{mutual13}}: status 400, wanted 200-399 {ASKED_FOR_ONE}"),
        ),
        (["--cacert=authority"], "https://localhost:{main}/moved", WELL),
        ([], "https://localhost:{main}/to-plain", WELL),
        (
            ["--cacert=authority"],
            "https://localhost:{main}/to-plain",
            unhealthy("status 302 leads from https to http, where --cacert can't verify the server"),
        ),
        ([], "https://localhost:{main}/to-elsewhere", healthy("status 204")),
        (
            ["--cacert=authority"],
            "https://localhost:{main}/to-elsewhere",
            ELSEWHERE.about("redirected to https://localhost:{{elsewhere}}"),
        ),
        (
            [],
            "https://localhost:{main}/to-nowhere",
            healthy("status 302", ", not followed to https://elsewhere.example, which is another host name"),
        ),
    ],
)
def test_a_redirect_to_and_from_https_is_followed(secure_web, ask, options, target, wanted):
    url = target.format(**vars(secure_web))
    assert ask("http", *options, url) == wanted.about(f"http GET {url}", **vars(secure_web))


@pytest.mark.parametrize(
    ("handler", "options", "target", "wanted"),
    [
        # nginx answers what is not TLS itself, and says why.
        ("http", [], "http://localhost:{main}/ok", PLAIN),
        (
            "http",
            [],
            "https://localhost:{plain}/ok",
            connected("the server does not speak TLS; http:// asks it without"),
        ),
        (
            "grpc",
            ["--tls"],
            "localhost:{plain}",
            connected("the server does not speak TLS; leave --tls out to ask it without"),
        ),
        ("grpc", [], "localhost:{main}", connected("the server speaks TLS; --tls asks it")),
        ("grpc", [], "localhost:{http2}", connected("the server speaks TLS; --tls asks it")),
        ("grpc", ["--tls"], "localhost:{main}", NO_HTTP2),
        ("grpc", ["--tls"], "localhost:{http2}", unhealthy("an HTTP/2 server, but not a gRPC one (HTTP status 404)")),
        ("http", [], "https://localhost:{http2}/ok", WELL),
        ("tcp", [], "localhost:{main}", healthy("connected")),
    ],
)
def test_a_port_of_nginx_that_speaks_something_else_is_told(secure_web, ask, handler, options, target, wanted):
    target = target.format(**vars(secure_web))
    label = f"http GET {target}" if handler == "http" else f"{handler} {target}"
    assert ask(handler, *options, target) == wanted.about(label, port=re.search(r":(\d+)", target)[1])


def test_the_phases_of_a_verified_probe(secure_web, certificates):
    label, target = over_tls("http", secure_web.tls12)
    ran = run("http", "-v", "--expect-status=500", f"--cacert={certificates}/authority.pem", *target)
    phases = (
        "resolve: localhost is 127.0.0.1, ::1 (TIME)\n"
        f"connect: 127.0.0.1:{secure_web.tls12} (TIME)\n"
        "tls: TLSv1.2 (TIME)\n"
        "request: BYTES (TIME)\n"
        "headers: status 500 (TIME)\n"
    )
    told = re.sub(r"note: (Server|Content-Type): .*\n", "", TIME.sub("(TIME)", ran.stderr))
    told = re.sub(r"\d+ bytes", "BYTES", told)
    assert Ran(ran.exit, ran.stdout, told) == Ran(0, f"{label}: status 500 (TIME)\n", phases)


# grpcio


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], healthy("SERVING")),
        (["--cacert=authority"], healthy("SERVING")),
        (["--service=orders.v1"], unhealthy("NOT_SERVING, wanted SERVING")),
        (["--service=orders.v1", "--cacert=authority"], unhealthy("NOT_SERVING, wanted SERVING")),
        (["--service=nobody.v1"], unhealthy("the health service does not know this service (NOT_FOUND)")),
        (["--service=nobody.v1", "--expect-status=any"], healthy("NOT_FOUND")),
        (["--cacert=stranger"], UNKNOWN_ISSUER),
        (["--cacert=authority", "--server-name=shop.example"], healthy("SERVING")),
        (
            ["--cacert=authority", "--server-name=other.example"],
            unhealthy(f"{THE} is not valid for other.example, {OTHERS}; --server-name verifies another"),
        ),
    ],
)
@pytest.mark.parametrize("place", ["port", "unix"])
def test_grpcio_is_asked_with_tls(secure_grpc, ask, place, options, wanted):
    target = f"unix:{secure_grpc.unix}" if place == "unix" else f"localhost:{secure_grpc.health}"
    named = "".join(f" service {each.removeprefix('--service=')}" for each in options if "--service" in each)
    assert ask("grpc", "--tls", *options, target) == wanted.about(f"grpc {target}{named}")


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--cert=client", "--key=client"], healthy("SERVING")),
        (["--cert=client-key-last", "--cacert=authority"], healthy("SERVING")),
        # It closes without an alert; `openssl s_client -msg` sees none either.
        ([], connected("connection closed or reset by the peer, no answer", f" {ASKED_FOR_ONE}")),
        (["--cacert=authority"], connected("connection closed or reset by the peer, no answer", f" {ASKED_FOR_ONE}")),
        (
            ["--cert=client-by-stranger", "--key=client-by-stranger"],
            connected("connection closed or reset by the peer, no answer"),
        ),
    ],
)
def test_grpcio_that_wants_a_certificate_is_answered_with_one(secure_grpc, ask, options, wanted):
    label, target = over_tls("grpc", secure_grpc.mutual)
    assert ask("grpc", *options, *target) == wanted.about(label, port=secure_grpc.mutual)


def test_grpcio_that_is_asked_the_other_way_is_told(grpc, secure_grpc, ask):
    label, target = over_tls("grpc", grpc.health)
    told = connected("the server does not speak TLS; leave --tls out to ask it without")
    assert ask("grpc", *target) == told.about(label, port=grpc.health)
    # It closes without a byte, and without a word about ALPN.
    label, (_, target) = over_tls("grpc", secure_grpc.health)
    told = connected("the server speaks TLS; --tls asks it")
    assert ask("grpc", target) == told.about(label, port=secure_grpc.health)
    assert ask("grpc", "--expect-status=any", target) == told.about(label, port=secure_grpc.health)
    label, target = over_tls("http", secure_grpc.health)
    told = connected("connection closed or reset by the peer, no response headers")
    assert ask("http", *target) == told.about(label, port=secure_grpc.health)


# What s_server speaks, and whom it wants


@pytest.mark.parametrize(
    ("server", "wanted"),
    [
        (["-tls1_1", *SECLEVEL_0], NO_VERSION),
        (["-tls1", *SECLEVEL_0], NO_VERSION),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384"], NOTHING_IN_COMMON),
        (["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"], NOTHING_IN_COMMON),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"], WELL),
        (["-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], WELL),
        (["-groups", "P-521"], NOTHING_IN_COMMON),
        # It asks for another hello, with a key for that group.
        (["-groups", "P-384"], WELL),
        (["-alpn", "http/1.1"], WELL),
    ],
)
def test_a_server_that_speaks_another_tls_is_told_as_such(ask_s_server, server, wanted):
    ran, label, _ = ask_s_server("p256", server=server)
    assert ran == wanted.about(label)


def test_a_server_that_offers_http2_and_speaks_none_is_late(ask_s_server):
    ran, label, port = ask_s_server("p256", "--timeout=900ms", server=["-alpn", "h2"])
    assert ran == connected("no response headers in 900ms").about(label, port=port)


@pytest.mark.parametrize("handler", ["http", "grpc"])
@pytest.mark.parametrize(
    ("version", "name", "wanted"),
    [
        # OpenSSL's alert for it differs; that there are suites in common is known by then.
        ("-tls1_2", None, connected("the server ended the TLS handshake (handshake_failure)", f" {ASKED_FOR_ONE}")),
        (
            "-tls1_3",
            None,
            connected("the server ended the TLS handshake (certificate_required)", f" {ASKED_FOR_ONE}"),
        ),
        ("-tls1_2", "client-by-stranger", connected("the server ended the TLS handshake (unknown_ca)")),
        ("-tls1_3", "client-by-stranger", connected("the server ended the TLS handshake (unknown_ca)")),
        ("-tls1_2", "client-expired", connected("the server ended the TLS handshake (certificate_expired)")),
        ("-tls1_3", "client-expired", connected("the server ended the TLS handshake (certificate_expired)")),
    ],
)
def test_a_refused_certificate_is_told_by_the_alert_each_time(certificates, ask, handler, version, name, wanted):
    files = ["-cert", certificates / "p256.pem", "-key", certificates / "p256.key"]
    verify = ["-Verify", "1", "-verify_return_error", "-verify_quiet", "-CAfile", certificates / "authority.pem"]
    options = [f"--cert={name}", f"--key={name}"] if name else []
    with s_server(*files, *verify, version) as port:
        label, target = over_tls(handler, port)
        # In TLS 1.3 the client is done first, and its request meets the alert.
        for _ in range(20):
            assert ask(handler, *options, *target) == wanted.about(label, port=port)


@pytest.mark.parametrize(
    ("cert", "key"),
    [
        ("client", "client"),
        ("client", "client.sec1"),
        ("client", "client.parameters"),
        ("client", "client.no-public"),
        ("client", "client.no-public-pkcs8"),
        ("client", "client.with-mark"),
        ("client", "client-key-last.pem"),
        ("client", "client-key-first.pem"),
        ("client-key-last", None),
        ("client-key-first", None),
        ("client-rsa", "client-rsa"),
        ("client-rsa", "client-rsa.pkcs1"),
        ("client-p384", "client-p384"),
        ("client-ed25519", "client-ed25519"),
        # nginx takes it: whether it is good enough is for the server to say.
        ("client-version-1", "client"),
    ],
)
def test_a_key_is_read_in_every_form_that_openssl_writes(secure_web, ask, cert, key):
    options = [f"--cert={cert}", *([f"--key={key}"] if key else [])]
    label, target = over_tls("http", secure_web.mutual13)
    assert ask("http", *options, *target) == healthy("status 204").about(label)


OF_A_KIND = misused("the key is of an unknown kind, wanted P-256, P-384, Ed25519, or RSA of 2048 bits or more")
ENCRYPTED = misused("no private key in it; an encrypted one can't be used")


@pytest.mark.parametrize(
    ("cert", "key", "wanted"),
    [
        ("client", "client.encrypted", ENCRYPTED),
        ("client", "client.encrypted-sec1", ENCRYPTED),
        ("client-rsa", "client-rsa.encrypted-pkcs1", ENCRYPTED),
        ("client", "client.pem", ENCRYPTED),
        ("client-p521", "client-p521.key", OF_A_KIND),
        ("rsa1024", "rsa1024.key", OF_A_KIND),
        ("client", "client-p384.key", misused("the key does not match the certificate")),
    ],
)
@pytest.mark.parametrize("handler", ["http", "grpc"])
def test_a_key_that_can_not_be_used_is_told_before_anything_is_asked(certificates, ask, handler, cert, key, wanted):
    _, target = over_tls(handler, 1)
    ran = ask(handler, f"--cert={cert}", f"--key={key}", *target)
    assert ran == wanted.about(f'exec-probe {handler}: --key "{certificates / key}"')


# How it ends


BOTH_VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
each_version = pytest.mark.parametrize("version", BOTH_VERSIONS, ids=["tls1.2", "tls1.3"])


def speaks_tls(certificates, version, said, leave):
    """An answer for `serving`: shakes hands, says something to the start of a request, and leaves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "p256.pem", certificates / "p256.key")
    context.minimum_version = context.maximum_version = version

    def answer(connection, stopping):
        # Or what ends TLS would wait 40 ms for the answer's ACK.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(connection, server_side=True) as tls:
            if leave == "with the request unread":
                select.select([tls], [], [])
                tls.sendall(said)
                return
            tls.recv(65536)
            tls.sendall(said)
            if leave == "by TLS alone":
                # It sends close_notify, and does not wait for ours.
                tls.setblocking(False)
                with contextlib.suppress(ssl.SSLError):
                    tls.unwrap()
                tls.setblocking(True)
            if leave == "by TCP alone":
                tls.shutdown(socket.SHUT_WR)
            if leave == "never":
                stopping.wait()
            # What came is read, so that the close is no reset.
            with socket.socket(fileno=tls.detach()) as bare:
                while bare.recv(65536):
                    pass

    return answer


READY = b"HTTP/1.0 200 OK\r\n\r\nall is ready"
TORN = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nall is"
NO_GRPC = connected("the server speaks HTTP/1.1, not HTTP/2, so no gRPC")


@each_version
@pytest.mark.parametrize("leave", ["by TLS alone", "by TCP alone"])
@pytest.mark.parametrize(
    ("handler", "options", "said", "wanted"),
    [
        ("http", [], b"", connected("connection closed or reset by the peer, no response headers")),
        ("http", [], TORN[:20], connected("connection closed or reset by the peer, response headers not complete")),
        ("http", [], READY, WELL),
        ("http", ["--expect-body=ready"], READY, WELL),
        ("http", [], TORN, WELL),
        (
            "http",
            ["--expect-body=ready"],
            TORN,
            connected("connection closed or reset by the peer, response body not complete"),
        ),
        ("grpc", [], b"", connected("connection closed or reset by the peer, no answer")),
        ("grpc", [], b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_GRPC),
    ],
)
def test_a_server_that_leaves_is_judged_by_what_it_said(
    certificates, ask, handler, options, said, wanted, leave, version
):
    with serving(speaks_tls(certificates, version, said, leave)) as port:
        label, target = over_tls(handler, port)
        for _ in range(5):
            assert ask(handler, *options, *target) == wanted.about(label, port=port)


@each_version
@pytest.mark.parametrize(
    ("handler", "wanted"), [("http", unhealthy("status 503, wanted 200-399")), ("grpc", NO_GRPC)]
)
def test_what_was_said_before_a_reset_counts(certificates, ask, handler, wanted, version):
    said = b"HTTP/1.1 503 Full\r\n\r\n"
    with serving(speaks_tls(certificates, version, said, "with the request unread")) as port:
        label, target = over_tls(handler, port)
        for _ in range(20):
            assert ask(handler, *target) == wanted.about(label, port=port)


def resets(connection, stopping):
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("handler", ["http", "grpc"])
@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (says(), "connection closed or reset by the peer, no TLS handshake"),
        (resets, "connection closed or reset by the peer, no TLS handshake"),
        (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "the server does not speak TLS; {without}"),
        (OK, "the server does not speak TLS; {without}"),
    ],
    ids=["close", "reset", "ssh", "http"],
)
def test_a_handshake_that_is_not_answered_is_told_by_what_came(ask, handler, answer, what):
    without = {"http": "http:// asks it without", "grpc": "leave --tls out to ask it without"}[handler]
    with serving(answer) as port:
        label, target = over_tls(handler, port)
        assert ask(handler, *target) == connected(what).about(label, port=port, without=without)


def drips(connection, stopping):
    """A ServerHello of 16 KiB, a byte at a time."""
    connection.recv(65536)
    connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
    while not stopping.wait(0.05):
        connection.sendall(b"\x03")


@pytest.mark.parametrize("answer", [silent, drips])
@pytest.mark.parametrize("handler", ["http", "grpc"])
def test_a_handshake_without_end_fails_at_the_deadline(handler, answer):
    with serving(answer) as port:
        label, target = over_tls(handler, port)
        ran = run(handler, "--timeout=300ms", *target)
    assert ran == connected("no TLS handshake in 300ms").about(label, port=port)
    assert 0.3 <= ran.seconds < 0.6


@pytest.mark.parametrize(
    ("handler", "said", "what"),
    [
        ("http", b"", "no response headers"),
        ("http", TORN[:20], "response headers not complete"),
        ("grpc", b"", "no answer"),
    ],
)
def test_silence_after_the_handshake_fails_at_the_deadline(certificates, handler, said, what):
    with serving(speaks_tls(certificates, ssl.TLSVersion.TLSv1_3, said, "never")) as port:
        label, target = over_tls(handler, port)
        ran = run(handler, "--timeout=300ms", *target)
    assert ran == connected(f"{what} in 300ms").about(label, port=port)
    assert 0.3 <= ran.seconds < 0.6


# Secrets


def test_no_byte_of_a_key_or_certificate_is_in_what_came_out(certificates):
    printed = "\n".join(OUTPUTS)
    length = 12
    seen = {printed[at : at + length] for at in range(len(printed))}
    secrets = workshop.secrets(certificates)
    found = set()
    for secret in secrets:
        der = base64.b64decode(secret)
        # As it stands in the file, in hexadecimal, and as Rust's Debug prints bytes.
        for text in (secret, der.hex(), der.hex().upper(), ", ".join(str(byte) for byte in der)):
            found |= {text[at : at + length] for at in range(len(text))} & seen
    assert found == set()
    # Of a certificate, its names and dates are told; who signed it, and its number, are not.
    serials = [line.split("\t")[3] for line in (certificates / "index.txt").read_text().splitlines()]
    assert [each for each in (workshop.ISSUER, *serials) if each.lower() in printed.lower()] == []

    runs = len(OUTPUTS) // 2
    REPORTS["outputs searched for secrets"] = [
        ("runs", runs),
        ("characters printed", len(printed)),
        ("sections of PEM files", len(secrets)),
    ]
    # Of all of this module: alone, this test would find nothing anywhere.
    assert runs > 1000

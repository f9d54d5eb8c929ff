"""Servers that people run, each started as its documentation says, side by side in one network namespace.

In it every port is free, so each server has one of its own that never changes, and no request comes from elsewhere.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import harness
from harness import tool

HERE = Path(__file__).with_name("servers")

# Each port, by the name of who listens.
NAMES = """
nginx nginx-proxy nginx-proxy-tls nginx-plain nginx-400 nginx-http2
haproxy haproxy-proxy haproxy-proxy-tls haproxy-proxy-grpc haproxy-http2
apache lighttpd caddy etcd etcd-peers stunnel s_server nghttpd nghttpd-http2
node node-http2-tls node-http2 go go-http2 jdk tomcat
uvicorn gunicorn hypercorn django python
grpcio grpcio-gzip grpclib grpclib-plain
redis redis-password sshd vsftpd
"""
PORT = {name: 20000 + at for at, name in enumerate(NAMES.split())}

NGINX = f"""
{harness.NGINX_MAIN}
http {{
    {harness.NGINX_HTTP}
    ssl_certificate ../certificate.pem;
    ssl_certificate_key ../key.pem;
    server {{ listen 127.0.0.1:{PORT["nginx"]} ssl; return 200 well; }}
    server {{ listen 127.0.0.1:{PORT["nginx-proxy"]} proxy_protocol; return 200 well; }}
    server {{ listen 127.0.0.1:{PORT["nginx-proxy-tls"]} ssl proxy_protocol; return 200 well; }}
    server {{ listen 127.0.0.1:{PORT["nginx-plain"]}; return 200 well; }}
    server {{ listen 127.0.0.1:{PORT["nginx-400"]}; return 400 "callback must be an https:// URL: TLS (SSL) only"; }}
    server {{ listen 127.0.0.1:{PORT["nginx-http2"]} http2; return 200 well; }}
}}
"""

HAPROXY = f"""
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s
frontend all
    bind 127.0.0.1:{PORT["haproxy"]} ssl crt ../both.pem alpn h2,http/1.1
    bind 127.0.0.1:{PORT["haproxy-proxy"]} accept-proxy
    bind 127.0.0.1:{PORT["haproxy-proxy-tls"]} accept-proxy ssl crt ../both.pem alpn h2,http/1.1
    bind 127.0.0.1:{PORT["haproxy-http2"]} proto h2
    http-request return status 200
frontend grpc
    mode tcp
    bind 127.0.0.1:{PORT["haproxy-proxy-grpc"]} accept-proxy
    default_backend grpclib
backend grpclib
    mode tcp
    server grpclib 127.0.0.1:{PORT["grpclib-plain"]}
"""

APACHE = f"""
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so
ServerName localhost
User www-data
Group www-data
PidFile apache.pid
ErrorLog error.log
Listen 127.0.0.1:{PORT["apache"]}
SSLEngine on
SSLCertificateFile {{folder}}/certificate.pem
SSLCertificateKeyFile {{folder}}/key.pem
Redirect 204 /
"""

LIGHTTPD = f"""
server.modules = ("mod_openssl")
server.document-root = var.CWD
server.bind = "127.0.0.1"
server.port = {PORT["lighttpd"]}
index-file.names = ("index.html")
ssl.engine = "enable"
ssl.pemfile = "../certificate.pem"
ssl.privkey = "../key.pem"
"""

CADDY = f"""
{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2
    }}
}}
https://localhost:{PORT["caddy"]} {{
    bind 127.0.0.1
    tls ../certificate.pem ../key.pem
    respond well
}}
"""

STUNNEL = f"""
foreground = yes
pid =
[https]
accept = 127.0.0.1:{PORT["stunnel"]}
connect = 127.0.0.1:{PORT["nginx-plain"]}
cert = ../certificate.pem
key = ../key.pem
"""

TOMCAT = f"""
<Server port="-1">
  <Service name="Catalina">
    <Connector address="127.0.0.1" port="{PORT["tomcat"]}" SSLEnabled="true">
      <SSLHostConfig>
        <Certificate certificateFile="{{folder}}/certificate.pem" certificateKeyFile="{{folder}}/key.pem"/>
      </SSLHostConfig>
    </Connector>
    <Engine name="Catalina" defaultHost="localhost">
      <Host name="localhost" appBase="webapps"/>
    </Engine>
  </Service>
</Server>
"""

# Its moduli and its known users are Debian's; nobody logs in.
SSHD = f"""
ListenAddress 127.0.0.1:{PORT["sshd"]}
HostKey {{folder}}/sshd/key
PidFile none
"""

VSFTPD = f"""
listen=YES
listen_address=127.0.0.1
listen_port={PORT["vsftpd"]}
background=NO
secure_chroot_dir={{folder}}/vsftpd/empty
seccomp_sandbox=NO
"""

REDIS_PASSWORD = "s3cret-Redis"

# By program: its command line, with {folder} for where the certificate is, and {NAME} for ports. Each runs in a folder
# of its own below that one, with the files that `write_files` puts there.
PAIR = ["{folder}/certificate.pem", "{folder}/key.pem"]
PYTHON = [sys.executable, "-m"]
APPS = ["--certfile", PAIR[0], "--keyfile", PAIR[1]]
# Java would leave a file in /tmp.
JAVA = ["java", "-XX:-UsePerfData"]
GUNICORN = [*PYTHON, "gunicorn", "--worker-tmp-dir", ".", "--no-control-socket", "--chdir", HERE]
COMMANDS = {
    "nginx": ["nginx", "-p", ".", "-c", "nginx.conf", "-e", "error.log"],
    "haproxy": ["haproxy", "-db", "-f", "haproxy.cfg"],
    "apache": ["apache2", "-D", "FOREGROUND", "-d", ".", "-f", "apache.conf"],
    "lighttpd": ["lighttpd", "-D", "-f", "lighttpd.conf"],
    "caddy": ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"],
    "etcd": [
        *["etcd", "--data-dir", "data", "--cert-file", PAIR[0], "--key-file", PAIR[1]],
        *["--listen-client-urls", "https://127.0.0.1:{etcd}", "--advertise-client-urls", "https://127.0.0.1:{etcd}"],
        *["--listen-peer-urls", "http://127.0.0.1:{etcd-peers}"],
    ],
    "stunnel": ["stunnel4", "stunnel.conf"],
    "s_server": [
        *["openssl", "s_server", "-www", "-accept", "127.0.0.1:{s_server}"],
        *["-cert", PAIR[0], "-key", PAIR[1]],
    ],
    "nghttpd": ["nghttpd", "-a", "127.0.0.1", "-d", ".", "{nghttpd}", PAIR[1], PAIR[0]],
    "nghttpd-http2": ["nghttpd", "-a", "127.0.0.1", "-d", ".", "--no-tls", "{nghttpd-http2}"],
    "node": ["node", HERE / "server.js", *PAIR, "{node}", "{node-http2-tls}", "{node-http2}"],
    "go": ["go-server", *PAIR, "{go}", "{go-http2}"],
    "jdk": [*JAVA, HERE / "Server.java", "{folder}/keystore.p12", "probe", "{jdk}"],
    "tomcat": [
        *JAVA,
        *["-Dcatalina.home=/usr/share/tomcat10", "-Dcatalina.base=.", "-Djava.io.tmpdir=."],
        *["-cp", "/usr/share/tomcat10/bin/bootstrap.jar:/usr/share/tomcat10/bin/tomcat-juli.jar"],
        *["org.apache.catalina.startup.Bootstrap", "start"],
    ],
    "uvicorn": [
        *PYTHON,
        *["uvicorn", "--app-dir", HERE, "--port", "{uvicorn}"],
        *["--ssl-certfile", PAIR[0], "--ssl-keyfile", PAIR[1], "python_apps:asgi"],
    ],
    "gunicorn": [*GUNICORN, "-b", "127.0.0.1:{gunicorn}", *APPS, "python_apps:wsgi"],
    "hypercorn": [*PYTHON, "hypercorn", "-b", "127.0.0.1:{hypercorn}", *APPS, f"{HERE}/python_apps:asgi"],
    "python": [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{python}"],
    "django": [*GUNICORN, "-b", "127.0.0.1:{django}", "python_apps:site"],
    "redis": ["redis-server", "--bind", "127.0.0.1", "--port", "{redis}", "--save", ""],
    "redis-password": [
        *["redis-server", "--bind", "127.0.0.1", "--port", "{redis-password}", "--save", ""],
        *["--requirepass", REDIS_PASSWORD],
    ],
    "sshd": ["sshd", "-D", "-e", "-f", "{folder}/sshd/sshd.conf"],
    "vsftpd": ["vsftpd", "vsftpd.conf"],
    "grpcio": [sys.executable, HERE / "grpcio_server.py", *PAIR, "{grpcio}", "{grpcio-gzip}"],
    "grpclib": [sys.executable, HERE / "grpclib_server.py", *PAIR, "{grpclib}", "{grpclib-plain}"],
}


@contextlib.contextmanager
def running(folder):
    """All of them, from the moment when the last one listens. Gives the command into their namespace."""
    make_certificate(folder)
    with harness.namespace("ip link set lo up") as place, contextlib.ExitStack() as started:
        # All start at once: nobody waits for Java.
        servers = {name: started.enter_context(server(place, folder, name)) for name in COMMANDS}
        holder = Path(place.path).parents[1]

        def all_listen_or_one_is_gone():
            gone = [name for name, process in servers.items() if process.poll() is not None]
            return gone or set(PORT.values()) <= ports_open(holder)

        with contextlib.suppress(AssertionError):
            harness.wait_until(all_listen_or_one_is_gone, "all listen", within=120)
        told = complaints(folder, ports_open(holder))
        assert not told, told
        yield place.within
        started.close()
        harness.wait_until(lambda: inhabitants(place) == [holder.name], "all servers are gone")


@contextlib.contextmanager
def server(place, folder, name):
    """One of them, in a folder of its own that gets what it writes to its terminal as `log`."""
    home = folder / name
    home.mkdir()
    write_files(folder, home, name)
    arguments = [str(word).replace("{folder}", str(folder)) for word in COMMANDS[name]]
    for port in PORT:
        arguments = [word.replace(f"{{{port}}}", str(PORT[port])) for word in arguments]
    with (home / "log").open("w") as log:
        command = [*place.within, tool(arguments[0]), *arguments[1:]]
        # A home of its own: some write there.
        env = os.environ | {"HOME": str(home), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        with harness.process(command, cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
            yield process


def make_certificate(folder) -> None:
    """certificate.pem and key.pem for localhost, signed by itself; both.pem for HAProxy, keystore.p12 for Java."""
    script = """
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout key.pem -out certificate.pem
    cat certificate.pem key.pem > both.pem
    openssl pkcs12 -export -in certificate.pem -inkey key.pem -passout pass:probe -out keystore.p12
    """
    subprocess.run(["sh", "-ec", script], cwd=folder, check=True, capture_output=True)


def write_files(folder, home, name) -> None:
    """A program's configuration, and the page that it serves."""
    configurations = {
        "nginx": ("nginx.conf", NGINX),
        "haproxy": ("haproxy.cfg", HAPROXY),
        "apache": ("apache.conf", APACHE),
        "lighttpd": ("lighttpd.conf", LIGHTTPD),
        "caddy": ("Caddyfile", CADDY),
        "stunnel": ("stunnel.conf", STUNNEL),
        "sshd": ("sshd.conf", SSHD),
        "vsftpd": ("vsftpd.conf", VSFTPD),
    }
    if name in configurations:
        file, text = configurations[name]
        (home / file).write_text(text.replace("{folder}", str(folder)))
    if name == "sshd":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"], check=True)
        # Debian's unit makes it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    if name == "vsftpd":
        (home / "empty").mkdir(mode=0o555)
    if name == "tomcat":
        for below in ("conf", "logs", "webapps/ROOT"):
            (home / below).mkdir(parents=True)
        (home / "conf" / "server.xml").write_text(TOMCAT.replace("{folder}", str(folder)))
        shutil.copy("/etc/tomcat10/web.xml", home / "conf")
        (home / "webapps" / "ROOT" / "index.html").write_text("well")
    else:
        (home / "index.html").write_text("well")


def ports_open(process) -> set[int]:
    """The TCP ports that somebody listens on in the namespace of a process, a folder of /proc."""
    lines = [line.split() for table in ("tcp", "tcp6") for line in (process / "net" / table).read_text().splitlines()]
    # The local address, and the state: 0A listens.
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}


def inhabitants(place) -> list[str]:
    """The ids of all processes in a namespace."""
    there, found = os.stat(place.path), []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.path.samestat(os.stat(process / "ns" / "net"), there):
                found.append(process.name)
    return found


def complaints(folder, found) -> str:
    """Who does not listen, and the end of what those wrote."""
    missing = [name for name in NAMES.split() if PORT[name] not in found]
    logs = [name for name in COMMANDS if any(port.startswith(name) for port in missing)]
    said = [f"{name}: {(folder / name / 'log').read_text()[-2000:]}" for name in logs]
    return "\n".join([f"{', '.join(missing)} do not listen", *said]) if missing else ""

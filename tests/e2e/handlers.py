"""One question for each handler, with the servers that answer all of them as healthy: asked under limits, and often."""

import contextlib
import shutil

from harness import NGINX_HTTP, NGINX_MAIN, grpc_servers, healthy, nginx

NGINX = f"""
{NGINX_MAIN}
http {{
    {NGINX_HTTP}
    ssl_certificate {{certificates}}/p256.pem;
    ssl_certificate_key {{certificates}}/p256.key;
    server {{
        listen 127.0.0.1:{{plain}};
        listen 127.0.0.1:{{secure}} ssl;
        location / {{ return 200 ok; }}
    }}
}}
"""

HANDLERS = ["http", "tcp", "grpc", "https --cacert", "grpc --tls", "file"]


@contextlib.contextmanager
def answering(folder, certificates):
    """Real servers of all handlers, and two files that any user can read. Gives a function from a name of `HANDLERS` to
    the command line and what comes out."""
    folder.chmod(0o755)
    authority = folder / "authority.pem"
    shutil.copy(certificates / "authority.pem", authority)
    alive = folder / "alive"
    alive.write_text("all is well\n")
    config = NGINX.replace("{certificates}", str(certificates))
    with (
        nginx(folder, config, ["plain", "secure"]) as web,
        grpc_servers(folder / "plain.sock") as (_, plain),
        grpc_servers(folder / "secure.sock", certificates) as (_, secure),
    ):
        http, https = f"http://localhost:{web['plain']}/", f"https://localhost:{web['secure']}/"
        tcp, grpc, over_tls = (f"localhost:{port}" for port in (web["plain"], plain["health"], secure["health"]))
        yield {
            "http": (["http", http], healthy(f"http GET {http}: status 200")),
            "tcp": (["tcp", tcp], healthy(f"tcp {tcp}: connected")),
            "grpc": (["grpc", grpc], healthy(f"grpc {grpc}: SERVING")),
            "https --cacert": (["http", f"--cacert={authority}", https], healthy(f"http GET {https}: status 200")),
            "grpc --tls": (["grpc", "--tls", over_tls], healthy(f"grpc {over_tls}: SERVING")),
            "file": (["file", "--max-age=1h", "--contains=well", alive], healthy(f"file {alive}: as wanted")),
        }.__getitem__

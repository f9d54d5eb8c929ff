"""What the examples ask, on the port that they name: prints a line once it listens.

http PORT STATUS            answers /healthz and /livez with STATUS, all else with 404
grpc PORT NAME FOLDER       mutual TLS with the FOLDER's certificates; orders.v1 has the serving status NAME, for whoever
                            has the token
"""

import sys
import threading
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

TOKEN = ("authorization", "Bearer 0bserve")


def http(port, status):
    class Application(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(int(status) if self.path in ("/healthz", "/livez") else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("0.0.0.0", int(port)), Application)
    print("listening", flush=True)
    server.serve_forever()


class Guarded(health.HealthServicer):
    def Check(self, request, context):
        if TOKEN not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token, or not the right one")
        return super().Check(request, context)


def grpc_with_mutual_tls(port, name, folder):
    authority, certificate, key = (Path(folder, file).read_bytes() for file in ("ca.crt", "server.crt", "server.key"))
    credentials = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
    known = Guarded()
    known.set("orders.v1", health_pb2.HealthCheckResponse.ServingStatus.Value(name))
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(known, server)
    server.add_secure_port(f"0.0.0.0:{port}", credentials)
    server.start()
    print("listening", flush=True)
    threading.Event().wait()


{"http": http, "grpc": grpc_with_mutual_tls}[sys.argv[1]](*sys.argv[2:])

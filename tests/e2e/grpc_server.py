"""Real gRPC servers, grpcio's own: prints one line of JSON with a port for each once all of them listen.

health     orders.v1 is NOT_SERVING, unset.v1 is SERVICE_UNKNOWN, the server itself is SERVING; also on the unix
           socket that the command line names
bare       no service at all
guarded    refuses calls without the right token
hung       never answers
broken     fails at every call
coded      SERVING, and names gzip as its coding, though so short a message is not compressed by it

With a folder of certificates on the command line as well, instead:

health     the same with TLS, on the unix socket too
mutual     the same, for clients with a certificate only
"""

import functools
import json
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

TOKEN = ("authorization", "Bearer 0bserve")


class Guard(grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        if TOKEN in details.invocation_metadata:
            return continuation(details)

        def refuse(request, context):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token, or not the right one")

        return grpc.unary_unary_rpc_method_handler(refuse)


class Hung(health_pb2_grpc.HealthServicer):
    def Check(self, request, context):
        threading.Event().wait()


class Broken(health_pb2_grpc.HealthServicer):
    def Check(self, request, context):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "as a server does that is overloaded")


def start(servicer, *interceptors, addresses=("127.0.0.1:0",), credentials=None, compression=None):
    server = grpc.server(futures.ThreadPoolExecutor(2), interceptors=interceptors, compression=compression)
    if servicer:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    add = functools.partial(server.add_secure_port, server_credentials=credentials)
    ports = [(add if credentials else server.add_insecure_port)(address) for address in addresses]
    server.start()
    return server, ports[0]


def main(unix_socket, certificates=None):
    status = health_pb2.HealthCheckResponse
    known = health.HealthServicer()
    known.set("", status.SERVING)
    known.set("orders.v1", status.NOT_SERVING)
    known.set("unset.v1", status.SERVICE_UNKNOWN)
    both = ("127.0.0.1:0", f"unix:{unix_socket}")
    if certificates:
        key, certificate, authority = (
            Path(certificates, name).read_bytes() for name in ("p256.key", "p256.pem", "authority.pem")
        )
        secure = grpc.ssl_server_credentials([(key, certificate)])
        mutual = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
        servers = {
            "health": start(known, addresses=both, credentials=secure),
            "mutual": start(known, credentials=mutual),
        }
    else:
        servers = {
            "health": start(known, addresses=both),
            "bare": start(None),
            "guarded": start(known, Guard()),
            "hung": start(Hung()),
            "broken": start(Broken()),
            "coded": start(known, compression=grpc.Compression.Gzip),
        }
    print(json.dumps({name: port for name, (_, port) in servers.items()}), flush=True)
    threading.Event().wait()


main(*sys.argv[1:])

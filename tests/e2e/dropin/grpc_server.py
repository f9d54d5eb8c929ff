"""A gRPC server on all the ports that lines of health checks name: prints a line once it listens.

    grpc_server.py STATE PORT,PORT... SOCKET [CERTIFICATE KEY AUTHORITY]

STATE is a serving status, `unknown service`, `no health service` or `hung`. With files, TLS for clients with a certificate.
"""

import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


class Hung(health_pb2_grpc.HealthServicer):
    def Check(self, request, context):
        threading.Event().wait()


def servicer(state):
    if state == "hung":
        return Hung()
    known = health.HealthServicer()
    if state == "unknown service":
        # It is there from the start.
        known._server_status.clear()
        return known
    for service in ("", "svc", "Live"):
        known.set(service, health_pb2.HealthCheckResponse.ServingStatus.Value(state))
    return known


def main(state, ports, unix_socket, *files):
    server = grpc.server(futures.ThreadPoolExecutor(64))
    if state != "no health service":
        health_pb2_grpc.add_HealthServicer_to_server(servicer(state), server)
    addresses = [f"0.0.0.0:{port}" for port in ports.split(",")] + [f"unix:{unix_socket}"]
    if files:
        certificate, key, authority = (Path(file).read_bytes() for file in files)
        secure = grpc.ssl_server_credentials([(key, certificate)], authority, require_client_auth=True)
        for address in addresses:
            server.add_secure_port(address, secure)
    else:
        for address in addresses:
            server.add_insecure_port(address)
    server.start()
    print("listening", flush=True)
    threading.Event().wait()


main(*sys.argv[1:])

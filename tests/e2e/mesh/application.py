"""A gRPC health server: application.py ADDRESS USER [SERVICE]. SERVING is the SERVICE alone, or else the server itself.

Prints `listening` once it does, and after SIGUSR1 `sick`: NOT_SERVING from then on.
"""

import os
import signal
import sys
import threading
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def main(address, user, service=""):
    status = health_pb2.HealthCheckResponse
    known = health.HealthServicer()
    known.set("", status.NOT_SERVING)
    known.set(service, status.SERVING)
    server = grpc.server(futures.ThreadPoolExecutor(2))
    health_pb2_grpc.add_HealthServicer_to_server(known, server)
    server.add_insecure_port(address)

    told = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: told.set())
    server.start()
    # Only now: root alone may be able to read the modules, and some are read late.
    os.setgroups([])
    os.setgid(int(user))
    os.setuid(int(user))
    print("listening", flush=True)
    told.wait()
    known.set(service, status.NOT_SERVING)
    print("sick", flush=True)
    threading.Event().wait()


main(*sys.argv[1:])

"""grpcio's server, SERVING: with TLS, and in plain with a compressor for all that it sends.

grpcio_server.py CERTIFICATE KEY TLS-PORT GZIP-PORT
"""

import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


def main(certificate, key, tls_port, gzip_port):
    known = health.HealthServicer()
    known.set("", health_pb2.HealthCheckResponse.SERVING)
    pair = (Path(key).read_bytes(), Path(certificate).read_bytes())
    secure = grpc.server(futures.ThreadPoolExecutor(2))
    secure.add_secure_port(f"127.0.0.1:{tls_port}", grpc.ssl_server_credentials([pair]))
    gzip = grpc.server(futures.ThreadPoolExecutor(2), compression=grpc.Compression.Gzip)
    gzip.add_insecure_port(f"127.0.0.1:{gzip_port}")
    for server in (secure, gzip):
        health_pb2_grpc.add_HealthServicer_to_server(known, server)
        server.start()
    threading.Event().wait()


main(*sys.argv[1:])

"""The application of README's commands: HTTP on 8080 and 15021, gRPC on 9090. A file says with which status it answers.

    page_servers.py FILE
"""

import http.server
import sys
import threading
from concurrent import futures
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

STATUS = Path(sys.argv[1])
BODY = b"database is down\n"


class Application(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(STATUS.read_text()))
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


for port in (8080, 15021):
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", port), Application)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
server = grpc.server(futures.ThreadPoolExecutor(2))
servicer = health.HealthServicer()
servicer.set("orders", health_pb2.HealthCheckResponse.SERVING)
health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
assert server.add_insecure_port("127.0.0.1:9090") == 9090
server.start()
print("ready", flush=True)
server.wait_for_termination()

"""grpclib's server, SERVING: with TLS and in plain.

grpclib_server.py CERTIFICATE KEY TLS-PORT PLAIN-PORT
"""

import asyncio
import ssl
import sys

from grpclib.health.service import Health
from grpclib.server import Server


async def main(certificate, key, tls_port, plain_port):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    secure, plain = Server([Health()]), Server([Health()])
    await secure.start("127.0.0.1", int(tls_port), ssl=context)
    await plain.start("127.0.0.1", int(plain_port))
    await asyncio.gather(secure.wait_closed(), plain.wait_closed())


asyncio.run(main(*sys.argv[1:]))

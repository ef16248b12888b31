# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server that appends each request to a file, one JSON object per line, before it responds.

server.py PORT FILE [CERTIFICATE KEY]
"""

import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Accepts every POST request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = {"headers": dict(self.headers), "body": body.decode()}
        line = json.dumps(request) + "\n"
        os.write(self.server.file, line.encode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    port, path, *certificate = sys.argv[1:]
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    server.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    # SIGKILL can end a write in the middle. The agent sends that request again.
    with open(path, "rb") as file:
        os.ftruncate(server.file, file.read().rfind(b"\n") + 1)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

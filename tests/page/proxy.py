# SPDX-License-Identifier: MIT OR Apache-2.0
"""A proxy between browser and agent, to cut the connection."""

import contextlib
import socket
import threading


class Proxy:
    """Forwards connections to a local port."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.lock = threading.Lock()
        self.sockets = []
        self.cut = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def disconnect(self):
        """Cuts all connections, and closes new ones immediately."""
        with self.lock:
            self.cut = True
            for end in self.sockets:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self.sockets = []

    def reconnect(self):
        with self.lock:
            self.cut = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.disconnect()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                if self.cut:
                    client.close()
                    continue
                agent = socket.create_connection(self.target)
                self.sockets += [client, agent]
            for ends in ((client, agent), (agent, client)):
                threading.Thread(target=_copy, args=ends, daemon=True).start()


def _copy(source, target):
    # Whichever direction ends first ends the other.
    with source, contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)

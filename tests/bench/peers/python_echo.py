"""The recipe: echo by a class of socketserver, after blocking if told so.
Usage: python_echo.py CLASS PORT [BLOCK_US]"""

import contextlib
import socket
import socketserver
import sys
import time

SO_RCVBUFFORCE = 33
NAME, PORT, BLOCK_US = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, client = self.request
        if BLOCK_US:
            time.sleep(BLOCK_US / 1e6)
        client.sendto(data, self.client_address)


with getattr(socketserver, NAME)(("127.0.0.1", PORT), Echo) as server:
    for option in (socket.SO_RCVBUF, SO_RCVBUFFORCE):
        with contextlib.suppress(PermissionError):
            server.socket.setsockopt(socket.SOL_SOCKET, option, 4 << 20)
    server.serve_forever()

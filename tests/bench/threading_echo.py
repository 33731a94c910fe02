"""The recipe as an echo server: ThreadingUDPServer, UDPServer. Usage: threading_echo.py PORT [CLASS]"""

import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, client = self.request
        client.sendto(data, self.client_address)


name = sys.argv[2] if len(sys.argv) > 2 else "ThreadingUDPServer"
getattr(socketserver, name)(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()

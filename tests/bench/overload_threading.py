"""The recipe with a handler that blocks: ThreadingUDPServer. Usage: overload_threading.py PORT BLOCK_US"""

import socketserver
import sys
import time

SECONDS = int(sys.argv[2]) / 1e6


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, client = self.request
        time.sleep(SECONDS)
        client.sendto(data, self.client_address)


socketserver.ThreadingUDPServer(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()

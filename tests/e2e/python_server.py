"""A program on dgramserver(3), as anybody would write it: the class, and perhaps settings, in its arguments. What the
handler does the request says."""

import json
import os
import signal
import sys
import threading
import time

import dgramserver

together = threading.Barrier(2)

# A shell that starts something in the background has it ignore SIGINT, and Python leaves it so.
signal.signal(signal.SIGINT, signal.default_int_handler)


class Handler(dgramserver.BaseRequestHandler):
    def handle(self):
        data, socket = self.request
        word, _, rest = data.partition(b" ")
        print("handling", word.decode(errors="replace"))
        if word == b"pid":
            socket.sendto(b"%d" % os.getpid(), self.client_address)
        elif word == b"three":
            for number in range(3):
                socket.sendto(b"%d" % number, self.client_address)
        elif word == b"early":
            socket.sendto(b"early", self.client_address)
            time.sleep(float(rest))
        elif word == b"together":
            together.wait(20)
            socket.sendto(b"met", self.client_address)
        elif word == b"raise":
            raise ValueError("as asked")
        elif word == b"crash":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == b"shutdown":
            socket.sendto(b"ending", self.client_address)
            self.server.shutdown()
        elif word == b"long":
            socket.sendto(bytes(65507), self.client_address)
        elif word == b"local":
            socket.sendto("{}:{}".format(*socket.getsockname()).encode(), self.client_address)
        elif word != b"none":
            socket.sendto(data, self.client_address)


class Server(getattr(dgramserver, sys.argv[1])):
    settings = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}

    def verify_request(self, request, client_address):
        return request[0] != b"refused"


with Server(("127.0.0.1", 0), Handler) as server:
    print("at", server.server_address[1], os.getpid(), flush=True)
    server.serve_forever()
    print("over", flush=True)

"""Each reason of src/core/ledger.h for which a datagram gets no answer, made to happen, and its line in the log: in
a network of the test's own."""

import datetime
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import time

import dgramtest
import networks

HELPER = os.path.join(dgramtest.BUILD, "tests/e2e/odd_server")
LEDGER = (pathlib.Path(dgramtest.TOP) / "src/core/ledger.h").read_text(encoding="utf-8")
REASONS = {
    {"DROP": "dropped_", "FAIL": "failed_"}[kind] + name
    for kind, name in re.findall(r'X\((DROP|FAIL)_\w+, "(\w+)"', LEDGER)} | {"dropped_by_kernel"}
BOUND = 2 * dgramtest.SLOW  # seconds from what causes the loss to its line


class OddServer:
    """tests/e2e/odd_server.c: a program with a handler of its own."""

    def __init__(self, case, *arguments):
        self.log = case.enterContext(tempfile.NamedTemporaryFile())
        self.process = subprocess.Popen(
            [HELPER, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, text=True)
        case.addCleanup(self.close)
        self.port = int(self.process.stdout.readline())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def address(self):
        return ("127.0.0.1", self.port)

    def events(self, event, **fields):
        with open(self.log.name, encoding="ascii") as log:
            parsed = filter(None, map(dgramtest.parse_line, log))
            return [line for line in parsed if {"event": event, **fields}.items() <= line.items()]


class Losses(dgramtest.Case):
    def setUp(self):
        self.networks = networks.Networks(self)
        other, here = self.networks.add(), self.networks.add()
        self.networks.link(other, "far", [], here, "near", ["10.8.0.1/24"])
        self.networks.ip("link set lo multicast on")

    def serve(self, **config):
        return self.start({"handler": "echo", "pool": {"workers": 1}, **config})

    def slow(self, ms, **config):
        """Its one worker is busy for so long with each request."""
        return self.serve(handler="simulate", options={"block_us": ms * 1000}, **config)

    def tell(self, server, *payloads, to=None, host="127.0.0.1", **options):
        """From an address of the client's, which stays open."""
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        client.bind((host, 0))
        for payload in payloads:
            client.sendto(payload, (to or "127.0.0.1", server.address()[1]))
        return server

    # --- a way for each reason; each returns its server, after the loss

    def dropped_truncated(self):
        return self.tell(self.serve(max_datagram_bytes=64), b"x" * 65)

    def dropped_broadcast(self):
        return self.tell(self.serve(host="0.0.0.0"), b"x", to="127.255.255.255")

    def dropped_multicast(self):
        return self.tell(self.serve(host="0.0.0.0"), b"x", to="224.0.0.1")

    def dropped_unaddressed(self):
        return self.tell(OddServer(self, "stamps"), b"x")

    def forge(self, server, source_port):
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as raw:
            raw.sendto(struct.pack("!4H", source_port, server.port, 9, 0) + b"x", ("127.0.0.1", 0))
        return server

    def dropped_source_self(self):
        server = self.serve()
        return self.forge(server, server.port)

    def dropped_source_port_zero(self):
        return self.forge(self.serve(), 0)

    def dropped_source_port_low(self):
        return self.tell(self.serve(min_source_port=65535), b"x")

    def dropped_access(self):
        return self.tell(self.serve(access={"deny": ["127.0.0.0/8"]}), b"x")

    def dropped_source_port_refused(self):
        return self.forge(self.serve(), 1900)

    def dropped_loop(self):
        """Of 3000 repeats one in 10 of 2000 is dropped, more or less."""
        return self.tell(self.serve(loop_guard=True), *[b"x"] * 3000)

    def dropped_verify(self):
        return self.tell(OddServer(self), b"refuse")

    def command(self, script, **options):
        return self.serve(handler="exec", options={"command": ["dash", "-c", script], **options})

    def failed_child(self):
        return self.tell(self.command("kill -9 $$"), b"x")

    def dropped_quarantined(self):
        """Two children have died of it."""
        server = self.command('echo "dgram 1 text"; read h; read q; kill -9 $$', mode="text")
        client = dgramtest.socket_for(server.address())
        self.addCleanup(client.close)
        while not server.events("request quarantined"):
            client.sendto(b"x", server.address())
            time.sleep(0.1)
        client.sendto(b"x", server.address())
        return server

    def dropped_limit(self):
        return self.tell(self.serve(limits={"requests_per_s": 1, "leak": 0}), *[b"x"] * 9)

    def dropped_queue_full(self):
        return self.tell(self.slow(300, queue={"capacity": 1}), *[b"x"] * 9)

    def dropped_expired(self):
        return self.tell(self.slow(300, queue={"max_wait_ms": 10}), *[b"x"] * 9)

    def dropped_shutdown(self):
        server = self.slow(300, shutdown={"drain_timeout_ms": 0})
        self.tell(server, *[b"x"] * 9)
        server.stop()
        return server

    def dropped_draining(self):
        """What comes once the receiver has ended, while its worker is busy."""
        server = self.slow(1000)
        self.tell(server, b"x")
        server.kill(signal.SIGTERM)
        server.wait_for("draining")
        self.eventually(lambda: not self.has_receivers(server), "the receiver's end")
        self.tell(server, b"x")
        server.wait()
        return server

    def has_receivers(self, server):
        tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
        try:
            return any("rx" in (task / "comm").read_text(encoding="ascii") for task in tasks.iterdir())
        except OSError:  # a thread has just ended
            return True

    def dropped_amplification(self):
        server = self.serve(handler="daytime", host="10.8.0.1")
        return self.tell(server, *[b""] * 99, host="10.8.0.1", to="10.8.0.1")

    def dropped_by_kernel(self):
        server = self.serve(socket={"receive_buffer_bytes": 4096})
        server.freeze()
        self.tell(server, *[b"x"] * 100)
        server.kill(signal.SIGCONT)
        return server

    def failed_handler(self):
        return self.tell(self.serve(handler="simulate", options={"fail_rate": 1}), b"x")

    def failed_reply_size(self):
        return self.tell(OddServer(self), b"too long")

    def failed_send_no_buffer(self):
        """Replies to neighbours that do not exist wait in the send buffer, which has room for a few."""
        server = self.serve(host="10.8.0.1", socket={"send_buffer_bytes": 4096})
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.addCleanup(raw.close)
        for number in range(2, 200):
            ends = socket.inet_aton(f"10.8.0.{number}") + socket.inet_aton("10.8.0.1")
            raw.sendto(struct.pack("!BBHHHBBH8s4H", 0x45, 0, 29, 0, 0, 64, 17, 0, ends,
                                   30000, server.port, 9, 0) + b"x", ("10.8.0.1", 0))
        return server

    def answered_when(self, number, route, asked="127.0.0.1"):
        """A request waits while its client's address goes, and there is such a route to it."""
        self.networks.ip(f"address add 10.9.0.{number}/32 dev lo")
        server = self.serve(host="0.0.0.0")
        server.freeze()
        self.tell(server, b"x", host="127.0.0.1" if asked.startswith("10") else f"10.9.0.{number}", to=asked)
        self.networks.ip(f"address del 10.9.0.{number}/32 dev lo")
        if route:
            self.networks.ip(f"route add {route} 10.9.0.{number}/32")
        server.kill(signal.SIGCONT)
        return server

    def failed_send_forbidden(self):
        return self.answered_when(1, "prohibit")

    def failed_send_unreachable(self):
        return self.answered_when(2, "unreachable")

    def failed_send_invalid(self):
        return self.answered_when(3, "blackhole")

    def failed_send_no_source(self):
        return self.answered_when(4, None, asked="10.9.0.4")

    def failed_send_too_long(self):
        """The program's IP options take the room that the longest reply needs."""
        return self.tell(OddServer(self, "options"), b"x")

    # --- what is said of it

    def line_of(self, server, reason):
        self.eventually(lambda: server.events("datagrams lost", reason=reason), f"the line of {reason}")
        return server.events("datagrams lost", reason=reason)[0]

    def check_line(self, line, since):
        self.assertEqual(line["level"], "warn")
        self.assertGreater(int(line["lost"]), 0)
        self.assertEqual(line["lost"], line["lost_so_far"])
        self.assertGreater(len(line["hint"]), 10)
        logged = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
        self.assertLess(logged - since, BOUND)

    def test_each_reason(self):
        """A line within the bound of each, and one when it is over."""
        self.assertEqual([reason for reason in sorted(REASONS) if not hasattr(self, reason)], [])
        servers, times = {}, {}
        for reason in sorted(REASONS):
            servers[reason] = getattr(self, reason)()
            times[reason] = time.time()
        for reason, server in servers.items():
            with self.subTest(reason=reason):
                self.check_line(self.line_of(server, reason), times[reason])
        del servers["dropped_shutdown"], servers["dropped_draining"]  # they have ended
        for reason, server in servers.items():
            with self.subTest(over=reason):
                self.eventually(lambda s=server, r=reason: s.events("losses ended", reason=r), "the end")
                lost = sum(int(line["lost"]) for line in server.events("datagrams lost", reason=reason))
                self.assertEqual(server.events("losses ended", reason=reason)[0]["lost"], str(lost))


dgramtest.main()

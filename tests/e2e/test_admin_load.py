"""The admin endpoint under load: its figures are those of the books, and its clients disturb nobody."""

import os
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest

import adminclient
import dgramtest

SCRAPES = int(os.environ.get("SCRAPES", "500"))
SLOW, ABORTED = 50, 500


class Paced:
    """A client that asks once every few milliseconds and waits for its answer."""

    def __init__(self, case, address):
        self.answered, self.missed = 0, 0
        self.stopping = threading.Event()
        self.address = address
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def run(self):
        with dgramtest.socket_for(self.address) as client:
            client.connect(self.address)
            while not self.stopping.wait(0.005):
                client.send(b"%d" % self.answered)
                try:
                    while client.recv(64) != b"%d" % self.answered:
                        pass
                    self.answered += 1
                except TimeoutError:
                    self.missed += 1

    def stop(self):
        self.stopping.set()
        self.thread.join(dgramtest.PATIENCE)


class Load(dgramtest.Case):
    def start_with_admin(self, config, **options):
        daemon = self.start(
            {**dgramtest.UNWARNED, "admin": {"socket": "admin.sock", "listen": "127.0.0.1:0"}, **config}, **options)
        daemon.wait_for("admin endpoint", count=2)
        return daemon, adminclient.Admin(daemon)

    def start_load(self, address):
        load = subprocess.Popen(
            [f"{dgramtest.BUILD}/dgramload", "--rate", "200", "--duration", "600", "{}:{}".format(*address)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.kill)
        return load

    def test_each_scrape_balances(self):
        """Also those under load, of a handler that fails some, and of a queue that overflows; the last one is the
        ledger, and what was measured is what was run."""
        daemon, admin = self.start_with_admin({
            "pool": {"workers": 2, "receivers_assist": False}, "services": [
                {"handler": "echo"},
                {"handler": "simulate", "options": {"block_us": 1000, "fail_rate": 0.2}, "queue": {"capacity": 8}}]})
        loads = [self.start_load(daemon.address(name)) for name in ("echo", "simulate")]
        burst = dgramtest.socket_for(daemon.address("simulate"))
        self.addCleanup(burst.close)
        text = admin.ask("/metrics").text
        begin, before = adminclient.Metrics(text), adminclient.ledgers_of(text)
        self.assertEqual(set(before), {"echo", "simulate"})
        self.assertGreater(len(before["echo"]), 25)
        for number in range(dgramtest.scaled(SCRAPES)):
            for _ in range(20 if number % 10 == 0 else 0):
                burst.sendto(b"more", daemon.address("simulate"))
            now = adminclient.ledgers_of(admin.ask("/metrics").text)
            for name, ledger in now.items():
                dgramtest.check_ledger(ledger)
                self.assertEqual(ledger.keys(), before[name].keys())
                for figure in ledger.keys() - {"queued", "running", "would_drop_limit", "queued_max"}:
                    self.assertGreaterEqual(ledger[figure], before[name][figure], figure)
            before = now
        for load in loads:
            load.send_signal(signal.SIGINT)
            load.wait(dgramtest.PATIENCE)
        self.eventually(lambda: all(
            not each["queued"] + each["running"] for each in admin.json("/status")["services"]), "an end")
        text = admin.ask("/metrics").text
        metrics, last = adminclient.Metrics(text), adminclient.ledgers_of(text)
        self.assertEqual(metrics.values.keys(), begin.values.keys())
        run = 0
        for name, ledger in daemon.stop().items():
            self.assertEqual(last[name], {figure: ledger[figure] for figure in last[name]})
            served = ledger["replied"] + ledger["failed_handler"]
            self.assertGreater(served, 0)
            run += served
            self.check_durations(metrics, name, ledger["received"], served)
        self.assertGreater(last["simulate"]["dropped_queue_full"], 0)
        self.assertGreater(last["simulate"]["failed_handler"], 0)
        self.assertEqual(sum(value for _, value in metrics.family("dgramd_worker_requests_total")), run)

    def check_durations(self, metrics, service, received, served):
        counts = {"socket_wait": received, "queue_wait": served, "service_time": served}
        for name, count in counts.items():
            family = f"dgramd_{name}_seconds"
            buckets = sorted(
                (float(labels["le"]), value) for labels, value in metrics.family(f"{family}_bucket")
                if labels["service"] == service)
            values = [value for _, value in buckets]
            self.assertEqual(values, sorted(values))
            self.assertEqual((buckets[-1][0], values[-1]), (float("inf"), count), name)
            self.assertEqual(metrics.value(f"{family}_count", service=service), count, name)
            self.assertGreater(metrics.value(f"{family}_sum", service=service), 0)

    def test_slow_and_aborted_clients(self):
        """They hold connections, and leave in the middle; a client of the service notices nothing."""
        daemon, admin = self.start_with_admin({"handler": "echo"})
        paced = Paced(self, daemon.address())
        slow = []
        for _ in range(SLOW):
            client = socket.socket(socket.AF_UNIX)
            self.addCleanup(client.close)
            client.connect(admin.path)
            client.settimeout(dgramtest.PATIENCE)
            client.send(b"GET /metrics HTTP/1.1\r\n")
            slow.append(client)
        for number in range(ABORTED):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(admin.path)
                path = ("/metrics", "/livez", "/config", "/wor")[number % 4].encode()
                client.send(b"GET %s HTTP/1.1\r\nHost: x\r\n%s" % (path, b"\r\n" if number % 4 < 3 else b""))
        for client in slow:
            client.send(b"Host: x\r\n\r\n")
        for client in slow:
            self.assertEqual(client.recv(15), b"HTTP/1.1 200 OK")
        self.assertEqual(admin.ask("/livez").status, 200)
        self.eventually(lambda: paced.answered > 20, "answers")
        paced.stop()
        self.assertEqual(paced.missed, 0)
        self.assertEqual(daemon.stop()["echo"]["replied"], paced.answered)

    def test_silent_clients_hold_all_connections(self):
        """64 are all that it takes over TCP; who says nothing for 10 s loses his, so the next one is answered."""
        daemon, admin = self.start_with_admin({"handler": "echo"})
        host, _, port = admin.address.rpartition(":")
        silent = [socket.create_connection((host, int(port)), dgramtest.PATIENCE) for _ in range(64)]
        for client in silent:
            self.addCleanup(client.close)
        self.assertEqual(admin.ask_remote("/livez").status, 200)
        self.assertEqual(silent[0].recv(1), b"")
        self.assertEqual(admin.ask("/livez").status, 200)
        daemon.stop()

    def drip(self, clients, stop):
        """A header line each second for each, until it is closed."""
        while clients and not stop.wait(1):
            for client in list(clients):
                try:
                    client.send(b"X-Drip: 1\r\n")
                    client.recv(1)
                    clients.remove(client)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    clients.remove(client)

    def read_in_pieces(self, address):
        """A scrape by a client that has little room, and takes a piece each few milliseconds."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(dgramtest.PATIENCE)
            client.connect(address)
            client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            text = b""
            while (piece := client.recv(1024)) != b"":
                text += piece
                time.sleep(0.005)
        head, _, body = text.partition(b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % len(body), head + b"\r\n")
        return body.decode()

    def test_dripping_clients_hold_all_connections(self):
        """Who says a little each second has 10 s, too: one is closed then, so the next one is answered."""
        daemon, admin = self.start_with_admin({"handler": "echo"})
        host, _, port = admin.address.rpartition(":")
        stop = threading.Event()
        adminclient.Metrics(self.read_in_pieces((host, int(port))))
        clients = [socket.create_connection((host, int(port)), dgramtest.PATIENCE) for _ in range(64)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n")
            client.setblocking(False)
        dripping = threading.Thread(target=self.drip, args=(clients, stop), daemon=True)
        dripping.start()
        self.addCleanup(dripping.join, dgramtest.PATIENCE)
        self.addCleanup(stop.set)
        self.assertEqual(admin.ask_remote("/livez").status, 200)
        self.eventually(lambda: not clients, "the end of all that drip")
        daemon.stop()

    def test_no_descriptors_left(self):
        """For connections: the service goes on, and the endpoint does when there are some again."""
        daemon, admin = self.start_with_admin({"handler": "echo"})
        paced = Paced(self, daemon.address())
        self.eventually(lambda: paced.answered > 0, "an answer")
        used = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (used + 2, 4096))
        clients = [socket.socket(socket.AF_UNIX) for _ in range(10)]
        for client in clients:
            client.connect(admin.path)
        before = paced.answered
        self.eventually(lambda: paced.answered > before + 10, "answers")
        for client in clients:
            client.close()
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (4096, 4096))
        self.assertEqual(admin.ask("/livez").status, 200)
        paced.stop()
        self.assertEqual(paced.missed, 0)

    def test_no_descriptors_at_the_start(self):
        def limit(count):
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

        seen = set()
        for count in range(8, 40):
            daemon = self.start(
                {**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}, "pool": {"workers": 1}}, ready=False,
                preexec_fn=lambda n=count: limit(n))
            self.eventually(
                lambda d=daemon: d.process.poll() is not None or d.events("admin endpoint"), "a start or its end")
            if daemon.events("admin endpoint"):
                break
            seen.update(line["message"] for line in daemon.events("cannot open the admin endpoint"))
            daemon.wait(71)
            daemon.close()
        else:
            self.fail("it never starts")
        self.assertTrue(any("Too many open files" in each for each in seen), seen)

    def test_a_scrape_of_many(self):
        """64 services and 64 workers: at most 2 MiB."""
        daemon, admin = self.start_with_admin({
            "pool": {"workers": 64}, "queue": {"capacity": 16},
            "socket": {"receive_buffer_bytes": 65536, "send_buffer_bytes": 65536},
            "services": [{"name": f"service-{i}", "handler": "echo"} for i in range(64)]})
        for address in daemon.addresses():
            with dgramtest.socket_for(address) as client:
                client.sendto(b"x", address)
                client.recv(64)
        begin = time.monotonic()
        text = admin.ask("/metrics").text
        print(f"# {len(text)} bytes in {1000 * (time.monotonic() - begin):.1f} ms")
        self.assertLess(len(text), 2 << 20)
        metrics = adminclient.Metrics(text)
        self.assertEqual(len(metrics.family("dgramd_datagrams_received_total")), 64)

    def resident_mib(self, daemon):
        with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20

    @unittest.skipIf(dgramtest.SLOW > 1, "a sanitizer takes memory, too")
    def test_resident_memory(self):
        """Without a key, then with the endpoint, asked for all that it has: 6.5 MiB, and 1 MiB more."""
        daemon = self.start('{ "port": 0 }')
        daemon.ask()
        empty = self.resident_mib(daemon)
        daemon, admin = self.start_with_admin({})
        daemon.ask()
        for path in ["/metrics", "/status", "/workers", "/schema", "/"] * 10:
            admin.ask(path)
        scraped = self.resident_mib(daemon)
        print(f"# {empty:.2f} MiB without a key, {scraped:.2f} MiB with the endpoint")
        self.assertLess(empty, 6.5)
        self.assertLess(scraped, 7.5)


dgramtest.main()

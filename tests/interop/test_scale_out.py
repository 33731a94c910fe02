"""conf/scale-out: several dgramd behind nginx, and behind nftables with direct server return, as its files have them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import dgramtest
import networks

CONF = os.path.join(dgramtest.TOP, "conf/scale-out")
NGINX = shutil.which("nginx")
MODULES = NGINX and os.path.join(os.path.dirname(os.path.realpath(NGINX)), "../lib/nginx/modules")
HAS_STREAM = NGINX and os.path.exists(os.path.join(MODULES, "ngx_stream_module.so"))
CLIENTS = [f"10.9.0.{20 + i}" for i in range(20)]
ADDRESS, REPLICAS = "10.9.0.10", ("10.9.0.11", "10.9.0.12")
PORT = 3700


class Load(threading.Thread):
    """Asks from each client in turn until it is stopped; requests are numbered, and client number C sends those that
    are C, modulo the number of clients."""

    def __init__(self, clients):
        super().__init__()
        self.clients, self.ending = clients, threading.Event()
        self.sent, self.answered, self.empty = 0, set(), 0

    def receive(self, client):
        """A refusal, or the empty datagram that nginx sends when it was refused, is no answer."""
        while True:
            try:
                data = client.recv(100)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue
            if data:
                self.answered.add(int(data))
            else:
                self.empty += 1

    def run(self):
        while not self.ending.is_set():
            for client in self.clients:
                with contextlib.suppress(ConnectionRefusedError):
                    client.send(b"%d" % self.sent)
                self.sent += 1
                time.sleep(0.0005)
                self.receive(client)

    def await_progress(self, requests=400):
        limit, aim = time.monotonic() + dgramtest.PATIENCE, self.sent + requests
        while self.sent < aim and time.monotonic() < limit:
            time.sleep(0.01)

    def end(self):
        self.ending.set()
        self.join()

    def lost(self, wait=True):
        """Numbers of requests without an answer, once those had their time."""
        self.end()
        limit = time.monotonic() + (dgramtest.PATIENCE if wait else 1)
        while len(self.answered) < self.sent and time.monotonic() < limit:
            for client in self.clients:
                self.receive(client)
            time.sleep(0.01)
        return set(range(self.sent)) - self.answered


class Case(networks.Case):
    """A switch to which clients, a balancer and two replicas are connected, each a network of its own."""

    def setUp(self):
        self.networks = networks.Networks(self)
        switch = self.networks.add()
        self.networks.ip("link add bridge type bridge", "link set bridge up")
        self.sites, self.macs = {}, {}
        for name, addresses in (("clients", CLIENTS), ("balancer", [ADDRESS]),
                                ("one", [REPLICAS[0]]), ("two", [REPLICAS[1]])):
            site = self.sites[name] = self.networks.add()
            self.networks.link(switch, name, [], site, "eth0", [each + "/24" for each in addresses])
            self.macs[name] = json.loads(self.networks.show("-j link show eth0"))[0]["address"]
            with self.networks.inside(switch):
                self.networks.ip(f"link set {name} master bridge")
        self.replicas = {name: self.replica(name) for name in ("one", "two")}
        self.scratch = tempfile.mkdtemp(prefix="dgramd-scale-out-")
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def replica(self, name):
        with self.networks.inside(self.sites[name]):
            return self.start({"handler": "echo", "host": "*", "port": PORT, "logging": {"level": "debug"}})

    def load(self):
        clients = []
        with self.networks.inside(self.sites["clients"]):
            for host in CLIENTS:
                client = dgramtest.socket_for((ADDRESS, PORT))
                self.addCleanup(client.close)
                client.bind((host, 0))
                client.connect((ADDRESS, PORT))  # so an answer from elsewhere is not received
                client.setblocking(False)
                clients.append(client)
        load = Load(clients)
        load.start()
        self.addCleanup(load.end)
        load.await_progress()
        return load

    def write(self, name, *changes):
        """A file of conf/scale-out, with what is special here."""
        with open(os.path.join(CONF, name), encoding="utf-8") as file:
            text = file.read()
        for before, after in changes:
            self.assertIn(before, text)
            text = text.replace(before, after)
        path = os.path.join(self.scratch, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


@dgramtest.unittest.skipUnless(shutil.which("bird", path="/usr/sbin"), "no bird")
class Bird(dgramtest.Case):
    def test_it_reads_its_file(self):
        done = subprocess.run(
            ["/usr/sbin/bird", "-p", "-c", os.path.join(CONF, "bird.conf")], capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


@dgramtest.unittest.skipUnless(HAS_STREAM, "nginx's stream is not installed")
class Nginx(Case):
    def setUp(self):
        super().setUp()
        for name in "one", "two":
            with self.networks.inside(self.sites[name]):
                self.networks.set("ipv4/icmp_ratelimit", 0)
        with self.networks.inside(self.sites["balancer"]):
            # pylint: disable-next=consider-using-with
            self.nginx = subprocess.Popen(
                [NGINX, "-c", self.configure(), "-p", self.scratch, "-e", f"{self.scratch}/errors",
                 "-g", f"daemon off; pid {self.scratch}/pid;"], stdin=subprocess.DEVNULL)
        self.addCleanup(self.nginx.wait)
        self.addCleanup(self.nginx.terminate)
        self.await_answers()

    def configure(self, *changes):
        return self.write("nginx.conf", ("modules/ngx_stream_module.so", os.path.join(MODULES, "ngx_stream_module.so")),
                          ("192.0.2.11", REPLICAS[0]), ("192.0.2.12", REPLICAS[1]), *changes)

    def await_answers(self):
        limit = time.monotonic() + dgramtest.PATIENCE
        load = self.load()
        while not load.answered:
            self.assertLess(time.monotonic(), limit, "nginx does not serve")
            time.sleep(0.05)
        load.end()

    def workers(self):
        with open(f"/proc/{self.nginx.pid}/task/{self.nginx.pid}/children", encoding="ascii") as file:
            return set(file.read().split())

    def test_a_drain_loses_nothing_but_what_a_reload_of_nginx_may(self):
        """One in a few reloads; dgramd answers all that reaches it."""
        load = self.load()
        before = self.workers()
        self.configure((f"server {REPLICAS[0]}:{PORT}", f"server {REPLICAS[0]}:{PORT} down"))
        self.nginx.send_signal(signal.SIGHUP)
        limit = time.monotonic() + dgramtest.PATIENCE
        while before & self.workers():  # those end with their last session
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.05)
        ledger = self.replicas["one"].stop()["echo"]
        load.await_progress()
        self.assertLessEqual(len(load.lost(wait=False)), 2)
        self.assertGreater(ledger["replied"], 0)
        self.assertEqual(ledger["received"], ledger["replied"])
        other = self.replicas["two"].stop()["echo"]
        self.assertEqual(other["received"], other["replied"])

    def test_a_killed_replica_costs_each_client_a_few_requests(self):
        """Two were seen, beside what was in flight; then one client tries it again each fail_timeout."""
        load = self.load()
        self.replicas["one"].process.kill()
        self.replicas["one"].process.wait()
        load.await_progress(2000)
        self.assertLessEqual(len(load.lost(wait=False)), 4 * len(CLIENTS))
        later = self.load().lost(wait=False)
        self.assertLessEqual(len({number % len(CLIENTS) for number in later}), 3)

    def test_all_clients_have_its_address(self):
        self.load().lost()
        for replica in self.replicas.values():
            replica.stop()
            self.assertEqual({line["client"].rpartition(":")[0] for line in replica.events("request")}, {ADDRESS})


@dgramtest.unittest.skipUnless(shutil.which("nft"), "no nft")
class DirectServerReturn(Case):
    def setUp(self):
        super().setUp()
        for name in "one", "two":
            with self.networks.inside(self.sites[name]):
                self.networks.set("ipv4/conf/all/arp_ignore", 1)
                self.networks.set("ipv4/conf/all/arp_announce", 2)
                self.networks.ip(f"address add {ADDRESS}/32 dev lo")
        self.hand_on(("0-29", "one"), ("30-59", "two"))

    def hand_on(self, *shares):
        path = self.write(
            "direct-server-return.nft", ("192.0.2.10", ADDRESS), ("02:00:00:00:00:10", self.macs["balancer"]),
            ("02:00:00:00:00:11", self.macs[shares[0][1]]), ("02:00:00:00:00:12", self.macs[shares[1][1]]))
        with self.networks.inside(self.sites["balancer"]):
            subprocess.run(["nft", "-f", path], check=True, stdin=subprocess.DEVNULL)

    def clients_of(self, replica):
        return {line["client"].rpartition(":")[0] for line in replica.events("request")}

    def test_clients_stay_and_are_seen_and_answered_from_the_address(self):
        load = self.load()
        self.assertEqual(load.lost(), set())
        served = [self.replicas[name].stop()["echo"]["replied"] for name in ("one", "two")]
        self.assertEqual(sum(served), load.sent)
        one, two = (self.clients_of(self.replicas[name]) for name in ("one", "two"))
        self.assertEqual((one | two, one & two), (set(CLIENTS), set()))
        self.assertGreater(min(len(one), len(two)), 0)

    def test_a_drain_loses_nothing(self):
        load = self.load()
        self.hand_on(("0-29", "two"), ("30-59", "two"))
        served = self.replicas["one"].stop()["echo"]["replied"]
        load.await_progress()
        self.assertEqual(load.lost(), set())
        self.assertGreater(served, 0)
        self.assertEqual(served + self.replicas["two"].stop()["echo"]["replied"], load.sent)

    def test_a_killed_replica_costs_its_clients_alone(self):
        load = self.load()
        self.replicas["one"].process.kill()
        self.replicas["one"].process.wait()
        load.await_progress()
        self.hand_on(("0-29", "two"), ("30-59", "two"))
        load.await_progress()
        lost = load.lost(wait=False)
        self.assertEqual(self.load().lost(), set())
        self.replicas["two"].stop()
        self.assertGreater(len(lost), 0)
        self.assertLess(len({number % len(CLIENTS) for number in lost}), len(CLIENTS))


dgramtest.main()

"""Limits of sources: who is over them is dropped, counted and named, and nobody else is."""

import signal
import socket
import time

import dgramtest

LIMITS = {"requests_per_s": 10, "leak": 0}


class Limits(dgramtest.Case):
    def serve(self, **limits):
        return self.start({"handler": "echo", "host": ["127.0.0.1", "::1"], "limits": {**LIMITS, **limits}})

    def client(self, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = self.enterContext(socket.socket(family, socket.SOCK_DGRAM))
        client.settimeout(dgramtest.PATIENCE)
        client.bind((host, 0))
        return client

    def flood(self, daemon, host, requests):
        client = self.client(host)
        address = daemon.addresses()[1 if ":" in host else 0]
        for _ in range(requests):
            client.sendto(b"x", address)
        client.close()

    def ask(self, daemon, host):
        client = self.client(host)
        client.sendto(b"x", daemon.address())
        self.assertEqual(client.recv(9), b"x")
        client.close()

    def named(self, daemon, event, host):
        """Each line of the event names a client of this host; returns how often they were over."""
        self.eventually(lambda: daemon.events(event), f"{event}\n{daemon.text()}")
        lines = daemon.events(event)
        for line in lines:
            self.assertRegex(line["client"], rf"^{host}:\d+$")
            self.assertIn("name them in limits.exempt", line["hint"])
        return sum(int(line["lost"]) for line in lines)

    def test_an_abuser_is_dropped_and_named(self):
        begin = time.monotonic()
        daemon = self.serve()
        self.flood(daemon, "127.0.9.2", 500)
        for number in range(1, 6):
            self.ask(daemon, f"127.0.8.{number}")
        told = self.named(daemon, "datagrams lost", r"127\.0\.9\.2")
        dropped = daemon.stop()["echo"]["dropped_limit"]
        self.assertLessEqual(told, dropped)
        let_in = 500 - dropped
        self.assertGreaterEqual(let_in, 10)
        self.assertLessEqual(let_in, 10 + 10 * (time.monotonic() - begin))

    def test_a_network_of_abusers_is_one(self):
        """32 times the limit is what a /24 may have, and 4 times what an IPv6 /56."""
        begin = time.monotonic()
        daemon = self.serve()
        for number in range(1, 101):
            self.flood(daemon, f"127.0.9.{number}", 10)
        self.named(daemon, "datagrams lost", r"127\.0\.9\.\d+")
        self.ask(daemon, "127.0.8.1")
        let_in = 1000 - daemon.stop()["echo"]["dropped_limit"]
        self.assertGreaterEqual(let_in, 320)
        self.assertLessEqual(let_in, 320 + 320 * (time.monotonic() - begin))

    def test_ipv6(self):
        daemon = self.serve(exempt=["127.0.0.0/8"])
        self.flood(daemon, "127.0.9.2", 100)
        self.flood(daemon, "::1", 100)
        self.named(daemon, "datagrams lost", r"\[::1\]")
        ledger = daemon.stop()["echo"]
        self.assertLessEqual(ledger["dropped_limit"], 90)
        self.assertGreaterEqual(ledger["replied"], 110)

    def test_dry_run_and_reload(self):
        daemon = self.serve(dry_run=True)
        self.flood(daemon, "127.0.9.2", 300)
        self.named(daemon, "limits would drop", r"127\.0\.9\.2")
        daemon.write_config({**daemon.config, "limits": {**LIMITS, "exempt": ["127.0.9.3"]}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        messages = [line["message"] for line in daemon.events("configuration")]
        self.assertEqual(messages, ["limits.exempt none -> 127.0.9.3: in effect now",
                                    "limits.dry_run true -> false: in effect now"])
        self.assertEqual(daemon.events("datagrams lost"), [])
        self.flood(daemon, "127.0.9.2", 300)
        self.flood(daemon, "127.0.9.3", 300)
        self.named(daemon, "datagrams lost", r"127\.0\.9\.2")
        ledger = daemon.stop()["echo"]
        self.assertGreaterEqual(ledger["replied"], 600)
        self.assertEqual(ledger["replied"] + ledger["dropped_limit"], 900)
        self.assertGreater(ledger["would_drop_limit"], 0)
        self.assertLessEqual(ledger["would_drop_limit"], 290)


dgramtest.main()

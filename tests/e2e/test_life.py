"""From the banner to the last line: starting, and stopping without losing anything."""

import random
import signal
import time

import dgramtest
import probe
import slowclock


class Stop(dgramtest.Case):
    def test_banner(self):
        daemon = self.start({"host": ["127.0.0.1", "::1"]})
        self.assertLessEqual(len(daemon.lines), 6)
        banner = "\n".join(daemon.lines)
        for text in ("address=127.0.0.1:", "address=[::1]:", "workers=4", "queue_capacity=4096",
                     "memory_max_bytes="):
            self.assertIn(text, banner)

    def test_last_line_is_the_ledger(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            daemon = self.start()
            daemon.ask()
            daemon.stop(number)
            last = dgramtest.parse_line(daemon.lines[-1])
            self.assertEqual((last["event"], last["replied"]), ("ledger", "1"))

    def must_count(self, ledger, **expected):
        self.assertLessEqual(expected.items(), ledger.items())

    def test_what_had_arrived_is_served(self):
        """Stopped, the daemon finds a full socket and SIGTERM at once."""
        daemon = self.start({"handler": "echo", "queue": {"max_wait_ms": 0}})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            probe.freeze(self, daemon)
            for number in range(100):
                client.sendto(b"%d" % number, address)
            daemon.kill(signal.SIGTERM)
            daemon.kill(signal.SIGCONT)
            daemon.wait()
            answers = {client.recv(64) for _ in range(100)}
        self.assertEqual(answers, {b"%d" % number for number in range(100)})
        self.must_count(daemon.ledgers()["echo"], received=100, replied=100)

    def test_what_is_queued_is_served(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {"pool": {"workers": 2}, "queue": {"max_wait_ms": 0},
             "shutdown": {"drain_timeout_ms": 600000}}, environment=clock.environment)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            for _ in range(50):
                client.sendto(b"", address)
            self.eventually(lambda: clock.held() == 2, "both workers are busy")
            daemon.kill(signal.SIGTERM)
            daemon.wait_for("draining")
            clock.release()
            daemon.wait()
            for _ in range(50):
                self.assertEqual(len(client.recv(64)), 24)
        self.must_count(daemon.ledgers()["time"], received=50, replied=50, dropped_shutdown=0)

    def test_a_second_signal_drops_what_is_queued(self):
        daemon = self.start({"handler": "echo", "queue": {"max_wait_ms": 0}})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            probe.freeze(self, daemon)
            for _ in range(100):
                client.sendto(b"x", address)
            daemon.kill(signal.SIGTERM)
            daemon.kill(signal.SIGINT)
            daemon.kill(signal.SIGCONT)
            daemon.wait()
        ledger = daemon.ledgers()["echo"]
        self.must_count(ledger, received=100, queued=0, running=0)
        self.assertEqual(ledger["replied"] + ledger["dropped_shutdown"], 100)

    def test_expired_while_it_could_not_run(self):
        daemon = self.start({"handler": "echo", "queue": {"max_wait_ms": 50}})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            probe.freeze(self, daemon)
            for _ in range(20):
                client.sendto(b"old", address)
            time.sleep(0.1)
            daemon.kill(signal.SIGCONT)
            daemon.kill(signal.SIGTERM)
            daemon.wait()
        self.must_count(daemon.ledgers()["echo"], received=20, dropped_expired=20, replied=0)

    def test_full_queue(self):
        clock = slowclock.SlowClock(self, hold=True)
        daemon = self.start(
            {"pool": {"workers": 1}, "queue": {"max_wait_ms": 0, "capacity": 10}},
            environment=clock.environment)
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.sendto(b"first", address)
            self.eventually(lambda: clock.held() == 1, "the worker is busy")
            for _ in range(30):
                client.sendto(b"x", address)
            daemon.kill(signal.SIGTERM)
            daemon.wait_for("draining")
            clock.release()
            daemon.wait()
        self.must_count(
            daemon.ledgers()["time"], received=31, dropped_queue_full=20, replied=11,
            queued_max=10)

    def test_random_moments_under_load(self):
        chance = random.Random(2036)
        for _ in range(dgramtest.scaled(200)):
            with dgramtest.Daemon({"handler": "echo", "pool": {"workers": 2}}) as daemon:
                loads = [probe.Load(self, daemon.address(), window=64) for _ in range(2)]
                time.sleep(chance.expovariate(100))
                ledger = daemon.stop()["echo"]
                for load in loads:
                    load.stop()
                self.must_count(ledger, queued=0, running=0)
                sent = sum(load.sent for load in loads)
                answered = sum(load.answered for load in loads)
                failed = sum(n for name, n in ledger.items() if name.startswith("failed_"))
                self.assertEqual(failed, 0, daemon.text())
                self.assertEqual(answered, ledger["replied"], daemon.text())
                self.assertLessEqual(ledger["received"] + ledger["dropped_by_kernel"], sent)


dgramtest.main()

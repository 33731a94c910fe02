"""dgramload against dgramd, and against servers that misbehave on purpose: its counts are exact."""

import concurrent.futures
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
import xml.etree.ElementTree

import dgramtest
import probe

DGRAMLOAD = os.path.join(dgramtest.BUILD, "dgramload")
KEYS = {
    "mode", "seconds", "sent", "answered", "lost", "late", "duplicates", "reordered", "wrong",
    "too_short", "send_errors", "rate_offered", "rate_sent", "rate_answered", "bytes_sent", "latency_us", "lag_us",
    "client_cpu_percent", "limited_by", "max_rate"}
STAMP = 8  # bytes in front of a request that carry its number
LONG_MS = 20000  # patience where nothing may be lost
LOSS_MS = 3000  # patience where something must be lost: the run lasts at least as long


def command(*arguments):
    under = shlex.split(os.environ.get("DGRAM_UNDER", ""))
    return [*under, DGRAMLOAD, *map(str, arguments)]


class Server(threading.Thread):
    """Answers request n, counted from 0 in the order of arrival, with the payloads in the list that
    `answers(n, payload)` returns."""

    def __init__(self, case, answers, host="127.0.0.1"):
        super().__init__(daemon=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((host, 0))
        self.address = f"[{host}]:%d" % self.port if ":" in host else f"{host}:{self.port}"
        self.requests, self.clients = [], []
        self._answers = answers
        self._ended = False
        case.addCleanup(self.close)
        self.start()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    def run(self):
        while True:
            payload, client = self.socket.recvfrom(65536)
            if self._ended:
                return
            number = len(self.requests)
            self.requests.append(payload)
            self.clients.append(client)
            for answer in self._answers(number, payload):
                self.socket.sendto(answer, client)

    def close(self):
        self._ended = True
        with socket.socket(self.socket.family, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


def nobody():
    """An address at which nothing listens: no other process uses the host."""
    return f"{probe.HOST}:{probe.free_port()}"


def echo(_, payload):
    return [payload]


def but_every_tenth(otherwise):
    """An echo, except that `otherwise(payload)` answers requests 5, 15, 25 ..."""
    return lambda number, payload: otherwise(payload) if number % 10 == 5 else [payload]


def swap_every_tenth():
    """An echo, but the answers to requests 5, 15, 25 ... come after the next one's."""
    held = []

    def answers(number, payload):
        if number % 10 == 5:
            held.append(payload)
            return []
        return [payload, *([held.pop()] if held else [])]

    return answers


class LoadCase(dgramtest.Case):
    def run_load(self, *arguments, **options):
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.run(
            command("--patience", LONG_MS, *arguments), stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, check=False, timeout=dgramtest.PATIENCE * 3, **options)

    def load(self, *arguments, patience=LONG_MS):
        """The summary of a run that must succeed."""
        done = self.run_load("--json", "--patience", patience, *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return self.check_summary(json.loads(done.stdout))

    def check_summary(self, summary):
        self.assertLessEqual(KEYS, set(summary))
        self.assertEqual(
            summary["sent"], summary["answered"] + summary["lost"] + summary["late"], summary)
        return summary

    def must_count(self, summary, **counts):
        """These counts are exact, and all others that show trouble are 0."""
        expected = {name: 0 for name in (
            "lost", "late", "duplicates", "reordered", "wrong", "strays", "too_short",
            "send_errors", "refused", "client_drops")}
        expected.update(counts)
        self.assertEqual({name: summary[name] for name in expected}, expected)


class Single(LoadCase):
    def ask(self, *arguments):
        done = self.run_load(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_asks_for_the_time(self):
        daemon = self.start()
        before = int(time.time())
        answer = self.ask(f"127.0.0.1:{daemon.port}")
        texts = [time.ctime(second) + "\n" for second in range(before, int(time.time()) + 1)]
        self.assertIn(answer, texts)
        self.assertEqual(daemon.stop()["time"]["received"], 1)

    def test_sends_one_empty_datagram(self):
        server = Server(self, lambda *_: [b"yes"])
        self.assertEqual(self.ask(server.port), "yes\n")
        self.assertEqual(server.requests, [b""])

    def test_ipv6(self):
        server = Server(self, lambda *_: [b"six"], host="::1")
        self.assertEqual(self.ask(server.address), "six\n")

    def must_send(self, *arguments, payload):
        server = Server(self, echo)
        self.ask(server.port, *arguments)
        self.assertEqual(server.requests, [payload])

    def test_payloads(self):
        ntp = bytes([0x23]) + bytes(47)
        dns = bytes.fromhex("12340100000100000000000000 0002 0001")
        self.must_send("--text", "hello", payload=b"hello")
        self.must_send("--hex", dns.hex(), payload=dns)
        self.must_send("--hex", "12 34:01 00 00 01 000000000000 00 0002 0001", payload=dns)
        self.must_send("--hex", "23", "--size", 48, payload=ntp)
        self.must_send("--text", "hello", "--size", 4, payload=b"hell")
        self.must_send("--size", 3, payload=bytes(3))
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(range(256)) * 200)
            file.flush()
            self.must_send("--file", file.name, payload=bytes(range(256)) * 200)
        server = Server(self, echo)
        self.ask(server.port, "--random", "--size", 1000)
        self.assertEqual(len(server.requests[0]), 1000)
        self.assertGreater(len(set(server.requests[0])), 100)

    def test_the_longest(self):
        server = Server(self, echo)
        self.assertEqual(self.ask(server.port, "--text", "x", "--size", 65507, "--json")[:1], "{")
        self.assertEqual(len(server.requests[0]), 65507)

    def must_print(self, answer, text):
        self.assertEqual(self.ask(Server(self, lambda *_: [answer]).port), text)

    def test_what_is_printed(self):
        self.must_print(b"", "\n")
        self.must_print(b"two\nlines\n", "two\nlines\n")
        self.must_print(b"Thursday\r\n", "Thursday\n")
        self.must_print(b"\x00\xff", "0000  00 ff" + " " * 44 + "..\n")

    def test_an_answer_does_not_control_the_terminal(self):
        for evil in (b"\x1b]0;title\x07", b"a\rb", b"\x9b2J", "\u202e".encode(), b"\x7f", b"\x08"):
            server = Server(self, lambda *_, evil=evil: [b"text " + evil])
            shown = self.ask(server.port)
            self.assertTrue(shown.startswith("0000  74 65 78 74"), shown)
            self.assertEqual([c for c in shown if c != "\n" and not " " <= c <= "~"], [])

    def test_no_answer(self):
        server = Server(self, lambda *_: [])
        done = self.run_load(server.port, "--patience", 50)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Adgramload: no answer from .* within 50 ms\n\Z")

    def test_an_answer_that_is_too_short(self):
        server = Server(self, lambda *_: [b"", b"no", b"yes"])
        self.assertEqual(self.ask(server.port, "--text", "x", "--min-answer", 3), "yes\n")
        self.assertEqual(self.ask(server.port, "--text", "x"), "no\n")
        done = self.run_load(
            Server(self, lambda *_: [b""]).port, "--text", "x", "--patience", 50, "--json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("within 50 ms, but what is too short for one", done.stderr)
        summary = self.check_summary(json.loads(done.stdout))
        self.must_count(summary, sent=1, lost=1, too_short=1)

    def test_localhost(self):
        server = Server(self, echo)
        self.assertEqual(self.ask(f"localhost:{server.port}", "--text", "x"), "x\n")

    def test_nothing_listens(self):
        done = self.run_load(nobody())
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Adgramload: nothing listens at .*\n\Z")

    def test_json(self):
        summary = self.load(Server(self, echo).port, "--text", "x")
        self.assertEqual((summary["mode"], summary["sent"], summary["answered"]), ("lone", 1, 1))
        done = self.run_load(nobody(), "--json")
        self.assertEqual(done.returncode, 1)
        summary = self.check_summary(json.loads(done.stdout))
        self.assertEqual((summary["sent"], summary["lost"], summary["refused"]), (1, 1, 1))


class Counts(LoadCase):
    """Most send 200 requests from one socket. The patience is long where nothing may be lost, so that
    a slow machine loses nothing. --count is reached even when the machine stalls; --duration is not."""

    def open_loop(self, answers, *arguments, **options):
        server = Server(self, answers)
        return self.load(server.port, "--rate", 1000, "--count", 200, *arguments, **options)

    def test_open_loop(self):
        daemon = self.start({"handler": "echo"})
        summary = self.load(daemon.port, "--rate", 2000, "--count", 1000, "--sockets", 4, "--check")
        self.must_count({**summary, "reordered": 0}, sent=1000, answered=1000, due=1000)
        self.assertEqual(summary["bytes_sent"], 32000)
        ledger = daemon.stop()["echo"]
        self.assertEqual((ledger["received"], ledger["replied"]), (1000, 1000))

    def test_duration(self):
        summary = self.load(Server(self, echo).port, "--rate", 1000, "--duration", 0.2, "--check")
        self.assertEqual((summary["due"], summary["seconds"]), (200, 0.2))
        self.must_count(summary, sent=summary["answered"])

    def test_closed_loop(self):
        daemon = self.start({"handler": "echo"})
        summary = self.load(
            daemon.port, "--in-flight", 8, "--sockets", 8, "--count", dgramtest.scaled(20000), "--check")
        count = dgramtest.scaled(20000)
        self.must_count({**summary, "reordered": 0}, sent=count, answered=count, due=count)
        self.assertEqual(daemon.stop()["echo"]["received"], count)

    def test_closed_loop_never_has_more_in_flight(self):
        held = []
        def answer_the_third(_, payload):
            held.append(payload)
            if len(held) < 3:
                return []
            answers = held[:]
            held.clear()
            return answers
        server = Server(self, answer_the_third)
        summary = self.load(server.port, "--in-flight", 3, "--count", 300, "--check")
        self.must_count(summary, sent=300, answered=300)

    def test_segmented(self):
        daemon = self.start({"handler": "echo"})
        summary = self.load(
            daemon.port, "--in-flight", 64, "--count", 1000, "--check", "--gso", "--size", 1000)
        self.must_count({**summary, "reordered": 0}, sent=1000, answered=1000)
        self.assertEqual(daemon.stop()["echo"]["received"], 1000)

    def test_random_payloads_are_checked(self):
        summary = self.open_loop(echo, "--random", "--size", 700, "--check")
        self.must_count(summary, sent=200, answered=200)

    def test_lost(self):
        summary = self.open_loop(
            but_every_tenth(lambda _: []), "--check", "--max-p99-us", 3600e6, patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, lost=20)
        self.assertEqual(summary["limited_by"], "queue")

    def test_lost_by_a_service_that_does_not_echo(self):
        """The order of the answers does not tell which request has none, so no latency is judged."""
        summary = self.open_loop(
            lambda number, _: [] if number % 10 == 5 else [b"time"], "--max-loss", 11,
            "--max-p99-us", 1, patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, lost=20)
        self.assertEqual((summary["latency_us"], summary["limited_by"]), (None, "none"))
        self.assertIn("latencies are unknown", summary["remarks"][0])

    def test_a_service_that_does_not_echo_and_loses_nothing(self):
        summary = self.open_loop(lambda *_: [b"time"], "--max-p99-us", 1)
        self.must_count(summary, sent=200, answered=200)
        self.assertGreater(summary["latency_us"]["min"], 0)
        self.assertNotIn(summary["limited_by"], ("none", "queue"))

    def must_know_after_a_loss(self, arguments, answer):
        """If an answer was taken for that of the oldest request in flight, the median would be 50 ms:
        at that time ten requests are lost, and there are 5 ms between two."""
        server = Server(self, lambda number, payload: [] if number % 10 == 5 else [answer(payload)])
        summary = self.load(server.port, "--rate", 200, "--count", 200, *arguments, patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, lost=20)
        self.assertLess(summary["latency_us"]["p50"], 40000)
        self.assertEqual(len(set(server.requests)), 200)

    def test_numbers_in_the_payload_of_others(self):
        cases = (
            (("--text", "GET  ", "--id-at", "3:2"), lambda payload: payload),
            (("--text", "number?", "--id-at", "6:1:0"), lambda payload: payload[6:]),
            (("--dns", "example.com/NS"), lambda payload: payload[:2] + b"\x81\x80"),
            (("--ntp",), lambda payload: bytes(24) + payload[40:] + bytes(16)))
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.must_know_after_a_loss, *zip(*cases)))

    def test_numbers_that_repeat(self):
        """256 different ones for 1000 requests."""
        server = Server(self, but_every_tenth(lambda _: []))
        summary = self.load(
            server.port, "--in-flight", 8, "--count", 1000, "--id-at", "0:1", patience=50)
        self.must_count(
            {**summary, **dict.fromkeys(("late", "reordered", "strays", "duplicates"), 0)},
            sent=1000, lost=summary["lost"])
        self.assertGreaterEqual(summary["lost"] + summary["late"], 100)

    def test_more_in_flight_than_numbers(self):
        """The answers come when 256 requests, all numbers of a byte, wait for them."""
        held = []
        def answer_in_hundreds(_, payload):
            held.append(payload)
            answers = held[:] if len(held) == 256 else []
            del held[:len(answers)]
            return answers
        server = Server(self, answer_in_hundreds)
        summary = self.load(
            server.port, "--in-flight", 400, "--count", 512, "--id-at", "0:1")
        self.must_count(summary, sent=512, answered=512)
        self.assertIn("too many requests in flight", " ".join(summary["remarks"]))

    def test_no_answer_has_no_latency(self):
        summary = self.open_loop(lambda *_: [], patience=50)
        self.must_count(summary, sent=200, lost=200)
        self.assertIsNone(summary["latency_us"])

    def test_what_is_too_short_for_an_answer(self):
        answers = but_every_tenth(lambda _: [b""])
        summary = self.open_loop(answers, patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, lost=20, too_short=20)
        self.assertIn("too short for an answer", " ".join(summary["remarks"]))
        summary = self.open_loop(
            but_every_tenth(lambda payload: [b"no", payload]), "--min-answer", 3)
        self.must_count(summary, sent=200, answered=200, too_short=20)

    def test_an_empty_answer_to_an_empty_request(self):
        self.must_count(self.open_loop(echo, "--size", 0), sent=200, answered=200)
        summary = self.open_loop(
            but_every_tenth(lambda _: [b""]), "--text", "x", "--min-answer", 0)
        self.must_count(summary, sent=200, answered=200)

    def test_lost_in_a_closed_loop(self):
        server = Server(self, but_every_tenth(lambda _: []))
        summary = self.load(
            server.port, "--in-flight", 8, "--count", 100, "--check", patience=LOSS_MS)
        self.must_count({**summary, "reordered": 0}, sent=100, answered=90, lost=10)
        self.assertEqual(len(server.requests), 100)

    def test_duplicates(self):
        summary = self.open_loop(but_every_tenth(lambda payload: [payload, payload]), "--check")
        self.must_count(summary, sent=200, answered=200, duplicates=20)

    def test_duplicates_of_a_service_that_does_not_echo(self):
        """The second answer to request 5 comes before request 6, or is taken for that one's, which has
        none of its own."""
        server = Server(self, lambda number, _: [b"x"] * {5: 2, 6: 0}.get(number, 1))
        summary = self.load(server.port, "--in-flight", 1, "--count", 20, patience=LOSS_MS)
        self.must_count(summary, sent=20, answered=20 - summary["lost"],
                        duplicates=summary["lost"], lost=summary["lost"])

    def test_reordered(self):
        self.must_count(
            self.open_loop(swap_every_tenth(), "--check"), sent=200, answered=200, reordered=20)

    def test_wrong_content(self):
        answers = but_every_tenth(lambda payload: [payload[:-1] + b"?"])
        summary = self.open_loop(answers, "--check", patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, wrong=20, lost=20)

    def test_wrong_length(self):
        answers = but_every_tenth(lambda payload: [payload + b"?"])
        summary = self.open_loop(answers, "--check", patience=LOSS_MS)
        self.must_count(summary, sent=200, answered=180, wrong=20, lost=20)

    def test_wrong_number(self):
        answers = but_every_tenth(lambda payload: [payload, b"no number here", b""])
        summary = self.open_loop(answers, "--check")
        self.must_count(summary, sent=200, answered=200, wrong=20, too_short=20)

    def test_wrong_is_not_asked_without_check(self):
        answers = but_every_tenth(lambda payload: [payload[:STAMP] + b"other"])
        self.must_count(self.open_loop(answers), sent=200, answered=200)

    def test_late(self):
        """In a closed loop of one the next request is sent when the last one is given up: so its
        answer, which comes after the next one's, is late."""
        server = Server(self, swap_every_tenth())
        summary = self.load(
            server.port, "--in-flight", 1, "--count", 20, "--check", patience=LOSS_MS)
        self.must_count(summary, sent=20, answered=18, late=2, reordered=2)

    def test_payload_is_sent_as_given(self):
        server = Server(self, lambda *_: [b"x"])
        self.load(server.port, "--rate", 1000, "--count", 20, "--hex", "23", "--size", 48)
        self.assertEqual(server.requests, [b"\x23" + bytes(47)] * 20)

    def test_check_numbers_any_payload(self):
        server = Server(self, echo)
        self.load(server.port, "--rate", 1000, "--count", 20, "--check", "--text", "a" * 20)
        self.assertEqual({payload[STAMP:] for payload in server.requests}, {b"a" * (20 - STAMP)})
        self.assertEqual(len(set(server.requests)), 20)

    def test_warm_up_is_not_counted(self):
        server = Server(self, echo)
        summary = self.load(
            server.port, "--rate", 1000, "--warmup", 0.1, "--count", 200, "--check")
        self.must_count(summary, sent=200, answered=200, due=200)
        self.assertEqual(len(server.requests), 300)

    def test_ramp(self):
        server = Server(self, echo)
        summary = self.load(
            server.port, "--rate", 1000, "--ramp", 0.2, "--count", 200, "--check")
        self.must_count(summary, sent=200, answered=200, due=200)
        self.assertGreaterEqual(summary["seconds"], 0.3)

    def test_nothing_listens(self):
        summary = self.load(nobody(), "--rate", 1000, "--count", 50, patience=100)
        self.assertEqual((summary["sent"], summary["lost"]), (50, 50))
        self.assertGreater(summary["refused"], 0)
        self.assertIn("nothing listens there", summary["remarks"][-1])


class Limits(LoadCase):
    def test_kernel_buffer(self):
        """The server never receives: the kernel drops what its buffer cannot hold."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            deaf.bind(("127.0.0.1", 0))
            summary = self.load(
                deaf.getsockname()[1], "--rate", 1000, "--count", 200, "--max-p99-us", 3600e6,
                patience=50)
        self.must_count(summary, sent=200, lost=200)
        self.assertGreater(summary["server_drops"], 150)
        self.assertEqual(summary["limited_by"], "kernel buffer")


class Sources(LoadCase):
    def test_sources(self):
        server = Server(self, echo)
        self.load(server.port, "--rate", 1000, "--count", 12, "--sockets", 6,
                  "--sources", "127.0.0.2-127.0.0.4")
        hosts = [host for host, _ in server.clients]
        self.assertEqual({host: hosts.count(host) for host in hosts},
                         {"127.0.0.2": 4, "127.0.0.3": 4, "127.0.0.4": 4})
        self.assertEqual(len(set(server.clients)), 6)

    def test_an_address_of_somebody_else(self):
        done = self.run_load("20000", "--rate", 10, "--sources", "192.0.2.1")
        self.assertEqual((done.returncode, done.stdout), (69, ""))
        self.assertRegex(done.stderr, r"\Adgramload: cannot use the source address 192\.0\.2\.1: .*\n\Z")


class Stall(LoadCase):
    def test_a_stalled_server_cannot_hide(self):
        """Requests that are due while it is stopped wait for it, and so does their latency: that of the
        first is longer than the stop, from when that request was seen to be there."""
        daemon = self.start({"handler": "echo"})
        daemon.freeze()
        load = subprocess.Popen(
            command(daemon.port, "--json", "--rate", 200, "--count", 800, "--patience", 60000),
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(load.wait)
        self.eventually(lambda: probe.waiting_bytes(daemon.port) > 0, "a request")
        begun = time.monotonic()
        time.sleep(1)
        stopped_us = (time.monotonic() - begun) * 1e6
        daemon.kill(signal.SIGCONT)
        output, _ = load.communicate(timeout=dgramtest.PATIENCE * 4)
        summary = self.check_summary(json.loads(output))
        self.assertEqual((summary["sent"], summary["answered"]), (800, 800))
        self.assertGreaterEqual(summary["latency_us"]["max"], stopped_us)
        self.assertGreaterEqual(summary["latency_us"]["p90"], 0.4 * stopped_us)


class FindMax(LoadCase):
    def test_none(self):
        server = Server(self, lambda *_: [])
        summary = self.load(
            server.port, "--find-max", "--duration", 0.05, "--max-p99-us", 3600e6, patience=20)
        self.assertEqual((summary["mode"], summary["max_rate"]), ("find-max", 0))
        rates = [step["rate"] for step in summary["steps"]]
        self.assertEqual(rates, [rate for rate in rates[::3] for _ in range(3)])  # each thrice
        self.assertEqual(rates[:6:3], [1000, 500])
        self.assertEqual({(step["loss_percent"], step["p99_us"]) for step in summary["steps"]},
                         {(100, None)})
        self.assertEqual((summary["steady_rate"], summary["failed_rate"]), (0, rates[-1]))

    def test_sheds(self):
        """The server answers the first 30 requests of each socket: at 1500/s for 20 ms all are answered,
        at 2000/s some are not."""
        answered = {}
        server = None
        def shed(number, payload):
            client = server.clients[number]
            answered[client] = answered.get(client, 0) + 1
            return [payload] if answered[client] <= 30 else []
        server = Server(self, shed)
        summary = self.load(
            server.port, "--find-max", "--duration", 0.02, "--max-p99-us", 3600e6, patience=1000)
        self.assertGreaterEqual(summary["max_rate"], 1000)
        self.assertLessEqual(summary["steady_rate"], summary["max_rate"])
        self.assertLessEqual(summary["max_rate"], 1500)
        self.assertLess(summary["max_rate"], summary["failed_rate"])
        self.assertEqual(summary["sent"], summary["answered"])
        self.assertEqual(summary["limited_by"], "queue")


class Output(LoadCase):
    def plot(self, *arguments):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "plot.svg")
            self.load(*arguments, "--plot", path)
            root = xml.etree.ElementTree.parse(path).getroot()
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    def test_plots(self):
        server = Server(self, echo)
        texts = self.plot(server.port, "--rate", 500, "--duration", 0.3)
        self.assertIn("own lag, in it", texts)
        self.assertIn("Offered and answered rate", texts)
        texts = self.plot(server.port, "--rate", 500, "--ramp", 0.2, "--duration", 0.3)
        self.assertIn("Answered against offered rate", texts)
        texts = self.plot(server.port, "--in-flight", 2, "--duration", 0.2)
        self.assertNotIn("own lag, in it", texts)
        silent = Server(self, lambda *_: [])
        self.plot(silent.address, "--rate", 500, "--duration", 0.2, "--patience", 20)

    def test_plot_of_a_search(self):
        silent = Server(self, lambda *_: [])
        texts = self.plot(
            silent.address, "--find-max", "--duration", 0.02, "--patience", 20)
        self.assertIn("beyond them", texts)

    def test_plot_cannot_be_written(self):
        server = Server(self, echo)
        done = self.run_load(server.port, "--rate", 500, "--count", 5, "--plot", "/nowhere/x.svg")
        self.assertEqual(done.returncode, 71)
        self.assertIn("answered", done.stdout)
        self.assertRegex(done.stderr, r"\Adgramload: /nowhere/x\.svg: .*\n\Z")

    def test_text(self):
        server = Server(self, but_every_tenth(lambda payload: [payload] * 2))
        done = self.run_load(server.port, "--rate", 1000, "--count", 200)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"answered +200 ")
        self.assertIn("duplicates 20,", done.stdout)

    def test_text_says_what_json_says(self):
        """About what limited the run, and what is not known."""
        silent, clock = Server(self, lambda *_: []), Server(self, lambda n, _: [b"x"] * (n % 2))
        for server, latency in ((silent, "none: nothing was answered"), (clock, "unknown")):
            text = self.run_load(
                server.port, "--rate", 1000, "--count", 20, "--patience", 50, "--max-p99-us",
                3600e6).stdout
            self.assertIn(f"\n  latency   {latency}\n", text)
            self.assertIn("\n  limited by the queue: the server received all", text)
        text = self.run_load(
            Server(self, echo).port, "--rate", 1000, "--count", 20, "--max-p99-us", 3600e6).stdout
        self.assertIn("\n  limited by nothing, up to this rate\n", text)

    def test_progress_on_a_terminal(self):
        server = Server(self, echo)
        ours, theirs = pty.openpty()
        reader = probe.Reader(ours)  # to the end: what a terminal is sent is there a little later
        with subprocess.Popen(
                command(server.port, "--rate", 100, "--duration", 1.2, "--patience", LONG_MS),
                stdout=subprocess.DEVNULL, stderr=theirs) as load:
            os.close(theirs)
            self.assertEqual(load.wait(dgramtest.PATIENCE), 0)
        shown = reader.all_text()
        self.assertRegex(shown, r"s at 100/s: sent \d+/s, answered \d+/s, lost 0, p50 \d+ us, p99 \d+ us")
        self.assertTrue(shown.endswith("\r\033[K"), shown)

    def test_progress_without_a_terminal(self):
        server = Server(self, echo)
        done = self.run_load(server.port, "--rate", 100, "--duration", 1, "--progress", 0.1)
        self.assertRegex(
            done.stderr, r"\A(\d s at 100/s: sent \d+/s, answered \d+/s, lost 0(, p50 .*, p99 .* us)?\n)+\Z")
        self.assertIn("p50", done.stderr)

    def test_progress_as_json(self):
        """The counts only grow, and are never more than those of the summary."""
        for arguments, rate in ((("--rate", 100), 100), (("--in-flight", 1), None)):
            done = self.run_load(
                Server(self, echo).port, *arguments, "--duration", 1, "--progress", 0.1, "--json")
            lines = [json.loads(line) for line in done.stderr.splitlines()]
            self.assertGreater(len(lines), 1)
            self.assertEqual({line["rate"] for line in lines}, {rate})
            for count in ("sent", "answered"):
                counts = [line[count] for line in lines] + [json.loads(done.stdout)[count]]
                self.assertEqual(counts, sorted(counts))
            self.assertGreater(max(line["p50_us"] or 0 for line in lines), 0)
            self.assertLess(lines[0]["seconds"], lines[-1]["seconds"])
        done = self.run_load(
            Server(self, lambda *_: [b"x"]).port, "--rate", 100, "--duration", 0.5, "--progress",
            0.2, "--json")
        self.assertIsNone(json.loads(done.stderr.splitlines()[-1])["p50_us"])

    def test_interrupted(self):
        daemon = self.start({"handler": "echo", "logging": {"level": "debug"}})
        load = subprocess.Popen(
            command(daemon.port, "--json", "--rate", 1000, "--duration", 100, "--patience", LONG_MS),
            text=True, stdout=subprocess.PIPE)
        self.addCleanup(load.wait)
        daemon.wait_for("request")
        load.send_signal(signal.SIGINT)
        output, _ = load.communicate(timeout=dgramtest.PATIENCE)
        summary = self.check_summary(json.loads(output))
        self.assertEqual(load.returncode, 0)
        self.assertGreater(summary["sent"], 0)
        self.assertEqual(summary["answered"], summary["sent"])

    def test_closed_output_is_not_the_sockets(self):
        server = Server(self, echo)
        for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            shell = shlex.join(
                command(server.port, "--text", "only this", "--patience", LONG_MS)) + " " + closed
            subprocess.run(["sh", "-c", shell], check=True, stdout=subprocess.DEVNULL,
                           timeout=dgramtest.PATIENCE)
        self.assertEqual(server.requests, [b"only this"] * 4)

    def test_output_that_is_full(self):
        server = Server(self, echo)
        with open("/dev/full", "wb") as full:
            done = self.run_load(server.port, stdout=full)
        self.assertEqual(done.returncode, 71)


class Usage(LoadCase):
    def must_refuse(self, *arguments, word):
        done = self.run_load(*arguments)
        self.assertEqual((done.returncode, done.stdout), (64, ""), done)
        self.assertRegex(done.stderr, r"\Adgramload: [^\n]*\n\Z")
        self.assertIn(word, done.stderr)

    def test_errors(self):
        self.must_refuse(word="ADDRESS:PORT")
        self.must_refuse("nowhere", word="nowhere")
        self.must_refuse("7", "--wrong", word="--wrong")
        self.must_refuse("7", "--rate", word="--rate")
        self.must_refuse("7", "--rate", "x", word="not x")
        self.must_refuse("7", "--rate", 1, "--in-flight", 1, word="--in-flight")
        self.must_refuse("7", "--sockets", 2, word="--sockets")
        self.must_refuse("7", "--hex", "123", word="--hex")
        self.must_refuse("7", "--hex", "xy", word="xy")
        self.must_refuse("7", "--file", "/nowhere/at/all", word="/nowhere/at/all")
        self.must_refuse("7", "--rate", 1, "--check", "--size", 7, word="ends at byte 8, and")
        self.must_refuse("7", "--rate", 1, "--id-at", "0:9", word="--id-at takes OFFSET:BYTES")
        self.must_refuse("7", "--rate", 1, "--id-at", "31:2", word="ends at byte 33, and")
        self.must_refuse("7", "--dns", "a..b", word="a..b")
        self.must_refuse("7", "--rate", 1, "--sources", "127.0.0.1/8", word="--sources")

    def test_help_and_version(self):
        done = self.run_load("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("--find-max", done.stdout)
        done = self.run_load("-V")
        self.assertRegex(done.stdout, r"\Adgramload [0-9.]+\n\Z")


class Manual(LoadCase):
    def test_has_each_option_and_each_name_of_the_summary(self):
        with open(os.path.join(dgramtest.TOP, "src/load/dgramload.1"), encoding="utf-8") as file:
            page = file.read()
        options = re.findall(r"--([a-z0-9-]+) ", self.run_load("--help").stdout.split("\n\n")[2])
        self.assertGreater(len(options), 25)
        items = "\n".join(re.findall(r"^\.It (.*)$", page, re.MULTILINE))
        for option in options:
            self.assertRegex(items, rf"(?m)(^|, )Fl -{option}\b")
        done = self.run_load(
            Server(self, echo).port, "--rate", 100, "--duration", 0.3, "--json", "--progress", 0.1)
        names = set(re.findall(r"[a-z0-9_]+", " ".join(
            re.findall(r"^\.(?:It )?Cm (.*)$", page, re.MULTILINE))))
        for said in (done.stdout, done.stderr.splitlines()[0]):
            self.assertEqual(json.loads(said).keys() - names, set())


dgramtest.main()

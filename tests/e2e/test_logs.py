"""The log's forms: what a line looks like, who speaks in it, where it goes."""

import json
import os
import pty
import re
import signal
import time

import dgramtest
import probe

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
SOURCE = r"(main|rx/\d+|worker/\d+)"
LOGFMT = re.compile(rf'^{TIME} (error|warn|info|debug) {SOURCE} [a-zA-Z ,]+( [a-z_0-9]+=.*)*$')
JOURNAL = re.compile(rf'^<([3467])>(error|warn|info|debug) {SOURCE} [a-zA-Z ,]+( [a-z_0-9]+=.*)*$')
PRINTABLE = re.compile(r"^[ -~]*$")
COLOR = re.compile(r"\033\[\d+m")
DEBUG = {"level": "debug", "summary_interval_s": 0}


class LogCase(dgramtest.Case):
    def start_on(self, fd, config, **options):
        """A daemon whose stderr is this descriptor, which is closed here."""
        with open(fd, "wb", buffering=0) as stderr:
            return self.start(config, ready=False, stderr=stderr, **options)

    def start_on_terminal(self, **options):
        master, slave = pty.openpty()
        daemon = self.start_on(slave, {}, **options)
        reader = probe.Reader(master)
        self.eventually(lambda: any(" ready" in line for line in reader.lines()), "ready")
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        return reader.lines()

    def ask_all(self, address, count):
        """So many requests, one after the other; all must be answered."""
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            for _ in range(count):
                client.send(b"x")
                client.recv(64)


class Forms(LogCase):
    def test_logfmt(self):
        daemon = self.start({"logging": DEBUG})
        self.ask_all(daemon.address(), 20)
        daemon.stop()
        for line in daemon.lines:
            self.assertRegex(line, LOGFMT)

    def test_request_line(self):
        daemon = self.start({"logging": DEBUG, "handler": "echo"})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            client.send(b"hello")
            client.recv(64)
            host, port = client.getsockname()
        line = daemon.wait_for("request")
        expected = {
            "level": "debug", "client": f"{host}:{port}", "service": "echo", "bytes": "5",
            "reply_bytes": "5"}
        self.assertLessEqual(expected.items(), line.items())
        for name in ("wait_us", "service_us"):
            self.assertRegex(line[name], r"^\d+$")

    def test_no_request_lines_at_info(self):
        daemon = self.start()
        self.ask_all(daemon.address(), 20)
        daemon.stop()
        self.assertEqual(daemon.events("request"), [])

    def must_be_json(self, handler, source):
        """What this service logs, whose handler runs in such threads."""
        daemon = self.start(
            {"logging": {**DEBUG, "format": "json"}, "handler": handler}, ready=False)
        self.eventually(lambda: any('"ready"' in line for line in daemon.lines), "ready")
        listening = [line for line in map(json.loads, daemon.lines) if line["event"] == "listening"]
        self.ask_all(dgramtest.parse_address(listening[0]["address"]), 20)
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        lines = [json.loads(line) for line in daemon.lines]
        for line in lines:
            self.assertRegex(line["time"], f"^{TIME}$")
            self.assertIn(line["level"], ("error", "warn", "info", "debug"))
            self.assertRegex(line["source"], f"^{SOURCE}$")
            self.assertEqual("worker" in line, line["source"].startswith("worker/"))
            self.assertEqual(line.get("worker", 0), int((line["source"] + "/0").split("/")[1])
                             if "worker" in line else 0)
        requests = [line for line in lines if line["event"] == "request"]
        self.assertEqual(len(requests), 20)
        for line in requests:
            self.assertRegex(line["source"], source)
        dgramtest.check_ledger(lines[-1])
        self.assertEqual((lines[-1]["event"], lines[-1]["replied"]), ("ledger", 20))

    def test_json(self):
        self.must_be_json("simulate", r"^worker/\d+$")

    def test_json_of_a_receiver(self):
        """Or of a worker, which is called once the handler was seen to be slow."""
        self.must_be_json("time", r"^(rx/0|worker/\d+)$")

    def test_journal_is_recognized(self):
        for inode_off_by, is_journal in ((0, True), (1, False)):
            reading, writing = os.pipe()
            status = os.fstat(writing)
            daemon = self.start_on(
                writing, {}, environment={
                    "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + inode_off_by}"})
            reader = probe.Reader(reading)
            self.eventually(lambda: any(" ready" in line for line in reader.lines()), "ready")
            daemon.kill(signal.SIGTERM)
            daemon.wait()
            lines = reader.all_lines()
            for line in lines:
                self.assertRegex(line, JOURNAL if is_journal else LOGFMT)
            self.assertGreaterEqual(len(lines), 4)

    def refuse(self, config, *arguments, stderr=None, environment=None):
        """What the start says of a configuration that it refuses."""
        daemon = self.start({**config, "wrokers": 1}, ready=False, arguments=arguments,
                            environment=environment, **({"stderr": stderr} if stderr else {}))
        daemon.wait(78)
        return daemon.lines

    def test_errors_of_the_configuration(self):
        """In the form of the log where that is for programs, as far as the file says; else for people."""
        for form in "json", "journal":
            for lines in (self.refuse({"logging": {"format": form}, "port": -1}),
                          self.refuse({"port": -1}, "--set", f"logging.format={form}")):
                self.assertEqual(len(lines), 2, lines)
                for line in lines:
                    self.assertRegex(line, "did you mean|must be a whole number")
                    if form == "journal":
                        self.assertRegex(line, JOURNAL)
                        self.assertTrue(line.startswith("<3>"))
                    else:
                        parsed = json.loads(line)
                        self.assertEqual((parsed["level"], parsed["event"]), ("error", "configuration"))
        daemon = self.start("{ broken", ready=False, arguments=("--set", "logging.format=json"))
        daemon.wait(78)
        self.assertIn("expected a key", json.loads(daemon.lines[0])["message"])
        for form in "logfmt", "auto", "jsno":
            self.assertIn("^", "".join(self.refuse({"logging": {"format": form}})))

    def test_errors_of_the_configuration_in_the_journal(self):
        for inode_off_by, is_journal in ((0, True), (1, False)):
            reading, writing = os.pipe()
            status = os.fstat(writing)
            with open(writing, "wb", buffering=0) as stderr:
                self.refuse({}, stderr=stderr, environment={
                    "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + inode_off_by}"})
            first = probe.Reader(reading).all_lines()[0]
            self.assertEqual(bool(JOURNAL.match(first)), is_journal, first)

    def test_journal_priorities(self):
        daemon = self.start(
            {"logging": {**DEBUG, "format": "journal"}, "handler": "echo", "host": "0.0.0.0"},
            ready=False)
        self.eventually(lambda: any(" ready " in line for line in daemon.lines), "ready")
        self.ask_all(("127.0.0.1", probe.udp_ports(daemon.process.pid)[0]), 1)
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        found = {JOURNAL.match(line).group(1, 2) for line in daemon.lines}
        self.assertEqual(found, {("4", "warn"), ("6", "info"), ("7", "debug")})

    def test_colors(self):
        for environment, arguments, coloured in (
                ({"NO_COLOR": ""}, [], True), ({"NO_COLOR": "1"}, [], False),
                ({"NO_COLOR": "1"}, ["--color=always"], True),
                ({"NO_COLOR": ""}, ["--color=never"], False)):
            with self.subTest(environment=environment, arguments=arguments):
                lines = self.start_on_terminal(environment=environment, arguments=arguments)
                for line in lines:
                    if not line.startswith("try it: "):
                        self.assertEqual(bool(COLOR.search(line)), coloured)
                        self.assertRegex(COLOR.sub("", line), LOGFMT)

    def test_no_colors_in_a_file(self):
        daemon = self.start(
            {"logging": {"target": "log"}}, ready=False, arguments=["--color=always"])
        path = os.path.join(daemon.directory, "log")
        self.eventually(lambda: os.path.exists(path) and " ready" in self.read(path), "ready")
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertRegex(self.read(path), PRINTABLE.pattern.replace("$", r"\n"))
        self.assertNotIn("\033", self.read(path))

    def read(self, path):
        with open(path, encoding="ascii") as file:
            return file.read()

    def test_levels(self):
        for level, least in (("error", 0), ("warn", 0), ("info", 4)):
            daemon = self.start({**dgramtest.UNWARNED, "logging": {"level": level}}, ready=False)
            self.eventually(lambda d=daemon: probe.workers(d.process.pid), "workers")
            daemon.kill(signal.SIGTERM)
            daemon.wait()
            self.assertEqual(len(daemon.lines) >= 4, least == 4, daemon.text())
            self.assertTrue(least == 4 or not daemon.lines, daemon.text())

    def test_none(self):
        daemon = self.start({"logging": {"target": "none"}}, ready=False)
        self.eventually(lambda: probe.udp_ports(daemon.process.pid), "a socket")
        self.ask_all(("127.0.0.1", probe.udp_ports(daemon.process.pid)[0]), 10)
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertLessEqual(len(daemon.lines), 1, daemon.text())  # "starting" comes before


class Workers(LogCase):
    def must_serve_with(self, target, workers, count, handler="simulate", until=lambda _: True):
        daemon = self.start({
            "logging": {**DEBUG, "target": target}, "handler": handler,
            "pool": {"workers": workers}}, ready=False)
        pid = daemon.process.pid
        self.eventually(lambda: len(probe.workers(pid)) == workers, "workers")
        self.eventually(lambda: probe.udp_ports(pid), "a socket")
        load = probe.Load(self, ("127.0.0.1", probe.udp_ports(pid)[0]))
        self.eventually(lambda: load.answered >= count and until(daemon), "answers")
        load.stop()
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        return daemon

    def must_say_who(self, handler, sources, and_surely=""):
        """Each line says who wrote it; those of requests, one of these."""
        daemon = self.must_serve_with(
            "stderr", 4, dgramtest.scaled(2000), handler,
            lambda daemon: any(f"{and_surely} request " in line for line in list(daemon.lines)))
        lines = [line for line in map(dgramtest.parse_line, daemon.lines) if line]
        for line in lines:
            source, _, number = line["source"].partition("/")
            self.assertEqual(line.get("worker"), number if source == "worker" else None)
        requests = daemon.events("request")
        ledger = daemon.ledgers()[handler]
        self.assertEqual(len(requests) + ledger["log_lines_lost"], ledger["replied"])
        self.assertEqual({line["source"] for line in requests} - sources, set())

    def test_every_line_of_a_worker_says_so(self):
        self.must_say_who("simulate", {f"worker/{number}" for number in range(4)})

    def test_what_a_receiver_ran_is_said_to_be_its(self):
        """It called workers for what was too much, or too slow, for itself."""
        self.must_say_who(
            "echo", {"rx/0", *(f"worker/{number}" for number in range(4))},
            and_surely="rx/0")

    def lines_in(self, daemon, name):
        with open(os.path.join(daemon.directory, name), encoding="ascii") as file:
            return [dgramtest.parse_line(line) for line in file.read().split("\n")[:-1]]

    def test_a_file_for_each_thread(self):
        daemon = self.must_serve_with("log.{worker}", 3, dgramtest.scaled(1000))
        self.assertEqual(
            {name for name in os.listdir(daemon.directory) if name.startswith("log")},
            {"log.main", "log.rx0", "log.0", "log.1", "log.2"})
        requests = 0
        for number in range(3):
            lines = self.lines_in(daemon, f"log.{number}")
            requests += sum(line["event"] == "request" for line in lines)
            self.assertEqual({line["source"] for line in lines} - {f"worker/{number}"}, set())
            self.assertEqual({line["worker"] for line in lines} - {str(number)}, set())
        lines = self.lines_in(daemon, "log.main")
        self.assertEqual({line["source"] for line in lines}, {"main"})
        ledger = lines[-1]
        self.assertEqual(requests + int(ledger["log_lines_lost"]), int(ledger["replied"]))

    def test_who_helps_is_seen(self):
        """Under light load in the receiver's file, while receivers may assist: a reload changes that.
        Requests with receivers have odd lengths."""
        daemon = self.start({
            "handler": "echo", "logging": {**DEBUG, "target": "log.{worker}"}, "pool": {"workers": 2}},
            ready=False)
        self.eventually(lambda: probe.udp_ports(daemon.process.pid), "a socket")
        address = ("127.0.0.1", probe.udp_ports(daemon.process.pid)[0])

        def lengths(name):
            return [int(line["bytes"]) for line in self.lines_in(daemon, name)
                    if line["event"] == "request"]

        def ask(length):
            with dgramtest.socket_for(address) as client:
                client.sendto(b"x" * length, address)
                return client.recv(64) == b"x" * length

        def reload(count, assist):
            daemon.write_config(
                {**daemon.config, "pool": {"workers": 2, "receivers_assist": assist}})
            daemon.kill(signal.SIGHUP)
            self.eventually(
                lambda: sum(line["event"] == "reloaded"
                            for line in self.lines_in(daemon, "log.main")) == count, "reloaded")

        def ask_a_receiver(length):
            self.eventually(lambda: ask(length) and length in lengths("log.rx0"), "help")

        ask_a_receiver(1)
        for count in (1, 3):
            reload(count, False)
            for _ in range(50):
                ask(count + 1)
            reload(count + 1, True)
            ask_a_receiver(count + 2)
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        by_workers = lengths("log.0") + lengths("log.1")
        self.assertEqual([by_workers.count(length) for length in (2, 4)], [50, 50])
        by_receivers = lengths("log.rx0")
        self.assertEqual(set(by_receivers), {1, 3, 5})
        ledger = self.lines_in(daemon, "log.main")[-1]
        self.assertEqual((ledger["event"], ledger["log_lines_lost"]), ("ledger", "0"))
        self.assertEqual(int(ledger["run_by_receivers"]), len(by_receivers))
        self.assertEqual(int(ledger["replied"]), len(by_workers) + len(by_receivers))

    def test_threads_are_named(self):
        daemon = self.start({"host": ["127.0.0.1", "::1"], "pool": {"workers": 11}})
        self.assertEqual(probe.threads(daemon.process.pid), sorted(
            ["dgram/log", "dgram/rx0", "dgram/rx1", *(f"dgram/w{n}" for n in range(11))]))
        with open(f"/proc/{daemon.process.pid}/comm", encoding="ascii") as file:
            self.assertEqual(file.read(), "dgramd\n")


class Summary(LogCase):
    def test_workers_and_services(self):
        daemon = self.start({
            "logging": {"summary_interval_s": 1}, "pool": {"workers": 3},
            "services": [
                {"name": "one", "handler": "simulate"}, {"name": "two", "handler": "echo"}]})
        one, two = dgramtest.scaled(300), dgramtest.scaled(500)
        self.ask_all(daemon.address("one"), one)
        self.ask_all(daemon.address("two"), two)

        def of_threads(kind="", **fields):
            return [line for line in daemon.events("summary", **fields)
                    if line["source"] != "main" and line["source"].startswith(kind)]

        def requests(kind="", **fields):
            return sum(int(line.get("requests", 0)) for line in of_threads(kind, **fields))

        self.eventually(lambda: requests() >= one + two, "summary")
        daemon.wait_for_sums("one", received=one, replied=one)
        daemon.wait_for_sums("two", received=two, replied=two)
        ledgers = daemon.stop()
        self.assertEqual((requests(service="one"), requests(service="two")), (one, two))
        self.assertEqual(
            [ledgers[name]["run_by_receivers"] for name in ("one", "two")], [0, requests("rx/1")])
        self.assertEqual(requests("worker/", service="one"), one)
        self.assertTrue(of_threads("rx/1"))  # it may run some of the others
        self.assertEqual(of_threads("rx/0"), [])  # it runs no handler
        for line in of_threads():
            source, _, number = line["source"].partition("/")
            self.assertEqual(line.get("worker"), number if source == "worker" else None)
            self.assertLessEqual(int(line["busy_percent"]), 100)
            self.assertNotIn("errors", line)

    def summarize(self, daemon, count=1):
        """From now on each second; the lines of the first ones, when there are so many of its one service."""
        daemon.write_config({**daemon.config, "logging": {"summary_interval_s": 1}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("summary", count=count, source="main")
        return daemon.events("summary")

    def test_what_a_summary_has(self):
        """The lines of the manual's sample have these fields, in this order; what has not happened since the last
        summary is not there."""
        with open(os.path.join(dgramtest.TOP, "src/daemon/dgramd.8"), encoding="ascii") as page:
            sample = re.search(r"These lines .*?^\.Bd[^\n]*\n(.*?)^\.Ed", page.read(), re.DOTALL | re.MULTILINE)[1]
        shown = [dgramtest.parse_line(line) for line in sample.replace("\n    ", " ").splitlines()]
        daemon = self.start({
            "handler": "simulate", "options": {"block_us": 20000}, "pool": {"workers": 1},
            "queue": {"max_wait_ms": 100}, "logging": {"summary_interval_s": 0}})
        with dgramtest.socket_for(daemon.address()) as client:
            for _ in range(50):
                client.sendto(b"x", daemon.address())
        daemon.wait_for("datagrams lost", reason="dropped_expired")
        worker, service, idle, *_ = self.summarize(daemon, count=2)
        self.assertEqual([list(worker), list(service)], [list(line) for line in shown])
        self.assertEqual(
            [(line["source"], line["level"]) for line in shown], [("worker/0", "info"), ("main", "info")])
        self.assertEqual(worker["requests"], service["replied"])
        self.assertEqual(int(service["received"]), 50)
        self.assertGreaterEqual(int(service["wait_p99_us"]), int(service["wait_p50_us"]))
        self.assertGreaterEqual(int(service["service_p50_us"]), 20000)
        self.assertGreaterEqual(50, int(service["queued_peak"]))
        self.assertEqual(set(idle) - {"time", "level", "source", "event"}, {"service", "interval_ms"})

    def test_errors_of_a_worker(self):
        daemon = self.start({
            "handler": "simulate", "options": {"fail_rate": 1}, "logging": {"summary_interval_s": 0}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"x", daemon.address())
        daemon.wait_for("datagrams lost", reason="failed_handler")
        worker, service, *_ = self.summarize(daemon)
        self.assertEqual((worker["errors"], service["failed_handler"]), ("1", "1"))

    def test_nothing_to_warn_of(self):
        """A handler of 1 ms that is asked 20 times a second."""
        daemon = self.start({
            "handler": "simulate", "options": {"block_us": 1000}, "queue": {"max_wait_ms": 1000},
            "logging": {"summary_interval_s": 1}, **dgramtest.UNWARNED})
        for _ in range(20):
            daemon.ask(b"x")
            time.sleep(0.05)
        daemon.wait_for_sums("simulate", replied=20)
        daemon.stop()
        self.assertEqual([line for line in daemon.lines if " warn " in line], [])

    def test_none_when_not_asked_for(self):
        daemon = self.start({"logging": {"summary_interval_s": 0}})
        daemon.ask()
        daemon.stop()
        self.assertEqual(daemon.events("summary"), [])


dgramtest.main()

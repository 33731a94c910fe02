"""SIGHUP reads the configuration again, SIGUSR1 opens the logs again; both while it serves."""

import os
import pathlib
import signal
import tempfile
import time

import dgramtest
import probe


def stdin_with(text):
    reader, writer = os.pipe()
    os.write(writer, text)
    os.close(writer)
    return open(reader, "rb")


class Reload(dgramtest.Case):
    def reload(self, daemon, count, **changes):
        """The count-th reload; returns the values that it names."""
        daemon.write_config({**daemon.config, **changes})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded", count=count)
        lines = daemon.events("configuration")
        return [line["message"] for line in lines]

    def test_workers_under_load(self):
        daemon = self.start({"handler": "echo", "pool": {"workers": 4}})
        pid = daemon.process.pid
        loads = [probe.Load(self, daemon.address()) for _ in range(2)]
        for count, workers in enumerate((8, 2, 1, 16, 4), 1):
            messages = self.reload(daemon, count, pool={"workers": workers})
            self.assertRegex(messages[-1], rf"^pool\.workers \d+ -> {workers}: in effect now$")
            self.eventually(
                lambda n=workers: probe.workers(pid) == sorted(f"dgram/w{i}" for i in range(n)),
                f"{workers} workers")
            before = sum(load.answered for load in loads)
            self.eventually(
                lambda n=before: sum(load.answered for load in loads) > n + 100, "answers")
        for load in loads:
            load.stop()
        ledger = daemon.stop()["echo"]
        sent = sum(load.sent for load in loads)
        self.assertEqual((ledger["received"] + ledger["dropped_by_kernel"], ledger["replied"]),
                         (sent, ledger["received"]))

    def test_log_level(self):
        daemon = self.start()
        daemon.ask()
        for count, level in enumerate(("debug", "info", "debug"), 1):
            messages = self.reload(daemon, count, logging={"level": level})
            self.assertIn("logging.level", messages[-1])
            daemon.ask()
        daemon.wait_for("request", count=2)
        daemon.stop()
        self.assertEqual(len(daemon.events("request")), 2)

    def test_summary_interval(self):
        daemon = self.start({"logging": {"summary_interval_s": 3600}})
        daemon.ask()
        self.reload(daemon, 1, logging={"summary_interval_s": 1})
        daemon.wait_for("summary", count=2, service="time")
        daemon.wait_for_sums("time", replied=1)

    def test_max_wait(self):
        """10 ms at first, no limit then: what waited for long is dropped, then served."""
        daemon = self.start({
            "handler": "echo", "queue": {"max_wait_ms": 10}, "logging": {"summary_interval_s": 1}})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            for limit in (10, 0):
                if limit == 0:
                    daemon.wait_for_sums("echo", dropped_expired=1)
                    self.reload(daemon, 1, queue={"max_wait_ms": 0})
                daemon.freeze()
                client.send(b"%d" % limit)
                time.sleep(0.1)
                daemon.kill(signal.SIGCONT)
            self.assertEqual(client.recv(64), b"0")
        ledger = daemon.stop()["echo"]
        self.assertEqual((ledger["dropped_expired"], ledger["replied"]), (1, 1))

    def test_options_that_are_live(self):
        """Of a handler that runs: all of its requests fail, then none does."""
        daemon = self.start({"handler": "simulate", "options": {"fail_rate": 1},
                             "logging": {"summary_interval_s": 1}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            client.send(b"lost")
            daemon.wait_for("summary", service="simulate", failed_handler=1)
            messages = self.reload(daemon, 1, options={"block_us": 2})
            self.assertEqual(messages, ["options.block_us 0 -> 2: in effect now",
                                        "options.fail_rate 1 -> 0: in effect now"])
            client.send(b"kept")
            self.assertEqual(client.recv(64), b"kept")
        ledger = daemon.stop()["simulate"]
        self.assertEqual((ledger["failed_handler"], ledger["replied"]), (1, 1))

    def test_min_source_port(self):
        daemon = self.start({"handler": "echo", "logging": {"level": "debug"}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            self.reload(daemon, 1, min_source_port=client.getsockname()[1] + 1)
            client.send(b"low")
            daemon.wait_for("datagrams lost", reason="dropped_source_port_low")
            self.reload(daemon, 2, min_source_port=client.getsockname()[1])
            client.send(b"just")
            self.assertEqual(client.recv(64), b"just")

    def test_refuse_source_ports(self):
        daemon = self.start({"handler": "echo"})
        with dgramtest.socket_for(daemon.address()) as client:
            client.connect(daemon.address())
            port = client.getsockname()[1]
            self.assertEqual(self.reload(daemon, 1, refuse_source_ports=[port])[-1:], [
                f"refuse_source_ports 1434, 1900, 3702, 5353, 11211 -> {port}: in effect now"])
            client.send(b"refused")
            daemon.wait_for("datagrams lost", reason="dropped_source_port_refused")
            self.assertEqual(self.reload(daemon, 2, refuse_source_ports=[])[-1:],
                             [f"refuse_source_ports {port} -> none: in effect now"])
            client.send(b"served")
            self.assertEqual(client.recv(64), b"served")

    def test_what_waits_for_a_restart_is_named(self):
        daemon = self.start({"pool": {"workers": 4}})
        messages = self.reload(
            daemon, 1, queue={"capacity": 8192}, port=daemon.port + 1, handler="echo",
            pool={"workers": 5})
        for text in ("queue.capacity 4096 -> 8192", "port ", "handler "):
            found = [message for message in messages if message.startswith(text)]
            self.assertEqual(len(found), 1, messages)
            self.assertTrue(found[0].endswith("takes effect after a restart"), messages)
        self.assertEqual(len(probe.workers(daemon.process.pid)), 5)
        self.assertEqual(len(daemon.ask()), 24)  # still the time

    def test_invalid_is_refused_whole(self):
        daemon = self.start({"handler": "echo", "pool": {"workers": 3}})
        daemon.write_config(
            '{ "pool": { "workers": 8 },\n  "logging": { "level": "debug" },\n  "prot": 7 }')
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")
        lines = daemon.events("configuration", level="error")
        self.assertEqual(len(lines), 1)
        self.assertIn('server.json:3:3: error: prot: unknown key; did you mean "port"',
                      lines[0]["message"])
        self.assertEqual(daemon.ask(b"still"), b"still")
        self.assertEqual(len(probe.workers(daemon.process.pid)), 3)
        daemon.write_config("")
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused", count=2)
        os.unlink(daemon.config_path)
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused", count=3)
        self.reload(daemon, 1, pool={"workers": 2})  # and a valid one is taken afterwards
        self.assertEqual(daemon.ask(b"still"), b"still")
        daemon.stop()
        self.assertEqual(daemon.events("request"), [])

    def test_the_standard_input_is_refused(self):
        with stdin_with(b'{ "port": 0, "handler": "echo" }') as stdin:
            daemon = self.start(arguments=["-c", "-"], stdin=stdin)
        self.assertRegex(daemon.events("starting")[0]["message"], r"^dgramd \S+ with stdin$")
        daemon.kill(signal.SIGHUP)
        refused = daemon.wait_for("reload refused")
        self.assertIn("the standard input cannot be read again", refused["message"])
        self.assertEqual(daemon.ask(b"still"), b"still")
        daemon.stop()

    def test_logs_are_opened_again_though_the_standard_input_is_refused(self):
        directory = tempfile.TemporaryDirectory(prefix="dgramd-log-")
        self.addCleanup(directory.cleanup)
        log, renamed = pathlib.Path(directory.name, "log"), pathlib.Path(directory.name, "log.1")
        reader, writer = os.pipe()
        os.write(writer, b'{ "port": 0, "logging": { "target": "%s" } }' % str(log).encode())
        os.close(writer)
        with open(reader, "rb") as stdin:
            daemon = self.start(arguments=["-c", "-"], stdin=stdin, ready=False)
        self.eventually(lambda: log.exists() and " ready " in log.read_text(), "ready")
        log.rename(renamed)
        daemon.kill(signal.SIGHUP)
        self.eventually(
            lambda: log.exists() and "reload refused" in log.read_text(), "a line in the new file")
        daemon.kill(signal.SIGTERM)
        daemon.wait()

    def test_log_target(self):
        daemon = self.start({"handler": "echo"})
        daemon.write_config(
            {**daemon.config, "logging": {"target": os.path.join(daemon.directory, "no/log")}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")
        path = os.path.join(daemon.directory, "log")
        daemon.write_config({**daemon.config, "logging": {"target": path}})
        daemon.kill(signal.SIGHUP)
        self.eventually(lambda: os.path.exists(path), "the new log")
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        with open(path, encoding="ascii") as file:
            self.assertIn(" ledger ", file.readlines()[-1])

    def test_many_signals_under_load(self):
        daemon = self.start({"handler": "echo"})
        load = probe.Load(self, daemon.address())
        for number in range(dgramtest.scaled(300)):
            daemon.kill(signal.SIGHUP if number % 2 else signal.SIGUSR1)
        daemon.wait_for("reloaded")
        before = load.answered
        self.eventually(lambda: load.answered > before + 100, "answers")
        load.stop()
        ledger = daemon.stop()["echo"]
        self.assertEqual(ledger["received"] + ledger["dropped_by_kernel"], load.sent)


class Reopen(dgramtest.Case):
    def test_after_the_log_was_renamed(self):
        for number in (signal.SIGUSR1, signal.SIGHUP):
            daemon = self.start(
                {"handler": "echo", "logging": {"target": "log.{worker}", "level": "debug"}},
                ready=False)
            directory = daemon.directory
            names = ["log.main", "log.rx0", *(f"log.{worker}" for worker in range(4))]
            self.eventually(lambda: set(names) <= set(os.listdir(directory)), "the logs")
            self.eventually(lambda: probe.workers(daemon.process.pid), "workers")
            for name in names:
                os.rename(os.path.join(directory, name), os.path.join(directory, f"{name}.1"))
            daemon.kill(number)
            self.eventually(lambda: set(names) <= set(os.listdir(directory)), "the new logs")
            daemon.kill(signal.SIGTERM)
            daemon.wait()
            with open(os.path.join(directory, "log.main"), encoding="ascii") as file:
                self.assertIn(" ledger ", file.readlines()[-1])
            with open(os.path.join(directory, "log.main.1"), encoding="ascii") as file:
                text = file.read()
            self.assertIn(" ready ", text)
            self.assertNotIn(" ledger ", text)

    def must_reopen(self, daemon):
        log = os.path.join(daemon.directory, "log")
        self.eventually(lambda: os.path.exists(log), "the log")
        self.eventually(lambda: probe.workers(daemon.process.pid), "workers")
        daemon.write_config("no configuration")
        os.rename(log, f"{log}.1")
        daemon.kill(signal.SIGHUP)
        self.eventually(lambda: os.path.exists(log), "the new log")
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        with open(log, encoding="ascii") as file:
            self.assertIn(" ledger ", file.readlines()[-1])

    def test_where_a_reload_is_refused(self):
        """Because the file has errors, or because there is none to read again."""
        target = ["--set", "logging.target=log"]
        self.must_reopen(self.start(arguments=target, ready=False))
        with stdin_with(b'{ "port": 0 }') as stdin:
            self.must_reopen(self.start(arguments=["-c", "-", *target], stdin=stdin, ready=False))


dgramtest.main()

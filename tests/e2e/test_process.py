"""Handlers that run in children which share memory with the daemon: how these end, what that costs, and that nothing
which they write there is believed. What such a handler is promised is in test_handlers.py."""

import atexit
import errno
import json
import os
import random
import re
import signal
import struct
import tempfile
import time

import children
import dgramtest
import namespaces
import plugins

FOLDER = tempfile.TemporaryDirectory(prefix="dgramd-process-")
atexit.register(FOLDER.cleanup)
SABOTEUR = plugins.build(
    os.path.join(FOLDER.name, "saboteur.so"), os.path.join(dgramtest.TOP, "tests/e2e/process/saboteur.c"), "-D_GNU_SOURCE",
    "-I", os.path.join(dgramtest.TOP, "src"))
KILLS = int(os.environ.get("KILLS", "100"))
RSS_ANON_MAX_KIB = 600
RSS_MAX = 128 << 20
FILES = 30


def is_sanitized():
    with open(os.path.join(dgramtest.BUILD, "flags"), encoding="utf-8") as file:
        return "-fsanitize" in file.read()


def rss_anon_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"RssAnon:\s+(\d+) kB", file.read())[1])


def memory_maps(pid):
    """How many mappings it has of memory that it shares with children."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        return file.read().count("/memfd:dgram ")


class ProcessCase(children.ChildCase):
    def serve(self, handler=SABOTEUR, workers=1, **config):
        daemon = self.start({
            "handler": handler, "concurrency": "process", "pool": {"workers": workers},
            **dgramtest.UNWARNED, "max_reply_factor": 0, "logging": {"level": "debug"}, **config})
        daemon.wait_for("child ready", workers)
        return daemon


class Ends(ProcessCase):
    def must_say(self, line, request, **told):
        wanted = {"unanswered": 1, "bytes": len(request), **told}
        self.assertEqual({name: line.get(name) for name in wanted}, {name: str(value) for name, value in wanted.items()})

    def must_end(self, daemon, request, count, **told):
        """Its request alone fails."""
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        client = self.client(daemon)
        client.send(request.encode())
        daemon.wait_for("child ended", count)
        line = daemon.events("child ended")[-1]
        self.must_say(line, request, **told)
        self.assertEqual(line["client"].rpartition(":")[2], str(client.getsockname()[1]))

    def test_each_end_is_told_apart_and_costs_one_request(self):
        sanitized = is_sanitized()  # that has terabytes, and reports itself what the kernel would have
        daemon = self.serve(child={"memory_bytes": 0 if sanitized else 64 << 20})
        ends = {
            "abort": {"signal": "ABRT", "reason": "ended"},
            "overflow": {"reason": "ended", **({} if sanitized else {"signal": "SEGV"})},
            "exit": {"code": 0, "reason": "ended"},
            "verify abort": {"signal": "ABRT", "reason": "ended"},
        }
        if not sanitized:
            ends["exhaust"] = {"signal": "ABRT", "reason": "ended"}
        for count, (request, told) in enumerate(ends.items(), 1):
            with self.subTest(request=request):
                self.must_end(daemon, request, count, **told)
        self.check(daemon, received=2 * len(ends), replied=len(ends), failed_child=len(ends), children_crashed=len(ends))

    def test_one_that_does_not_end_is_ended(self):
        requests = "loop", "deadlock", "stop"
        daemon = self.serve(workers=len(requests), child={"timeout_ms": 2000 * dgramtest.SLOW}, queue={"max_wait_ms": 0})
        for request in requests:
            self.client(daemon).send(request.encode())
        daemon.wait_for("child ended", len(requests))
        lines = {line["bytes"]: line for line in daemon.events("child ended")}
        for request in requests:
            self.must_say(
                lines[str(len(request))], request, signal="KILL", reason="did not answer within child.timeout_ms")
        self.check(daemon, received=len(requests), failed_child=len(requests), children_killed=len(requests))

    def test_what_it_claims_is_not_believed(self):
        daemon = self.serve(max_reply_bytes=1000)
        room = "claimed to have written more than there is room for"
        claims = {  # done, result, kind, length, calling
            "claim 2 0 0 0 0": "answered what it was not asked",
            "claim -1 0 0 0 0": "answered what it was not asked",
            "claim 1 1001 0 0 0": room,
            "claim 1 2147483647 0 0 0": room,
            "claim 1 -65539 0 0 0": room,
            "claim 0 0 4 0 1": "asked for what there is not",
            "claim 0 0 -1 0 1": "asked for what there is not",
            "claim 0 0 0 65508 1": room,
            "claim 0 0 3 -1 7": room,
        }
        for count, (request, reason) in enumerate(claims.items(), 1):
            with self.subTest(request=request):
                self.must_end(daemon, request, count, reason=reason)
        self.check(daemon, received=2 * len(claims), replied=len(claims), failed_child=len(claims),
            children_killed=len(claims))

    def test_what_it_logs_may_change_meanwhile(self):
        daemon = self.start({
            **dgramtest.UNWARNED, "pool": {"workers": 1}, "queue": {"max_wait_ms": 0},
            "services": [{"name": "changes", "handler": SABOTEUR, "concurrency": "process", "port": 0}]})
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=1, replied=1)

    def test_it_cannot_have_the_daemon_wait(self):
        daemon = self.serve()
        self.assertEqual(self.ask(daemon, b"fill"), b"fill")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=2, replied=2)

    def test_its_memory_is_sealed(self):
        daemon = self.serve()
        self.assertEqual(self.ask(daemon, b"sealed"), b"yes")
        self.check(daemon, received=1, replied=1)

    def test_one_that_closes_all_has_answered(self):
        daemon = self.serve()
        self.client(daemon).send(b"close")
        daemon.wait_for("child ended")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=2, replied=1, no_reply=1, children_crashed=1)

    def test_a_reply_that_has_left_is_no_failure(self):
        daemon = self.serve()
        self.assertEqual(self.ask(daemon, b"first"), b"first")
        daemon.wait_for("child ended")
        self.check(daemon, received=1, replied=1, children_crashed=1)

    def test_only_the_guilty_one_of_many_fails(self):
        """However they were put together."""
        daemon = self.serve()
        client = self.client(daemon)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        daemon.freeze()
        for payload in b"a", b"b", b"abort", b"c", b"d":
            client.send(payload)
        daemon.kill(signal.SIGCONT)
        self.assertCountEqual([client.recv(10) for _ in range(4)], [b"a", b"b", b"c", b"d"])
        self.assertEqual(daemon.wait_for("child ended")["unanswered"], "1")
        self.check(daemon, received=6, replied=5, failed_child=1, children_crashed=1)

    def test_what_stands_behind_a_late_one_runs_once(self):
        """The late one ends when its child gets SIGTERM, which then has 100 ms for more."""
        daemon = self.serve(child={"timeout_ms": 1000 * dgramtest.SLOW, "rerun": False}, queue={"max_wait_ms": 0})
        client = self.client(daemon)
        daemon.freeze()
        for payload in b"a", b"pause", b"mark":
            client.send(payload)
        daemon.kill(signal.SIGCONT)
        self.assertCountEqual([client.recv(20) for _ in range(2)], [b"a", b"mark"])
        daemon.wait_for("child ended")
        daemon.wait_for("child wrote")
        self.check(daemon, received=3, replied=2, failed_child=1, children_killed=1)
        self.assertEqual([line["text"] for line in daemon.events("child wrote")], ["marked"])

    def test_a_request_that_kills_is_refused_after_the_second_death(self):
        daemon = self.serve()
        client = self.client(daemon)
        for count in (1, 2):
            self.assertEqual(self.ask(daemon, b"hello"), b"hello")
            client.send(b"abort")
            daemon.wait_for("child ended", count)
        daemon.wait_for("request quarantined")
        client.send(b"abort")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=6, replied=3, failed_child=2, dropped_quarantined=1, children_crashed=2)


class Kills(ProcessCase):
    @staticmethod
    def words(pid):
        """`rounds`, `asked`, `begun` and `done` of its memory."""
        with open(f"/proc/{pid}/fd/3", "rb") as file:
            return struct.unpack("4I", file.read(24)[8:])

    def test_a_request_that_it_has_not_begun_runs_elsewhere(self):
        daemon = self.serve()
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        child = int(self.ask(daemon, b"pid"))
        rounds = self.words(child)[0]
        os.kill(child, signal.SIGSTOP)
        client = self.client(daemon)
        client.send(b"mine")
        self.eventually(lambda: self.words(child)[0] == rounds + 1, "it is handed over")
        os.kill(child, signal.SIGKILL)
        self.assertEqual(client.recv(10), b"mine")
        self.check(daemon, received=3, replied=3, children_crashed=1)

    def test_a_request_that_it_has_begun_fails(self):
        daemon = self.serve()
        child = int(self.ask(daemon, b"pid"))
        self.client(daemon).send(b"wait")
        self.eventually(lambda: self.words(child)[2:] == (1, 0), "it is begun")
        os.kill(child, signal.SIGKILL)
        self.assertEqual(daemon.wait_for("child ended")["unanswered"], "1")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=3, replied=2, failed_child=1, children_crashed=1)

    def test_kills_at_random_moments(self):
        """Each costs a request at most, and no descriptor, mapping or zombie is left of any child."""
        daemon = self.serve(workers=2)
        client = self.client(daemon)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        pid = daemon.process.pid
        descriptors, maps = len(os.listdir(f"/proc/{pid}/fd")), memory_maps(pid)
        self.assertEqual(maps, 2)
        chance, kills, sent = random.Random(1), dgramtest.scaled(KILLS, 10), 1
        for kill in range(1, kills + 1):
            for _ in range(chance.randrange(40)):
                client.send(b"%d" % sent)
                sent += 1
            time.sleep(chance.random() / 1000)  # what happens meanwhile is what is tried
            os.kill(chance.choice(sorted(self.children_of(daemon))), signal.SIGKILL)
            daemon.wait_for("child ready", 2 + kill)
        self.eventually(lambda: len(os.listdir(f"/proc/{pid}/fd")) == descriptors, "all are closed")
        self.assertEqual((memory_maps(pid), len(self.children_of(daemon))), (maps, 2))
        (ledger,) = daemon.stop().values()
        self.assertEqual(ledger["received"], sent)
        self.assertEqual(ledger["replied"] + ledger["failed_child"], sent)
        self.assertLessEqual(ledger["failed_child"], kills)
        self.assertEqual(ledger["children_crashed"], kills)

    def test_none_outlives_the_daemon(self):
        """In each combination of user and sandbox, in which they also serve."""
        for more in ({}, {"sandbox": "enforce"}, {"user": "nobody"}, {"user": "nobody", "sandbox": "enforce"}):
            with self.subTest(**more):
                daemon = self.serve("echo", workers=2, **more)
                self.assertEqual(self.ask(daemon, b"hello"), b"hello")
                found = self.children_of(daemon)
                self.assertEqual(len(found), 2)
                os.kill(found.pop(), signal.SIGKILL)
                daemon.wait_for("child ready", 3)
                self.assertEqual(self.ask(daemon, b"hello"), b"hello")
                found = self.children_of(daemon)
                daemon.kill(signal.SIGKILL)
                self.eventually(
                    lambda: all(children.state_of(child) in (None, "Z") for child in found), "they end")


class Serves(ProcessCase):
    def test_built_in_handlers(self):
        for handler, request in ("echo", b"hello"), ("time", b"x"), ("daytime", b""), ("time-rfc868", b""):
            with self.subTest(handler=handler):
                daemon = self.serve(handler)
                self.assertTrue(self.ask(daemon, request))
                self.check(daemon, received=1, replied=1)

    def test_batches(self):
        daemon = self.serve("echo", max_datagram_bytes=65507)
        client = self.client(daemon)
        payloads = [b"", bytes(range(256)), b"x" * 65507]
        for payload in payloads:
            client.send(payload)
            self.assertEqual(client.recv(65536), payload)
        count = dgramtest.scaled(2000)
        for begin in range(0, count, 100):
            for number in range(begin, begin + 100):
                client.send(b"%d" % number)
            self.assertEqual(
                {client.recv(100) for _ in range(100)}, {b"%d" % n for n in range(begin, begin + 100)})
        self.check(daemon, received=count + 3, replied=count + 3)

    def test_keys_of_children(self):
        daemon = self.serve(child={"max_requests": 10})
        answered = self.who_answer(daemon, 2)
        self.assertGreaterEqual(len(set(answered)), 3)
        (ledger,) = daemon.stop().values()
        self.assertEqual((ledger["replied"], ledger["failed_child"]), (len(answered), 0))
        self.assertGreaterEqual(ledger["children_recycled"], 2)

    def test_one_that_opens_too_much(self):
        """It may have no more, serves on with all of them taken, and nobody else is concerned."""
        daemon = self.serve(child={"files": FILES})
        child, own = int(self.ask(daemon, b"pid")), len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        self.assertEqual(self.ask(daemon, b"files"), b"%d" % errno.EMFILE)
        self.assertEqual(len(os.listdir(f"/proc/{child}/fd")), FILES)
        self.assertEqual(len(os.listdir(f"/proc/{daemon.process.pid}/fd")), own)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.assertEqual(self.ask(daemon, b"now it calls"), b"now it calls")
        self.check(daemon, received=4, replied=4)

    def test_one_that_grows_is_replaced(self):
        """And no request is lost."""
        daemon = self.serve(child={"max_rss_bytes": RSS_MAX})
        first = self.ask(daemon, b"pid")
        self.assertEqual(self.ask(daemon, b"grow %d" % RSS_MAX), b"yes")
        self.eventually(
            lambda: self.ask(daemon, b"hello") == b"hello" and daemon.events("child replaced"), "it is replaced")
        self.assertEqual(daemon.wait_for("child replaced")["pid"], first.decode())
        self.assertNotEqual(self.ask(daemon, b"pid"), first)
        (ledger,) = daemon.stop().values()
        self.assertEqual(ledger["replied"], ledger["received"])
        self.assertEqual([ledger[f"children_{how}"] for how in ("recycled", "crashed", "killed")], [1, 0, 0])

    def test_what_a_request_asks_of_the_daemon_is_for_its_client(self):
        """Also if the one before it ends while the worker takes the results before that."""
        daemon = self.serve()
        before, teller, chance = self.client(daemon), self.client(daemon), random.Random(1)
        for _ in range(dgramtest.scaled(300, 40)):
            payloads = [b"spin 300", *[b"quick"] * 27, b"spin 110", b"spin %d" % chance.randrange(99)]
            for payload in payloads:
                before.send(payload)
            teller.send(b"now it is told")
            self.assertCountEqual([before.recv(100) for _ in payloads], payloads)
            self.assertEqual(teller.recv(100), b"now it is told")
        daemon.stop()

    def test_a_child_is_small(self):
        if is_sanitized():
            self.skipTest("its memory is the sanitizer's")
        daemon = self.serve()
        for _ in range(100):
            child = int(self.ask(daemon, b"pid"))
        self.assertLessEqual(rss_anon_kib(child), RSS_ANON_MAX_KIB)
        daemon.stop()

    def test_the_daemon_does_not_load_the_plugin(self):
        daemon = self.serve()
        child = int(self.ask(daemon, b"pid"))
        for pid, loaded in (child, True), (daemon.process.pid, False):
            with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
                self.assertEqual("saboteur.so" in file.read(), loaded)
        daemon.stop()

    def test_what_cannot_run_in_children(self):
        for concurrency in "inline", "process":
            daemon = self.start({
                "handler": "exec", "concurrency": concurrency, "options": {"command": ["date"]}}, ready=False)
            daemon.wait(78)
            self.assertIn(
                'concurrency: must be "pool": the handler "exec" waits for its command', daemon.text())


# What tests/e2e/prober.c tries, with what that comes to without a sandbox.
REFUSED = {
    "execve": errno.ENOENT, "fork": 0, "ptrace": 0, "socket": 0, "older": 0, "send": 0, "signal": 0, "write": 0,
    "create": errno.ENOENT, "truncate": 0, "unlink": errno.ENOTDIR, "code": 0, "protect": 0}
ALLOWED = ("read", "pass", "thread", "raise", "memory", "zone", "print")
TOLD = "child.sandbox refused the system call "


class Sandbox(ProcessCase):
    @classmethod
    def setUpClass(cls):
        os.chmod(FOLDER.name, 0o755)
        cls.prober = plugins.build(
            os.path.join(FOLDER.name, "prober.so"), os.path.join(dgramtest.TOP, "tests/e2e/prober.c"), "-D_GNU_SOURCE",
            "-DPLUGIN")

    def answers(self, word, probes, **config):
        daemon = self.serve(self.prober, options={"helper": True}, child={"sandbox": word}, **config)
        return daemon, {probe: int(self.ask(daemon, probe.encode())) for probe in probes}

    def must_end_well(self, daemon, refusals):
        """With so many lines of refusals, and the two of the probe "print"."""
        count = len(REFUSED) + len(ALLOWED)
        daemon.wait_for("child wrote", refusals + 2)
        self.check(daemon, received=count, replied=count)
        lines = [line["text"] for line in daemon.events("child wrote")]
        self.assertEqual(lines[refusals:], ["it printed 0.500000", "this, too"])
        self.assertTrue(all(line.startswith(TOLD) for line in lines[:refusals]))

    def test_off(self):
        daemon, answers = self.answers("off", [*REFUSED, *ALLOWED])
        self.assertEqual(answers, {**REFUSED, **dict.fromkeys(ALLOWED, 0)})
        self.must_end_well(daemon, 0)

    def test_enforce_and_log_refuse(self):
        for word, refusals in ("enforce", 0), ("log", len(REFUSED)):
            for more in ({}, {"user": "nobody"}, {"user": "nobody", "sandbox": "enforce"}):
                with self.subTest(word=word, **more):
                    daemon, answers = self.answers(word, [*REFUSED, *ALLOWED], **more)
                    self.assertEqual(answers, {**dict.fromkeys(REFUSED, errno.EPERM), **dict.fromkeys(ALLOWED, 0)})
                    self.must_end_well(daemon, refusals)

    def test_log_has_the_number(self):
        daemon, _ = self.answers("log", ["socket"])
        line = daemon.wait_for("child wrote")
        self.assertEqual((line["source"], line["text"]), ("worker/0", f"{TOLD}{namespaces.SOCKET_CALL}"))
        self.client(daemon).send(b"blocked")
        self.assertEqual(daemon.wait_for("child ended")["signal"], "SYS")
        daemon.stop()

    def test_built_in_handlers_serve_in_it(self):
        for handler in "echo", "time", "daytime", "time-rfc868", "simulate":
            with self.subTest(handler=handler):
                daemon = self.serve(handler, child={"sandbox": "enforce"})
                self.assertTrue(self.ask(daemon, b"x"))
                self.check(daemon, received=1, replied=1)

    def test_each_service_has_its_own(self):
        """Of one handler, too, and the top's by default."""
        daemon = self.start({
            "concurrency": "process", **dgramtest.UNWARNED, "child": {"sandbox": "enforce"},
            "services": [
                {"name": "in", "handler": self.prober},
                {"name": "out", "handler": self.prober, "child": {"sandbox": "off"}}]})
        self.assertEqual(daemon.ask(b"socket", service="in"), b"%d" % errno.EPERM)
        self.assertEqual(daemon.ask(b"socket", service="out"), b"0")
        daemon.stop()

    def test_commands_have_none(self):
        told = 'child.sandbox: must be "off": it is for built-in handlers and plug-ins with "concurrency": "process"'
        for mode in "once", "text", "binary":
            for sandbox in "log", "enforce":
                with self.subTest(mode=mode, sandbox=sandbox):
                    text = json.dumps({
                        "handler": "exec", "options": {"command": ["cat"], "mode": mode}, "child": {"sandbox": sandbox}})
                    done = dgramtest.run_dgramd("-t", "-c", "-", input=text)
                    self.assertEqual(done.returncode, 78)
                    self.assertIn(told, done.stderr)
                    _, line, caret = done.stderr.splitlines()[:3]
                    self.assertEqual(line[caret.index("^"):].split("}")[0], f'"{sandbox}"')


dgramtest.main()

"""How children end, what that costs, and what follows."""

import os
import random
import signal
import sys
import time

import children
import dgramtest


class Ends(children.ChildCase):
    def test_each_end_is_told_apart_and_costs_one_request(self):
        daemon = self.serve(
            children.OBEYS, children=1, child={"timeout_ms": 1500, "memory_bytes": 256 << 20},
            max_reply_bytes=1000)
        frame = "frame(2, number, b'a')"
        ends = {
            "os.abort()": {"signal": "ABRT", "reason": "ended"},
            "os._exit(0)": {"code": 0, "reason": "ended"},
            "sys.setrecursionlimit(10 ** 9); A = type('A', (), {'__repr__': lambda a: repr(a)}); repr(A())": {"signal": "SEGV"},
            "x = bytearray(1 << 30)": {"code": 1, "reason": "ended"},
            "os.kill(os.getpid(), 9)": {"signal": "KILL", "reason": "ended"},
            f"say({frame}[:10]); os._exit(3)": {"code": 3, "reason": "ended"},
            "os.closerange(0, 2); time.sleep(99)": {"signal": "TERM", "reason": "closed its stream"},
            "exec('while True: pass')": {"reason": "did not answer within child.timeout_ms"},
            "os.kill(os.getpid(), 19)": {"signal": "KILL", "reason": "did not answer within child.timeout_ms"},
            "say(b'garbage, which is no frame')": {},
            "say(frame(2, number, b'x' * 1001))": {},
            "say(frame(7, number))": {"reason": "did not answer within child.timeout_ms"},
        }
        for count, (code, told) in enumerate(ends.items(), 1):
            with self.subTest(code=code):
                self.assertEqual(self.ask(daemon, b"hello"), b"hello")
                client = self.client(daemon)
                client.send(b"run " + code.encode())
                daemon.wait_for("child ended", count)
                line = daemon.events("child ended")[-1]
                self.assertEqual({name: line.get(name) for name in told}, {
                    name: str(value) for name, value in told.items()}, line)
                self.assertEqual(line["unanswered"], "1")
                self.assertEqual(line["bytes"], str(4 + len(code)))
                self.assertEqual(line["client"].rpartition(":")[2], str(client.getsockname()[1]))
        self.assertIn("MemoryError", daemon.text())
        ledger = daemon.stop()["exec"]
        self.assertEqual(ledger["failed_child"], len(ends))
        self.assertEqual(ledger["replied"], len(ends))
        self.assertEqual(ledger["children_crashed"] + ledger["children_killed"], len(ends))
        self.assertEqual(ledger["children_crashed"], 6)

    def test_a_second_reply_ends_the_child_and_costs_nothing(self):
        daemon = self.serve(children.OBEYS, children=1)
        self.assertEqual(self.ask(daemon, b"run say(frame(2, number, b'a') * 2)"), b"a")
        daemon.wait_for("child ended", reason="answered what it was not asked")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=2, replied=2, children_killed=1)

    def test_an_answer_to_nothing_may_be_late_so_its_request_runs_once_more(self):
        daemon = self.serve(children.OBEYS, children=1)
        self.client(daemon).send(b"run say(frame(2, number + 1, b'x'))")
        daemon.wait_for("child ended", 2, reason="answered what it was not asked")
        self.check(daemon, received=1, failed_child=1, children_killed=2)

    def test_a_child_that_dies_idle_costs_nothing(self):
        daemon = self.serve(children.ECHO, children=1)
        for count in range(1, 6):
            self.assertEqual(self.ask(daemon, b"hello"), b"hello")
            os.kill(int(daemon.wait_for("child ready", count)["pid"]), signal.SIGKILL)
            daemon.wait_for("child ready", count + 1)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=6, replied=6, children_crashed=5)

    def test_a_request_that_it_had_alone_fails(self):
        """It stands in the child's stream, which may have read it."""
        daemon = self.serve(children.ECHO, children=1)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        child = int(daemon.wait_for("child ready")["pid"])
        os.kill(child, signal.SIGSTOP)
        self.client(daemon).send(b"lost")
        self.eventually(lambda: daemon.events("datagrams lost") or self.waits_in(child), "it is written")
        os.kill(child, signal.SIGKILL)
        daemon.wait_for("child ended", unanswered=1)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(daemon, received=3, replied=2, failed_child=1, children_crashed=1)

    @staticmethod
    def waits_in(child):
        """Bytes that wait in a stream are seen from its own end alone."""
        stream = os.pidfd_open(child)
        try:
            fd = children.take_descriptor(stream, 0)
            try:
                return children.bytes_in(fd) > 0
            finally:
                os.close(fd)
        finally:
            os.close(stream)

    def test_kills_at_random_moments(self):
        """Each costs a request at most, and nothing is left of any child."""
        daemon = self.serve(children.TEXT_ECHO, mode="text")
        client = self.client(daemon)
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        daemon.wait_for("child ready", 2)
        descriptors = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        chance, kills, sent = random.Random(1), dgramtest.scaled(30, 10), 1
        for kill in range(1, kills + 1):
            for _ in range(chance.randrange(20)):
                client.send(b"%d" % sent)
                sent += 1
            time.sleep(chance.random() / 1000)  # what happens meanwhile is what is tried
            os.kill(chance.choice(sorted(self.children_of(daemon))), signal.SIGKILL)
            daemon.wait_for("child ready", 2 + kill)
        self.eventually(
            lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) == descriptors, "all are closed")
        self.assertEqual(len(self.children_of(daemon)), 2)
        ledger = daemon.stop()["exec"]
        self.assertEqual(ledger["received"], sent)
        self.assertEqual(ledger["replied"] + ledger["failed_child"], sent)
        self.assertLessEqual(ledger["failed_child"], kills)
        self.assertEqual(ledger["children_crashed"], kills)


class Follows(children.ChildCase):
    def test_a_request_that_kills_is_refused_after_the_second_death(self):
        daemon = self.serve(children.OBEYS, children=1)
        client = self.client(daemon)
        for count in (1, 2):
            self.assertEqual(self.ask(daemon, b"hello"), b"hello")
            client.send(b"run os.abort()")
            daemon.wait_for("child ended", count)
        line = daemon.wait_for("request quarantined")
        self.assertEqual(line["hash"], daemon.events("child ended")[-1]["hash"])
        for _ in range(3):
            client.send(b"run os.abort()")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        self.check(
            daemon, received=8, replied=3, failed_child=2, dropped_quarantined=3, children_crashed=2)

    def test_a_command_that_does_not_work_is_failing_until_it_answers(self):
        works = "test -e works || { echo no works >&2; exit 1; }" + children.TEXT_ECHO
        daemon = self.serve(works, mode="text", children=1)
        line = daemon.wait_for("child did not start", 5)
        self.assertEqual((line["code"], line["last"]), ("1", r"no worksx0a"))
        daemon.wait_for("children failing")
        with open(os.path.join(daemon.directory, "works"), "w", encoding="ascii"):
            pass
        daemon.wait_for("child ready")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        daemon.wait_for("children work again")
        ledger = daemon.stop()["exec"]
        self.assertGreaterEqual(ledger["children_start_failed"], 5)
        self.assertEqual(ledger["replied"], 1)

    def test_a_child_that_says_nothing_is_given_its_time(self):
        daemon = self.serve("sleep 99", mode="text", children=1, child={"start_timeout_ms": 200})
        line = daemon.wait_for("child did not start")
        self.assertEqual(line["reason"], "did not begin within child.start_timeout_ms")
        daemon.stop()

    def test_children_are_replaced_after_max_requests(self):
        daemon = self.serve(children.OBEYS, children=1, child={"max_requests": 10})
        answered = self.who_answer(daemon, 2)
        ledger = daemon.stop()["exec"]
        self.assertGreaterEqual(len(set(answered)), 3)
        self.assertEqual((ledger["replied"], ledger["failed_child"]), (len(answered), 0))
        self.assertEqual(ledger["children_recycled"], len(daemon.events("child replaced")))
        self.assertEqual(ledger["children_crashed"] + ledger["children_killed"], 0)

    def test_children_are_replaced_beyond_max_rss_bytes(self):
        daemon = self.serve(children.OBEYS, children=1, child={"max_rss_bytes": 50 << 20})
        first = self.ask(daemon, b"pid")
        self.client(daemon).send(b"run kept = bytes(80 << 20).replace(b'\\0', b'1'); say(frame(3, number))")
        daemon.wait_for("child replaced", pid=int(first))
        self.assertNotEqual(self.ask(daemon, b"pid"), first)
        ledger = daemon.stop()["exec"]
        self.assertEqual((ledger["replied"], ledger["no_reply"]), (2, 1))
        self.assertGreaterEqual(ledger["children_recycled"], 1)

    def test_a_reload_changes_their_number(self):
        daemon = self.serve(children.TEXT_ECHO, mode="text", children=1)
        for workers in (4, 2):
            daemon.config["pool"]["workers"] = workers
            daemon.write_config(daemon.config)
            daemon.kill(signal.SIGHUP)
            self.eventually(lambda: len(self.children_of(daemon)) == workers, "so many children")
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        daemon.wait_for("child replaced", 2)
        self.check(daemon, received=1, replied=1, children_recycled=2)

    def test_a_stop_ends_children_that_do_not_answer(self):
        daemon = self.serve(children.OBEYS, children=1, shutdown={"drain_timeout_ms": 200})
        self.assertEqual(self.ask(daemon, b"hello"), b"hello")
        child = int(daemon.wait_for("child ready")["pid"])
        self.client(daemon).send(b"run signal = __import__('signal'); signal.signal(15, 1); time.sleep(99)")
        self.eventually(lambda: children.state_of(child) == "S" and daemon.events("ready"), "it has it")
        self.check(daemon, received=2, replied=1, dropped_shutdown=1)
        self.assertIsNone(children.state_of(child))

    def test_none_outlives_the_daemon(self):
        """Also one that reads nothing, in each combination of user and sandbox."""
        for more in ({}, {"sandbox": "enforce"}, {"user": "nobody"}, {"user": "nobody", "sandbox": "enforce"}):
            with self.subTest(**more):
                daemon = self.serve("echo 'dgram 1 text'; while :; do sleep 99; done", mode="text", **more)
                daemon.wait_for("child ready", 2)
                found = self.children_of(daemon)
                self.assertEqual(len(found), 2)
                daemon.kill(signal.SIGKILL)
                self.eventually(
                    lambda: all(children.state_of(child) in (None, "Z") for child in found), "they end")


dgramtest.main()

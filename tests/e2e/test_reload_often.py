"""Reloads one after the other under load, half of them of a file that is wrong: no datagram is lost, the books are
exact, what a refused file says is not in force, and nothing grows."""

import json
import os
import pathlib
import signal

import adminclient
import dgramtest
import probe

RELOADS = int(os.environ.get("RELOADS", "40"))
BEFORE_IT_COUNTS = 16  # reloads after which all that is taken once was taken
GROWTH_MIB = 2  # a leak of 1 KiB a reload is as much in the long form


def valid(number):
    """Others each time: of the pool, of tables that receivers and workers look into, of the log."""
    return {
        "pool": {"workers": (4, 1, 8, 2)[number % 4], "receivers_assist": number % 3 != 0},
        "access": [{}, {"file": "who.list"}, {"deny": ["192.0.2.0/24"]}][number % 3],
        "limits": [{}, {"requests_per_s": 1000000, "exempt": ["127.0.0.0/8"]}][number % 2],
        "queue": {"max_wait_ms": 0, "fair_window_ms": 100 + number % 7},
        "logging": {"level": ("info", "warn")[number % 2], "target": f"log.{number % 2}"},
        "loop_guard": False, "refuse_source_ports": [1 + number % 100]}


def invalid(config, number):
    """For another reason each time; the last two are found out after the file was read."""
    return [
        "", "{ ", {**config, "wrokers": 4}, {**config, "pool": {"workers": 0}}, {**config, "port": 70000},
        {**config, "access": {"file": "nowhere.list"}}, {**config, "logging": {"target": "nowhere/log"}}][number % 7]


class Often(dgramtest.Case):
    def state(self, daemon, admin):
        status = admin.json("/status")
        return status["workers"], status["config"]["generation"], status["config"]["reloads_refused"]

    def sizes(self, daemon):
        """Descriptors and resident pages, in MiB."""
        resident = int(pathlib.Path(f"/proc/{daemon.process.pid}/statm").read_text(encoding="ascii").split()[1])
        return len(os.listdir(f"/proc/{daemon.process.pid}/fd")), resident * os.sysconf("SC_PAGESIZE") / (1 << 20)

    def test_half_of_them_invalid(self):
        base = {**dgramtest.UNWARNED, "handler": "echo", "admin": {"socket": "admin.sock"}}
        daemon = self.start(base)
        daemon.wait_for("admin endpoint")
        base = {**base, "port": daemon.port}
        admin = adminclient.Admin(daemon)
        pathlib.Path(daemon.directory, "who.list").write_text("deny 192.0.2.0/24\n", encoding="ascii")
        loads = [probe.Load(self, daemon.address()) for _ in range(2)]
        count = dgramtest.scaled(RELOADS, at_least=2 * BEFORE_IT_COUNTS)
        taken, refused, workers, before = 0, 0, 4, None
        for number in range(count):
            config = {**base, **valid(number // 2)}
            wrong = number % 2
            daemon.write_config(invalid(config, number // 2) if wrong else config)
            answer = admin.ask("/reload", "POST")
            self.assertEqual(answer.status, 409 if wrong else 200, answer.text)
            self.assertIn("reload refused" if wrong else "reloaded", json.loads(answer.text)["messages"][-1])
            taken, refused = taken + (not wrong), refused + wrong
            workers = workers if wrong else config["pool"]["workers"]
            self.assertEqual(self.state(daemon, admin), (workers, 1 + taken, refused))
            answered = sum(load.answered for load in loads)
            self.eventually(lambda n=answered: sum(load.answered for load in loads) > n + 10, "answers")
            if number + 1 == BEFORE_IT_COUNTS:
                before = self.sizes(daemon)
        for load in loads:
            load.stop()
        sent = sum(load.sent for load in loads)
        self.must_balance(admin, sent)
        # The endpoint closes a connection after its answer was read.
        self.eventually(lambda: self.sizes(daemon)[0] <= before[0], f"{before[0]} descriptors")
        after = self.sizes(daemon)
        print(f"# {count} reloads beside {sent} requests; descriptors and MiB before {before}, after {after}")
        if dgramtest.SLOW == 1:  # what is freed stays with a sanitizer
            self.assertLess(after[1], before[1] + GROWTH_MIB)
        daemon.kill(signal.SIGTERM)
        daemon.wait()

    def must_balance(self, admin, sent):
        """The last batches may be in hand yet."""
        def ledger():
            return adminclient.ledgers_of(admin.ask("/metrics").text)["echo"]

        self.eventually(lambda: ledger()["replied"] == sent, f"{sent} replies")
        dgramtest.check_ledger(ledger())
        self.assertEqual(ledger()["received"], sent)
        self.assertEqual(admin.metrics().value("dgramd_dropped_by_kernel_total", service="echo"), 0)


dgramtest.main()

"""Events that are logged once a second at most, each in a flood of what it is logged for."""

import errno
import os
import pathlib
import re
import resource
import signal
import time

import dgramtest
import faults

TABLE = (pathlib.Path(dgramtest.TOP) / "src/log/event.h").read_text(encoding="utf-8").replace("\\\n", "\n")
LIMITED = set(re.findall(r'X\(EVENT_\w+, [A-Z]+, SECOND,\s*"([^"]+)"', TABLE))
FLOOD_S = 1.2


class Limits(dgramtest.Case):
    def flood(self, address, until=lambda: False):
        """A hundred requests a second, for FLOOD_S at least."""
        limit = time.monotonic() + FLOOD_S
        with dgramtest.socket_for(address) as client:
            while time.monotonic() < limit or until():
                client.sendto(b"x", address)
                time.sleep(0.01)

    def check(self, lines, since, happened):
        """There are some, no more than fit into the time, and fewer than what they are for."""
        self.assertGreater(len(lines), 0)
        self.assertLessEqual(len(lines), 1 + time.monotonic() - since)
        self.assertGreater(happened, 2 * len(lines))

    def test_all(self):
        floods = {name: getattr(self, name.replace(" ", "_"), None) for name in LIMITED}
        self.assertEqual([name for name, flood in floods.items() if not flood], [])
        self.assertGreater(len(floods), 4)
        for name, flood in sorted(floods.items()):
            with self.subTest(event=name):
                flood()

    # --- a flood for each

    def datagrams_lost(self):
        daemon = self.start({"handler": "echo", "min_source_port": 65535})
        begin = time.monotonic()
        self.flood(daemon.address(), lambda: not daemon.events("datagrams lost"))
        lines = daemon.events("datagrams lost")
        dropped = daemon.stop()["echo"]["dropped_source_port_low"]
        self.check(lines, begin, dropped)
        self.assertEqual([line["service"] for line in lines], ["echo"] * len(lines))

    def limits_would_drop(self):
        daemon = self.start(
            {"handler": "echo", "limits": {"requests_per_s": 1, "leak": 0, "dry_run": True}})
        begin = time.monotonic()
        self.flood(daemon.address(), lambda: not daemon.events("limits would drop"))
        lines = daemon.events("limits would drop")
        self.check(lines, begin, daemon.stop()["echo"]["would_drop_limit"])

    def losses_ended(self):
        """Not while it goes on, though there is a pause between any two."""
        daemon = self.start({"handler": "echo", "min_source_port": 65535})
        self.flood(daemon.address(), lambda: not daemon.events("datagrams lost"))
        daemon.wait_for("losses ended")
        self.assertEqual(len(daemon.events("losses ended")), 1)
        self.assertEqual(int(daemon.events("losses ended")[0]["lost"]),
                         daemon.stop()["echo"]["dropped_source_port_low"])

    def handler_overdue(self):
        daemon = self.start({
            "handler": "simulate", "options": {"block_us": 30000},
            "pool": {"workers": 4, "handler_timeout_ms": 10}})
        begin = time.monotonic()
        self.flood(daemon.address(), lambda: len(daemon.events("handler overdue")) < 2)
        lines = daemon.events("handler overdue")
        overdue = daemon.stop()["simulate"]["handlers_overdue"]
        self.check(lines, begin, overdue)
        self.assertGreater(int(lines[1]["suppressed"]), 0)
        self.assertLessEqual(len(daemon.events("last request")), 16 * len(lines))

    def command(self, script, **options):
        return {"handler": "exec", "options": {"command": ["dash", "-c", script], **options}, "pool": {"workers": 4}}

    def must_be_few(self, lines, since, happened):
        """Each of four workers has a second of its own."""
        self.assertGreater(len(lines), 0)
        self.assertLessEqual(len(lines), 4 * (1 + time.monotonic() - since))
        self.assertGreater(happened, 2 * len(lines))

    def command_failed(self):
        daemon = self.start(self.command("exit 1"))
        begin = time.monotonic()
        self.flood(daemon.address(), lambda: not daemon.events("command failed"))
        lines = daemon.events("command failed")
        self.must_be_few(lines, begin, daemon.stop()["exec"]["failed_handler"])

    def child_reported_an_error(self):
        daemon = self.start(self.command(
            r'''echo "dgram 1 text"; read h; while read -r q id rest; do printf "E\t%s\tbad\n" "$id"; done''', mode="text"))
        begin = time.monotonic()
        self.flood(daemon.address(), lambda: not daemon.events("child reported an error"))
        lines = daemon.events("child reported an error")
        self.must_be_few(lines, begin, daemon.stop()["exec"]["failed_handler"])

    def cannot_start_a_child(self):
        """All that there are are killed, and no descriptor is left for others."""
        daemon = self.start({**self.command("echo 'dgram 1 text'; exec cat >&2", mode="text"),
                             "pool": {"workers": 8}, "logging": {"level": "debug"}})
        daemon.wait_for("child ready", count=8)
        pids = [int(line["pid"]) for line in daemon.events("child ready")]
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (4, 4096))
        daemon.freeze()
        begin = time.monotonic()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        daemon.kill(signal.SIGCONT)
        daemon.wait_for("cannot start a child", count=2)
        lines = daemon.events("cannot start a child")
        self.check(lines, begin, daemon.stop()["exec"]["children_start_failed"])
        self.assertGreater(int(lines[1]["suppressed"]), 0)

    def failing(self, call, error, every, **config):
        """A server in which such calls fail again and again, from begin() on."""
        daemon = self.start(config, environment={
            **faults.settings(call, 1, error, every, FAULT_AFTER="begin", FAULT_REPORT="report"),
            "LD_PRELOAD": faults.SHIM})
        daemon.begin = os.path.join(daemon.directory, "begin")
        return daemon

    def fired(self, daemon):
        """How many did, once it has ended."""
        with open(os.path.join(daemon.directory, "report"), encoding="ascii") as report:
            return int(re.search(r"fired=(\d+)", report.read())[1])

    def receive_failed(self):
        daemon = self.failing("recvmmsg", errno.ENOMEM, 1, handler="echo")
        begin = time.monotonic()
        pathlib.Path(daemon.begin).touch()
        self.flood(daemon.address(), lambda: len(daemon.events("receive failed")) < 2)
        lines = daemon.events("receive failed")
        os.unlink(daemon.begin)
        daemon.stop()
        self.check(lines, begin, self.fired(daemon))
        self.assertGreater(int(lines[1]["suppressed"]), 0)

    def replies_not_joined(self):
        """What the kernel refuses is two replies as one message, each time at another socket."""
        names = [f"echo-{number}" for number in range(60)]
        daemon = self.failing(
            "sendmmsg_joined", errno.EINVAL, 1, pool={"workers": 1, "receivers_assist": False},
            services=[{"name": name, "handler": "echo", "host": "::1"} for name in names])
        for name in names:
            daemon.ask(b"", name)  # so the worker knows the handler, and takes two at once
        begin = time.monotonic()
        pathlib.Path(daemon.begin).touch()
        for address in daemon.addresses():
            with dgramtest.socket_for(address) as client:
                client.connect(address)
                daemon.freeze()
                client.send(b"1")
                client.send(b"2")
                daemon.kill(signal.SIGCONT)
                self.assertEqual(client.recv(64) + client.recv(64), b"12")
        lines = daemon.events("replies not joined")
        self.assertEqual({name: books["replied"] for name, books in daemon.stop().items()},
                         dict.fromkeys(names, 3))
        self.check(lines, begin, self.fired(daemon))


dgramtest.main()

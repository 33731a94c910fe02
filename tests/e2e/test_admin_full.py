"""The admin endpoint while the log's disk is full: it answers, requests are served, and what the log loses is counted
and shown."""

import os
import re
import unittest

import adminclient
import dgramtest
import namespaces
from lostlog import DEBUG, LostCase

DISK_BYTES = 16384
LOST = re.compile(r"log lines lost ([\d,]+)")


def mount_disk():
    """A small one, for this process and those that it starts."""
    namespaces.unshare(namespaces.MOUNTS)
    os.mkdir("disk")
    namespaces.mount("none", "disk", "tmpfs", data=f"size={DISK_BYTES}")


class Full(LostCase):
    def ctl(self, daemon, *arguments):
        done = dgramtest.run_dgramd(
            "--socket", f"{daemon.directory}/admin.sock", *arguments, program=f"{dgramtest.BUILD}/dgramctl")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def lost(self, admin):
        return int(admin.metrics().value("dgramd_log_lines_lost_total"))

    @unittest.skipUnless(os.geteuid() == 0, "only root mounts a disk")
    def test_it_answers(self):
        daemon = self.start(
            {**dgramtest.UNWARNED, "handler": "echo", "admin": {"socket": "admin.sock"}}, preexec_fn=mount_disk)
        daemon.wait_for("admin endpoint")
        daemon.echo = daemon.address()
        admin = adminclient.Admin(daemon)
        daemon.write_config({**daemon.config, "logging": {**DEBUG, "target": "disk/log"}})
        admin.json("/reload", "POST")
        self.assertEqual(self.lost(admin), 0)
        requests = 0
        while not daemon.events("cannot write the log"):
            requests += self.must_answer(daemon, 10)
        self.assertEqual(daemon.events("cannot write the log")[0]["error"], "No space left on device")
        before = self.lost(admin)
        requests += self.must_answer(daemon, 100)
        self.eventually(lambda: self.lost(admin) >= before + 100, "a count of each line")
        for path in "/livez", "/readyz", "/status", "/workers", "/drops", "/talkers", "/config", "/":
            self.assertEqual(admin.ask(path).status, 200, path)
        service, = admin.json("/status")["services"]
        self.assertEqual(service["replied"], requests)
        self.assertGreaterEqual(service["log_lines_lost"], before + 100)
        shown = LOST.search(self.ctl(daemon, "status"))[1].replace(",", "")
        self.assertGreaterEqual(int(shown), before + 100)
        self.assertIn("echo 127.0.0.1:", self.ctl(daemon, "ping"))
        self.must_go_on(daemon, admin, requests + 1)

    def must_go_on(self, daemon, admin, requests):
        """Once there is room, what was lost is said with the next line, and the log's books have all of it."""
        path = f"/proc/{daemon.process.pid}/root{daemon.directory}/disk/log"
        with open(path, "r+b") as log:
            log.truncate()
            requests += self.answer_until_told(daemon, lambda: self.read(path))
            lost = self.lost(admin)
            self.must_end(daemon)
            text = log.read().decode("ascii")
        lines = [line for line in map(dgramtest.parse_line, text.split("\n")) if line]
        ledger = [line for line in lines if line["event"] == "ledger"][-1]
        self.assertEqual((ledger["replied"], ledger["log_lines_lost"]), (str(requests), str(lost)))
        self.assertEqual(sum(int(line["lost"]) for line in lines if line["event"] == "log lines lost"), lost)


dgramtest.main()

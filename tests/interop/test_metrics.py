"""The admin endpoint as curl(1) and promtool(1) see it, and the alerts of conf/prometheus."""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import dgramtest

RULES = pathlib.Path(dgramtest.TOP, "conf/prometheus/dgramd.rules.yml")
ALERTS = pathlib.Path(dgramtest.TOP, "tests/interop/alerts.yml")


def run(*command, **options):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=dgramtest.PATIENCE, **options)


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Curl(dgramtest.Case):
    def start_with_admin(self):
        daemon = self.start({**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}})
        daemon.wait_for("admin endpoint")
        return daemon

    def curl(self, daemon, *arguments):
        return run("curl", "-sS", "--unix-socket", f"{daemon.directory}/admin.sock", *arguments)

    def test_as_the_manual_says(self):
        daemon = self.start_with_admin()
        page = pathlib.Path(dgramtest.TOP, "src/daemon/dgramd.8").read_text(encoding="utf-8")
        shown = re.findall(r"^curl --unix-socket \S+ (.*)$", page, re.MULTILINE)
        self.assertEqual(len(shown), 2)
        said = [self.curl(daemon, *each.split()).stdout for each in shown]
        self.assertIn(f'"pid":\t{daemon.process.pid}', said[0])
        self.assertIn("reloads so far: 1", said[1])

    @unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
    def test_promtool_accepts_the_metrics(self):
        daemon = self.start_with_admin()
        daemon.ask()
        metrics = self.curl(daemon, "http://localhost/metrics").stdout
        checked = run("promtool", "check", "metrics", input=metrics)
        self.assertEqual((checked.returncode, checked.stdout), (0, ""))


@unittest.skipUnless(shutil.which("promtool"), "promtool is not installed")
class Alerts(dgramtest.Case):
    def test_rules(self):
        names = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
        tested = ALERTS.read_text(encoding="utf-8")
        self.assertGreater(len(names), 8)
        for name in names:
            self.assertIn(f"alertname: {name}\n", tested)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(tested.replace("RULES", str(RULES)))
            file.flush()
            done = run("promtool", "test", "rules", file.name)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_configuration(self):
        done = run("promtool", "check", "config", str(RULES.parent / "prometheus.yml"))
        self.assertEqual(done.returncode, 0, done.stdout)


dgramtest.main()

"""dgramctl, against the real daemon."""

import json
import os
import re
import socket
import subprocess
import threading

import dgramtest

CTL = os.path.join(dgramtest.BUILD, "dgramctl")


def ctl(*arguments, **environment):
    return dgramtest.run_dgramd(*arguments, program=CTL, env={**os.environ, **environment})


class Ctl(dgramtest.Case):
    def start_with_admin(self, config=None):
        daemon = self.start({**dgramtest.UNWARNED, "admin": {"socket": "admin.sock"}, **(config or {})})
        daemon.wait_for("admin endpoint")
        return daemon

    def ctl(self, daemon, *arguments, status=0):
        done = ctl("--socket", f"{daemon.directory}/admin.sock", *arguments)
        self.assertEqual(done.returncode, status, done)
        return done

    def test_status(self):
        """Four lines."""
        daemon = self.start_with_admin({"services": [{"handler": "echo"}, {"handler": "time"}]})
        daemon.ask(b"x", "echo")
        self.eventually(lambda: "replied 1," in self.ctl(daemon, "status").stdout, "a reply in the books")
        lines = self.ctl(daemon, "status").stdout.splitlines()
        self.assertEqual(len(lines), 4)
        self.assertRegex(lines[0], rf"^dgramd 0\.1\.0, pid {daemon.process.pid}, up \d+ s, ready$")
        self.assertRegex(
            lines[1], r"^services: echo \(127\.0\.0\.1:\d+\), time \(127\.0\.0\.1:\d+\); workers: 0 of 4 busy; "
            r"configuration: 1$")
        self.assertEqual(lines[2], "received 1, replied 1, no reply 0, waiting 0, running 0")
        self.assertEqual(lines[3], "dropped 0, of them by the kernel 0, failed 0, log lines lost 0")
        self.ctl(daemon, "drain")
        self.ctl(daemon, "reload")
        lines = self.ctl(daemon, "status").stdout.splitlines()
        self.assertTrue(lines[0].endswith("not ready: it was taken out of service"), lines)
        self.assertRegex(lines[1], r"configuration: 2, reload of \S+Z in force$")

    def test_workers(self):
        daemon = self.start_with_admin({"handler": "echo"})
        for _ in range(3):
            daemon.ask(b"x")

        def rows():
            return [line.split() for line in self.ctl(daemon, "workers").stdout.splitlines()]

        self.assertEqual([row[0] for row in rows()], ["THREAD", "w0", "w1", "w2", "w3", "rx0"])
        self.eventually(lambda: sum(int(row[4]) for row in rows()[1:]) == 3, "three requests in the books")
        for row in rows()[1:]:
            self.assertEqual(row[-2:] == ["-", "-"], row[4] == "0", row)

    def test_drops(self):
        daemon = self.start_with_admin({"max_datagram_bytes": 8})
        self.assertEqual(self.ctl(daemon, "drops").stdout, "nothing was dropped\n")
        with dgramtest.socket_for(daemon.address()) as client:
            for _ in range(5):
                client.sendto(b"far too long", daemon.address())
            self.eventually(
                lambda: '"count":\t5' in self.ctl(daemon, "--json", "drops").stdout, "five drops")
        row = self.ctl(daemon, "drops").stdout.splitlines()[1]
        self.assertRegex(row, r"^time +dropped_truncated +5 +0  raise max_datagram_bytes if ")

    def test_talkers(self):
        daemon = self.start_with_admin({"handler": "echo", "queue": {"fair_window_ms": 1}})
        self.assertEqual(self.ctl(daemon, "talkers").stdout, "echo: no source is in its account\n")
        daemon.ask()
        self.eventually(lambda: "127.0.0.1" in self.ctl(daemon, "talkers").stdout, "a window that is over")
        lines = self.ctl(daemon, "talkers").stdout.splitlines()
        self.assertEqual([lines[0], lines[3]], ["echo, by requests", "echo, by time"])
        for line in lines[2], lines[5]:
            self.assertRegex(line, r"^127\.0\.0\.1 +1 +\d+ us$")

    def test_ping(self):
        """Each address, also of who listens everywhere, and a handler that sends nothing. It warns."""
        daemon = self.start_with_admin({"services": [
            {"name": "all", "handler": "echo", "host": ["0.0.0.0", "::"]}, {"handler": "discard"}]})
        done = self.ctl(daemon, "ping")
        self.assertEqual(done.stderr.count("warning: each service gets an empty request"), 1)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^all 0\.0\.0\.0:\d+: 0 bytes after \d+(\.\d)? (us|ms|s)$")
        self.assertRegex(lines[1], r"^all \[::\]:\d+: 0 bytes after \d+(\.\d)? (us|ms|s)$")
        self.assertRegex(lines[2], r"^discard 127\.0\.0\.1:\d+: the handler chose to send no reply$")
        ledgers = daemon.stop()
        self.assertEqual((ledgers["all"]["replied"], ledgers["discard"]["no_reply"]), (2, 1))

    def test_ping_without_a_reply(self):
        """What nobody lets in gets none, and that is 1."""
        daemon = self.start_with_admin({"handler": "echo", "access": {"deny": ["127.0.0.0/8"]}})
        done = self.ctl(daemon, "--json", "ping", status=1)
        pinged, = json.loads(done.stdout)["pings"]
        self.assertEqual(pinged, {
            "service": "echo", "address": "{}:{}".format(*daemon.address()), "why": "no reply within 2 s"})

    def test_who_waits_for_an_address(self):
        """One that has another is ready; one that has none is not, and no ping overlooks it."""
        config = {"handler": "echo", "on_missing_address": "wait"}
        daemon = self.start_with_admin({"services": [{**config, "host": ["127.0.0.1", "203.0.113.77"]}]})
        self.assertRegex(
            self.ctl(daemon, "status").stdout, r", ready, but waits for 203\.0\.113\.77:\d+ \(no such address\)\n")
        daemon = self.start({
            **dgramtest.UNWARNED, **config, "host": "203.0.113.77", "admin": {"socket": "admin.sock"}}, ready=False)
        daemon.wait_for("admin endpoint")
        self.assertEqual(
            self.ctl(daemon, "ping", status=1).stdout, "echo -: it waits for its addresses\n")
        self.ctl(daemon, "drain")
        self.assertRegex(
            self.ctl(daemon, "status").stdout,
            r"not ready: it was taken out of service, and waits for an address: 203\.0\.113\.77:")
        self.assertEqual(
            self.ctl(daemon, "undrain").stdout, "taken out of service: no more, but it waits for an address\n")
        daemon.stop()

    def test_top_needs_a_terminal(self):
        daemon = self.start_with_admin()
        self.assertIn("top needs a terminal", self.ctl(daemon, "top", status=64).stderr)

    def test_reload(self):
        daemon = self.start_with_admin()
        daemon.write_config({**daemon.config, "pool": {"workers": 2}})
        self.assertEqual(
            self.ctl(daemon, "reload").stdout,
            "configuration: pool.workers 4 -> 2: in effect now\nreloaded: reloads so far: 1\n")
        daemon.write_config("{")
        refused = self.ctl(daemon, "reload", status=1)
        self.assertEqual(refused.stdout, "")
        self.assertIn("reload refused: the file has errors; the configuration stays as it was", refused.stderr)
        self.assertEqual(json.loads(self.ctl(daemon, "config").stdout)["pool"]["workers"], 2)

    def test_log_level(self):
        daemon = self.start_with_admin()
        self.ctl(daemon, "log-level", "debug")
        daemon.ask()
        daemon.wait_for("request")
        self.assertIn("must be one of: error warn info debug", self.ctl(daemon, "log-level", "x", status=64).stderr)

    def test_json(self):
        daemon = self.start_with_admin()
        for command, key in (("status", "pid"), ("workers", "workers"), ("drops", "drops"), ("top", "workers"),
                             ("talkers", "services"), ("ping", "pings"), ("reload", "messages"),
                             ("undrain", "messages"), ("config", "handler")):
            self.assertIn(key, json.loads(self.ctl(daemon, "--json", command).stdout), command)

    def test_wrong_lines(self):
        for arguments, text in (
                ((), "a command is missing"), (("stat",), "unknown command: stat"), (("status", "x"), "unexpected"),
                (("--what",), "unknown option: --what"), (("-xh",), "unknown option: -x;"),
                (("--json", "-xh"), "unknown option: -x;"), (("--json=yes",), "unknown option: --json=yes;"),
                (("--socket",), "the option needs an argument"),
                (("--socket", "", "status"), "has 1 to 107 bytes"),
                (("--socket", "x" * 108, "status"), "has 1 to 107 bytes"),
                (("log-level",), "the command needs one of"), (("--completions", "csh"), "bash, zsh or fish")):
            done = ctl(*arguments)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (64, "", 1), arguments)
            self.assertIn(text, done.stderr)
        for option in "--help", "--version", "-h", "-V":
            done = ctl(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_nobody_there(self):
        """It names the path."""
        for path, why in (("/nowhere/admin.sock", "No such file or directory"), ("/etc/passwd", "Connection refused")):
            done = ctl("status", DGRAM_ADMIN=path)
            self.assertEqual((done.returncode, done.stderr), (69, f"dgramctl: error: {path}: {why}\n"))
        self.assertIn(
            "error: /run/dgramd/admin.sock: " if not os.path.exists("/run/dgramd/admin.sock") else "",
            ctl("status", DGRAM_ADMIN="").stderr)

    def test_somebody_else_there(self):
        """Who answers what no dgramd does."""
        daemon = self.start({})
        path = f"{daemon.directory}/other.sock"
        replies = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[{", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
            b'HTTP/1.1 503 No\r\nContent-Length: 17\r\n\r\n{"error": "busy"}', b"?"]
        whys = "does not answer as a dgramd", "HTTP status 500\n", "HTTP status 503: busy\n", ""
        with socket.create_server(path, family=socket.AF_UNIX) as server:
            def serve():
                for reply in replies:
                    client, _ = server.accept()
                    with client:
                        client.recv(65536)
                        client.sendall(reply)

            thread = threading.Thread(target=serve)
            thread.start()
            for why in whys:
                done = ctl("--socket", path, "status")
                self.assertEqual(done.returncode, 69)
                self.assertIn(f"dgramctl: error: {path}: ", done.stderr)
                self.assertIn(why, done.stderr)
            thread.join(dgramtest.PATIENCE)

    def test_output_that_does_not_arrive(self):
        daemon = self.start_with_admin()
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                dgramtest.command("--socket", f"{daemon.directory}/admin.sock", "status", program=CTL), stdout=full,
                stderr=subprocess.PIPE, check=False, timeout=dgramtest.PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (71, b"dgramctl: error: No space left on device\n"))

    def complete(self, *words):
        script = ctl("--completions", "bash").stdout + (
            'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dgramctl; printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(
            ["bash", "-euc", script, "bash", *words], capture_output=True, text=True, check=True,
            timeout=dgramtest.PATIENCE)
        return set(done.stdout.split())

    def test_completions_of_bash(self):
        said = ctl("--help").stdout
        everything = set(re.findall(r"^  ((?:--)?[a-z-]+) ", said, re.MULTILINE))
        self.assertEqual(self.complete("dgramctl", ""), everything)
        self.assertEqual(self.complete("dgramctl", "t"), {"talkers", "top"})
        self.assertEqual(self.complete("dgramctl", "log-level", ""), {"error", "warn", "info", "debug"})
        self.assertEqual(self.complete("dgramctl", "--socket", "/etc/passw"), {"/etc/passwd", "/etc/passwd-"} & {
            f"/etc/{name}" for name in os.listdir("/etc")})

    def test_completions_of_others(self):
        everything = self.complete("dgramctl", "")
        for shell in "zsh", "fish":
            words = set(re.findall(r"[a-z-]+", ctl("--completions", shell).stdout))
            self.assertEqual({word.lstrip("-") for word in everything} - {word.lstrip("-") for word in words}, set())


dgramtest.main()

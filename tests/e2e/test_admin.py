"""The admin endpoint: what it offers where, what it refuses, and that it disturbs nobody."""

import grp
import json
import os
import pathlib
import re
import signal
import socket
import stat
import time

import adminclient
import dgramtest
import probe

GETS = "/livez", "/readyz", "/metrics", "/status", "/workers", "/workers/0", "/drops", "/talkers", "/config", "/schema"
PAGE = "/", "/page.css", "/page.js", "/favicon.ico"
REMOTE = "/livez", "/readyz", "/metrics", *PAGE
POSTS = "/reload", "/log-level?level=info", "/drain", "/undrain"


class AdminCase(dgramtest.Case):
    def start_with_admin(self, config=None, *, socket_mode="0600", **options):
        admin = {"socket": "admin.sock", "socket_mode": socket_mode, "listen": "127.0.0.1:0"}
        daemon = self.start({**dgramtest.UNWARNED, "admin": admin, **(config or {})}, **options)
        daemon.wait_for("admin endpoint", count=2)
        return daemon, adminclient.Admin(daemon)


class Offers(AdminCase):
    def test_the_unix_socket_offers_everything(self):
        _, admin = self.start_with_admin()
        for path in *GETS, *PAGE:
            answer = admin.ask(path)
            self.assertEqual((answer.status, answer.headers["Connection"]), (200, "close"), path)
            self.assertTrue(answer.text.endswith("\n"), path)
            self.assertEqual(admin.ask(path, "HEAD").status, 200, path)
            if path not in REMOTE:
                json.loads(answer.text)
            refused = admin.ask(path, "POST")
            self.assertEqual((refused.status, refused.headers["Allow"]), (405, "GET, HEAD"), path)
        for path in POSTS:
            refused = admin.ask(path)
            self.assertEqual((refused.status, refused.headers["Allow"]), (405, "POST"), path)
            self.assertEqual(admin.ask(path, "POST").status, 200, path)
        for path in "/page", "/nothing", "/workers/", "/workers/0x", "/workers/-1", "/workers/77", "/status/":
            self.assertEqual(admin.ask(path).status, 404, path)

    def test_tcp_offers_what_can_only_be_read(self):
        daemon, admin = self.start_with_admin()
        for path in REMOTE:
            self.assertEqual(admin.ask_remote(path).status, 200, path)
        for path in set(GETS) - set(REMOTE):
            self.assertEqual(admin.ask_remote(path).status, 404, path)
        for path in *POSTS, "/upgrade", "/reload?all":
            self.assertEqual(admin.ask_remote(path, "POST").status, 404, path)
        self.assertEqual(daemon.events("admin request"), [])

    def test_host(self):
        """A page elsewhere whose name points to this machine cannot read it."""
        _, admin = self.start_with_admin()
        port = admin.address.rpartition(":")[2]
        for host in "127.0.0.1", f"127.0.0.1:{port}", "localhost", f"LOCALHOST:{port}", "[::1]:1", "[::1]":
            self.assertEqual(admin.ask_remote("/livez", host=host).status, 200, host)
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "[::1", "[x]", "[]",
                     "localhost.", "x" * 300, "[" + "1" * 300 + "]"):
            self.assertEqual(admin.ask_remote("/livez", host=host).status, 403, host)

    def test_no_body_is_read(self):
        _, admin = self.start_with_admin()
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(dgramtest.PATIENCE)
            client.connect(admin.path)
            client.sendall(b"POST /drain HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n")
            with self.assertRaises(OSError):
                for _ in range(1000):
                    client.sendall(bytes(65536))
        self.assertEqual(admin.ask("/readyz").status, 200)

    def test_nothing_of_it_starts_unasked(self):
        """No thread, no library, and the memory of before."""
        daemon = self.start({})
        daemon.ask()
        self.assertNotIn("dgram/http", probe.threads(daemon.process.pid))
        with open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8") as file:
            self.assertNotIn("microhttpd", file.read())
        if dgramtest.SLOW == 1:
            with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
                kib = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1])
            self.assertLess(kib, 6.5 * 1024)


class Shows(AdminCase):
    def test_status(self):
        daemon, admin = self.start_with_admin({"services": [{"handler": "echo"}, {"handler": "time"}]})
        daemon.ask(b"x", "echo")
        self.eventually(lambda: admin.json("/status")["services"][0]["replied"] == 1, "a reply in the books")
        status = admin.json("/status")
        self.assertEqual((status["pid"], status["version"]), (daemon.process.pid, "0.1.0"))
        self.assertRegex(status["started"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual((status["ready"], status["workers"]), (True, 4))
        self.assertEqual(status["config"], {
            "generation": 1, "last_reload": None, "last_reload_successful": True, "reloads_refused": 0})
        echo, clock = status["services"]
        self.assertEqual((echo["name"], echo["received"], echo["replied"]), ("echo", 1, 1))
        self.assertEqual((clock["name"], clock["received"]), ("time", 0))
        self.assertEqual(echo["addresses"], ["{}:{}".format(*daemon.address("echo"))])

    def test_a_worker_that_is_busy(self):
        daemon, admin = self.start_with_admin(
            {"handler": "simulate", "options": {"block_us": 60000000}, "pool": {"workers": 2},
             "shutdown": {"drain_timeout_ms": 0}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"x", daemon.address())
            self.eventually(lambda: admin.json("/status")["workers_busy"] == 1, "a busy worker")
            busy, = [each for each in admin.json("/workers")["workers"] if each["state"] == "busy"]
            self.assertEqual((busy["service"], busy["requests"]), ("simulate", 0))
            before = admin.json(f"/workers/{busy['number']}")["busy_for_us"]
            self.assertGreater(admin.json(f"/workers/{busy['number']}")["busy_for_us"], before)
            self.assertEqual(admin.metrics().value("dgramd_workers_busy"), 1)

    def test_drops_with_advice(self):
        daemon, admin = self.start_with_admin({"max_datagram_bytes": 8})
        self.assertEqual(admin.json("/drops")["drops"], [])
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"far too long", daemon.address())
            self.eventually(lambda: admin.json("/drops")["drops"], "a drop")
        self.assertEqual(admin.json("/drops")["drops"], [{
            "service": "time", "reason": "dropped_truncated", "count": 1,
            "advice": "raise max_datagram_bytes if such requests are legitimate"}])

    def test_config_and_schema(self):
        daemon, admin = self.start_with_admin()
        config = admin.json("/config")
        self.assertEqual(config["admin"], {
            "socket": "admin.sock", "socket_mode": "0600", "socket_group": "", "listen": "127.0.0.1:0",
            "upgrade": True})
        daemon.write_config({**daemon.config, "pool": {"workers": 7}})
        admin.json("/reload", "POST")
        self.assertEqual(admin.json("/config")["pool"]["workers"], 7)
        self.assertEqual(admin.json("/schema"), json.loads(dgramtest.run_dgramd("--schema").stdout))

    def test_ready(self):
        """Not while a service has no address, and the reason names it."""
        daemon, admin = self.start_with_admin(
            {"handler": "echo", "host": "203.0.113.77", "on_missing_address": "wait"}, ready=False)
        answer = admin.ask("/readyz")
        self.assertEqual(answer.status, 503)
        self.assertIn("not ready: waiting for an address: 203.0.113.77:", answer.text)
        self.assertEqual(admin.ask("/livez").status, 200)
        self.assertEqual(admin.metrics().value("dgramd_ready"), 0)
        daemon.stop()

    def test_ready_with_one_of_two_addresses(self):
        """For people the page names the other."""
        _, admin = self.start_with_admin(
            {"handler": "echo", "host": ["127.0.0.1", "203.0.113.77"], "on_missing_address": "wait"})
        self.assertEqual(admin.ask("/readyz").text, "ready\n")
        self.assertIn("ready</strong> but waits for 203.0.113.77:", admin.ask("/").text)


class Steers(AdminCase):
    def test_reload(self):
        daemon, admin = self.start_with_admin()
        daemon.write_config({**daemon.config, "pool": {"workers": 6}})
        self.assertEqual(admin.json("/reload", "POST")["messages"], [
            "configuration: pool.workers 4 -> 6: in effect now", "reloaded: reloads so far: 1"])
        self.assertEqual(daemon.wait_for("admin request")["message"], f"/reload by uid {os.geteuid()}")
        config = admin.json("/status")["config"]
        self.assertEqual((config["generation"], config["last_reload_successful"]), (2, True))
        self.assertIsNotNone(config["last_reload"])

    def test_a_reload_that_is_refused(self):
        """409, with the log's text."""
        daemon, admin = self.start_with_admin()
        daemon.write_config('{ "port": 70000, "wrokers": 3 }')
        said = admin.json("/reload", "POST", status=409)["messages"]
        daemon.wait_for("reload refused")
        logged = [
            f"{line['event']}: {line['message']}" for line in map(dgramtest.parse_line, daemon.lines)
            if line and line["event"] in ("configuration", "reload refused")]
        self.assertEqual(said, logged)
        self.assertEqual(len(said), 3)
        config = admin.json("/status")["config"]
        self.assertEqual(
            (config["generation"], config["last_reload_successful"], config["reloads_refused"]), (1, False, 1))
        self.assertEqual(admin.metrics().value("dgramd_config_last_reload_successful"), 0)

    def test_log_level(self):
        daemon, admin = self.start_with_admin()
        daemon.ask()
        self.assertEqual(
            admin.json("/log-level?level=debug", "POST")["messages"], ["log level: debug, until the next reload"])
        daemon.ask()
        daemon.wait_for("request")
        admin.json("/reload", "POST")
        daemon.ask()
        for path in "/log-level", "/log-level?level=", "/log-level?level=debux", "/log-level?level=" + "x" * 99:
            self.assertEqual(
                admin.json(path, "POST", status=409)["messages"],
                ["admin request refused: the level must be error, warn, info or debug"])
        daemon.stop()
        self.assertEqual(len(daemon.events("request")), 1)

    def test_out_of_service(self):
        """It says that it is not ready, and answers as before."""
        daemon, admin = self.start_with_admin({"handler": "echo"})
        admin.json("/drain", "POST")
        answer = admin.ask_remote("/readyz")
        self.assertEqual((answer.status, answer.text), (503, "not ready: it was taken out of service\n"))
        self.assertEqual(daemon.ask(b"still"), b"still")
        self.assertFalse(admin.json("/status")["ready"])
        admin.json("/undrain", "POST")
        self.assertEqual(admin.ask_remote("/readyz").text, "ready\n")

    def test_while_it_stops(self):
        """The endpoint says so while a handler still runs."""
        daemon, admin = self.start_with_admin(
            {"handler": "simulate", "options": {"block_us": 60000000}, "pool": {"workers": 1},
             "shutdown": {"drain_timeout_ms": 60000}})
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"x", daemon.address())
            self.eventually(lambda: admin.json("/status")["workers_busy"] == 1, "a busy worker")
        daemon.kill(signal.SIGTERM)
        daemon.wait_for("draining")
        self.assertEqual(admin.ask("/readyz").text, "not ready: it stops\n")
        self.assertEqual(admin.ask("/livez").status, 200)
        self.assertIn("admin request", admin.json("/log-level?level=debug", "POST", status=409)["messages"][0])
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertFalse(os.path.lexists(admin.path))

    def test_a_delayed_drain(self):
        """Until a second signal it is not ready, serves as before, and takes a reload."""
        daemon, admin = self.start_with_admin(
            {"handler": "echo", "shutdown": {"drain_delay_ms": 3600000}})
        daemon.kill(signal.SIGTERM)
        daemon.wait_for("drain delayed")
        self.eventually(lambda: admin.ask_remote("/readyz").status == 503, "that it is not ready")
        answer = admin.ask_remote("/readyz")
        self.assertEqual((answer.status, answer.text), (503, "not ready: it stops\n"))
        self.assertEqual(admin.ask_remote("/livez").status, 200)
        for number in range(20):
            self.assertEqual(daemon.ask(b"%d" % number), b"%d" % number)
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.assertEqual(daemon.events("draining"), [])
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertEqual(len(daemon.events("draining")), 1)
        self.assertEqual(daemon.ledgers()["echo"]["replied"], 20)

    def test_a_delayed_drain_begins_by_itself(self):
        """After the time that a reload has set, and not before."""
        daemon = self.start({"handler": "echo"})
        daemon.write_config({"handler": "echo", "shutdown": {"drain_delay_ms": 300}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        begun = time.monotonic()
        daemon.kill(signal.SIGTERM)
        daemon.wait_for("drain delayed", message="not ready from now on; the drain begins in 300 ms")
        self.assertEqual(daemon.ask(b"late"), b"late")
        daemon.wait()
        self.assertGreaterEqual(time.monotonic() - begun, 0.3)
        self.assertEqual(len(daemon.events("draining")), 1)


class Files(AdminCase):
    def test_what_alerts_and_dashboard_ask_for_is_there(self):
        _, admin = self.start_with_admin()
        metrics = admin.metrics()
        there = {name for name, _ in metrics.values}
        for file in "prometheus/dgramd.rules.yml", "grafana/dgramd.json":
            text = pathlib.Path(dgramtest.TOP, "conf", file).read_text(encoding="utf-8")
            names = set(re.findall(r"\bdgramd_[a-z_]+", text))
            self.assertGreater(len(names), 8)
            self.assertEqual(names - there, set(), file)
            for reason in re.findall(r'reason=~?\\?"([a-z_|]+)', text):
                known = {labels["reason"] for kind in ("dropped", "failed")
                         for labels, _ in metrics.family(f"dgramd_datagrams_{kind}_total")}
                self.assertEqual(set(reason.split("|")) - known, set(), file)


class Sockets(AdminCase):
    def start_at(self, directory, **options):
        config = {**dgramtest.UNWARNED, "admin": {"socket": f"{directory}/admin.sock"}}
        return self.start(config, **options)

    def must_fail(self, exit_code, text, **admin):
        daemon = self.start({**dgramtest.UNWARNED, "admin": admin}, ready=False)
        daemon.wait(exit_code)
        self.assertIn(text, daemon.events("cannot open the admin endpoint")[0]["message"])

    def test_rights(self):
        group = grp.getgrgid(os.getegid()).gr_name
        daemon, admin = self.start_with_admin()
        self.assertEqual(stat.S_IMODE(os.stat(admin.path).st_mode), 0o600)
        daemon.stop()
        self.assertFalse(os.path.lexists(admin.path))
        daemon = self.start({**dgramtest.UNWARNED, "admin": {
            "socket": "admin.sock", "socket_mode": "0660", "socket_group": group}})
        status = os.stat(f"{daemon.directory}/admin.sock")
        self.assertEqual((stat.S_IMODE(status.st_mode), status.st_gid), (0o660, os.getegid()))

    def test_a_dead_path_is_replaced(self):
        first, admin = self.start_with_admin()
        first.kill(9)
        first.wait(-9)
        self.assertTrue(os.path.exists(admin.path))
        second = self.start_at(first.directory)
        self.assertEqual(admin.json("/status")["pid"], second.process.pid)

    def test_a_live_path_is_left_alone(self):
        first, admin = self.start_with_admin()
        self.must_fail(69, "another server listens there", socket=admin.path)
        self.assertEqual(admin.json("/status")["pid"], first.process.pid)

    def test_what_is_no_socket_is_left_alone(self):
        first, _ = self.start_with_admin()
        self.must_fail(69, "or it is no socket", socket=first.config_path)
        self.assertTrue(os.path.getsize(first.config_path))

    def test_paths_and_ports_that_cannot_be(self):
        _, admin = self.start_with_admin()
        self.must_fail(78, "No such file or directory", socket="/nowhere/admin.sock")
        self.must_fail(69, "Address already in use", listen=admin.address)
        for key, value, text in (
                ("listen", "127.0.0.1", "must be a numeric address and a port"),
                ("listen", "localhost:80", "must be a numeric address and a port"),
                ("listen", "::1:80", "must be a numeric address and a port"),
                ("listen", "[127.0.0.1]:80", "must be a numeric address and a port"),
                ("listen", "127.0.0.1:65536", "must be a numeric address and a port"),
                ("listen", "127.0.0.1:8x", "must be a numeric address and a port"),
                ("socket_group", "nobody-of-this-name", "this machine has no group"),
                ("socket", "x" * 108, "must be from 0 to 107 bytes long"),
                ("socket_mode", "0777", 'must be one of "0600", "0660", "0666"')):
            done = dgramtest.run_dgramd("-t", "--set", f"admin.{key}={value}")
            self.assertEqual(done.returncode, 78, value)
            self.assertIn(f"admin.{key}: ", done.stderr)
            self.assertIn(text, done.stderr)

    def test_it_is_told_that_others_reach_it(self):
        daemon = self.start({**dgramtest.UNWARNED, "admin": {"listen": "0.0.0.0:0"}})
        daemon.wait_for("admin endpoint reachable from other machines")

    def test_in_the_sandbox(self):
        daemon, admin = self.start_with_admin({"sandbox": "enforce"})
        self.assertEqual(admin.json("/status")["pid"], daemon.process.pid)
        admin.json("/reload", "POST")
        self.assertEqual(admin.metrics().value("dgramd_config_generation"), 2)
        daemon.stop()


dgramtest.main()

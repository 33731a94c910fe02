"""dgramd -t and the start agree: what no machine can serve is an error of the file, and what depends
on the machine is one of the start, which names the cause."""

import json
import signal
import socket
import tempfile

import dgramtest
import probe

UNAVAILABLE, CONFIG = 69, 78
ELSEWHERE = "203.0.113.9"  # TEST-NET-3 (RFC 5737), no machine's address
ELSEWHERE_6 = "2001:db8::9"
IMPOSSIBLE = (
    "ff02::1", "ff02::1%lo", "ff0e::1", "224.0.0.1", "239.255.255.255", "::ffff:127.0.0.1", "fe80::1",
    "fe80::1%0", "fe80::1%no/name", "*:7", "localhost", ["*", "::1"], ["127.0.0.1", "127.0.0.1"],
    ["0.0.0.0", "127.0.0.1"], ["127.0.0.1", "0.0.0.0"], ["::", "::1"], ["fe80::1%lo", "::"],
    ["fe80::1%lo", "fe80::1%lo"])


class Listen(dgramtest.Case):
    def check(self, config):
        """The exit code of dgramd -t, and what it says."""
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump(config, file)
            file.flush()
            run = dgramtest.run_dgramd("-t", "-c", file.name)
        return run.returncode, run.stderr

    def must_fail(self, config, address, hint, code=UNAVAILABLE):
        """Valid for dgramd -t, but not here and now."""
        self.assertEqual(self.check(config), (0, ""))
        daemon = self.start(config, ready=False)
        daemon.wait(code)
        line = daemon.events("cannot listen")[0]
        self.assertEqual(line["address"], address)
        self.assertEqual(line["hint"], hint)

    def must_answer(self, *addresses):
        for address in addresses:
            with dgramtest.socket_for(address) as client:
                client.connect(address)
                client.send(b"here")
                self.assertEqual(client.recv(16), b"here")

    def test_what_no_machine_can_serve(self):
        for host in IMPOSSIBLE:
            with self.subTest(host=host):
                code, text = self.check({"host": host, "port": 20000})
                self.assertEqual(code, CONFIG)
                self.assertEqual(text.count("error: host: "), 1)
                self.assertIn("^", text)
                daemon = self.start({"host": host, "port": 20000}, ready=False)
                daemon.wait(CONFIG)

    def test_two_services(self):
        for first, second in (
                ("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::"), ("*", "::1")):
            services = [{"name": name, "host": host, "port": 20000}
                        for name, host in (("a", first), ("b", second))]
            with self.subTest(hosts=(first, second)):
                code, text = self.check({"services": services})
                self.assertEqual(code, CONFIG)
                self.assertIn("services.1: services.0 listens on ", text)
                self.assertIn("^", text)

    def test_both_families(self):
        """They do not exclude each other, because "::" is IPv6 alone; "*" is both."""
        for host in (["0.0.0.0", "::"], ["::", "0.0.0.0"], "*", ["127.0.0.1", "::"]):
            with self.subTest(host=host):
                port = probe.free_port()
                self.assertEqual(self.check({"host": host, "port": port}), (0, ""))
                daemon = self.start({"handler": "echo", "host": host, "port": port})
                self.must_answer(("127.0.0.1", port), ("::1", port, 0, 0))
                self.assertEqual(daemon.stop()["echo"]["replied"], 2)

    def test_six_is_six_alone(self):
        daemon = self.start({"handler": "echo", "host": "::"})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("0.0.0.0", daemon.port))

    def test_no_such_address(self):
        hint = "no interface has this address yet{}: see ip address, or set freebind"
        self.must_fail({"host": ELSEWHERE, "port": 20000}, f"{ELSEWHERE}:20000", hint.format(""))
        self.must_fail({"host": ELSEWHERE_6, "port": 20000}, f"[{ELSEWHERE_6}]:20000",
                       hint.format(", or it is tentative"))

    def test_no_such_interface(self):
        hint = "there is no such interface yet: see ip link"
        for scope in "nope0", "4294967295":
            self.must_fail(
                {"host": f"fe80::1%{scope}", "port": 20000}, f"[fe80::1%{scope}]:20000", hint)

    def test_another_program_has_the_port(self):
        for host in probe.HOST, "::1":
            with dgramtest.socket_for((host, 0, 0, 0) if ":" in host else (host, 0)) as other:
                other.bind((host, 0))
                port = other.getsockname()[1]
                shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                self.must_fail({"host": host, "port": port}, shown,
                               "another program has this port: see ss -ulnp")

    def test_another_dgramd_has_the_port(self):
        daemon = self.start({"host": probe.HOST, "receivers": 2})
        self.must_fail({"host": probe.HOST, "port": daemon.port, "receivers": 2},
                       f"{probe.HOST}:{daemon.port}", "another program has this port: see ss -ulnp")

    def test_reload_while_an_interface_is_away(self):
        """It refuses nothing: the rest of the file counts."""
        daemon = self.start({"host": "127.0.0.1"})
        daemon.write_config(
            {**daemon.config, "host": ["127.0.0.1", "fe80::1%nope0"], "logging": {"level": "debug"}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.assertEqual(len(daemon.events("reload refused")), 0)
        daemon.stop()

    def test_freebind(self):
        """Addresses that are not here: they are listened on, and those of this machine as ever."""
        daemon = self.start({"handler": "echo", "host": [ELSEWHERE, ELSEWHERE_6, probe.HOST, "::1"],
                             "freebind": True})
        hosts = [address[0] for address in daemon.addresses()]
        self.assertEqual(hosts, [ELSEWHERE, ELSEWHERE_6, probe.HOST, "::1"])
        self.must_answer(*daemon.addresses()[2:])
        self.assertEqual(daemon.stop()["echo"]["replied"], 2)

    def test_freebind_is_each_service_s_own(self):
        daemon = self.start({"freebind": True, "services": [
            {"name": "a", "host": ELSEWHERE}, {"name": "b", "host": ELSEWHERE_6, "freebind": False}]},
            ready=False)
        daemon.wait(UNAVAILABLE)
        self.assertEqual([line["service"] for line in daemon.events("listening")], ["a"])
        self.assertEqual([line["service"] for line in daemon.events("cannot listen")], ["b"])


dgramtest.main()

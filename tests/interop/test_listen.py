"""What a service listens on, as the network really is: addresses that come late, interfaces that are not
there, ports that are ours. In a network of the test's own; for root only."""

import shutil
import subprocess

import dgramtest
import namespaces

UNAVAILABLE, NO_PERMISSION = 69, 77
LINK_LOCAL, LATE, LATE_6 = "fe80::1", "10.9.0.7", "fd09::7"


class Listen(dgramtest.Case):
    def setUp(self):
        namespaces.skip_without(self, namespaces.NETWORK)
        if not shutil.which("ip"):
            self.skipTest("no ip")
        namespaces.unshare(namespaces.NETWORK)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True, stdin=subprocess.DEVNULL)

    def sysctl(self, name, value):
        with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(value)

    def refused(self, config, code=UNAVAILABLE, **options):
        """The line of a start that fails, with a file that is valid."""
        daemon = self.start(config, ready=False, **options)
        daemon.wait(code)
        return daemon.events("cannot listen")[0]

    def must_answer(self, daemon, host):
        address = next(each for each in daemon.addresses() if each[0] == host)
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            client.send(b"here")
            self.assertEqual(client.recv(16), b"here")

    def test_a_port_that_another_service_has(self):
        """By two names of one interface, which dgramd -t cannot know."""
        self.ip("address", "add", f"{LINK_LOCAL}/64", "dev", "lo")
        line = self.refused({"services": [
            {"name": name, "host": f"{LINK_LOCAL}%{scope}", "port": 20000}
            for name, scope in (("first", "lo"), ("second", "1"))]})
        self.assertEqual(line["service"], "second")
        self.assertEqual(line["hint"], "our service first listens there already")

    def test_no_free_port(self):
        self.sysctl("ipv4/ip_local_port_range", "40000 40000")
        line = self.refused({"services": [{"name": "a"}, {"name": "b"}]})
        self.assertEqual(line["service"], "b")
        self.assertEqual(line["hint"], "no port is free: widen net.ipv4.ip_local_port_range")

    def test_privileged_port(self):
        line = self.refused({"port": 600}, NO_PERMISSION, preexec_fn=give_up_capabilities)
        self.assertEqual(line["hint"], "ports below 1024 need CAP_NET_BIND_SERVICE")
        self.sysctl("ipv4/ip_unprivileged_port_start", "30000")
        line = self.refused({"port": 20000}, NO_PERMISSION, preexec_fn=give_up_capabilities)
        self.assertIn("net.ipv4.ip_unprivileged_port_start", line["hint"])

    def test_no_ipv6(self):
        """IPv4 is served, and IPv6 is what the machine does not have."""
        self.sysctl("ipv6/conf/all/disable_ipv6", "1")
        self.must_answer(self.start({"handler": "echo"}), "127.0.0.1")
        line = self.refused(
            {"host": ["127.0.0.1", "::1"], "port": 20000, "on_missing_address": "fail"})
        self.assertEqual(line["address"], "[::1]:20000")
        self.assertIn("no interface has this address yet", line["hint"])

    def test_an_interface_that_comes(self):
        config = {"handler": "echo", "host": f"{LINK_LOCAL}%late0", "port": 20000}
        line = self.refused(config)
        self.assertEqual(line["address"], f"[{LINK_LOCAL}%late0]:20000")
        self.assertIn("no such interface yet", line["hint"])
        self.ip("link", "add", "late0", "type", "veth", "peer", "name", "late1")
        self.ip("link", "set", "late0", "up")
        self.assertIn("no interface has this address yet", self.refused(config)["hint"])
        self.ip("address", "add", f"{LINK_LOCAL}/64", "dev", "late0", "nodad")
        daemon = self.start(config)
        self.assertEqual(daemon.addresses()[0][0].partition("%")[0], LINK_LOCAL)

    def test_freebind(self):
        """Served as soon as the address is there, in both families."""
        daemon = self.start(
            {"handler": "echo", "host": [LATE, LATE_6], "port": 20000, "freebind": True, "receivers": 2})
        self.ip("address", "add", f"{LATE}/32", "dev", "lo")
        self.ip("address", "add", f"{LATE_6}/128", "dev", "lo", "nodad")
        self.eventually(  # the kernel adds it a moment after the address
            lambda: f"local {LATE_6} " in subprocess.run(
                ["ip", "-6", "route", "show", "table", "local"], check=True, capture_output=True,
                text=True).stdout, "a route")
        for host in LATE, LATE_6:
            self.must_answer(daemon, host)
        self.assertEqual(daemon.stop()["echo"]["replied"], 2)

    def test_freebind_behind_a_route(self):
        """Addresses of a network that a route delivers here, on no interface."""
        self.ip("route", "add", "local", "10.9.1.0/24", "dev", "lo")
        self.ip("-6", "route", "add", "local", "fd09:1::/64", "dev", "lo")
        daemon = self.start({"handler": "echo", "host": ["10.9.1.7", "fd09:1::7"], "freebind": True})
        for host in "10.9.1.7", "fd09:1::7":
            self.must_answer(daemon, host)
        self.assertEqual(daemon.stop()["echo"]["replied"], 2)


def give_up_capabilities():
    """In the child: the bounding set goes, and with it what root would get by exec."""
    for capability in range(64):
        namespaces.libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


dgramtest.main()

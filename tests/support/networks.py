"""Two networks of a test's own, joined by a cable: a server's, where the test is, and its neighbour's."""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess

import dgramtest

CLONE_NEWNET = 0x40000000
HOSTS, NEIGHBOURS = ("10.9.0.1", "2001:db8:9::1"), ("10.9.0.2", "2001:db8:9::2")


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class Case(dgramtest.Case):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, for networks of its own")
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.there, self.here = self.network(), self.network()
        with self.enter(self.there):
            self.ip(f"link add there type veth peer name here netns /proc/{os.getpid()}/fd/{self.here}")
            self.up("there", NEIGHBOURS)
        self.up("here", HOSTS)

    def network(self):
        """A new one, which is the current one."""
        if self.libc.unshare(CLONE_NEWNET) < 0:
            self.skipTest(f"no network of its own: {os.strerror(ctypes.get_errno())}")
        descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.addCleanup(os.close, descriptor)
        return descriptor

    @contextlib.contextmanager
    def enter(self, network):
        self.assertEqual(self.libc.setns(network, CLONE_NEWNET), 0)
        try:
            yield
        finally:
            self.assertEqual(self.libc.setns(self.here, CLONE_NEWNET), 0)

    def ip(self, words):
        if not shutil.which("ip"):
            self.skipTest("no ip")
        family = ["-6"] if ":" in words and "netns" not in words else []
        done = subprocess.run(["ip", *family, *words.split()], stdin=subprocess.DEVNULL, text=True,
            stderr=subprocess.PIPE, check=False)
        if done.returncode and "type veth" in words:
            self.skipTest(f"no veth: {done.stderr}")
        self.assertEqual(done.returncode, 0, f"ip {words}: {done.stderr}")

    def up(self, device, hosts):
        self.ip("link set lo up")
        self.ip(f"link set {device} up")
        self.add(device, *hosts)

    def add(self, device, *hosts):
        for host in hosts:
            self.ip(f"address add {host}" + ("/64" if ":" in host else "/16") + f" dev {device}" +
                    (" nodad" if ":" in host else ""))

    def setting(self, name, value):
        with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

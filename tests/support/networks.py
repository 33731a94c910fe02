"""Networks of a test's own: namespaces that end with the test, and links between them. For root.

    def setUp(self):
        self.networks = networks.Networks(self)  # skips where there can be none
        self.server, self.client = self.networks.add(), self.networks.add()
        self.networks.link(self.server, "eth", ["10.1.0.1/24"], self.client, "eth", ["10.1.0.2/24"])
        self.networks.enter(self.server)  # what is opened and started from now on is there
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess

import dgramtest

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


class Networks:
    def __init__(self, case):
        if os.geteuid() != 0:
            case.skipTest("needs root, for a network of its own")
        if not shutil.which("ip"):
            case.skipTest("no ip")
        self.case = case
        self.current = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        case.addCleanup(os.close, self.current)
        case.addCleanup(self.enter, self.current)

    def add(self):
        """A network with a loopback interface that is up, in which the test then is."""
        if LIBC.unshare(CLONE_NEWNET) < 0:
            self.case.skipTest(f"no network of its own: {os.strerror(ctypes.get_errno())}")
        self.current = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.case.addCleanup(os.close, self.current)
        # An address can be used at once, without looking for another host that has it.
        # Answers may come over another interface than the question left by.
        for where in "all", "default":
            self.set(f"ipv6/conf/{where}/accept_dad", 0)
            self.set(f"ipv4/conf/{where}/rp_filter", 0)
        self.ip("link set lo up")
        return self.current

    def enter(self, network):
        if LIBC.setns(network, CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), "setns")
        self.current = network

    @contextlib.contextmanager
    def inside(self, network):
        before = self.current
        self.enter(network)
        try:
            yield
        finally:
            self.enter(before)

    def ip(self, *commands):
        """ip(8), a command each, in the network where the test is."""
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True, stdin=subprocess.DEVNULL)

    def show(self, command):
        """What ip(8) prints."""
        return subprocess.run(
            ["ip", *command.split()], check=True, stdin=subprocess.DEVNULL, capture_output=True,
            text=True).stdout

    def set(self, name, value):
        with open(f"/proc/sys/net/{name}", "w", encoding="ascii") as file:
            file.write(str(value))

    def link(self, one, name, addresses, other, other_name, other_addresses, mtu=1500):
        """A pair of interfaces of this MTU, up and with these addresses."""
        with self.inside(one):
            self.ip(f"link add {name} mtu {mtu} type veth peer name {other_name} mtu {mtu} "
                    f"netns /proc/{os.getpid()}/fd/{other}")
        for network, interface, given in (
                (one, name, addresses), (other, other_name, other_addresses)):
            with self.inside(network):
                self.ip(f"link set {interface} up", *(
                    f"address add {address} dev {interface}" +
                    ("" if ":" in address else " broadcast +") for address in given))


HOSTS, NEIGHBOURS = ("10.9.0.1", "2001:db8:9::1"), ("10.9.0.2", "2001:db8:9::2")


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def with_prefix(host):
    return host + ("/64" if ":" in host else "/16")


class Case(dgramtest.Case):
    """Two networks joined by a cable: `here`, a server's, in which the test is, and `there`, its neighbour's."""

    def setUp(self):
        self.networks = Networks(self)
        self.there, self.here = self.networks.add(), self.networks.add()
        self.networks.link(
            self.there, "there", map(with_prefix, NEIGHBOURS), self.here, "here", map(with_prefix, HOSTS))

    def enter(self, network):
        return self.networks.inside(network)

    def ip(self, words):
        self.networks.ip(("-6 " if ":" in words and not words.startswith("-6") else "") + words)

    def add(self, device, *hosts):
        for host in hosts:
            # Without looking for another that has it; accept_dad alone lets the kernel do that a moment later.
            self.ip(f"address add {with_prefix(host)} dev {device}" + (" nodad" if ":" in host else ""))

    def setting(self, name, value):
        self.networks.set(name, value)

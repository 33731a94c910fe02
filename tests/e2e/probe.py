"""Looking at a daemon from outside, and datagrams that no ordinary socket sends."""

import os
import random
import re
import socket
import struct
import threading
import unittest

import dgramtest

IPV6_CHECKSUM = 7

# Addresses of this process alone: no other test uses them, nor a port of them that was free a
# moment ago.
HOST, OTHER_HOST = (f"127.{net}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}" for net in (77, 78))


def threads(pid):
    """The names of a process's threads, sorted, its first one excluded."""
    names = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
                name = file.read().strip()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended since
        if name.startswith("dgram/"):  # a sanitizer has threads, too
            names.append(name)
    return sorted(names)


def workers(pid):
    return [name for name in threads(pid) if name.startswith("dgram/w")]


def receivers(pid):
    return [name for name in threads(pid) if name.startswith("dgram/rx")]


def wakeups(pid):
    """How often the daemon's threads went to sleep so far."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
            status = dict(re.findall(r"^(\w+):\s*(\S+)", file.read(), re.MULTILINE))
        if task == str(pid) or status["Name"].startswith("dgram/"):
            count += int(status["voluntary_ctxt_switches"])
    return count


def udp_ports(pid):
    """The ports of a process's UDP sockets over IPv4, for when the log does not say them."""
    inodes = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(f"/proc/{pid}/fd/{fd}")))
        except FileNotFoundError:
            continue
    with open(f"/proc/{pid}/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return [int(row[1].split(":")[1], 16) for row in rows if row[9] in inodes]


def waiting_bytes(port):
    """What the kernel holds for the sockets of this port, which have not received it."""
    with open("/proc/net/udp", encoding="ascii") as file:
        rows = [line.split() for line in file]
    return sum(int(row[4].split(":")[1], 16) for row in rows if row[1].endswith(f":{port:04X}"))


def free_port(low=20000, high=32000, host=HOST):
    """A port that is free now, outside of the range that the kernel picks from. Bound by nobody:
    the caller is to be quick."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(1000):
        port = random.randrange(low, high)
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host, port))
            except PermissionError as error:
                raise unittest.SkipTest(f"port {port} of {host}: {error}") from None
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port from {low} to {high}")


class RawUdp:
    """A raw socket bound to a loopback address: sends datagrams from any port of it, and sees all
    that come to it."""

    def __init__(self, case, host):
        self.host = host
        self.family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.socket(self.family, socket.SOCK_RAW, socket.IPPROTO_UDP)
        except PermissionError:
            raise unittest.SkipTest("a raw socket needs CAP_NET_RAW") from None
        case.addCleanup(self._socket.close)
        if self.family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, 6)
        self._socket.bind((host, 0))

    def send(self, source_port, to, payload=b""):
        header = struct.pack("!4H", source_port, to[1], 8 + len(payload), 0)
        self._socket.sendto(header + payload, (to[0], 0))

    def seen(self, ports):
        """Datagrams that came so far from one of these ports to one of them."""
        count = 0
        self._socket.setblocking(False)
        while True:
            try:
                packet = self._socket.recv(65536)
            except BlockingIOError:
                return count
            if self.family == socket.AF_INET:
                packet = packet[4 * (packet[0] & 15):]
            source, to = struct.unpack("!2H", packet[:4])
            count += source in ports and to in ports


class Reader(threading.Thread):
    """Reads a descriptor, which it owns, to its end: until nobody can write to it any more."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self._fd = fd
        self._data = bytearray()
        self.start()

    def run(self):
        with open(self._fd, "rb", buffering=0) as file:
            while True:
                try:
                    chunk = file.read(65536)
                except OSError:  # a terminal whose other end was closed
                    return
                if not chunk:
                    return
                self._data += chunk

    def text(self):
        return bytes(self._data).decode("ascii", "backslashreplace").replace("\r\n", "\n")

    def all_text(self):
        self.join(dgramtest.PATIENCE)
        if self.is_alive():
            raise AssertionError("somebody still holds the other end")
        return self.text()

    def lines(self):
        return self.text().split("\n")[:-1]

    def all_lines(self):
        return self.all_text().split("\n")[:-1]


class Load(threading.Thread):
    """A client that sends numbered datagrams to an echo service until it is stopped, at most
    `window` at a time without an answer, and counts both."""

    def __init__(self, case, address, window=16):
        super().__init__(daemon=True)
        self.sent = self.answered = 0
        self._window = window
        self._stopped = threading.Event()
        family = socket.AF_INET6 if len(address) == 4 else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.settimeout(0.05)
        self._socket.connect(address)
        case.addCleanup(self.stop)
        self.start()

    def run(self):
        while not self._stopped.is_set():
            try:
                if self.sent - self.answered < self._window:
                    self._socket.send(struct.pack("!Q", self.sent))
                    self.sent += 1
                    self._socket.setblocking(False)
                self._receive()
            except (TimeoutError, BlockingIOError):
                self._socket.settimeout(0.05)
            except ConnectionRefusedError:
                self._stopped.wait(0.01)

    def _receive(self):
        self._socket.recv(64)
        self.answered += 1

    def stop(self):
        """Ends it; answers that are on their way are still counted."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.join()
        self._socket.setblocking(False)
        while True:
            try:
                self._receive()
            except ConnectionRefusedError:
                continue
            except BlockingIOError:
                break
        self._socket.close()

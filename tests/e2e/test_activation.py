"""Sockets that a supervisor holds and hands in, from descriptor 3 on: sd_listen_fds(3)."""

import itertools
import json
import os
import shlex
import signal
import socket
import subprocess
import stat
import struct
import tempfile
import threading

import dgramtest

ECHO = {"handler": "echo", "max_reply_factor": 100}
ACTIVATIONS = int(os.environ.get("ACTIVATIONS", dgramtest.scaled(20)))
WINDOW = 64  # requests under way
LEAST = 1000


def bound(host="127.0.0.1", port=0):
    handed = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if handed.family == socket.AF_INET6:
        handed.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    handed.bind((host, port))
    handed.settimeout(dgramtest.PATIENCE)
    return handed


def sockets_of(pid):
    """The inode of each socket that the process has, once for each descriptor."""
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        status = os.stat(f"/proc/{pid}/fd/{fd}")
        if stat.S_ISSOCK(status.st_mode):
            found.append(status.st_ino)
    return found


class Holder(dgramtest.Case):
    """Who holds sockets, and hands them in."""

    def bound(self, *arguments):
        held = bound(*arguments)
        self.addCleanup(held.close)
        return held

    def hand_in(self, config, *sockets, pid="$$", names=None, **options):
        """A dgramd with these from 3 on. Only who has its pid can set $LISTEN_PID."""
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        script = os.path.join(folder.name, "activated")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nLISTEN_PID={pid} LISTEN_FDS={len(sockets)}\nexport LISTEN_PID LISTEN_FDS\n'
                       f'exec {shlex.join(dgramtest.command())} "$@"\n')
        os.chmod(script, 0o700)

        def place():
            above = [os.dup2(each.fileno(), 100 + number) for number, each in enumerate(sockets)]
            for number, fd in enumerate(above):
                os.dup2(fd, 3 + number)
                os.close(fd)

        environment = {} if names is None else {"LISTEN_FDNAMES": names}
        return self.start(
            config, program=script, close_fds=False, preexec_fn=place, environment=environment, **options)

    def ask(self, held, payload):
        client = dgramtest.socket_for(held.getsockname())
        self.addCleanup(client.close)
        client.connect(held.getsockname())
        client.send(payload)
        return client


class Sockets(Holder):
    def must_refuse(self, config, *sockets, reason, names=None):
        """The reason, and then the list of all that was handed in."""
        daemon = self.hand_in(config, *sockets, names=names, ready=False)
        daemon.wait(78)
        texts = [line.partition("LISTEN_FDS: ")[2] for line in daemon.lines]
        self.assertEqual(texts[0], reason)
        self.assertIn("error: ", daemon.lines[0])
        self.assertEqual(len(texts), 1 + len(sockets))
        for number, (text, held) in enumerate(zip(texts[1:], sockets)):
            if isinstance(held, socket.socket):
                address = "%s:%d" % held.getsockname()
                self.assertTrue(f"{text}, ".startswith(f"descriptor {3 + number}: {address}, "), text)
        return texts[1:]

    def test_reason_in_the_form_of_the_log(self):
        """Also where the file was the standard input, which is read once."""
        held, config = self.bound(), {**ECHO, "port": 9, "logging": {"format": "json"}}
        for options in {}, {"arguments": ["-c", "-"], "stdin": subprocess.PIPE}:
            daemon = self.hand_in(config, held, ready=False, **options)
            if options:
                daemon.process.stdin.write(json.dumps(config).encode())
                daemon.process.stdin.close()
            daemon.wait(78)
            said = [json.loads(line) for line in daemon.lines]
            self.assertEqual([(line["level"], line["event"]) for line in said], [("error", "configuration")] * 2)
            self.assertIn("LISTEN_FDS: descriptor 3 is bound to 127.0.0.1:", said[0]["message"])

    def test_what_waits_in_it_is_served(self):
        held = self.bound()
        clients = [self.ask(held, b"%d" % number) for number in range(20)]
        daemon = self.hand_in({**ECHO, "port": held.getsockname()[1]}, held)
        self.assertEqual([client.recv(100) for client in clients], [b"%d" % number for number in range(20)])
        self.assertEqual(sockets_of(daemon.process.pid).count(os.fstat(held.fileno()).st_ino), 1)
        self.assertEqual(daemon.stop()["echo"]["received"], 20)

    def test_nothing_is_lost_between_two(self):
        held = self.bound()
        config = {**ECHO, "port": held.getsockname()[1]}
        first = self.hand_in(config, held)
        self.assertEqual(self.ask(held, b"one").recv(100), b"one")
        first.kill(signal.SIGKILL)
        first.wait(-signal.SIGKILL)
        between = [self.ask(held, b"%d" % number) for number in range(50)]
        second = self.hand_in(config, held)
        self.assertEqual([client.recv(100) for client in between], [b"%d" % number for number in range(50)])
        self.assertEqual(second.stop()["echo"]["replied"], 50)

    def test_one_daemon_after_the_other_loses_nothing(self):
        """Each ends by SIGTERM while numbered requests come; what it leaves in the socket is the next one's."""
        held = self.bound()
        config = {**ECHO, "port": held.getsockname()[1]}
        client = dgramtest.socket_for(held.getsockname())
        self.addCleanup(client.close)
        client.connect(held.getsockname())
        sent, answered, ended = itertools.count(), set(), threading.Event()

        def ask_on():
            for number in range(WINDOW):
                client.send(b"%d" % next(sent))
            while len(answered) < LEAST or not ended.is_set():
                answered.add(int(client.recv(100)))
                client.send(b"%d" % next(sent))

        asking = threading.Thread(target=ask_on)
        asking.start()
        served = 0
        for _ in range(ACTIVATIONS):
            daemon = self.hand_in(config, held)
            served += daemon.stop()["echo"]["replied"]
        last = self.hand_in(config, held)
        ended.set()
        asking.join()
        total = next(sent)
        while len(answered) < total:
            answered.add(int(client.recv(100)))
        self.assertEqual(answered, set(range(total)))
        self.assertEqual(served + last.stop()["echo"]["received"], total)

    def test_each_goes_to_the_service_of_its_address(self):
        first, second = self.bound(), self.bound("127.0.0.2")
        third = self.bound("::1", second.getsockname()[1])
        config = {"services": [
            {"name": "a", **ECHO, "host": ["127.0.0.2", "::1"], "port": second.getsockname()[1]},
            {"name": "b", "handler": "discard"},
            {"name": "c", "handler": "time", "port": first.getsockname()[1]}]}
        daemon = self.hand_in(config, third, first, second)
        self.assertEqual(len(self.ask(first, b"").recv(100)), 24)
        self.assertEqual(self.ask(second, b"two").recv(100), b"two")
        self.assertEqual(self.ask(third, b"three").recv(100), b"three")
        self.assertEqual(daemon.addresses("a"), [second.getsockname(), third.getsockname()])
        self.assertEqual(len(daemon.addresses("b")), 1)
        ledgers = daemon.stop()
        self.assertEqual([ledgers[name]["received"] for name in "abc"], [2, 0, 1])

    def test_those_of_another_process_are_not_ours(self):
        held = self.bound()
        daemon = self.hand_in(ECHO, held, pid=1)
        self.assertNotEqual(daemon.address(), held.getsockname())
        self.assertNotIn(os.fstat(held.fileno()).st_ino, sockets_of(daemon.process.pid))

    def test_what_fits_nowhere_is_refused(self):
        held, other = self.bound(), self.bound("127.0.0.2")
        port = held.getsockname()[1]
        config = {**ECHO, "port": port}
        self.must_refuse(config, held, other, reason=(
            f"descriptor 4 is bound to 127.0.0.2:{other.getsockname()[1]}, where no service is to listen"))
        self.must_refuse({**config, "host": ["127.0.0.1", "127.0.0.3"]}, held, reason=(
            "host 127.0.0.3 has no socket, and another one of its service has"))
        with open(os.devnull, encoding="ascii") as null:
            listed = self.must_refuse(config, held, null, reason="descriptor 4 is no socket of IPv4 or IPv6")
            self.assertEqual(listed[1], "descriptor 4: no socket of IPv4 or IPv6")

    def test_names_say_of_which_service(self):
        """Those of one name by their addresses. A service whose port the kernel picks takes any."""
        first, second, third = self.bound(), self.bound("127.0.0.2"), self.bound()
        config = {"services": [
            {"name": "a", **ECHO, "host": ["127.0.0.1", "127.0.0.2"], "port": 0}, {"name": "b", **ECHO, "port": 0}]}
        daemon = self.hand_in(config, third, second, first, names="b:a:a")
        for held in first, second, third:
            self.assertEqual(self.ask(held, b"x").recv(100), b"x")
        self.assertEqual(daemon.addresses("a"), [first.getsockname(), second.getsockname()])
        self.assertEqual(daemon.addresses("b"), [third.getsockname()])
        self.assertEqual(len(daemon.events("listening")), 3)

    def test_names_that_are_made_up(self):
        held, other = self.bound(), self.bound("127.0.0.2")
        for name in "dgramd.socket", "unknown", "stored", "":
            with self.subTest(name=name):
                config = {**ECHO, "host": ["127.0.0.1"], "port": held.getsockname()[1]}
                daemon = self.hand_in(config, held, names=name)
                self.assertEqual(daemon.address(), held.getsockname())
                daemon.stop()
        self.must_refuse({**ECHO, "host": "127.0.0.2", "port": 0}, other, names="unknown", reason=(
            f"descriptor 3 is bound to 127.0.0.2:{other.getsockname()[1]}, where no service is to listen"))

    def test_names_that_fit_nowhere(self):
        held, other = self.bound(), self.bound("127.0.0.2")
        config = {**ECHO, "port": held.getsockname()[1]}
        listed = self.must_refuse(config, held, names="dns", reason="descriptor 3 is named as no service is")
        self.assertTrue(listed[0].endswith(", named dns"), listed)
        self.must_refuse(config, held, other, names="echo:echo", reason=(
            f"descriptor 4 is bound to 127.0.0.2:{other.getsockname()[1]}, where not its service is to listen"))
        for names in "echo:echo:echo", "echo":
            self.must_refuse(config, held, other, names=names, reason=(
                "LISTEN_FDNAMES must have a name for each descriptor, with a colon between them"))
        config = {"services": [{"name": "a", **config}, {"name": "b", "handler": "discard", "port": 0}]}
        self.must_refuse(config, held, names="b:", reason=(
            "LISTEN_FDNAMES must have a name for each descriptor, with a colon between them"))

    def test_a_stream_is_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as stream:
            daemon = self.hand_in({**ECHO, "port": stream.getsockname()[1]}, stream, ready=False)
            daemon.wait(78)
            self.assertIn("is not a UDP socket", daemon.text())


class Child:
    """Of "dgram 1" in the binary form, on a stream that is handed in."""

    HEAD = struct.Struct("<IBBHQ")

    def __init__(self, hello=b"dgram 1 binary\n"):
        self.stream, self.other = socket.socketpair()
        self.stream.settimeout(dgramtest.PATIENCE)
        self.stream.sendall(hello)

    def fileno(self):
        return self.other.fileno()

    def close(self):
        self.stream.close()
        self.other.close()

    def take(self):
        """A frame: kind, id, meta, data."""
        head = self.stream.recv(16, socket.MSG_WAITALL)
        size, kind, _, meta, number = self.HEAD.unpack(head)
        frame = self.stream.recv(size, socket.MSG_WAITALL)
        return kind, number, frame[:meta], frame[meta:]

    def answer(self, number, data):
        self.stream.sendall(self.HEAD.pack(len(data), 2, 0, 0, number) + data)


class Streams(Holder):
    """Children that are there already."""

    def config(self, held, descriptors, mode="binary"):
        return {"handler": "exec", "port": held.getsockname()[1], "max_workers": 1,
                "options": {"mode": mode, "descriptors": descriptors}}

    def hand_in_children(self, *children, **options):
        held = self.bound()
        config = {**self.config(held, f"4-{3 + len(children)}"), **options}
        daemon = self.hand_in(config, held, *children)
        for child in children:
            child.other.close()
        return held, daemon

    def test_one_after_the_other(self):
        first, second = Child(), Child()
        held, daemon = self.hand_in_children(first, second)
        self.assertEqual(first.take(), (5, 0, b"1\texec\t8192\t32", b""))
        client = self.ask(held, b"one")
        kind, number, meta, data = first.take()
        self.assertEqual((kind, data), (1, b"one"))
        self.assertEqual(meta.split(b"\t")[0].decode(), "%s:%d" % client.getsockname())
        first.answer(number, b"1")
        self.assertEqual(client.recv(100), b"1")
        first.stream.close()
        client = self.ask(held, b"two")
        self.assertEqual(second.take()[0], 5)
        second.answer(second.take()[1], b"2")
        self.assertEqual(client.recv(100), b"2")
        second.stream.close()
        daemon.wait_for("streams ended", service="exec")
        daemon.wait(0)
        ledger = daemon.ledgers()["exec"]
        self.assertEqual((ledger["received"], ledger["replied"]), (2, 2))

    def test_the_last_one_ends_with_a_request(self):
        child = Child()
        held, daemon = self.hand_in_children(child)
        child.take()
        self.ask(held, b"one")
        child.take()
        child.stream.close()
        daemon.wait_for("child ended", ended="stream", unanswered=1)
        daemon.wait(0)
        self.assertEqual(daemon.ledgers()["exec"]["failed_child"], 1)

    def test_a_drain_ends_the_streams(self):
        child = Child()
        held, daemon = self.hand_in_children(child)
        child.take()
        client = self.ask(held, b"one")
        number = child.take()[1]
        daemon.kill(signal.SIGTERM)
        daemon.wait_for("draining")
        child.answer(number, b"1")
        self.assertEqual(client.recv(100), b"1")
        self.assertEqual(child.stream.recv(1), b"")
        daemon.wait(0)
        self.assertEqual(daemon.ledgers()["exec"]["replied"], 1)

    def test_what_is_none(self):
        held, child = self.bound(), Child()
        daemon = self.hand_in(self.config(held, "4-5"), held, child, ready=False)
        daemon.wait(78)
        daemon.wait_for("cannot execute", message="options.descriptors: 5: no stream was handed in")
        for descriptors, mode, why in (
                ("4-3", "text", "must be a descriptor from 3 on, or the first and last one of some, as \"4-7\""),
                ("2", "text", "must be a descriptor from 3 on"), ("4,5", "text", "must be a descriptor from 3 on"),
                ("3-4098", "text", "must be a descriptor from 3 on"), ("4", "once", "cannot be set with options.mode")):
            with self.subTest(descriptors=descriptors):
                daemon = self.start(self.config(held, descriptors, mode), ready=False)
                daemon.wait(78)
                self.assertIn(f"error: options.descriptors: {why}", daemon.text())


dgramtest.main()

"""dgramd starts, serves, reloads and stops without what a container, a chroot or a small system lacks."""

import os
import signal
import socket
import tempfile

import dgramtest
import namespaces
import plugins

SYSTEM_ERROR, UNAVAILABLE = 71, 69


def without_dev():
    namespaces.empty("/dev")


def without_proc():
    namespaces.empty("/proc")


def without_localtime():
    namespaces.empty("/etc")


def read_only():
    namespaces.make_read_only()


def without_all():
    for directory in "/dev", "/proc", "/etc", "/sys", "/run", "/var":
        namespaces.empty(directory)
    namespaces.make_read_only()
    without_ipv6()


def without_ipv6():
    namespaces.refuse_sockets(socket.AF_INET6)


class Bare(dgramtest.Case):
    def setUp(self):
        namespaces.skip_without(self, namespaces.MOUNTS)
        namespaces.skip_without_filters(self)
        os.environ.pop("TZ", None)

    def inside(self, *lack):
        """For a child: a namespace in which these things are lacking."""
        def enter():
            namespaces.unshare(namespaces.MOUNTS)
            for each in lack:
                each()
        return {"preexec_fn": enter}

    def must_serve(self, *lack):
        self.assertEqual(dgramtest.run_dgramd("-V", **self.inside(*lack)).returncode, 0)
        self.assertEqual(dgramtest.run_dgramd("-t", **self.inside(*lack)).returncode, 0)
        daemon = self.start(
            {"services": [{"handler": "daytime"}, {"handler": "time"}, {"handler": "simulate"}]},
            **self.inside(*lack))
        zone = daemon.ask(service="daytime").rpartition(b"-")[2]
        if without_localtime in lack or without_all in lack:
            self.assertEqual(zone, b"UTC\r\n")
        self.assertEqual(len(daemon.ask(service="time")), 24)
        self.assertEqual(daemon.ask(b"same", service="simulate"), b"same")
        daemon.write_config({**daemon.config, "pool": {"workers": 6}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        daemon.kill(signal.SIGUSR1)
        daemon.wait_for("signal", message="SIGUSR1")
        ledgers = daemon.stop()
        self.assertEqual([each["replied"] for each in ledgers.values()], [1, 1, 1])
        self.assertEqual([line for line in daemon.lines if " error " in line], [])

    def test_without_dev(self):
        self.must_serve(without_dev)

    def test_without_proc(self):
        self.must_serve(without_proc)

    def test_without_localtime(self):
        self.must_serve(without_localtime)

    def test_without_ipv6(self):
        self.must_serve(without_ipv6)
        daemon = self.start({"host": "::1"}, ready=False, **self.inside(without_ipv6))
        daemon.wait(UNAVAILABLE)
        self.assertIn("there is no IPv6 here", daemon.events("cannot listen")[0]["hint"])

    def test_read_only(self):
        self.must_serve(read_only)

    def test_without_all(self):
        self.must_serve(without_all)

    def test_plugin(self):
        """What opens it first needs none of this either."""
        with tempfile.TemporaryDirectory(prefix="dgramd-bare-") as directory:
            path = plugins.build(os.path.join(directory, "hello.so"), plugins.answers())
            daemon = self.start({"handler": path}, **self.inside(without_all))
            self.assertEqual(daemon.ask(), b"hello")
            self.assertEqual(daemon.stop()["hello"]["replied"], 1)

    def test_a_closed_descriptor_needs_dev_null(self):
        for closed in 0, 1:
            done = dgramtest.run_dgramd("-V", **self.inside(lambda fd=closed: os.close(fd), without_dev))
            self.assertEqual(done.returncode, SYSTEM_ERROR)
            self.assertEqual(
                done.stderr, "dgramd: error: a standard descriptor is closed, and /dev/null cannot take its "
                "place: No such file or directory\n")


class Closed(dgramtest.Case):
    def test_dev_null_takes_its_place(self):
        """And not a socket, to which somebody would read or print."""
        for closed in 0, 1:
            daemon = self.start(preexec_fn=lambda fd=closed: os.close(fd))
            self.assertEqual(os.readlink(f"/proc/{daemon.process.pid}/fd/{closed}"), "/dev/null")
            daemon.stop()


dgramtest.main()

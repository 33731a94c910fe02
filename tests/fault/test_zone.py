"""The handlers that tell the local time follow /etc/localtime while dgramd runs. In a file system of the
test's own; for root only."""

import os
import shutil
import signal
import struct
import tempfile

import dgramtest
import faults
import namespaces


def zone_file(name, hours):
    """A zone without summer time (RFC 8536): a header, and the one kind of local time."""
    return (b"TZif" + bytes(16) + struct.pack(">6I", 0, 0, 0, 0, 1, len(name) + 1) +
            struct.pack(">iBB", hours * 3600, 0, 0) + name.encode() + b"\0")


class Zone(dgramtest.Case):
    def setUp(self):
        namespaces.skip_without(self, namespaces.MOUNTS)
        os.environ.pop("TZ", None)
        self.etc = tempfile.mkdtemp(prefix="dgramd-etc-")
        self.addCleanup(shutil.rmtree, self.etc, ignore_errors=True)
        self.set_zone("AAA", 1)

    def set_zone(self, name, hours):
        path = os.path.join(self.etc, "localtime")
        with open(f"{path}.new", "wb") as file:
            file.write(zone_file(name, hours))
        os.replace(f"{path}.new", path)

    def start_in_zone(self, **environment):
        """With a wall clock that goes on by a minute when the file "now" appears."""
        def enter():
            namespaces.unshare(namespaces.MOUNTS)
            namespaces.mount(self.etc, "/etc", None, namespaces.MS_BIND)
        return self.start(
            {"handler": "daytime", "pool": {"workers": 2}}, preexec_fn=enter, environment={
                **faults.settings("clock_step", 1, FAULT_SECONDS=60, FAULT_AFTER="now"),
                "LD_PRELOAD": faults.SHIM, **environment})

    def zone(self, daemon):
        return self.minute_and_zone(daemon)[1]

    def minute_and_zone(self, daemon):
        """Of "... 17:37:43-PST"."""
        _, minute, second = daemon.ask().decode().strip().rsplit(":", 2)
        return minute, second.rpartition("-")[2]

    def a_minute_later(self, daemon):
        with open(os.path.join(daemon.directory, "now"), "w", encoding="ascii"):
            pass

    def test_reload(self):
        daemon = self.start_in_zone()
        for count, name in enumerate(("BBB", "CCC", "DDD", "EEE"), 1):
            before = self.minute_and_zone(daemon)[0]
            self.set_zone(name, count)
            daemon.kill(signal.SIGHUP)
            daemon.wait_for("reloaded", count=count)
            self.eventually(lambda each=name: self.zone(daemon) == each, "the other zone")
            if self.minute_and_zone(daemon)[0] == before:
                break  # so it was not a new minute that did it
        else:
            self.fail("never within the same minute")
        os.unlink(os.path.join(self.etc, "localtime"))
        daemon.write_config("{")
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")
        self.eventually(lambda: self.zone(daemon) == "UTC", "no zone")
        daemon.stop()

    def test_minute(self):
        daemon = self.start_in_zone()
        self.assertEqual(self.zone(daemon), "AAA")
        self.set_zone("BBB", 2)
        self.a_minute_later(daemon)
        self.assertEqual(self.zone(daemon), "BBB")
        daemon.stop()

    def test_hours(self):
        """Not the name alone."""
        daemon = self.start_in_zone()
        before = daemon.ask().split()[-1]
        self.set_zone("AAA", 13)
        self.a_minute_later(daemon)
        after = daemon.ask().split()[-1]
        hours = [int(text.split(b":")[0]) for text in (before, after)]
        self.assertIn((hours[1] - hours[0]) % 24, (12, 13))  # the minute may begin an hour
        daemon.stop()

    def test_environment(self):
        """What TZ says stays as it is."""
        daemon = self.start_in_zone(TZ="CCC-3")
        self.assertEqual(self.zone(daemon), "CCC")
        self.set_zone("BBB", 2)
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.a_minute_later(daemon)
        self.assertEqual(self.zone(daemon), "CCC")
        daemon.stop()


dgramtest.main()

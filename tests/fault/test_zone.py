"""The handlers that tell the local time follow /etc/localtime while dgramd runs. In a file system of the
test's own; for root only."""

import os
import shutil
import struct
import tempfile

import dgramtest
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
        def enter():
            namespaces.unshare(namespaces.MOUNTS)
            namespaces.mount(self.etc, "/etc", None, namespaces.MS_BIND)
        return self.start({"handler": "daytime", "pool": {"workers": 2}}, preexec_fn=enter,
            environment=environment)

    def zone(self, daemon):
        """Of "... 17:37:43-PST"."""
        return daemon.ask().decode().strip().rpartition("-")[2]

    def hour(self, daemon):
        return int(daemon.ask().split()[-1].split(b":")[0])

    def test_each_change(self):
        daemon = self.start_in_zone()
        self.assertEqual(self.zone(daemon), "AAA")
        for count, name in enumerate(("BBB", "CCC", "DDD"), 1):
            self.set_zone(name, count)
            self.eventually(lambda each=name: self.zone(daemon) == each, "the other zone")
        os.unlink(os.path.join(self.etc, "localtime"))
        self.eventually(lambda: self.zone(daemon) == "UTC", "no zone")
        daemon.stop()

    def test_hours(self):
        """Not the name alone."""
        daemon = self.start_in_zone()
        before = self.hour(daemon)
        self.set_zone("AAA", 13)
        self.eventually(  # an hour may begin meanwhile
            lambda: (self.hour(daemon) - before) % 24 in (12, 13), "the other half of the day")
        daemon.stop()

    def test_environment(self):
        """What TZ says stays as it is."""
        daemon = self.start_in_zone(TZ="CCC-3")
        self.assertEqual(self.zone(daemon), "CCC")
        self.set_zone("BBB", 2)
        second = daemon.ask()
        self.eventually(lambda: daemon.ask() != second, "another second")
        self.assertEqual(self.zone(daemon), "CCC")
        daemon.stop()


dgramtest.main()

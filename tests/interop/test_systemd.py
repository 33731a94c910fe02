"""dgramd under a real systemd, which is process 1 of namespaces of its own, with a tree of control groups of its own."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

import dgramtest

INIT = "/lib/systemd/systemd"
UNSHARE = "unshare --fork --kill-child --pid --mount --net --uts --ipc --mount-proc".split()
# It may touch nothing of the machine's: it gets a control group first, which is the root of all that it sees.
OUTER = """
mkdir -p "$0/groups" && mount -t cgroup2 none "$0/groups" || exit 77
mkdir -p "$0/groups/$(basename "$0")" && echo $$ >"$0/groups/$(basename "$0")/cgroup.procs" || exit 77
exec unshare --cgroup sh -c "$1" "$0"
"""
INNER = """
umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run || exit 77
ip link set lo up
export container=test SYSTEMD_UNIT_PATH="$0/units"
exec %s --system --unit=default.target --log-target=null --show-status=no
""" % INIT


class Systemd(dgramtest.Case):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root may make the namespaces")
        for program in INIT, "/usr/bin/nsenter", "/usr/bin/systemctl":
            if not shutil.which(program):
                self.skipTest(f"no {program} here")
        self.directory = tempfile.mkdtemp(prefix="dgramd-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.mkdir(self.path("units"))
        self.write("units/default.target", "[Unit]\nDescription=all\n")
        self.write("units/dgramd.service", self.unit())
        self.write("server.json", json.dumps({
            "handler": "echo", "user": "nobody", "admin": {"socket": self.path("admin.sock")},
            "shutdown": {"drain_delay_ms": 500}}))
        os.chmod(self.directory, 0o777)  # where nobody makes the socket
        self.start_init()

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def unit(self):
        """What the unit of conf/ says of the process's life."""
        with open(os.path.join(dgramtest.TOP, "conf/systemd/dgramd.service"), encoding="utf-8") as file:
            lines = re.findall(r"^(?:Type|NotifyAccess|ExecStart|ExecReload|Kill\w+|Timeout\w+|WatchdogSec)=.*$",
                               file.read(), re.MULTILINE)
        text = "\n".join(lines).replace("/usr/local/sbin/dgramd", os.path.abspath(dgramtest.DGRAMD))
        text = text.replace("/etc/dgramd/server.json", self.path("server.json"))
        return f"[Unit]\nDefaultDependencies=no\n[Service]\n{text}\nStandardError=append:{self.path('log')}\n"

    def start_init(self):
        process = subprocess.Popen([*UNSHARE, "sh", "-c", OUTER, self.directory, INNER], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)  # unshare, which takes process 1 of its own with it
        self.eventually(lambda: process.poll() is not None or self.find_init(process.pid), "systemd")
        if process.poll() == 77:
            self.skipTest("no control groups to be had")
        self.init = self.find_init(process.pid)
        self.eventually(lambda: self.control("show", check=False).returncode == 0, "systemd's answer")

    def find_init(self, parent):
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
            children = file.read().split()
        return next((pid for pid in children if os.readlink(f"/proc/{pid}/exe").endswith("/systemd")), None)

    def control(self, *words, check=True):
        return subprocess.run(["nsenter", "-t", self.init, "-a", "systemctl", *words], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=check, timeout=dgramtest.PATIENCE)

    def value(self, name):
        return self.control("show", "dgramd.service", "-p", name, "--value").stdout.strip()

    def events(self, event):
        with open(self.path("log"), encoding="utf-8") as file:
            return [line for line in map(dgramtest.parse_line, file) if line and line["event"] == event]

    def reload(self):
        self.control("reload", "dgramd.service")  # which has sent the signal when it returns
        self.eventually(lambda: len(self.events("reloaded")) == 1, "the reload")

    def stop(self):
        """It drains: a supervisor that kills at once would leave nothing of that in the log."""
        before = len(self.events("ledger"))
        self.control("stop", "dgramd.service")
        self.assertEqual((self.value("ActiveState"), self.value("Result")), ("inactive", "success"))
        self.assertEqual(len(self.events("ledger")), before + 1)

    def test_start_reload_stop(self):
        self.control("start", "dgramd.service")
        self.assertEqual(self.value("ActiveState"), "active")
        self.reload()
        self.stop()

    def test_upgrades(self):
        """Each new process is the main one, whose end systemd then waits for."""
        self.control("start", "dgramd.service")
        for number in range(1, 4):
            before = self.value("MainPID")
            self.control("kill", "-s", str(int(signal.SIGUSR2)), "--kill-who=main", "dgramd.service")
            self.eventually(lambda: self.value("MainPID") != before, "another main process")
            self.eventually(lambda: len(self.events("ledger")) == number, "the end of the one before")
            self.assertEqual(self.value("ActiveState"), "active")
        self.reload()
        self.assertEqual(self.value("NRestarts"), "0")
        self.stop()


dgramtest.main()

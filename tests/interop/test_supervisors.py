"""The units of conf/ under the supervisors that they are for, started for real, except for systemd,
whose part is played from what the unit says. A supervisor that is not installed is a counted skip."""

import datetime
import gzip
import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

import dgramtest

CONF = os.path.join(dgramtest.TOP, "conf")
ROOT = os.geteuid() == 0
BAD = '{ "port": "none" }'


def need(*programs):
    for program in programs:
        if not shutil.which(program):
            raise dgramtest.unittest.SkipTest(f"{program} is not installed")


def run(*words, check=True):
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, timeout=dgramtest.PATIENCE)
    if check and done.returncode != 0:
        raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout}")
    return done.stdout.strip()


def default_drain_ms():
    return json.loads(dgramtest.run_dgramd("-T").stdout)["shutdown"]["drain_timeout_ms"]


class Place(dgramtest.Case):
    """A directory with a copy of dgramd and its configuration, which any user may read."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dgramd-")
        self.addCleanup(shutil.rmtree, self.directory)
        os.chmod(self.directory, 0o755)
        self.program = self.path("dgramd")
        shutil.copy(dgramtest.DGRAMD, self.program)
        self.config = self.path("server.json")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = probe.getsockname()
        self.configure()

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def configure(self, text=None):
        self.write("server.json", text or json.dumps({"port": self.address[1], "handler": "echo"}))

    def adapt(self, *names):
        """A file of conf/ with this place's paths in it."""
        with open(os.path.join(CONF, *names), encoding="utf-8") as file:
            text = file.read()
        for theirs, ours in (
                ("/usr/local/sbin/dgramd", self.program), ("/etc/dgramd/server.json", self.config)):
            self.assertEqual(theirs in text, names[-1] != "finish", f"{theirs} in {names}")
            text = text.replace(theirs, ours)
        return text


class Supervised:
    """What each supervisor has to do. The subclasses say how it is asked."""

    def launch(self, *words):
        """Starts the supervisor; what it and dgramd write goes to self.log."""
        self.log = self.path("log")
        with open(self.log, "ab") as log:
            supervisor = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        self.addCleanup(self.finish, supervisor)

    def finish(self, supervisor):
        """A supervisor takes its service with it."""
        supervisor.terminate()
        supervisor.wait(dgramtest.PATIENCE)

    def lines(self):
        with open(self.log, encoding="utf-8") as log:
            return log.read().splitlines()

    def events(self, event):
        parsed = filter(None, map(dgramtest.parse_line, self.lines()))
        return [line for line in parsed if line["event"] == event]

    def await_events(self, event, count):
        self.eventually(
            lambda: len(self.events(event)) >= count, f"{event}, {count} times, in {self.log}")

    def assert_answers(self):
        with dgramtest.socket_for(self.address) as client:
            client.sendto(b"there?", self.address)
            self.assertEqual(client.recv(100), b"there?")

    def copy_directory(self, name):
        """The service directory of runsv or s6-supervise."""
        shutil.copytree(os.path.join(CONF, name, "dgramd"), self.path("dgramd.d"))
        for file in ("run", "finish"):
            text = self.adapt(name, "dgramd", file)
            if not ROOT:
                text = re.sub(r"exec (chpst -u|s6-setuidgid) \S+", "exec", text)
            self.write(f"dgramd.d/{file}", text)
        return self.path("dgramd.d")

    def test_serves_as_nobody_and_stops(self):
        self.begin()
        self.await_events("ready", 1)
        if ROOT:
            self.assertNotEqual(os.stat(f"/proc/{self.pid()}").st_uid, 0)
        os.kill(self.pid(), signal.SIGUSR2)  # which none of these could follow
        self.await_events("upgrade refused", 1)
        self.assert_answers()
        self.stop()
        self.eventually(self.is_down, "the service is down")
        last = dgramtest.parse_line(self.lines()[-1])
        self.assertEqual((last["event"], last["received"], last["replied"]), ("ledger", "1", "1"))
        dgramtest.check_ledger({k: int(v) for k, v in last.items() if v.isdigit()})
        self.assertEqual(len(self.events("ready")), 1)

    def test_killed_comes_back(self):
        self.begin()
        self.await_events("ready", 1)
        os.kill(self.pid(), signal.SIGKILL)
        self.await_events("ready", 2)
        self.assert_answers()

    def test_busy_address_is_tried_again(self):
        """Once a second: a start that fails takes a part of that."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(self.address)
            self.begin()
            self.await_events("cannot listen", 3)
        first, _, third = (
            datetime.datetime.fromisoformat(line["time"].rstrip("Z"))
            for line in self.events("cannot listen")[:3])
        self.assertGreaterEqual((third - first).total_seconds(), 1.9)
        self.await_events("ready", 1)
        self.assert_answers()

    def assert_given_up(self, complaint):
        self.begin()
        self.eventually(self.is_down, "it was given up")
        time.sleep(2.5)  # all of these supervisors try again after a second
        self.assertTrue(self.is_down())
        said = [line for line in self.lines() if complaint in line]
        self.assertEqual(len(said), 1, self.lines())

    def test_bad_configuration_is_not_tried_again(self):
        self.configure(BAD)
        self.assert_given_up("server.json:1:11: error: port:")

    def test_wrong_option_is_not_tried_again(self):
        self.option = " --no-such-option"
        self.assert_given_up("--no-such-option")

    option = ""

    def adapt(self, *names):
        return super().adapt(*names).replace(self.config, self.config + self.option)


class Supervisord(Supervised, Place):
    another = ""

    def test_busy_address_is_tried_again(self):
        """Each line of another program is a pass of supervisord's loop, in which it starts what has failed."""
        self.another = "\n".join((
            "[program:another]", "command=sh -c 'while :; do echo line; sleep 0.01; done'",
            "stdout_logfile=/dev/null", "stdout_logfile_maxbytes=0", "stopsignal=KILL"))
        super().test_busy_address_is_tried_again()

    def begin(self):
        need("supervisord", "supervisorctl")
        unit = self.adapt("supervisor", "dgramd.conf")
        unit = unit.replace("/var/log/supervisor/dgramd.log", self.path("log"))
        if not ROOT:
            unit = unit.replace("user=nobody\n", "")
        self.write("dgramd.conf", unit)
        self.main = self.write("supervisord.conf", "\n".join((
            "[supervisord]", "logfile=/dev/null", "logfile_maxbytes=0",
            f"pidfile={self.path('pid')}", f"childlogdir={self.directory}", "user=root" if ROOT else "",
            "[unix_http_server]", f"file={self.path('control')}",
            "[rpcinterface:supervisor]",
            "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            "[supervisorctl]", f"serverurl=unix://{self.path('control')}",
            "[include]", f"files = {self.path('dgramd.conf')}", self.another, "")))
        self.launch("supervisord", "-n", "-s", "-c", self.main)

    def control(self, *words):
        return run("supervisorctl", "-c", self.main, *words, check=False)

    def pid(self):
        return int(self.control("pid", "dgramd"))

    def stop(self):
        self.assertIn("stopped", self.control("stop", "dgramd"))

    def is_down(self):
        return re.match(r"dgramd +(EXITED|STOPPED) ", self.control("status", "dgramd"))

    def test_stop_waits_for_the_drain(self):
        seconds = re.search(r"^stopwaitsecs=(\d+)$", self.adapt("supervisor", "dgramd.conf"), re.M)
        self.assertGreater(int(seconds[1]) * 1000, default_drain_ms() + 1000)


class Runit(Supervised, Place):
    def begin(self):
        need("runsv", "sv", *["chpst"] * ROOT)
        self.service = self.copy_directory("runit")
        self.launch("runsv", self.service)

    def pid(self):
        with open(os.path.join(self.service, "supervise", "pid"), encoding="ascii") as file:
            return int(file.read())

    def stop(self):
        run("sv", "down", self.service)

    def is_down(self):
        status = run("sv", "status", self.service, check=False)
        return status.startswith("down:") and "want up" not in status

    def test_stop_waits_for_the_drain(self):
        seconds = re.search(r"sv -w (\d+) stop", self.adapt("runit", "dgramd", "run"))
        self.assertGreater(int(seconds[1]) * 1000, default_drain_ms() + 1000)


class S6(Supervised, Place):
    def begin(self):
        need("s6-supervise", "s6-svc", "s6-svstat", *["s6-setuidgid"] * ROOT)
        self.service = self.copy_directory("s6")
        self.launch("s6-supervise", self.service)

    def status(self, fields):
        return run("s6-svstat", "-o", fields, self.service, check=False)

    def pid(self):
        return int(self.status("pid"))

    def stop(self):
        run("s6-svc", "-d", self.service)

    def is_down(self):
        return self.status("up,wantedup") == "false false"

    def test_ready_when_it_answers(self):
        self.begin()
        self.eventually(lambda: self.status("up,ready") == "true true", "ready")
        self.assert_answers()
        self.assertEqual(run("s6-svwait", "-U", "-t", "10000", self.service), "")

    def test_not_ready_without_an_address(self):
        self.configure(json.dumps(
            {"host": "192.0.2.7", "on_missing_address": "wait", "port": 0, "handler": "echo"}))
        self.begin()
        self.await_events("waiting for an address", 1)
        self.assertEqual(self.status("up,ready"), "true false")

    def test_stop_waits_for_the_drain(self):
        with open(os.path.join(CONF, "s6", "dgramd", "timeout-kill"), encoding="ascii") as file:
            self.assertGreater(int(file.read()), default_drain_ms() + 1000)


class Systemd(Place):
    def setUp(self):
        super().setUp()
        self.unit = self.adapt("systemd", "dgramd.service")

    def values(self, key):
        return re.findall(rf"^{key}=(.*)$", self.unit, re.MULTILINE)

    def test_verify(self):
        need("systemd-analyze")
        path = self.write("dgramd.service", self.unit)
        said = run("systemd-analyze", "verify", "--man=no", path)
        self.assertEqual(said, "")

    def test_socket_unit(self):
        """It is valid, and what it says fits the file that comes with it: systemd-socket-activate does as it says."""
        need("systemd-analyze")
        with open(os.path.join(CONF, "systemd/dgramd.socket"), encoding="utf-8") as file:
            text = file.read()
        self.write("dgramd.service", self.unit)
        path = self.write("dgramd.socket", text)
        self.assertEqual(run("systemd-analyze", "verify", "--man=no", path), "")
        with open(os.path.join(CONF, "server.json"), encoding="utf-8") as file:
            config = json.load(file)
        values = dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))
        self.assertEqual(values["ListenDatagram"], f"{config['host']}:{config['port']}")
        self.configure(json.dumps({**config, "port": self.address[1]}))
        with open(self.path("log"), "wb") as log:
            daemon = subprocess.Popen(
                ["systemd-socket-activate", "--datagram", "--listen", f"127.0.0.1:{self.address[1]}",
                 "--fdname", values["FileDescriptorName"], self.program, "-c", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(self.end, daemon)
        self.eventually(self.is_taken, "a socket")
        with dgramtest.socket_for(self.address) as client:  # it starts dgramd, and waits
            client.sendto(b"", self.address)
            self.assertEqual(len(client.recv(100)), 24)
        self.assertEqual(os.readlink(f"/proc/{daemon.pid}/exe"), self.program)

    def is_taken(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
            try:
                taker.bind(self.address)
            except OSError:
                return True
        return False

    def end(self, process):
        process.terminate()
        process.wait(dgramtest.PATIENCE)

    def test_sandbox(self):
        need("systemd-analyze")
        path = self.write("dgramd.service", self.unit)
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
        score = re.search(r"Overall exposure level for dgramd.service: ([\d.]+)", said)
        self.assertLessEqual(float(score[1]), 1.4, said)

    def test_the_sandbox_can_be_entered(self):
        """All that dgramd's own one asks of the kernel, and its children, is in the filter of the unit."""
        need("systemd-analyze")
        allowed = set()
        for value in self.values("SystemCallFilter"):
            wanted = set(value.removeprefix("~").split())
            while any(each.startswith("@") for each in wanted):
                group = next(each for each in wanted if each.startswith("@"))
                said = run("systemd-analyze", "syscall-filter", "--no-pager", group).splitlines()
                wanted |= {line.strip() for line in said[1:] if line.strip() and "#" not in line}
                wanted.remove(group)
            allowed = allowed - wanted if value.startswith("~") else allowed | wanted
        self.assertLessEqual({"recvmmsg", "futex", "openat"}, allowed)
        self.assertNotIn("mount", allowed)
        needed = {"seccomp", "prctl", "memfd_create", "capget", "landlock_create_ruleset",
            "landlock_add_rule", "landlock_restrict_self"}
        self.assertEqual(needed - allowed, set())
        children = {"clone", "execve", "setpgid", "prlimit64", "close_range", "dup2", "pipe2", "socketpair",
            "waitid", "kill"}
        self.assertEqual(children - allowed, set())

    def test_drop_in_for_what_compiles_while_it_runs(self):
        need("systemd-analyze")
        self.assertEqual(self.values("MemoryDenyWriteExecute"), ["yes"])
        path = self.write("dgramd.service", self.unit)
        os.mkdir(f"{path}.d")
        shutil.copy(os.path.join(CONF, "systemd/exec.conf"), f"{path}.d")
        said = run("systemd-analyze", "security", "--offline=true", "--no-pager", path)
        self.assertRegex(said, r"✗ MemoryDenyWriteExecute=")
        self.assertEqual(run("systemd-analyze", "verify", "--man=no", path), "")

    def test_stop_waits_for_the_drain(self):
        self.assertGreater(int(self.values("TimeoutStopSec")[0]) * 1000, default_drain_ms() + 1000)

    def test_bad_configuration_and_wrong_options_are_final(self):
        self.assertEqual(self.values("RestartPreventExitStatus"), ["64 78"])
        start = shlex.split(self.values("ExecStart")[0])
        self.assertEqual(run_code(*start, "--no-such-option"), 64)
        self.configure(BAD)
        self.assertEqual(run_code(*start), 78)

    def test_start_reload_stop(self):
        """What systemd does with Type=notify, KillSignal's default, and the lines of ExecReload."""
        self.assertEqual(self.values("Type"), ["notify"])
        check, hup = map(shlex.split, self.values("ExecReload"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(self.path("notify"))
            manager.settimeout(dgramtest.PATIENCE)
            with subprocess.Popen(
                    shlex.split(self.values("ExecStart")[0]), stderr=subprocess.DEVNULL,
                    env={**os.environ, "NOTIFY_SOCKET": self.path("notify")}) as daemon:
                self.addCleanup(daemon.kill)
                hear(manager, "READY=1")
                self.assertEqual(run_code(*check), 0)
                run(*(word.replace("$MAINPID", str(daemon.pid)) for word in hup))
                hear(manager, "RELOADING=1")
                hear(manager, "READY=1")
                self.configure(BAD)
                self.assertEqual(run_code(*check), 78)  # and systemd does not go on to the HUP
                daemon.terminate()
                hear(manager, "STOPPING=1")
                self.assertEqual(daemon.wait(dgramtest.PATIENCE), 0)


    def test_exec_in_a_shell(self):
        """What the unit says of sh -c: with exec the shell is no process any more."""
        self.assertIn("write `exec`", self.unit)
        command = " ".join(map(shlex.quote, shlex.split(self.values("ExecStart")[0])))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            manager.bind(self.path("notify"))
            manager.settimeout(dgramtest.PATIENCE)
            with subprocess.Popen(
                    ["sh", "-c", f"exec {command}"], stderr=subprocess.DEVNULL,
                    env={**os.environ, "NOTIFY_SOCKET": self.path("notify")}) as daemon:
                self.addCleanup(daemon.kill)
                said, ancillary, _, _ = manager.recvmsg(4096, socket.CMSG_SPACE(12))
                self.assertEqual(said, b"READY=1")
                self.assertEqual(struct.unpack("iII", ancillary[0][2])[0], daemon.pid)
                daemon.terminate()
                self.assertEqual(daemon.wait(dgramtest.PATIENCE), 0)


class Logrotate(Place):
    def test_no_line_is_lost(self):
        """Its file is the unit's but for the paths and the supervisor."""
        need("logrotate")
        with open(os.path.join(CONF, "logrotate.d", "dgramd"), encoding="utf-8") as file:
            text = file.read()
        with dgramtest.Daemon(
                {"handler": "echo", "logging": {"level": "debug", "target": self.path("main.log")},
                 "port": self.address[1]}, ready=False) as daemon:
            text = text.replace("/var/log/dgramd/", self.path(""))
            text, count = re.subn(
                r"systemctl kill --kill-who=main --signal=USR1 dgramd.service",
                f"kill -USR1 {daemon.process.pid}", text)
            self.assertEqual(count, 1)
            rules = self.write("rules", text)
            os.chmod(rules, 0o644)
            self.eventually(lambda: self.count_lines("ready") == 1, "ready")
            for _ in range(3):
                self.eventually(lambda: self.ask() and self.count_lines("request") >= 9, "requests")
                run("logrotate", "--force", "--state", self.path("state"), rules)
            self.eventually(lambda: self.ask() and self.count_lines("request") > 0, "a new log")
            daemon.kill(signal.SIGTERM)
            daemon.wait()
        names = sorted(name for name in os.listdir(self.directory) if name.startswith("main.log"))
        self.assertEqual(names, ["main.log", "main.log.1", "main.log.2.gz", "main.log.3.gz"])
        lines = [line for name in names for line in self.lines_of(name)]
        self.assertEqual(sum(line["event"] == "request" for line in lines), self.asked)
        self.assertEqual(
            [line["log_lines_lost"] for line in lines if line["event"] == "ledger"], ["0"])

    asked = 0

    def ask(self):
        self.asked += 1
        with dgramtest.socket_for(self.address) as client:
            client.connect(self.address)
            client.send(b"x")
            return client.recv(16)

    def count_lines(self, event):
        return os.path.exists(self.path("main.log")) and sum(
            line["event"] == event for line in self.lines_of("main.log"))

    def lines_of(self, name):
        opened = gzip.open if name.endswith(".gz") else open
        with opened(self.path(name), "rt", encoding="ascii") as file:
            return list(filter(None, map(dgramtest.parse_line, file)))


def run_code(*words):
    return subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        timeout=dgramtest.PATIENCE).returncode


def hear(manager, line):
    """Waits until this line comes, other messages before it or not."""
    while line not in manager.recv(4096).decode().split("\n"):
        pass


dgramtest.main()

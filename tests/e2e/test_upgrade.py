"""Another process takes the place of a running one: by SIGUSR2, POST /upgrade, POST /reload?all and dgramctl upgrade."""

import concurrent.futures
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import adminclient
import dgramtest
import probe

UPGRADES = int(os.environ.get("UPGRADES", dgramtest.scaled(20, at_least=4)))
WINDOW = 64  # requests under way
PR_SET_CHILD_SUBREAPER = 36
ADMIN = {"socket": "admin.sock", "listen": "127.0.0.1:0"}
ECHO = {"handler": "echo", "max_reply_factor": 100}
NOBODY = 65534
LAYERS_MAX = 16  # of Landlock

ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


class Process:
    """One that a process of ours has left, whose parent we are once that has ended, as subprocess.Popen has it."""

    def __init__(self, pid, stderr):
        self.pid, self.stderr, self.returncode = pid, stderr, None

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:  # its parent is ready to end, but has not yet
                return None
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=dgramtest.PATIENCE):
        limit = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired("dgramd", timeout)
            time.sleep(0.005)
        return self.returncode

    def send_signal(self, number):
        os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def received_by_all(daemon, service):
    """Of the books of all processes that have ended."""
    lines = daemon.events("ledger", service=service)
    for line in lines:
        dgramtest.check_ledger({name: int(value) for name, value in line.items() if value.isdigit()})
    return len(lines), sum(int(line["received"]) for line in lines)


class Upgrades(dgramtest.Case):
    def start_upgradable(self, config=None, **options):
        """A daemon with an endpoint, whose program is a link."""
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.program = os.path.join(folder.name, "program")
        os.symlink(dgramtest.DGRAMD, self.program)
        daemon = self.start({**dgramtest.UNWARNED, "admin": ADMIN, **(config or ECHO)},
                            program=self.program, **options)
        if options.get("ready", True):
            daemon.wait_for("admin endpoint", len(ADMIN))
        self.admin = adminclient.Admin(daemon)
        return daemon

    def replace_program(self, script):
        """None: it is a dgramd again."""
        os.unlink(self.program)
        if script is None:
            os.symlink(dgramtest.DGRAMD, self.program)
            return
        with open(self.program, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\n{script}\n")
        os.chmod(self.program, 0o755)

    def follow(self, daemon, count=1):
        """Waits until so many upgrades are done; the daemon is the last process then."""
        line = daemon.wait_for("upgraded", count=count)
        before = daemon.process
        self.assertEqual(before.wait(dgramtest.PATIENCE), 0)
        daemon.process = Process(int(line["message"].split()[1]), before.stderr)

    def left(self):
        """Processes that are ours by now: those of upgrades, too, whose parents have ended."""
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return {int(pid) for pid in file.read().split() if os.waitpid(int(pid), os.WNOHANG)[0] == 0}

    def overtake(self, daemon):
        """A new process is ready, and the old one, which is frozen, has not seen it yet. Returns the new one."""
        gate, count = os.path.join(daemon.directory, "gate"), len(daemon.events("upgrade")) + 1
        self.replace_program(f'while [ ! -e {gate} ]; do sleep 0.01; done\nexec {" ".join(dgramtest.command())} "$@"')
        daemon.kill(signal.SIGUSR2)
        daemon.wait_for("upgrade", count=count)
        daemon.freeze()
        with open(gate, "w", encoding="ascii"):
            daemon.wait_for("ready", count=2)
        self.eventually(lambda: self.left() - {daemon.process.pid}, "the end of the process between them")
        new, = self.left() - {daemon.process.pid}
        return Process(new, daemon.process.stderr)

    def ask_ctl(self, daemon, *words):
        return dgramtest.run_dgramd(
            "--socket", self.admin.path, *words, program=f"{dgramtest.BUILD}/dgramctl", cwd=daemon.directory)


class Good(Upgrades):
    def ask_on(self, address, ended):
        """Numbered requests, a window of them under way, until the end; how many, after all are answered."""
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            answered, sent = set(), 0
            while sent < WINDOW or not ended.is_set():
                if sent - len(answered) >= WINDOW:
                    answered.add(int(client.recv(100)))
                client.send(b"%d" % sent)
                sent += 1
            while len(answered) < sent:
                answered.add(int(client.recv(100)))
        self.assertEqual(answered, set(range(sent)))
        return sent

    def look_on(self, daemon, ended):
        """Scrapes and dgramctl's status: whoever answers, somebody does."""
        looks = 0
        while not ended.is_set():
            self.assertEqual(self.admin.ask("/metrics").status, 200)
            self.assertEqual(self.admin.ask_remote("/metrics").status, 200)
            status = self.ask_ctl(daemon, "status")
            self.assertEqual((status.returncode, status.stderr), (0, ""))
            looks += 1
        return looks

    def test_nothing_is_lost(self):
        daemon = self.start_upgradable({
            "max_reply_factor": 100, "services": [
                {"name": "pooled", "host": [probe.HOST, probe.OTHER_HOST], "receivers": 2, "handler": "echo"},
                {"name": "inlined", "host": probe.HOST, "concurrency": "inline", "handler": "echo"}]})
        ways = [lambda: daemon.kill(signal.SIGUSR2),
                lambda: self.assertIn("upgraded", self.admin.json("/upgrade", "POST")["messages"][-1]),
                lambda: self.assertIn("upgraded", self.admin.json("/reload?all", "POST")["messages"][-1]),
                lambda: self.assertIn("upgraded: process ", self.ask_ctl(daemon, "upgrade").stdout)]
        ended = threading.Event()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asking = {service: [pool.submit(self.ask_on, address, ended) for address in daemon.addresses(service)]
                      for service in ("pooled", "inlined")}
            looking = pool.submit(self.look_on, daemon, ended)
            try:
                for number in range(UPGRADES):
                    ways[number % len(ways)]()
                    self.follow(daemon, number + 1)
            finally:
                ended.set()
            sent = {service: sum(future.result() for future in futures) for service, futures in asking.items()}
            self.assertGreater(looking.result(), 0)
        daemon.stop()
        for service, count in sent.items():
            self.assertEqual(received_by_all(daemon, service), (UPGRADES + 1, count))
            self.assertGreater(count, UPGRADES)
        self.assertFalse(os.path.exists(self.admin.path))

    def test_what_the_file_says_now(self):
        daemon = self.start_upgradable({"services": [
            {"name": "stays", **ECHO}, {"name": "goes", **ECHO}, {"name": "becomes", **ECHO}]})
        port = daemon.address("becomes")[1]
        daemon.write_config({**dgramtest.UNWARNED, "queue": {"max_wait_ms": 0}, "services": [
            {"name": "comes", **ECHO, "port": 0},
            {"name": "stays", **ECHO, "port": 0, "host": ["127.0.0.1", "127.0.0.3"]},
            {"name": "renamed", "handler": "time", "port": port}]})
        self.assertEqual(self.admin.ask("/reload?all", "POST").status, 200)
        self.follow(daemon)
        self.assertFalse(os.path.exists(self.admin.path))  # the new file names no endpoint
        stays = daemon.addresses("stays")
        self.assertEqual(stays[0], stays[1])  # in both processes
        self.assertEqual(stays[2][0], "127.0.0.3")
        self.assertEqual(daemon.address("renamed")[1], port)
        self.assertEqual(daemon.ask(b"x", "comes"), b"x")
        self.assertEqual(len(daemon.ask(b"", "renamed")), 24)
        with dgramtest.socket_for(daemon.address("goes")) as client:
            client.connect(daemon.address("goes"))
            client.send(b"x")
            self.assertRaises(ConnectionRefusedError, client.recv, 100)
        daemon.stop()

    def test_one_that_waits_for_an_address_goes_on_waiting(self):
        daemon = self.start_upgradable({
            **ECHO, "host": ["127.0.0.1", "192.0.2.77"], "on_missing_address": "wait"})
        waiting = daemon.wait_for("waiting for an address")["address"]
        daemon.kill(signal.SIGUSR2)
        self.follow(daemon)
        self.assertEqual(daemon.wait_for("waiting for an address", count=2)["address"], waiting)
        self.assertEqual(daemon.ask(b"x"), b"x")
        daemon.stop()

    def test_a_log_file_has_the_lines_of_both(self):
        path = os.path.join(tempfile.gettempdir(), f"dgramd-{os.getpid()}.log")
        self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
        daemon = self.start_upgradable({**ECHO, "logging": {"target": path}}, ready=False)

        def events():
            if not os.path.exists(path):
                return []
            with open(path, encoding="utf-8") as file:
                return [line["event"] for line in map(dgramtest.parse_line, file) if line]

        self.eventually(lambda: events().count("admin endpoint") == 2, "ready")
        self.assertEqual(self.admin.ask("/upgrade", "POST").status, 200)
        before = daemon.process
        self.assertEqual(before.wait(dgramtest.PATIENCE), 0)
        daemon.process = Process(self.admin.json("/status")["pid"], before.stderr)
        daemon.kill(signal.SIGTERM)
        daemon.wait()
        self.assertEqual([events().count(event) for event in ("ready", "upgraded", "ledger")], [2, 1, 2])


class Overtaken(Upgrades):
    def test_a_second_upgrade_waits_for_the_first(self):
        daemon = self.start_upgradable()
        new = self.overtake(daemon)
        new.send_signal(signal.SIGUSR2)
        daemon.wait_for("upgrade refused", message="another upgrade is in progress")
        daemon.kill(signal.SIGCONT)
        self.follow(daemon)
        self.assertEqual(daemon.process.pid, new.pid)
        self.assertEqual(len(daemon.events("upgrade")), 1)
        daemon.stop()

    def test_what_the_old_one_is_told_meanwhile(self):
        """The new one may have read the file, and opened the log, before."""
        for number in signal.SIGUSR1, signal.SIGHUP:
            daemon = self.start_upgradable()
            self.overtake(daemon)
            daemon.write_config({**daemon.config, "queue": {"max_wait_ms": 77}})
            daemon.kill(number)
            daemon.kill(signal.SIGCONT)
            self.follow(daemon)
            daemon.wait_for("signal", count=2, message=number.name)
            if number == signal.SIGHUP:
                self.eventually(lambda: self.admin.json("/config")["queue"]["max_wait_ms"] == 77, "the reload")
            daemon.stop()


class Failing(Upgrades):
    def must_go_on(self, daemon, reason, event="upgrade failed", before=()):
        """It says so to the log and who asked, and serves as before."""
        pid, count = daemon.process.pid, len(daemon.events(event))
        said = self.admin.json("/upgrade", "POST", status=409)["messages"]
        self.assertIn(reason, said[-1])
        self.assertEqual(daemon.wait_for(event, count=count + 1)["message"], said[-1].partition(": ")[2])
        for words in before:
            self.assertIn(f"successor: {words}", said)
            self.assertTrue(daemon.events("successor", message=words), daemon.text())
        self.assertEqual(daemon.ask(b"x"), b"x")
        self.assertEqual(self.admin.json("/status")["pid"], pid)
        return said

    def test_the_old_one_goes_on(self):
        daemon = self.start_upgradable()
        for script, reason, words in (
                ("kill -SEGV $$", "it died of SIGSEGV; this process goes on", ()),
                ("kill -ABRT $$", "it died of SIGABRT", ()),
                ("echo 'no such library' >&2; exit 127", "it ended with status 127", ("no such library",)),
                ("exit 0", "it ended with status 0", ())):
            self.replace_program(script)
            self.must_go_on(daemon, reason, before=words)
        os.chmod(self.program, 0o644)
        self.must_go_on(daemon, f"{self.program}: Permission denied")
        os.unlink(self.program)
        self.must_go_on(daemon, f"{self.program}: No such file or directory")
        os.symlink(dgramtest.DGRAMD, self.program)
        daemon.write_config('{ "handlr": "echo" }')
        said = self.must_go_on(daemon, "it ended with status 78")
        self.assertIn("handlr: unknown key", "\n".join(said))
        taken = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        daemon.write_config({**daemon.config, "port": taken.getsockname()[1]})
        self.must_go_on(daemon, "it ended with status 69")
        daemon.write_config(daemon.config)
        self.assertEqual(self.admin.ask("/upgrade", "POST").status, 200)
        self.follow(daemon)
        self.assertEqual(daemon.ask(b"x"), b"x")
        daemon.stop()
        self.assertEqual(received_by_all(daemon, "echo")[0], 2)

    def test_what_is_in_the_socket_is_booked_after_one_that_failed(self):
        """Nobody else has it any more, so the end empties it."""
        daemon = self.start_upgradable({"handler": "simulate", "options": {"block_us": 100000},
                                        "pool": {"workers": 1}, "shutdown": {"drain_timeout_ms": 0}})
        self.replace_program("exit 1")
        self.assertEqual(self.admin.ask("/upgrade", "POST").status, 409)
        with dgramtest.socket_for(daemon.address()) as client, dgramtest.delivered():
            daemon.freeze()
            for _ in range(500):
                client.sendto(b"x", daemon.address())
            daemon.kill(signal.SIGTERM)
        daemon.kill(signal.SIGCONT)
        daemon.wait()
        self.assertEqual(daemon.ledgers()["simulate"]["received"], 500)

    def test_a_second_one_meanwhile(self):
        """And the end of the daemon is the end of one that hangs."""
        daemon = self.start_upgradable()
        self.replace_program("exec sleep 1000")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            first = pool.submit(self.admin.ask, "/upgrade", "POST")
            pid = int(daemon.wait_for("upgrade")["message"].split()[-1])
            self.must_go_on(daemon, "another upgrade is in progress", event="upgrade refused")
            daemon.kill(signal.SIGUSR2)
            daemon.wait_for("upgrade refused", count=2)
            daemon.stop()
            self.assertIn("the server ends; this process goes on", first.result().text)
            self.assertEqual(first.result().status, 409)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))

    if UPGRADES >= 200:  # because it takes 10 s; test_successor.c has it with less patience
        def test_one_that_hangs(self):
            daemon = self.start_upgradable()
            self.replace_program("kill -STOP $$")
            self.must_go_on(daemon, "it was not ready within 10000 ms")
            daemon.stop()

    def test_killed_meanwhile(self):
        """The old one: what it had in hand is lost, and the new one serves on."""
        daemon = self.start_upgradable({**ECHO, "concurrency": "inline"})
        address = daemon.address()
        with dgramtest.socket_for(address) as client:
            client.connect(address)
            client.settimeout(0)
            answered, sent = set(), 0

            def hear():
                try:
                    while True:
                        answered.add(int(client.recv(100)))
                except BlockingIOError:
                    pass

            daemon.kill(signal.SIGUSR2)
            while len(daemon.events("ready")) < 2:
                hear()
                if sent - len(answered) < WINDOW:
                    client.send(b"%d" % sent)
                    sent += 1
                if daemon.events("upgrade") and daemon.process.poll() is None:
                    daemon.process.kill()
                    daemon.process.wait()
            daemon.process.wait(dgramtest.PATIENCE)
            daemon.process = Process(self.admin.json("/status")["pid"], daemon.process.stderr)
            client.settimeout(dgramtest.PATIENCE)
            client.send(b"%d" % sent)  # behind all others
            while sent not in answered:
                answered.add(int(client.recv(100)))
        self.assertLessEqual(sent - len(answered), WINDOW)
        self.assertGreater(daemon.stop()["echo"]["replied"], 0)


class Ending(Upgrades):
    def test_right_behind_the_start(self):
        """No process is left of which the old one has not heard, whenever the signal comes."""
        for number in range(dgramtest.scaled(80)):
            with dgramtest.Daemon({**dgramtest.UNWARNED, **ECHO}) as daemon:
                daemon.kill(signal.SIGUSR2)
                time.sleep(number / 20000)
                daemon.kill(signal.SIGTERM)
                daemon.process.wait(dgramtest.PATIENCE)
                daemon.wait_for("ledger")
                if daemon.events("upgraded"):
                    self.follow(daemon)
                    daemon.stop()
                try:
                    self.eventually(lambda: not self.left(), "the end of all")
                finally:
                    for pid in self.left():
                        os.kill(pid, signal.SIGKILL)


    def test_during_the_drain(self):
        """The end of all finds the old process draining, which it does as after an end of its own."""
        daemon = self.start_upgradable({"handler": "simulate", "options": {"block_us": 10000}, "pool": {"workers": 1},
                                        "shutdown": {"drain_timeout_ms": 600000}})
        with dgramtest.socket_for(daemon.address()) as client, dgramtest.delivered():
            for _ in range(50):
                client.sendto(b"x", daemon.address())
        daemon.kill(signal.SIGUSR2)
        daemon.wait_for("draining")
        daemon.kill(signal.SIGTERM)
        self.follow(daemon)
        daemon.stop()
        self.assertEqual(sum(int(line["replied"]) for line in daemon.events("ledger")), 50)


class Refused(Upgrades):
    def must_refuse(self, daemon, reason):
        self.assertEqual(self.admin.json("/upgrade", "POST", status=409)["messages"], [f"upgrade refused: {reason}"])
        daemon.wait_for("upgrade refused", message=reason)
        result = self.ask_ctl(daemon, "upgrade")
        self.assertEqual((result.returncode, result.stderr), (1, f"upgrade refused: {reason}\n"))

    def test_by_the_file(self):
        daemon = self.start_upgradable({**ECHO, "admin": {**ADMIN, "upgrade": False}})
        self.must_refuse(daemon, "admin.upgrade is false")
        daemon.write_config({**daemon.config, "admin": ADMIN})
        self.assertEqual(self.admin.ask("/reload", "POST").status, 200)
        self.assertEqual(self.admin.ask("/upgrade", "POST").status, 200)
        self.follow(daemon)
        daemon.stop()

    def test_of_the_standard_input(self):
        daemon = self.start_upgradable(arguments=["-c", "-"], stdin=subprocess.PIPE, ready=False)
        daemon.process.stdin.write(b'{"handler": "echo", "port": 0, "admin": {"socket": "admin.sock"}}')
        daemon.process.stdin.close()
        daemon.wait_for("admin endpoint")
        self.must_refuse(daemon, "the standard input cannot be read again")
        daemon.stop()

    def test_of_process_1(self):
        if subprocess.run(["unshare", "--pid", "--fork", "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("cannot make a namespace of processes")
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        script = os.path.join(folder.name, "contained")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec unshare --pid --fork --kill-child {" ".join(dgramtest.command())} "$@"\n')
        os.chmod(script, 0o755)
        daemon = self.start({**ECHO, **dgramtest.UNWARNED, "admin": ADMIN}, program=script)
        self.admin = adminclient.Admin(daemon)
        self.must_refuse(daemon, "this is process 1, whose end is its container's")


class Odd(Upgrades):
    """What a daemon may have been started with."""

    def test_children_ignored(self):
        """Nobody would hear of the end of the process between the two."""
        daemon = self.start_upgradable(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        self.assertEqual(self.admin.ask("/upgrade", "POST").status, 200)
        self.follow(daemon)
        daemon.stop()

    def test_no_standard_input(self):
        """In the sandbox nobody may open /dev/null for writing."""
        daemon = self.start_upgradable({**ECHO, "sandbox": "enforce"}, preexec_fn=lambda: os.close(0))
        for number in range(2):
            daemon.kill(signal.SIGUSR2)
            self.follow(daemon, number + 1)
        daemon.stop()


class Rights(Upgrades):
    def test_sandbox_and_user_do_not_add_up(self):
        """More often than Landlock could be entered; each process is in the same sandbox."""
        if os.geteuid() != 0:
            self.skipTest("needs root, to become another user")
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        daemon = self.start_upgradable({**ECHO, "user": "nobody", "sandbox": "enforce"})
        os.chmod(daemon.directory, 0o755)
        first = self.rights(daemon)
        self.assertEqual((first["Uid"].split()[0], first["NoNewPrivs"]), (str(NOBODY), "1"))
        for number in range(dgramtest.scaled(LAYERS_MAX + 2, at_least=2)):
            daemon.kill(signal.SIGUSR2)
            self.follow(daemon, number + 1)
            self.assertEqual(self.rights(daemon), first)
        self.assertEqual({line["message"] for line in daemon.events("sandbox")},
                         {daemon.events("sandbox")[0]["message"]})
        self.assertEqual(daemon.ask(b"x"), b"x")
        daemon.stop()

    def rights(self, daemon):
        with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
        return {name: status[name] for name in (
            "Uid", "Gid", "Groups", "CapEff", "CapPrm", "NoNewPrivs", "Seccomp", "Seccomp_filters")}


class Supervised(Upgrades):
    def next_message(self, supervisor):
        """Who sent it, and what."""
        data, ancillary, _, _ = supervisor.recvmsg(4096, socket.CMSG_SPACE(struct.calcsize("3i")))
        pid, _, _ = struct.unpack("3i", ancillary[0][2])
        return pid, data.decode("ascii")

    def supervise(self):
        """Its socket, and a folder."""
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        supervisor = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(supervisor.close)
        supervisor.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        supervisor.bind(os.path.join(folder.name, "notify"))
        supervisor.settimeout(dgramtest.PATIENCE)
        return supervisor, folder.name

    def next_messages(self, supervisor):
        """Those that are there."""
        while select.select([supervisor], [], [], 0)[0]:
            yield self.next_message(supervisor)

    def test_systemd_hears_one_process_at_a_time(self):
        supervisor, folder = self.supervise()
        script = os.path.join(folder, "watched")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nWATCHDOG_PID=$$ exec {" ".join(dgramtest.command())} "$@"\n')
        os.chmod(script, 0o755)
        daemon = self.start(
            {**ECHO, **dgramtest.UNWARNED}, program=script,
            environment={"NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "600000"})
        first = daemon.process.pid
        daemon.kill(signal.SIGUSR2)
        heard = []
        while not heard or not heard[-1][1].startswith("MAINPID="):  # a socket holds ten that nobody reads
            heard.append(self.next_message(supervisor))
        self.follow(daemon)
        second = daemon.process.pid
        while (second, "WATCHDOG=1") not in heard or (second, "READY=1") not in heard:
            heard.append(self.next_message(supervisor))
        change = heard.index((first, f"MAINPID={second}"))
        self.assertEqual({pid for pid, _ in heard[:change + 1]}, {first})
        self.assertEqual({pid for pid, _ in heard[change + 1:]}, {second})
        self.assertNotIn("STOPPING=1", "".join(text for _, text in heard))
        daemon.stop()

    def test_a_watchdog_of_another_process(self):
        supervisor, _ = self.supervise()
        daemon = self.start_upgradable(environment={
            "NOTIFY_SOCKET": supervisor.getsockname(), "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"})
        daemon.kill(signal.SIGUSR2)
        self.follow(daemon)
        heard = [text for _, text in self.next_messages(supervisor)]
        for _ in range(5):  # each has it say its STATUS, and give a sign of life
            daemon.kill(signal.SIGUSR1)
            heard.append(self.next_message(supervisor)[1])
        daemon.stop()
        heard += (text for _, text in self.next_messages(supervisor))
        self.assertIn("STOPPING=1", "".join(heard))
        self.assertNotIn("WATCHDOG=1", heard)

    def test_systemd_hears_nothing_of_one_that_does_not_follow(self):
        """Not why it cannot start, and not that it ends."""
        supervisor, _ = self.supervise()
        daemon = self.start_upgradable(environment={"NOTIFY_SOCKET": supervisor.getsockname()})
        taken = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", 0))
        heard = list(self.next_messages(supervisor))
        for config in '{ "handlr": "echo" }', {**daemon.config, "port": taken.getsockname()[1]}:
            daemon.write_config(config)
            self.assertEqual(self.admin.ask("/upgrade", "POST").status, 409)
            heard += self.next_messages(supervisor)
        daemon.write_config(daemon.config)
        new = self.overtake(daemon)
        new.send_signal(signal.SIGTERM)
        new.wait()
        daemon.kill(signal.SIGCONT)
        daemon.wait_for("upgrade failed", count=3)
        self.assertEqual(daemon.ask(b"x"), b"x")
        heard += self.next_messages(supervisor)
        daemon.kill(signal.SIGTERM)
        while not heard[-1][1].startswith("STOPPING="):
            heard.append(self.next_message(supervisor))
        self.assertEqual({pid for pid, _ in heard}, {daemon.process.pid})
        daemon.wait()

    def test_sockets_that_a_holder_keeps(self):
        """What comes after the end of the last process is left to the next one."""
        held = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(held.close)
        held.bind(("127.0.0.1", 0))
        folder = tempfile.TemporaryDirectory(prefix="dgramd-")
        self.addCleanup(folder.cleanup)
        script = os.path.join(folder.name, "activated")
        with open(script, "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=echo exec '
                       f'{" ".join(dgramtest.command())} "$@"\n')
        os.chmod(script, 0o755)

        def place():
            os.dup2(os.dup2(held.fileno(), 100), 3)

        daemon = self.start(
            {**dgramtest.UNWARNED, **ECHO, "concurrency": "inline", "port": held.getsockname()[1]},
            program=script, close_fds=False, preexec_fn=place)
        for number in range(2):
            daemon.kill(signal.SIGUSR2)
            self.follow(daemon, number + 1)
            self.assertEqual(daemon.ask(b"x"), b"x")
        with dgramtest.delivered(), dgramtest.socket_for(daemon.address()) as client:
            daemon.freeze()
            daemon.kill(signal.SIGTERM)
            client.sendto(b"now", daemon.address())
        daemon.kill(signal.SIGCONT)
        daemon.wait()
        with dgramtest.socket_for(daemon.address()) as client:
            client.sendto(b"later", daemon.address())
        held.settimeout(dgramtest.PATIENCE)
        while held.recv(100) != b"later":
            pass
        self.assertEqual(daemon.ledgers()["echo"]["dropped_draining"], 0)


dgramtest.main()

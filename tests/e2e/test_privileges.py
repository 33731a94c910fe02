"""Whom the daemon becomes, what it keeps, and what the sandbox refuses in its threads."""

import errno
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import tempfile

import dgramtest
import namespaces
import networks
import plugins

NOBODY = pwd.getpwnam("nobody")
PORT = 37  # below 1024, in a network of the test's own

REFUSED = ("execve", "fork", "ptrace", "socket", "setuid", "signal", "write", "create", "truncate", "unlink")
ALLOWED = ("read", "thread", "raise")


def need_root(case):
    if os.geteuid() != 0:
        case.skipTest("needs root, to become another user")


def status_of(daemon, thread=None):
    """A thread's lines of /proc/PID/status, by name; the main thread's by default."""
    pid = daemon.process.pid
    with open(f"/proc/{pid}/task/{thread or pid}/status", encoding="ascii") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file)


def threads_of(daemon):
    return {status["Name"]: status for status in (
        status_of(daemon, task) for task in os.listdir(f"/proc/{daemon.process.pid}/task"))}


def lines_of(path):
    """Of a log."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [line for line in map(dgramtest.parse_line, file) if line]


class Folder:
    """One that everybody can read, and nobody's `log` in it."""

    def __init__(self, case):
        self.path = tempfile.mkdtemp(prefix="dgramd-rights-")
        case.addCleanup(shutil.rmtree, self.path)
        os.chmod(self.path, 0o755)
        self.log = os.path.join(self.path, "log")
        os.mkdir(self.log)
        if os.geteuid() == 0:
            os.chown(self.log, NOBODY.pw_uid, NOBODY.pw_gid)

    def owner_of(self, name):
        return os.stat(os.path.join(self.log, name)).st_uid


class Users(dgramtest.Case):
    def setUp(self):
        need_root(self)
        self.folder = Folder(self)

    def start_as_nobody(self, **config):
        daemon = self.start({"handler": "echo", "user": "nobody", **config})
        os.chmod(daemon.directory, 0o755)
        return daemon

    def test_becomes_the_user_once_its_sockets_are_open(self):
        self.networks = networks.Networks(self)
        self.networks.add()
        core = resource.getrlimit(resource.RLIMIT_CORE)
        daemon = self.start_as_nobody(port=PORT, queue={"max_wait_ms": 0})
        self.assertEqual(daemon.port, PORT)
        self.assertEqual(daemon.ask(b"hello"), b"hello")
        threads = threads_of(daemon)
        self.assertEqual(set(threads), {
            "dgramd", "dgram/log", "dgram/rx0", "dgram/w0", "dgram/w1", "dgram/w2", "dgram/w3"})
        for name, status in threads.items():
            with self.subTest(thread=name):
                self.assertEqual(status["Uid"].split(), [str(NOBODY.pw_uid)] * 4)
                self.assertEqual(status["Gid"].split(), [str(NOBODY.pw_gid)] * 4)
                self.assertEqual(
                    sorted(map(int, status["Groups"].split())),
                    sorted(os.getgrouplist("nobody", NOBODY.pw_gid)))
                for kind in "Inh", "Prm", "Eff", "Amb":
                    self.assertEqual(int(status[f"Cap{kind}"], 16), 0, kind)
                self.assertEqual(status["NoNewPrivs"], "1")
        # It leaves no core: what is not dumpable is root's in /proc.
        self.assertEqual(os.stat(f"/proc/{daemon.process.pid}/environ").st_uid, 0)
        with open(f"/proc/{daemon.process.pid}/limits", encoding="ascii") as file:
            limits = re.search(r"^Max core file size +(\w+) +(\w+)", file.read(), re.MULTILINE)
        self.assertEqual([-1 if each == "unlimited" else int(each) for each in limits.groups()], [*core])
        self.assertEqual(len(daemon.events("user")), 1)
        self.assertEqual(daemon.events("runs as root"), [])
        daemon.stop()

    def test_group(self):
        daemon = self.start_as_nobody(group="daemon")
        self.assertEqual(set(status_of(daemon)["Gid"].split()), {"1"})
        daemon.stop()

    def test_root_is_warned_of_once(self):
        for config, warnings in ({}, 1), ({"user": "root"}, 0):
            daemon = self.start({"handler": "echo", **config})
            self.assertEqual(len(daemon.events("runs as root", level="warn")), warnings)
            self.assertEqual(status_of(daemon)["Uid"].split(), ["0"] * 4)
            self.assertEqual(status_of(daemon)["NoNewPrivs"], "1")
            daemon.stop()

    def test_log_is_opened_and_reopened_as_the_user(self):
        target = os.path.join(self.folder.log, "{worker}.log")
        daemon = self.start({"handler": "echo", "user": "nobody", "logging": {"target": target}}, ready=False)
        main = os.path.join(self.folder.log, "main.log")
        self.eventually(lambda: any(line["event"] == "ready" for line in lines_of(main)), "ready")
        for name in "main.log", "rx0.log", "0.log":
            self.assertEqual(self.folder.owner_of(name), NOBODY.pw_uid)
        os.rename(main, main + ".1")
        daemon.kill(signal.SIGUSR1)
        self.eventually(lambda: os.path.exists(main), "a new file")
        self.assertEqual(self.folder.owner_of("main.log"), NOBODY.pw_uid)
        daemon.process.terminate()
        daemon.wait()

    def test_stderr_that_only_root_can_open(self):
        """The log still has a description of its own, so that a reader who stalls does not hold up a write."""
        daemon = self.start_as_nobody()
        place, nonblocking = f"/proc/{daemon.process.pid}", []
        pipe = os.readlink(f"{place}/fd/2")
        for number in os.listdir(f"{place}/fd"):
            if os.readlink(f"{place}/fd/{number}") != pipe:
                continue
            with open(f"{place}/fdinfo/{number}", encoding="ascii") as file:
                flags = int(re.search(r"flags:\s+(\d+)", file.read())[1], 8)
            nonblocking.append((number != "2", bool(flags & os.O_NONBLOCK)))
        self.assertEqual(sorted(nonblocking), [(False, False), (True, True)])
        self.assertEqual(daemon.ask(b"hello"), b"hello")
        daemon.stop()

    def test_reload_has_the_rights_of_the_user(self):
        config = {"handler": "echo", "user": "nobody"}
        daemon = self.start(config)
        daemon.kill(signal.SIGHUP)  # its folder is root's
        daemon.wait_for("reload refused")
        self.assertIn("Permission denied", daemon.events("configuration", level="error")[0]["message"])
        os.chmod(daemon.directory, 0o755)

        for place, owner in ((self.folder.path, None), (self.folder.log, NOBODY.pw_uid)):
            path = os.path.join(place, "new.log")
            daemon.write_config(dgramtest.with_test_values({**config, "logging": {"target": path}}))
            daemon.kill(signal.SIGHUP)
            if owner is None:
                daemon.wait_for("reload refused", 2)
                self.assertIn("Permission denied", daemon.events("reload refused")[1]["message"])
            else:
                self.eventually(lambda: os.path.exists(path), path)
                self.assertEqual(self.folder.owner_of("new.log"), owner)
        daemon.process.terminate()
        daemon.wait()

    def test_reload_binds_no_port(self):
        daemon = self.start_as_nobody()
        daemon.write_config(dgramtest.with_test_values({**daemon.config, "port": PORT}))
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        self.assertIn(
            f"port 0 -> {PORT}: takes effect after a restart",
            [line["message"] for line in daemon.events("configuration", level="warn")])
        daemon.write_config(dgramtest.with_test_values(
            {**daemon.config, "port": PORT, "on_missing_address": "wait"}))
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reload refused")
        self.assertIn('the user "nobody" cannot bind port 37', daemon.events("configuration", level="error")[0]["message"])
        daemon.stop()

    def test_check_looks_as_the_user(self):
        for place, code in (self.folder.path, 78), (self.folder.log, 0):
            config = {"user": "nobody", "logging": {"target": os.path.join(place, "new.log")}}
            done = dgramtest.run_dgramd("-t", "-c", "-", input=json.dumps(config))
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual("cannot be written to: Permission denied" in done.stderr, code == 78)
        self.assertEqual(os.listdir(self.folder.log), [])

    def run_as_nobody(self, *arguments):
        """From a copy, which that user can execute wherever this tree is."""
        program = shutil.copy(dgramtest.DGRAMD, self.folder.path)
        return dgramtest.run_dgramd(
            *arguments, program=program, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
            cwd=self.folder.path)

    def test_only_root_can_become_another(self):
        done = self.run_as_nobody("--set", "port=0", "--set", "user=daemon")
        self.assertEqual(done.returncode, 77)
        self.assertRegex(done.stderr, r'cannot give up rights message="user: Operation not permitted"')
        # Who cannot know what that one can write does not say so.
        done = self.run_as_nobody("-t", "--set", "user=daemon", "--set", "logging.target=/nowhere/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_as_nobody("-t", "--set", "user=nobody", "--set", "logging.target=/nowhere/x")
        self.assertEqual(done.returncode, 78, done.stderr)


class Files(dgramtest.Case):
    def errors_of(self, config):
        done = dgramtest.run_dgramd("-t", "-c", "-", input=json.dumps(config))
        return re.findall(r"error: (.*)", done.stderr)

    def test_what_there_is_not(self):
        self.assertEqual(self.errors_of({"user": "no-such-user", "group": "no-such-group"}), [
            'user: this machine has no user "no-such-user"', 'group: this machine has no group "no-such-group"'])
        self.assertEqual(self.errors_of({"group": "daemon"}), ["group: needs a `user`"])

    def test_late_ports(self):
        """As far as this machine says that they are for root."""
        with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
            first = int(file.read())
        service = {"handler": "echo", "host": "192.0.2.1", "on_missing_address": "wait"}
        late = f'on_missing_address: the user "nobody" cannot bind port {first - 1} when the address comes: ' \
               f"ports below {first} are bound at the start alone"
        self.assertGreater(first, 1)
        for service["port"], errors in (first - 1, [late]), (first, []), (0, []):
            self.assertEqual(self.errors_of({"user": "nobody", **service}), errors)
            self.assertEqual(
                self.errors_of({"user": "nobody", "services": [service]}), [f"services.0.{each}" for each in errors])
            self.assertEqual(self.errors_of(service), [])
        service.update(port=first - 1, on_missing_address="fail")
        self.assertEqual(self.errors_of({"user": "nobody", **service}), [])


class Descriptors(dgramtest.Case):
    def pipe(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        return reader, writer

    def test_inherited_ones_are_closed(self):
        reader, writer = self.pipe()
        ready, told = self.pipe()
        daemon = self.start(
            {"handler": "echo"}, pass_fds=(writer, told), arguments=("--ready-fd", str(told)))
        os.close(writer)
        os.close(told)
        self.assertEqual(os.read(reader, 1), b"")  # nobody can write any more
        self.assertEqual(os.read(ready, 2), b"\n")
        daemon.stop()

    def test_those_of_a_supervisor_stay(self):
        """A socket for this process, and then a pipe that is not."""
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(held.close)
        held.bind(("127.0.0.1", 0))
        reader, writer = self.pipe()
        # High enough that no move overwrites another one's source.
        high = [os.dup2(held.fileno(), 50), os.dup2(writer, 51)]
        os.close(writer)
        script = ("exec 3<&50 50<&- 4>&51 51>&-; LISTEN_PID=$$ LISTEN_FDS=1 exec "
                  f"{dgramtest.DGRAMD} --set port={held.getsockname()[1]} --set handler=echo")
        process = subprocess.Popen(
            ["bash", "-c", script], pass_fds=high, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        for each in high:
            os.close(each)
        self.assertEqual(os.read(reader, 1), b"")
        with dgramtest.socket_for(held.getsockname()) as client:
            client.sendto(b"still open", held.getsockname())
            self.assertEqual(client.recv(100), b"still open")
        process.terminate()
        process.communicate(timeout=dgramtest.PATIENCE)


class Sandbox(dgramtest.Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.mkdtemp(prefix="dgramd-prober-")
        cls.addClassCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        cls.plugin = plugins.build(
            os.path.join(folder, "prober.so"), os.path.join(dgramtest.TOP, "tests/e2e/prober.c"), "-DPLUGIN")

    def start_prober(self, sandbox):
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        return self.start({
            "sandbox": sandbox, "pool": {"workers": 2}, **user,
            "services": [
                {"name": "worker", "handler": self.plugin},
                {"name": "receiver", "handler": self.plugin, "concurrency": "inline"}]})

    def answers(self, daemon, probes):
        return {
            (service, probe): int(daemon.ask(probe.encode(), service=service))
            for service in ("worker", "receiver") for probe in probes}

    def must_be(self, daemon, probes, error):
        self.assertEqual(
            {probe: code for probe, code in self.answers(daemon, probes).items() if code != error}, {})

    def test_enforce_refuses_and_the_server_serves_on(self):
        daemon = self.start_prober("enforce")
        for _ in range(2):
            self.must_be(daemon, REFUSED, errno.EPERM)
            self.must_be(daemon, ALLOWED, 0)
        books = daemon.stop()
        for service in "worker", "receiver":
            self.assertEqual(books[service]["replied"], 2 * len(REFUSED + ALLOWED))

    def test_log_lets_all_through(self):
        daemon = self.start_prober("log")
        self.must_be(daemon, ("fork", "socket", "write", *ALLOWED), 0)
        self.must_be(daemon, ("execve",), errno.ENOENT)
        self.must_be(daemon, ("unlink",), errno.ENOTDIR)
        daemon.stop()

    def test_log_is_the_kernels(self):
        """Which limits its lines, so the call is made until one of them is there."""
        if not os.access("/dev/kmsg", os.R_OK) or not os.path.exists("/proc/self/loginuid"):
            self.skipTest("the log of the kernel cannot be read, or has no audit")
        daemon = self.start_prober("log")
        kernel = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.addCleanup(os.close, kernel)
        os.lseek(kernel, 0, os.SEEK_END)
        number = f" syscall={namespaces.SOCKET_CALL} "

        def logged():
            self.assertEqual(daemon.ask(b"socket", service="worker"), b"0")
            try:
                while True:
                    line = os.read(kernel, 8192).decode("utf-8", "replace")
                    if "type=1326" in line and number in line and \
                            f" pid={daemon.process.pid} " in line and 'comm="dgram/w' in line:
                        return True
            except BlockingIOError:
                return False
            except BrokenPipeError:  # lines were overwritten
                return False

        self.eventually(logged, "a line of the kernel's log")
        daemon.stop()

    def test_each_thread_is_in_it(self):
        """The process has one filter, and each thread that serves one more, also those that come later."""
        outside = int(self.filters_of(self.start({"handler": "echo"}))["dgramd"])
        daemon = self.start_prober("enforce")
        self.assertEqual(len(daemon.events("sandbox")), 1)
        os.chmod(daemon.directory, 0o755)
        daemon.write_config({**daemon.config, "pool": {"workers": 3}})
        daemon.kill(signal.SIGHUP)
        daemon.wait_for("reloaded")
        filters = self.filters_of(daemon)
        self.assertEqual(filters.pop("dgramd"), outside + 1)
        self.assertEqual(filters, dict.fromkeys(
            ("dgram/log", "dgram/rx0", "dgram/rx1", "dgram/w0", "dgram/w1", "dgram/w2"), outside + 2))
        daemon.stop()

    @staticmethod
    def filters_of(daemon):
        return {name: int(status["Seccomp_filters"]) for name, status in threads_of(daemon).items()}

    def write_in_open(self, sandbox, path, target):
        """The errno of a handler's open() that writes there."""
        user = {"user": "nobody"} if os.geteuid() == 0 else {}
        daemon = self.start({
            "handler": self.plugin, "options": {"file": path}, "sandbox": sandbox,
            "logging": {"target": target}, **user}, ready=False)
        main = target.replace("{worker}", "main")
        self.eventually(lambda: any(line["event"] == "ready" for line in lines_of(main)), "ready")
        daemon.process.terminate()
        daemon.wait()
        lines = lines_of(main)
        os.unlink(main)
        wrote = [line["message"] for line in lines if line["event"] == "wrote"]
        versions = [line["message"] for line in lines if line["event"] == "sandbox"]
        return int(wrote[0]), versions

    def test_landlock(self):
        folder = Folder(self)
        for name, sandbox, error in (
                ("log/beneath", "enforce", 0), ("elsewhere", "enforce", errno.EACCES), ("elsewhere", "log", 0)):
            with self.subTest(name=name, sandbox=sandbox):
                os.chmod(folder.path, 0o777)
                wrote, versions = self.write_in_open(
                    sandbox, os.path.join(folder.path, name), os.path.join(folder.log, "{worker}.log"))
                if versions == ["enforce, landlock 0"]:
                    self.skipTest("this kernel has no landlock")
                self.assertEqual(wrote, error)


dgramtest.main()

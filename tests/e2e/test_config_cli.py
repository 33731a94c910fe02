"""The command line: what it prints where, and the exit codes that supervisors act on."""

import json
import os
import pty
import re
import shlex
import shutil
import socket
import stat
import subprocess
import tempfile
import unittest

import dgramtest
import probe

OK, USAGE, UNAVAILABLE, SYSTEM_ERROR, NO_PERMISSION, BAD_CONFIG = 0, 64, 69, 71, 77, 78
NOBODY = 65534

UNPRIVILEGED = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


def unprivileged_port_start():
    with open(UNPRIVILEGED, encoding="ascii") as file:
        return int(file.read())


class CliCase(dgramtest.Case):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="dgramd-cli-")
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        os.chmod(self.directory, 0o755)

    def path(self, name, text=None):
        path = os.path.join(self.directory, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def run_as_nobody(self, *arguments):
        """As somebody who is not root. The program goes where that one can read it."""
        program = shutil.copy(dgramtest.DGRAMD, self.path("dgramd"))
        options = {}
        if os.geteuid() == 0:
            options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        return subprocess.run(
            [*shlex.split(os.environ.get("DGRAM_UNDER", "")), program, *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=dgramtest.PATIENCE, **options)

    def must_end(self, done, code, *texts):
        """Says what happened on stderr alone."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        for text in texts:
            self.assertIn(text, done.stderr)


class Words(CliCase):
    def test_help_and_version(self):
        for option in ("-h", "--help"):
            done = dgramtest.run_dgramd(option)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            for word in ("-c", "-t", "-T", "-h", "-V", "--schema", "--set", "--color"):
                self.assertIn(word, done.stdout)
        for option in ("-V", "--version"):
            done = dgramtest.run_dgramd(option)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            self.assertRegex(done.stdout, r"^dgramd \d+\.\d+\.\d+\n$")

    def test_wrong_words_are_one_line(self):
        for words in (
                ["--nonsense"], ["-x"], ["-c"], ["--set"], ["--set", "port"], ["--color=blue"],
                ["--color"], ["server.json"], ["-t", "extra"], ["--check=yes"], ["-tx"]):
            with self.subTest(words=words):
                done = dgramtest.run_dgramd(*words)
                self.must_end(done, USAGE, "dgramd: ")
                self.assertEqual(done.stderr.count("\n"), 1)

    def test_a_file_without_its_option(self):
        done = dgramtest.run_dgramd("server.json")
        self.must_end(done, USAGE, "with -c: server.json; see dgramd --help")

    def test_full_disk_is_an_error(self):
        for option in ("--help", "--version", "--schema", "-T", "-t"):
            with self.subTest(option=option), open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run(
                    dgramtest.command(option), stdout=full, stderr=subprocess.PIPE, text=True,
                    check=False, timeout=dgramtest.PATIENCE)
                self.assertEqual(done.returncode, SYSTEM_ERROR)
                self.assertIn("No space left on device", done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)


class Configuration(CliCase):
    def test_check(self):
        good = self.path("good.json", '{ "port": 0 } // fine')
        done = dgramtest.run_dgramd("-t", "-c", good)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (OK, f"{good}: valid\n", ""))
        self.assertEqual(dgramtest.run_dgramd("--check").returncode, OK)

    def test_all_errors_in_one_run(self):
        bad = self.path("bad.json", '{\n  "port": 70000,\n  "wrokers": 4\n}\n')
        for option in (["-t"], ["-T"], []):
            done = dgramtest.run_dgramd(*option, "-c", bad)
            self.must_end(
                done, BAD_CONFIG, f"{bad}:2:11: error: port: ", "0 to 65535", "^~~~~",
                f"{bad}:3:3: error: wrokers: unknown key", 'did you mean "workers"')

    def test_from_the_standard_input(self):
        done = dgramtest.run_dgramd("-t", "-c", "-", input='{ "port": 0 }')
        self.assertEqual((done.returncode, done.stdout, done.stderr), (OK, "stdin: valid\n", ""))
        done = dgramtest.run_dgramd("-T", "-c", "-", input='{ "port": 7 }')
        self.assertEqual((done.returncode, json.loads(done.stdout)["port"]), (OK, 7))
        with open(self.path("file.json", '{ "port": -1 }'), encoding="ascii") as file:
            done = subprocess.run(
                dgramtest.command("-c", "-"), stdin=file, capture_output=True, text=True,
                check=False, timeout=dgramtest.PATIENCE)
        self.must_end(done, BAD_CONFIG, "stdin:1:11: error: port: ")
        self.must_end(dgramtest.run_dgramd("-c", "-"), BAD_CONFIG, "stdin:1:1: error: ")

    def test_what_is_cut(self):
        text = '{ "host": "127.0.0.1", "pool": { "workers": 2 } }'
        for length in (0, 1, 5, 13, 30, len(text) - 1):
            done = dgramtest.run_dgramd("-t", "-c", self.path("cut.json", text[:length]))
            self.must_end(done, BAD_CONFIG)
            self.assertRegex(done.stderr, r"cut\.json:1:\d+: error: ")

    def test_checked_in_file_is_valid(self):
        path = os.path.join(dgramtest.TOP, "conf", "server.json")
        self.assertEqual(dgramtest.run_dgramd("-t", "-c", path).returncode, OK)

    def test_print_config_is_a_configuration(self):
        done = dgramtest.run_dgramd("-T", "--set", "queue.capacity=77", "--set", "host=::1")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        printed = json.loads(done.stdout)
        self.assertEqual(
            (printed["queue"]["capacity"], printed["host"], printed["port"], printed["handler"],
             printed["pool"]["workers"]), (77, "::1", 20000, "time", 4))
        again = dgramtest.run_dgramd("-T", "-c", self.path("printed.json", done.stdout))
        self.assertEqual(again.stdout, done.stdout)

    def test_set_goes_over_the_file(self):
        path = self.path("file.json", '{ "port": 1, "pool": { "workers": 2 } }')
        done = dgramtest.run_dgramd(
            "-T", "-c", path, "--set", "pool.workers=3", "--set=pool.workers=5")
        printed = json.loads(done.stdout)
        self.assertEqual((printed["port"], printed["pool"]["workers"]), (1, 5))

    def test_bad_set(self):
        for word in ("port=-1", "no.such=1", "queue.capacity=", "pool=3", "handler=fast"):
            with self.subTest(word=word):
                self.must_end(dgramtest.run_dgramd("-t", "--set", word), BAD_CONFIG, word)

    def test_schema(self):
        done = dgramtest.run_dgramd("--schema")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        schema = json.loads(done.stdout)
        printed = json.loads(dgramtest.run_dgramd("-T").stdout)
        self.assertLessEqual(set(printed), set(schema["properties"]))
        with open(os.path.join(dgramtest.TOP, "conf", "server.schema.json"),
                  encoding="utf-8") as file:
            self.assertEqual(file.read(), done.stdout)


class Files(CliCase):
    def must_refuse(self, path, reason):
        for option in (["-t"], []):
            self.must_end(
                dgramtest.run_dgramd(*option, "-c", path), BAD_CONFIG, f"{path}: error: {reason}")

    def test_directory(self):
        self.must_refuse(self.directory, "a directory")

    def test_fifo(self):
        path = self.path("fifo")
        os.mkfifo(path)
        self.must_refuse(path, "a pipe")

    def test_device(self):
        self.must_refuse("/dev/zero", "a device")

    def test_missing(self):
        self.must_refuse(self.path("missing.json"), "No such file or directory")
        self.must_refuse(self.path("no/such/room.json"), "No such file or directory")

    def test_loop_of_links(self):
        path = self.path("link.json")
        os.symlink(path, path)
        self.must_refuse(path, "Too many levels of symbolic links")

    def test_unreadable(self):
        path = self.path("secret.json", "{}")
        os.chmod(path, 0)
        for option in (["-t"], []):
            done = self.run_as_nobody(*option, "-c", path)
            self.must_end(done, BAD_CONFIG, f"{path}: error: Permission denied")


class Origin(CliCase):
    """What the log says about where the configuration is from."""

    def must_start_with(self, origin, *arguments):
        with subprocess.Popen(
                dgramtest.command(*arguments), stderr=subprocess.PIPE, text=True,
                stdin=subprocess.DEVNULL) as process:
            first = dgramtest.parse_line(process.stderr.readline())
            process.terminate()
            process.communicate(timeout=dgramtest.PATIENCE)
        self.assertEqual(first["event"], "starting")
        self.assertRegex(first["message"], rf"^dgramd \S+ with {origin}$")

    def test_origins(self):
        path = self.path("file.json", '{ "port": 0 }')
        self.must_start_with(path, "-c", path)
        self.must_start_with("defaults and --set", "--set", "port=0")
        self.must_start_with("all defaults")
        done = dgramtest.run_dgramd("-t", "--set", "port=0")
        self.assertEqual(done.stdout, "defaults and --set: valid\n")
        self.assertEqual(dgramtest.run_dgramd("-t").stdout, "all defaults: valid\n")


class Start(CliCase):
    """What fails when the server starts: one line, and the exit code."""

    def must_fail(self, done, code, *texts):
        self.must_end(done, code, *texts)
        self.assertEqual(len(re.findall(r" error ", done.stderr)), 1, done.stderr)

    def test_address_in_use(self):
        for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family, socket.SOCK_DGRAM) as taken:
                taken.bind((host, 0))
                port = taken.getsockname()[1]
                done = dgramtest.run_dgramd("--set", f"port={port}", "--set", f"host={host}")
            self.must_fail(done, UNAVAILABLE, "Address already in use", str(port), host)

    def test_one_of_several_addresses_in_use(self):
        hosts, port = [probe.HOST, probe.OTHER_HOST], probe.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((hosts[1], port))
            done = dgramtest.run_dgramd(
                "--set", f"port={port}", "--set", f"host={json.dumps(hosts)}")
        self.must_fail(done, UNAVAILABLE, f"{hosts[1]}:{port}")

    def test_address_of_nobody(self):
        done = dgramtest.run_dgramd("--set", "host=192.0.2.213", "--set", "port=0")
        self.must_fail(done, UNAVAILABLE, "192.0.2.213", "Cannot assign requested address")

    def test_privileged_port(self):
        if unprivileged_port_start() < 600:
            raise unittest.SkipTest(f"{UNPRIVILEGED} lets everybody have all ports")
        done = self.run_as_nobody("--set", "port=599")
        self.must_fail(done, NO_PERMISSION, "Permission denied", ":599")

    def test_log_cannot_be_opened(self):
        """-t says so, too."""
        for target, why in (
                ("no/such/room/log", "the directory does not exist"),
                (self.directory, "Is a directory"),
                (self.path("file", "") + "/log", "Not a directory"),
                (self.path("{worker}", "") + "/log", "the directory does not exist")):
            setting = ("--set", f"logging.target={target}", "--set", "port=0")
            self.must_fail(dgramtest.run_dgramd(*setting), BAD_CONFIG, target)
            self.must_end(dgramtest.run_dgramd("-t", *setting), BAD_CONFIG,
                          f": error: logging.target: cannot be written to: {why}\n")
        closed = self.path("closed")
        os.mkdir(closed, 0)
        self.addCleanup(os.chmod, closed, 0o700)
        read_only = self.path("read-only", "")
        os.chmod(read_only, 0o400)
        for target in f"{closed}/log", read_only:
            setting = ("--set", f"logging.target={target}", "--set", "port=0")
            done = self.run_as_nobody(*setting)
            self.must_fail(done, NO_PERMISSION, "Permission denied", target)
            self.must_end(self.run_as_nobody("-t", *setting), BAD_CONFIG,
                          "cannot be written to: Permission denied")

    def test_log_can_be_opened(self):
        """What -t finds good can be started, and it creates nothing itself."""
        os.mkdir(self.path("rx0"))
        for target in ("none", "stderr", self.path("log"), self.path("{worker}.log"),
                       self.path("old", ""), "/dev/null"):
            before = set(os.listdir(self.directory))
            done = dgramtest.run_dgramd("-t", "--set", f"logging.target={target}")
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            self.assertEqual(set(os.listdir(self.directory)), before)
        for name in ("main", "rx0", "0", "1"):  # each file has a directory of its own
            os.makedirs(self.path(name), exist_ok=True)
        setting = ("--set", f"logging.target={self.path('{worker}')}/log")
        self.assertEqual(dgramtest.run_dgramd("-t", *setting, "--set", "pool.workers=2").returncode, OK)
        self.assertEqual(
            dgramtest.run_dgramd("-t", *setting, "--set", "pool.workers=3").returncode, BAD_CONFIG)

    def test_color_words(self):
        for when, coloured in (("always", True), ("never", False), ("auto", False)):
            daemon = self.start(arguments=["--color", when], ready=False)
            daemon.wait_for("ready")
            daemon.stop()
            self.assertEqual("\033[" in daemon.text(), coloured, when)

    def test_log_file_is_not_for_everybody(self):
        daemon = self.start({"logging": {"target": "log"}}, ready=False)
        path = os.path.join(daemon.directory, "log")
        self.eventually(lambda: os.path.exists(path), "the log")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o027, 0)

    def test_terminal_gets_a_line_to_paste(self):
        """And that line, pasted into a shell, is answered."""
        master, slave = pty.openpty()
        with open(slave, "wb", buffering=0) as terminal:
            daemon = self.start(ready=False, stderr=terminal)
        reader = probe.Reader(master)
        pasted = re.compile(r"^try it: (python3 .*)$", re.MULTILINE)
        self.eventually(lambda: pasted.search("\n".join(reader.lines())), "the line to paste")
        line = pasted.search("\n".join(reader.lines()))[1]
        done = subprocess.run(
            ["sh", "-c", line], capture_output=True, check=True, timeout=dgramtest.PATIENCE)
        self.assertRegex(done.stdout, rb"^b'\w{3} \w{3} .\d \d\d:\d\d:\d\d \d{4}'\n$")
        daemon.kill(15)
        daemon.wait()


dgramtest.main()
